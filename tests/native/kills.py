"""SIGKILL at named and random points of runs with checkpoints, and what they go on to.

Named points lie before each change of a file below the room (made, synced, renamed, removed),
and before each part of a checkpoint. After a kill every checkpoint must be whole, none that was
finished may be missing, and the run must go on to the bytes of an undisturbed one; with several
threads, to just as many tokens. A watcher opens the newest checkpoint all the while.
"""

from __future__ import annotations

import mmap
import os
import random
import re
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embkit.training import checkpoint
from tests.native.fault_cases import CASES
from tests.native.forks import main_in_fork
from tests.native.pausing import pause_often
from tests.native.rooms import problem_at_the_end, torn_checkpoints
from tests.native.watching import Watcher

KILLED = tuple(name for name, case in CASES.items() if "kills" in case.parts)
EVENTS = {"open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.truncate", "os.rmdir"}

SHARES = 5
"""In so many parts the points of a run are killed at."""


class Point:
    """Counts what a process does to files below a folder, and kills it before the N-th time."""

    def __init__(self, room: Path, number: int, names: Path | None, saved: mmap.mmap) -> None:
        self._room, self._number, self._names, self._saved = str(room), number, names, saved
        self._count = 0

    def install(self) -> None:
        """Watch this process, with its trainers pausing."""
        pause_often()
        sys.addaudithook(self._hook)
        module: Any = checkpoint
        sync, blocks, put_in_place = os.fsync, module.blocks, module._put_in_place

        def fsync(descriptor: int) -> None:
            self._touch("fsync", str(Path(f"/proc/self/fd/{descriptor}").readlink()))
            sync(descriptor)

        def watched_blocks(array: Any) -> Iterator[Any]:
            for block in blocks(array):
                self._touch("write a part of", "checkpoint")
                yield block

        def watched_end(output: Any, stale: Any) -> None:  # on a thread of its own
            put_in_place(output, stale)
            self._saved[0] += 1

        os.fsync = fsync  # type: ignore[assignment]
        module.blocks = watched_blocks
        module._put_in_place = watched_end

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        is_write = event != "open" or (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)
        if event in EVENTS and is_write and self._room in str(arguments[0]):
            self._touch(event.removeprefix("os."), str(arguments[0]))

    def _touch(self, what: str, path: str) -> None:
        self._count += 1
        if self._names is not None:
            with self._names.open("a") as file:  # not below the room
                file.write(f"{what} {kind_of(path, self._room)}\n")
        if self._count == self._number:
            os.kill(os.getpid(), signal.SIGKILL)


def kind_of(path: str, room: str) -> str:
    """Return what a path is, numbers and random parts left out."""
    name = path.removeprefix(room).strip("/") or "room"
    name = re.sub(r"\.[0-9a-f]{16}\.part", ".part", name)
    return re.sub(r"-\d{6}", "", name)


def new_room(work: Path, name: str, label: str) -> Path:
    """Copy what is there before a case."""
    room = work / "rooms" / f"{name}-{label}"
    shutil.rmtree(room, ignore_errors=True)
    shutil.copytree(work / "old" / name, room)
    return room


def names_of_points(work: Path, name: str) -> tuple[list[str], float]:
    """Run a case undisturbed; return what stands before each point, and the seconds it took."""
    room, names = new_room(work, name, "points"), work / "rooms" / f"{name}.points"
    names.write_text("")
    point = Point(room, 0, names, mmap.mmap(-1, 1))
    ended = main_in_fork(work, room, CASES[name].arguments, before=point.install)
    if ended.code:
        raise RuntimeError(f"{name} fails undisturbed: {ended}")
    found = names.read_text().splitlines()
    room, began = new_room(work, name, "points"), time.monotonic()
    main_in_fork(work, room, CASES[name].arguments)
    return found, time.monotonic() - began


@dataclass(frozen=True)
class Killed:
    """What came of one kill."""

    code: int
    """The exit code."""
    opened: int
    """How often the watcher read a checkpoint."""
    problem: str | None
    """What was wrong, None if nothing."""


def kill(work: Path, name: str, number: int, after: float | None) -> Killed:
    """Kill a case at one point, none where it is 0, and go on."""
    room, saved = new_room(work, name, "kill"), mmap.mmap(-1, 1)
    case, run = CASES[name], room / "run"
    first = last_checkpoint(run)
    point = Point(room, number, None, saved)
    watcher = Watcher(run)
    ended = main_in_fork(
        *(work, room, case.arguments),
        before=point.install,
        kill_after=after,
        meanwhile=watcher,
    )
    problem = watcher.problem
    if torn := torn_checkpoints(run):
        problem = problem or f"not whole: {torn}"
    if (run / "run.json").exists() and last_checkpoint(run) < first + saved[0]:
        number = last_checkpoint(run) - first
        problem = problem or f"of {saved[0]} checkpoints the last one is {number}"
    problem = problem or problem_at_the_end(work, room, name)
    return Killed(ended.code, watcher.opened, problem)


def last_checkpoint(run: Path) -> int:
    """Return the number of a run's last checkpoint, 0 where there is none."""
    names = (path.stem for path in run.glob("checkpoint-*"))
    return max((int(name.removeprefix("checkpoint-")) for name in names), default=0)


def plan_points(
    rng: random.Random, points: int, num_named: int, seconds: float
) -> list[tuple[int, float | None]]:
    """Return numbers of named points for half, evenly chosen, and seconds for the others."""
    count = min(num_named, points // 2)
    named = [(i * num_named // count + 1, None) for i in range(count)]
    return [*named, *((0, rng.uniform(0, seconds)) for _ in range(points - count))]


def kill_everywhere(work: Path, name: str, points: int, share: int) -> dict[str, Any]:
    """Kill a run at a share of so many points; return how often, where, and what was wrong."""
    names, seconds = names_of_points(work, name)
    plan = plan_points(random.Random(name), points, len(names), seconds)[share::SHARES]
    whole = kill(work, name, 0, None)  # not at all
    killed, opened, wrong = 0, whole.opened, []
    if whole.problem or not opened:
        wrong = [f"{name} undisturbed, {opened} times watched: {whole.problem}"]
    for number, after in plan:
        found = kill(work, name, number, after)
        code, problem = found.code, found.problem
        killed += code == -signal.SIGKILL
        opened += found.opened
        where = f"after {after:.3f} s" if after is not None else names[number - 1]
        if after is None and code != -signal.SIGKILL:
            problem = problem or f"exit code {code} instead of a kill"
        wrong += [f"{name} killed at {number} ({where}): {problem}"] if problem else []
    kinds = Counter(names[number - 1] for number, after in plan if after is None)
    counts = {"points": len(plan), "killed": killed, "named": kinds.total()}
    counts |= {"random": len(plan) - kinds.total(), "opened": opened}
    return {**counts, "kinds": dict(sorted(kinds.items())), "wrong": wrong}
