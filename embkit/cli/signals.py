"""Signals and closed streams become exceptions, as any other error that ends a run."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from types import FrameType

from embkit.cli.exit_codes import Stopped

_FAILED_WRITES = (errno.EBADF, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def _stop(signal_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal_number, signal.SIG_DFL)  # a second one ends the process at once
    if signal_number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Stopped(signal_number)


def install_handlers() -> None:
    """Turn SIGINT, SIGTERM and SIGHUP into exceptions; an ignored signal stays ignored."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def open_closed_streams() -> None:
    """Let no file of ours get the number of a standard stream that the caller closed.

    What is written to such an output fails, as it does without Python; messages go nowhere.
    """
    for number, name, flags in (
        (0, "stdin", os.O_RDONLY),
        (1, "stdout", os.O_RDONLY),
        (2, "stderr", os.O_WRONLY),
    ):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # the lowest free number, which is this one
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def name_stdout(error: OSError) -> None:
    """Name standard output in a failed write that names no file: all others name theirs."""
    if error.filename is None and error.errno in _FAILED_WRITES:
        error.filename = "standard output"


def silence_stdout() -> None:
    """Send what is left in stdout's buffer nowhere: its reader is gone or its disk full."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
