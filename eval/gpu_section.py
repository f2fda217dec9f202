"""One section of eval/gpu.py: in a process of its own, with its own time, kept as it goes."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eval.record import ROOT

LAST_LINES = 60
TIMED_OUT = 124
"""The exit code of a command that was ended, as timeout(1) has it."""
GRACE = 5.0
"""Seconds for a section to end by itself when its time is over."""


class Clock:
    """The time that is left."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds left."""
        return self._end - time.monotonic()

    def part(self, seconds: float) -> Clock:
        """Return a clock that ends after so many seconds, or with this one."""
        return Clock(min(seconds, self.left()))

    def check(self, *_: object) -> None:
        """Raise TimeoutError when there is none left; also a training's callback."""
        if self.left() <= 0:
            raise TimeoutError("no time left")


class Findings:
    """What a section has found so far, on disk after each piece."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, Any] = {}

    def put(self, **values: Any) -> None:  # noqa: ANN401  (what JSON can hold)
        """Add findings, or replace those of the same name."""
        self._values |= values
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._values))
        part.replace(self._path)


Work = Callable[[Clock, Findings], None]


def run_section(work: Work, clock: Clock, path: Path) -> dict[str, Any]:
    """Do a section in a process of its own; return what it found, and how it failed if it did.

    A kernel that breaks leaves its process unable to use the GPU, and may end it.
    """
    path.unlink(missing_ok=True)
    start = time.monotonic()
    with warnings.catch_warnings():  # that libraries have threads, which sleep
        warnings.simplefilter("ignore", DeprecationWarning)
        process = multiprocessing.get_context("fork").Process(
            target=_do, args=(work, clock, path)
        )
        process.start()
    process.join(max(clock.left(), 0) + GRACE)
    result: dict[str, Any] = {}
    if process.is_alive():
        process.kill()
        process.join()
        result = {"error": "TimeoutError: stopped from outside"}
    elif process.exitcode:
        result = {"error": f"the process ended with {process.exitcode}"}
    found = json.loads(path.read_text()) if path.exists() else {}
    return {**result, **found, "section_seconds": round(time.monotonic() - start, 1)}


def _do(work: Work, clock: Clock, path: Path) -> None:
    found = Findings(path)
    try:
        clock.check()
        work(clock, found)
    except (Exception, SystemExit) as error:
        found.put(error=f"{type(error).__name__}: {error}")


def run_command(command: list[str], clock: Clock, **environment: str) -> dict[str, Any]:
    """Run a command in the repository; return its exit code, seconds and last lines.

    When the time is over it is ended with all that it started; what it printed is kept.
    """
    clock.check()
    start = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=max(clock.left(), 0))
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            code = TIMED_OUT
    lines = output.splitlines()
    seconds = round(time.monotonic() - start, 1)
    return {"exit_code": code, "seconds": seconds, "output": lines[-LAST_LINES:]}
