"""How the command line starts, and what it does with standard streams that fail."""

from __future__ import annotations

import os
import re
import resource
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from embkit.cli import main as run_main
from embkit.cli.address_space import blas_threads
from embkit.cli.exit_codes import ExitCode, exit_code_of

ROOT = Path(__file__).parents[1]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")


def spawn(arguments: Sequence[str], **options: object) -> subprocess.Popen[str]:
    """Start embkit as a user does."""
    command = [sys.executable, "-m", "embkit", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": ROOT}
    return subprocess.Popen(command, **(pipes | options))  # type: ignore[call-overload,no-any-return]


def test_start_is_quick() -> None:
    # Over what it cannot do without, 0.08 s of 0.28 where 0.4 s is the demand: then neither a
    # slow machine nor a busy one decides.
    commands = (["-m", "embkit", "--help"], ["-c", "import cyclopts"])
    rounds = [[_processor_seconds(command) for command in commands] for _ in range(5)]
    shown, needed = map(min, zip(*rounds, strict=True))
    assert shown < 5.5 * needed  # it takes 3.5


def _processor_seconds(arguments: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_help_loads_no_array_library() -> None:
    program = """
import sys
from embkit.cli import main
code = main(["--help"])
loaded = {"numpy", "scipy", "sklearn"} & set(sys.modules)
sys.exit(code or ", ".join(loaded) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_while_the_command_line_is_imported_is_one_line() -> None:
    program = """
import builtins, signal, sys
real = builtins.__import__
def interrupted(name, *arguments, **more):
    if name == "cyclopts":
        signal.raise_signal(signal.SIGINT)
    return real(name, *arguments, **more)
builtins.__import__ = interrupted
from embkit.cli import main
sys.exit(main(["--version"]))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "embkit: error: interrupted\n"


def test_a_closed_pipe_ends_quietly_with_141() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with spawn(["--help"], stdout=writer) as process:
        os.close(writer)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (ExitCode.BROKEN_PIPE, "")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("completion bash >&-", (4, "", "embkit: error: standard output: Bad file descriptor")),
        ("inspect missing >&-", (2, "", "embkit: error: missing: No such file or directory")),
        ("inspect missing 2>&-", (2, "", "")),
        ("inspect missing >&- 2>&- <&-", (2, "", "")),
        (
            "train sgns missing --output v.bin --quiet 2>&-",
            (2, "", ""),
        ),
    ],
)
def test_streams_that_the_caller_closed(command: str, expected: tuple[int, str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m embkit {command}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.rstrip("\n")) == expected


def test_no_memory_to_start_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class NoMemory:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "embkit.cli.app":
                raise MemoryError

    monkeypatch.delitem(sys.modules, "embkit.cli.app", raising=False)
    monkeypatch.delattr("embkit.cli.app", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoMemory(), *sys.meta_path])
    assert run_main(["--version"]) == ExitCode.RESOURCE
    assert capsys.readouterr().err == "embkit: error: not enough memory to start\n"


def start_within(kind: int, kib: int, arguments: Sequence[str]) -> tuple[int, str]:
    """Run embkit under a limit; return its exit code and what it told."""
    limit = (kib << 10, kib << 10)
    threads = {**os.environ, "OPENBLAS_NUM_THREADS": "2"}
    with spawn(
        arguments, env=threads, preexec_fn=lambda: resource.setrlimit(kind, limit)
    ) as process:
        try:
            _, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, errors


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits that the system keeps")
@pytest.mark.parametrize(
    ("kind", "kib", "what", "option"),
    [
        (resource.RLIMIT_AS, 120_000, "the address space", "-v"),
        (resource.RLIMIT_DATA, 40_000, "the memory for data", "-d"),
    ],
)
def test_too_little_memory_for_libraries_is_told_with_what_would_do(
    kind: int, kib: int, what: str, option: str, tmp_path: Path
) -> None:
    # OpenBLAS, as it is loaded, asks for memory for ever or raises SIGINT where it gets none.
    rows = "\n".join(f"w{row} {row % 7}.5 {row % 11} {row % 13}" for row in range(1, 60))
    vectors = tmp_path / "v.txt"
    vectors.write_text(rows + "\n")
    command = ["eval", "diagnostics", str(vectors)]
    refused = []
    assert start_within(kind, kib, ["--version"])[0] == ExitCode.DONE
    while (outcome := start_within(kind, kib, command))[0] != ExitCode.DONE:
        told = re.fullmatch(
            rf"embkit: error: {what} is limited to {kib} KiB, too little to load "
            rf"(numpy|scipy): ulimit {option} (\d+)( or OPENBLAS_NUM_THREADS=1)? would do\n",
            outcome[1],
        )
        assert outcome[0] == ExitCode.RESOURCE
        assert told is not None, outcome[1]
        refused.append(told[1])
        assert len(refused) < 6
        kib = int(told[2])
    assert set(refused) == {"numpy", "scipy"}


@pytest.mark.parametrize(
    ("variables", "threads"),
    [({}, 4), ({"OMP_NUM_THREADS": "3"}, 3), ({"OPENBLAS_NUM_THREADS": "0"}, 4),
     ({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "2"}, 2), ({"OMP_NUM_THREADS": "9"}, 4)],
)  # fmt: skip
def test_threads_of_openblas_are_foreseen(
    variables: dict[str, str], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embkit.cli.address_space.available_threads", lambda: 4)
    for name in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert blas_threads() == threads


def test_library_that_cannot_be_mapped_is_a_lack_of_memory() -> None:
    error = ImportError("lib.so: failed to map segment from shared object")
    assert exit_code_of(error) == ExitCode.RESOURCE
    assert exit_code_of(ImportError("No module named 'lib'")) == ExitCode.INTERNAL


def test_no_file_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a b c\n" * 9)
    text, output = (shlex.quote(str(tmp_path / name)) for name in ("text", "v.txt"))
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -m embkit train sgns {text} --min-count 1 --dim 2"
        f" --output {output} >&- 2>&- <&-",
        shell=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0
    assert (tmp_path / "v.txt").read_text().startswith("3 2\n")


def test_letters_that_the_terminal_lacks_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("2 2\nbr\u00fccke 1 0\nx 1 1\n", encoding="utf-8")
    command = [sys.executable, "-m", "embkit", "query", "neighbors", str(path), "x"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"x\tbr\\xfccke\t0.7071\n"


@needs_full
def test_a_full_disk_under_stdout_exits_4() -> None:
    with FULL.open("w") as full, spawn(["--help"], stdout=full) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.OUTPUT
    assert errors.splitlines() == ["embkit: error: standard output: No space left on device"]


@needs_full
def test_messages_that_cannot_be_written_do_not_end_the_work(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_bytes(b"a 1\r\nb 2\r\n")  # a warning, then what was written
    command = ["convert", str(tmp_path / "v.txt"), str(tmp_path / "v.bin")]
    with FULL.open("w") as full, spawn(command, stderr=full) as process:
        process.communicate(timeout=60)
    assert process.returncode == ExitCode.DONE
    assert (tmp_path / "v.bin").exists()


def test_lack_of_memory_is_told_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError("std::bad_alloc")

    (tmp_path / "v").touch()
    monkeypatch.setattr("embkit.cli.export.load_dense_vectors", fail)
    command = ["export", "projector", str(tmp_path / "v"), str(tmp_path / "p")]
    assert run_main(command) == ExitCode.RESOURCE
    assert capsys.readouterr().err == "embkit: error: not enough memory\n"
