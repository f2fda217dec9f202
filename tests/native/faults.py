"""Let every system call on an output fail once, cut the power, kill: look at what is left.

    python -m tests.native.faults --work DIR [--case NAME]... [--part NAME]... [--output RECORD]

With --output what was run with the same sources is not run again; --seconds ends a slice of it.

faults: each case runs a command of embkit over an existing output with a preloaded shim in
which the N-th call of one kind fails, for N = 1, 2, ... until there is no N-th call; for a full
disk the room grows from nothing by 4 KiB. A run passes if it ends with the right exit code and
one line of error, no traceback, the old output whole or, where the fault could be borne, the
new one whole, and no other file nor an empty folder. Runs with checkpoints must then go on to
the bytes of an undisturbed run. A slice in which nothing failed is wrong too.

power: what the disk may hold after each call of an undisturbed run (`tests.native.power`).

kills: SIGKILL at named and at random points of runs with checkpoints (`tests.native.kills`).

stops: Ctrl-C, SIGTERM and SIGHUP at random moments of long commands (`tests.native.stops`).

Linux only.
"""

from __future__ import annotations

import argparse
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.native import fault_record, kills, power, stops
from tests.native.fault_cases import (
    CASES,
    OPTIONAL,
    contents,
    is_old_or_new,
    is_whole,
    output_in,
)
from tests.native.fault_record import SOURCES
from tests.native.forks import Ended, main_in_fork, with_faults
from tests.native.fuzz_record import digest
from tests.native.rooms import prepare, problem_at_the_end, torn_checkpoints

KINDS = (
    *("open", "write", "short", "interrupt", "fsync", "close", "rename", "link"),
    *("thread", "memory", "full"),
)
PARTS = ("faults", "power", "kills", "stops")
BORNE = {"short", "interrupt", "link"}
"""Faults that the run must survive."""
MAY_BE_BORNE = {"fsync", "close", "rename", "thread", "memory"}
"""Such as the sync of a folder, which some file systems refuse."""
EXIT_CODES = {"thread": 5, "memory": 5}
OUTPUT_CODE = 4
PAGE = 4096
MOST = 800


@dataclass(frozen=True)
class Outcome:
    """What one run with one fault did."""

    case: str
    kind: str
    number: int
    fired: bool
    borne: bool
    """Whether the run came to its end."""
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


def preload(shim: Path) -> None:
    """Begin this program anew with the shim, unless it has it."""
    if os.environ.get("LD_PRELOAD") != str(shim):
        variables = {**os.environ, "LD_PRELOAD": str(shim), "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "tests.native.faults", *sys.argv[1:]]
        os.execve(sys.executable, command, variables)


def try_fault(work: Path, case: str, kind: str, number: int) -> Outcome:
    """Run a case with one fault over a copy of the old output."""
    room = work / "rooms" / f"{case}-{kind}"
    shutil.rmtree(room, ignore_errors=True)
    shutil.copytree(work / "old" / case, room)
    log = room.with_name(room.name + ".log")
    log.unlink(missing_ok=True)
    faults = {
        "FAULT_ROOT": str(room),
        "FAULT_KIND": kind,
        "FAULT_NUMBER": str((number - 1) * PAGE if kind == "full" else number),
        "FAULT_LOG": str(log),
    }
    begin = with_faults(faults, pausing=CASES[case].has_run)
    ended = main_in_fork(work, room, CASES[case].arguments, before=begin)
    fired = log.exists() and "fired" in log.read_text(errors="replace")
    find = find_run_problem if CASES[case].has_run else find_problem
    problem = find(work, room, case, kind, ended) if fired else None
    shutil.rmtree(room)
    return Outcome(case, kind, number, fired, ended.code == 0, problem)


def find_problem(work: Path, room: Path, case: str, kind: str, ended: Ended) -> str | None:
    """Return what a run did wrong, or None."""
    now, old, new = contents(room), contents(work / "old" / case), contents(work / "new" / case)
    names = [dict.fromkeys([*files, *OPTIONAL], b"") for files in (now, old, new)]
    if not is_old_or_new(*names, case=CASES[case]):
        return f"files are {sorted(now)}, not {sorted(old)}"
    if empty := [
        str(path) for path in room.rglob("*") if path.is_dir() and not any(path.iterdir())
    ]:
        return f"empty folders are left: {empty}"
    if ended.code == 0:
        may_be_borne = kind in BORNE | MAY_BE_BORNE
        if not may_be_borne and not (kind == "open" and CASES[case].bears_open):
            return "exit code 0 although the fault cannot be borne"
        is_new = is_whole(room, work / "new" / case)
        return None if is_new else "exit code 0 and the output is not whole"
    if told_wrong := find_wrong_telling(kind, ended):
        return told_wrong
    # A folder that cannot be synced is told after the new output is in place; a cached corpus
    # is an output of its own, which is there before the training that fails.
    if (kind == "fsync" or case == "cache") and is_whole(room, work / "new" / case):
        return None
    if CASES[case].is_many and is_old_or_new(now, old, new, case=CASES[case]):
        return None
    return None if now == old else "the old output is changed"


def find_run_problem(work: Path, room: Path, case: str, kind: str, ended: Ended) -> str | None:
    """Return what a run with checkpoints did wrong, or does wrong when it goes on, or None."""
    now = output_in(contents(room))
    old, new = (output_in(contents(work / name / case)) for name in ("old", "new"))
    if ended.code == 0:
        if now != new:
            return "exit code 0 and another result"
        return None if set(contents(room)) <= set(new) | OPTIONAL else "files are left"
    if told_wrong := find_wrong_telling(kind, ended):
        return told_wrong
    if now not in (old, new):
        return "the old output is changed"
    torn = torn_checkpoints(room / "run")
    return f"not whole: {torn}" if torn else problem_at_the_end(work, room, case)


def find_wrong_telling(kind: str, ended: Ended) -> str | None:
    """Return what is wrong with the exit code or the message of a run that ended early."""
    lines = ended.errors
    if kind in BORNE:
        return f"exit code {ended.code} for a fault that can be borne: {lines[-1:]}"
    expected = EXIT_CODES.get(kind, OUTPUT_CODE)
    if ended.code != expected:
        return f"exit code {ended.code}, not {expected}: {lines[-1:]}"
    if len(lines) != 1 or not lines[0].startswith("embkit: error: "):
        return f"not one line of error: {lines[-3:]}"
    if expected == OUTPUT_CODE and "/" not in lines[0]:
        return f"no file is named: {lines[-1:]}"
    return None


def run_kind(work: Path, case: str, kind: str) -> Iterator[Outcome]:
    """Let the first, the second, ... call fail, until there is none."""
    for number in range(1, MOST):
        outcome = try_fault(work, case, kind, number)
        if not outcome.fired:
            return
        yield outcome


def put_faults(work: Path, case: str, kind: str) -> dict[str, Any]:
    """Try every fault of a kind; return how many, and what was wrong."""
    outcomes = list(run_kind(work, case, kind))
    wrong = [f"{o.case} {o.kind} {o.number}: {o.problem}" for o in outcomes if o.problem]
    if not outcomes:
        wrong = [f"{case} {kind}: no call of this kind was made, so that none could fail"]
    borne = sum(outcome.borne for outcome in outcomes)
    return {"tried": len(outcomes), "borne": borne, "wrong": wrong}


def wanted_slices(
    parts: Sequence[str], cases: Sequence[str], kinds: Sequence[str]
) -> list[str]:
    """Name what is to be run: a part of a case, of the faults a kind of it."""
    names = []
    for case in cases:
        wanted = {part for part in parts if part in CASES[case].parts}
        made = [kind for kind in kinds if kind not in CASES[case].without]
        names += [f"faults {case} {kind}" for kind in made if "faults" in wanted]
        names += [f"power {case}"] if "power" in wanted else []
        names += [f"kills {case} {n}" for n in range(kills.SHARES) if "kills" in wanted]
    names += [f"stops {name}" for name in stops.STOPPED if "stops" in parts]
    return names


def run_slice(work: Path, name: str, points: int) -> dict[str, Any]:
    """Run one slice; return its figures and what was wrong."""
    part, case, *which = name.split()
    if part == "power":
        return power.cut_everywhere(work, case)
    if part == "stops":
        return stops.stop_often(work, case, points // len(stops.STOPPED))
    if part == "kills":
        count = math.ceil(points / len(kills.KILLED))
        return kills.kill_everywhere(work, case, count, int(which[0]))
    return put_faults(work, case, which[0])


def main() -> int:
    """Run the chosen slices, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--part", action="append", choices=PARTS)
    parser.add_argument("--points", type=int, default=200, help="of SIGKILL, and of stops")
    parser.add_argument("--output", type=Path, help="JSON record, which slices are added to")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin none later")
    options = parser.parse_args()
    work, output = options.work.resolve(), options.output
    cases, kinds = options.case or list(CASES), options.kind or list(KINDS)
    wanted = wanted_slices(options.part or PARTS, cases, kinds)
    sources = digest(SOURCES)
    done = fault_record.read_slices(output, sources) if output else {}
    preload(build_shim(work))
    began = time.monotonic()
    left = fault_record.missing(done, wanted)
    prepare(work, sorted({name.split()[1] for name in left} & set(CASES)))
    if any(name.startswith("stops") for name in left):
        stops.prepare(work)
    num_wrong = 0
    for name in left:
        if time.monotonic() - began > options.seconds:
            print("later:", *fault_record.missing(done, wanted), sep="\n  ")
            break
        done[name] = found = run_slice(work, name, options.points)
        num_wrong += len(found["wrong"])
        told = ", ".join(f"{key} {n}" for key, n in found.items() if isinstance(n, int))
        print(f"{name}: {told}, wrong {len(found['wrong'])}", *found["wrong"], sep="\n  ")
        sys.stdout.flush()
        if output:
            config = {"page": PAGE, "points": options.points, "sources": sources}
            every = wanted_slices(PARTS, list(CASES), KINDS)
            fault_record.add(output, {name: found}, config, every)
    return int(num_wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
