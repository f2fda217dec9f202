"""The command line in a fork of this process, which has imported it once for all of them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from embkit.cli import main
from tests.native.fault_cases import fill
from tests.native.pausing import pause_often


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """Its exit code; minus the signal's number where one ended it."""
    errors: list[str]
    """What it wrote to standard error."""
    seconds: float = 0
    """How long it went on after the signal that was sent to it."""


def main_in_fork(
    work: Path,
    room: Path,
    arguments: Sequence[str],
    *,
    before: Callable[[], object] = pause_often,
    kill_after: float | None = None,
    by: signal.Signals = signal.SIGKILL,
    meanwhile: AbstractContextManager[object] | None = None,
) -> Ended:
    """Run a command with its files in ``room``, its trainers pausing often.

    It may overwrite what is in there, if anything is. ``before`` is called in the fork. With
    ``kill_after`` it is sent a signal so many seconds later. This process is in ``meanwhile``
    until it has ended.
    """
    overwrite = ["--overwrite"] if any(room.iterdir()) else []
    command = [*fill(work, room, arguments), *overwrite, "--quiet"]
    errors = room.with_name(room.name + ".err")
    child = os.fork()
    if child == 0:
        _begin(errors, before, command)
    with meanwhile or contextlib.nullcontext():
        if kill_after is not None:
            time.sleep(kill_after)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, by)
        sent = time.monotonic()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        seconds = time.monotonic() - sent
    return Ended(code, errors.read_text(errors="replace").splitlines(), seconds)


def _begin(errors: Path, before: Callable[[], object], command: list[str]) -> NoReturn:
    """Be the forked process."""
    code = 70
    try:
        with errors.open("wb") as file:
            os.dup2(file.fileno(), 2)
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115  (no path, never closed)
        before()
        code = main(command)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def with_faults(variables: Mapping[str, str], *, pausing: bool) -> Callable[[], None]:
    """Return what begins a fault in a fork of a process that the shim is preloaded in."""

    def begin() -> None:
        if pausing:
            pause_often()
        os.environ.update(variables)
        ctypes.CDLL(None).fault_begin()

    return begin
