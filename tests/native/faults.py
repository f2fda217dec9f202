"""Let every system call on an output fail once, and look at what is left behind.

    python -m tests.native.faults --work DIR [--case NAME]... [--output RECORD]

Each case runs a command of embkit over an existing output with a preloaded shim in which the
N-th call of one kind fails, for N = 1, 2, ... until there is no N-th call; for a full disk the
room grows by 4 KiB. A run passes if it ends with the right exit code and one line of error, no
traceback, the old output whole or, where the fault could be borne, the new one whole, and no
other file. Then the power is cut after each call of an undisturbed run. Linux only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embkit import formats
from eval.record import run_record, save_record
from tests.models import random_sentences

KINDS = (
    *("open", "write", "short", "interrupt", "fsync", "close", "rename", "link"),
    *("thread", "memory", "full"),
)
BORNE = {"short", "interrupt", "link"}
"""Faults that the run must survive."""
MAY_BE_BORNE = {"fsync", "close", "rename", "thread", "memory"}
"""Such as the sync of a folder, which some file systems refuse."""
OPTIONAL = {"model/model.json"}
"""What repeats a model's metadata for people, and is left out where it cannot be written."""
EXIT_CODES = {"thread": 5, "memory": 5}
OUTPUT_CODE = 4
PAGE = 4096
MOST = 400

ROOM = "output"
CASES: dict[str, tuple[str, ...]] = {
    "train": ("train", "sgns", "{text}", "--output", f"{ROOM}/model", "--dim", "64",
              "--min-count", "1", "--epochs", "1", "--threads", "2"),
    "binary": ("convert", "{vectors}", f"{ROOM}/vectors.bin"),
    "text": ("convert", "{vectors}", f"{ROOM}/vectors.txt"),
    "npz": ("convert", "{vectors}", f"{ROOM}/vectors.npz"),
    "safetensors": ("convert", "{vectors}", f"{ROOM}/model"),
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What one run with one fault did."""

    case: str
    kind: str
    number: int
    fired: bool
    problem: str | None
    """What was wrong, None if nothing."""


def build_shim(folder: Path) -> Path:
    """Compile the preloaded library."""
    folder.mkdir(parents=True, exist_ok=True)
    shim = folder / "fault_shim.so"
    source = Path(__file__).with_name("fault_shim.cpp")
    compiler = os.environ.get("CXX", "g++").split()[-1]
    flags = ("-std=c++17", "-O1", "-shared", "-fPIC")
    command = [compiler, *flags, str(source), "-o", str(shim), "-ldl"]
    subprocess.run(command, check=True)
    return shim


def prepare(work: Path) -> None:
    """Make the inputs, and for each case the output that is to be replaced."""
    work.mkdir(parents=True, exist_ok=True)
    sentences = random_sentences(100, [20] * 200, seed=1)
    lines = "".join(" ".join(words) + "\n" for words in sentences)
    (work / "text").write_text(lines, encoding="utf-8")
    for name in CASES:
        shutil.rmtree(work / "old" / name, ignore_errors=True)
        (work / "old" / name).mkdir(parents=True)
        arguments = (*CASES["train"][:3], "--output", str(work / "vectors.bin"))
        if not (work / "vectors.bin").exists():
            run(work, work, (*arguments, "--dim", "64", "--min-count", "1"), {})
        run(work, work / "old" / name, CASES[name], {})


def run(
    work: Path, room: Path, arguments: tuple[str, ...], variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run one embkit command with its output in ``room``."""
    names = {"text": str(work / "text"), "vectors": str(work / "vectors.bin")}
    filled = [a.format(**names).replace(f"{ROOM}/", f"{room}/") for a in arguments]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **variables}
    command = [sys.executable, "-m", "embkit", *filled, "--overwrite", "--quiet"]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below ``folder``."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def try_fault(work: Path, shim: Path, case: str, kind: str, number: int) -> Outcome:
    """Run a case with one fault over a copy of the old output."""
    room = work / "rooms" / f"{case}-{kind}-{number}"
    shutil.rmtree(room, ignore_errors=True)
    shutil.copytree(work / "old" / case, room)
    log = room.with_name(room.name + ".log")
    log.unlink(missing_ok=True)
    faults = {
        "LD_PRELOAD": str(shim),
        "FAULT_ROOT": str(room),
        "FAULT_KIND": kind,
        "FAULT_NUMBER": str(number * PAGE if kind == "full" else number),
        "FAULT_LOG": str(log),
    }
    done = run(work, room, CASES[case], faults)
    fired = log.exists() and "fired" in log.read_text(errors="replace")
    problem = find_problem(work, room, case, kind, done) if fired else None
    shutil.rmtree(room)
    log.unlink(missing_ok=True)
    return Outcome(case, kind, number, fired, problem)


def find_problem(
    work: Path, room: Path, case: str, kind: str, done: subprocess.CompletedProcess[str]
) -> str | None:
    """Return what a run did wrong, or None."""
    now, old = contents(room), contents(work / "old" / case)
    lines = done.stderr.splitlines()
    if set(now) | OPTIONAL != set(old) | OPTIONAL:
        return f"files are {sorted(now)}, not {sorted(old)}"
    if done.returncode == 0:
        if kind not in BORNE | MAY_BE_BORNE:
            return "exit code 0 although the fault cannot be borne"
        return None if is_whole(room) else "exit code 0 and the output is not whole"
    if kind in BORNE:
        return f"exit code {done.returncode} for a fault that can be borne: {lines[-1:]}"
    expected = EXIT_CODES.get(kind, OUTPUT_CODE)
    if done.returncode != expected:
        return f"exit code {done.returncode}, not {expected}: {lines[-1:]}"
    if len(lines) != 1 or not lines[0].startswith("embkit: error: "):
        return f"not one line of error: {lines[-3:]}"
    # A folder that cannot be synced is told after the new output is in place.
    if kind == "fsync" and is_whole(room):
        return None
    return None if now == old else "the old output is changed"


def is_whole(room: Path) -> bool:
    """Tell whether the output in ``room`` can be read, checksums included."""
    path = next(path for path in sorted(room.iterdir()) if not path.name.startswith("."))
    return len(formats.load(path, verify=path.is_dir())) > 0


def power_loss_problems(work: Path, shim: Path, case: str) -> tuple[int, list[str]]:
    """Cut the power after each call of an undisturbed run; return the cuts and what is wrong.

    What was written and not synced is lost. A new name holds from its rename on, or only from
    the sync of its folder on: in both cases what it names must be whole.
    """
    room = work / "rooms" / f"{case}-power"
    shutil.rmtree(room, ignore_errors=True)
    shutil.copytree(work / "old" / case, room)
    log = room.with_name(room.name + ".log")
    log.unlink(missing_ok=True)
    variables = {"FAULT_ROOT": str(room), "FAULT_KIND": "none", "FAULT_LOG": str(log)}
    run(work, room, CASES[case], {"LD_PRELOAD": str(shim), **variables})
    unsynced: set[str] = set()
    named: dict[str, str] = {}  # a name, and the name under which its file was written
    problems, origin = [], ""
    lines = log.read_text(errors="replace").splitlines()
    for number, line in enumerate(lines):
        call, _, path = line.partition(" ")
        if call == "write":
            unsynced.add(path)
        elif call == "fsync":
            unsynced.discard(path)
        elif call == "from":
            origin = path
        elif call == "rename":
            named[path] = origin
        torn = [name for name, written in named.items() if written in unsynced]
        problems += [f"{case} power {number}: {name} is not whole" for name in torn]
    return len(lines), problems if named else [f"{case} power: nothing was renamed"]


def run_kind(work: Path, shim: Path, case: str, kind: str) -> Iterator[Outcome]:
    """Let the first, the second, ... call fail, until there is none."""
    for number in range(1, MOST):
        outcome = try_fault(work, shim, case, kind, number)
        if not outcome.fired:
            return
        yield outcome


def main() -> int:
    """Run the chosen cases, two at a time, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--output", type=Path, help="JSON record")
    options = parser.parse_args()
    work = options.work.resolve()
    shim = build_shim(work)
    prepare(work)
    cases, kinds = options.case or list(CASES), options.kind or list(KINDS)
    pairs = [(case, kind) for case in cases for kind in kinds]
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(lambda p: list(run_kind(work, shim, *p)), pair) for pair in pairs]
        outcomes = [outcome for job in jobs for outcome in job.result()]
    for outcome in outcomes:
        if outcome.problem:
            print(f"{outcome.case} {outcome.kind} {outcome.number}: {outcome.problem}")
    table: dict[str, Any] = {}
    for case in cases:
        counts = Counter(outcome.kind for outcome in outcomes if outcome.case == case)
        table[case] = {kind: counts[kind] for kind in kinds}
        print(f"{case:12}", ", ".join(f"{kind} {counts[kind]}" for kind in kinds))
    failed = [f"{o.case} {o.kind} {o.number}" for o in outcomes if o.problem]
    for case in cases:
        cuts, problems = power_loss_problems(work, shim, case)
        table[case]["power"] = cuts
        failed += problems
        print(f"{case:12} power lost after each of {cuts} calls:", problems or "old or new")
    print(f"{len(outcomes)} faults, {len(failed)} wrong")
    if options.output:
        metrics = {"faults": table, "total": len(outcomes), "wrong": failed}
        save_record(run_record(seed=1, config={"page": PAGE}, metrics=metrics), options.output)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
