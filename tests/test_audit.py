"""What the interpreter sees while hostile and whole files are read: no code, no writing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHILD = """
import contextlib, os, pickle, sys, warnings
from pathlib import Path

from embkit import formats
from tests.native.fuzz_targets import make_targets
from tests.test_attacks import ATTACKS, MODELS

folder, temporary = Path(sys.argv[1]), sys.argv[2]
FORBIDDEN = (
    "pickle.", "marshal.", "exec", "import", "code.__new__", "ctypes.", "os.system", "os.exec",
    "os.posix_spawn", "os.fork", "os.spawn", "subprocess.", "pty.", "socket.", "urllib.",
    "http.", "webbrowser.", "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link",
    "os.symlink", "os.chmod", "os.truncate", "shutil.", "sys.addaudithook",
)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
told, reading = set(), ""

def watch(event, arguments):
    if not reading:
        return
    if event == "compile":  # literals are parsed, which runs nothing: that is an event of exec
        if arguments[1] != "<unknown>":
            told.add(f"{reading}: compile {arguments[1]}")
    elif event == "open":
        path, mode, flags = arguments
        writes = flags & WRITES or (isinstance(mode, str) and set("wax+") & set(mode))
        if writes and not str(path).startswith(temporary):
            told.add(f"{reading}: open {path} {mode}")
    elif event.startswith(FORBIDDEN):
        told.add(f"{reading}: {event} {str(arguments)[:200]}")

def read_all(name, read, contents, raises):
    global reading
    path = folder / "input"
    for number, content in enumerate(contents):
        path.write_bytes(content)
        reading = f"{name} {number}" if is_watched else ""
        with contextlib.suppress(*raises):
            read(path)
        reading = ""

targets = make_targets(folder / "targets")
attacks = [content for content, _ in (*ATTACKS.values(), *MODELS.values())]
loads = {
    "attack": lambda path: formats.load(path),
    "attack, lenient": lambda path: formats.load(path, lenient=True),
}
sys.addaudithook(watch)
warnings.simplefilter("ignore")
for is_watched in (False, True):  # the first time, readers import what they need
    for name, read in loads.items():
        read_all(name, read, attacks, (ValueError, MemoryError))
    for name, target in targets.items():
        read_all(name, target.read, list(target.seeds), target.raises)
seen = set(told)
told.clear()
reading = "control"
pickle.loads(b"cposix\\ngetpid\\n.")
exec("1")
open(folder / "control", "w").close()
reading = ""
assert {line.split()[1] for line in told} >= {"pickle.find_class", "exec", "open"}, told
print(*sorted(seen), sep="\\n")
"""


def test_reading_runs_no_code_opens_no_connection_and_writes_no_file(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    for folder in (temporary, tmp_path / "targets"):
        folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), str(temporary)],
        capture_output=True,
        text=True,
        env={"TMPDIR": str(temporary)},
        cwd=Path(__file__).parents[1],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
