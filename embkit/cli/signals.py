"""Signals and closed streams become exceptions, as any other error that ends a run."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import os
import signal
import sys
import threading
import time
from types import FrameType

from embkit.cli.exit_codes import Stopped

_FAILED_WRITES = (errno.EBADF, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


_TOGETHER = 0.05  # seconds; timeout(1) sends a signal to the process and then to its group


class _Ending:
    """What is known of the signals that came, on the main thread and on the watching one."""

    has_begun = False  # the first has become an exception
    first: float | None = None  # when it came
    is_watched = False


def _stop(signal_number: int, _frame: FrameType | None) -> None:
    if not _Ending.is_watched:
        signal.signal(signal_number, signal.SIG_DFL)  # a second one ends the process at once
    elif _Ending.has_begun:
        return  # the watching thread ends the process, unless it came with the first
    _Ending.has_begun = True
    if signal_number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Stopped(signal_number)


def _watch(descriptor: int) -> None:
    """End the process at a second signal, whatever the main thread is at."""
    while True:
        numbers = [n for n in os.read(descriptor, 64) if signal.getsignal(n) is _stop]
        now = time.monotonic()
        if not numbers:
            continue
        if _Ending.first is None:
            _Ending.first = now
        elif now - _Ending.first > _TOGETHER:
            os._exit(128 + numbers[-1])


def _above_streams(descriptor: int) -> int:
    """Return the descriptor under a number that no closed standard stream left free."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(descriptor)
    return moved


def _start_watching() -> None:
    reader, writer = map(_above_streams, os.pipe())
    os.set_blocking(writer, False)
    try:
        threading.Thread(target=_watch, args=(reader,), daemon=True).start()
    except RuntimeError:  # no more threads here
        os.close(reader)
        os.close(writer)
        return
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)  # gets each signal as it comes
    _Ending.is_watched = True


def install_handlers() -> None:
    """Turn SIGINT, SIGTERM and SIGHUP into exceptions; an ignored signal stays ignored.

    A second one ends the process at once. Those that come together are one.
    """
    _Ending.has_begun, _Ending.first = False, None
    if not _Ending.is_watched:
        _start_watching()
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


def escape_what_stdout_lacks() -> None:
    """Print letters that the terminal's encoding has not as escapes, where it is not UTF-8."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def name_stdout(error: OSError) -> None:
    """Name standard output in a failed write that names no file: all others name theirs."""
    if error.filename is None and error.errno in _FAILED_WRITES:
        error.filename = "standard output"


def silence_stdout() -> None:
    """Send what stdout's buffer holds nowhere, if its reader is gone or its disk full."""
    with contextlib.suppress(OSError, ValueError):
        try:
            sys.stdout.flush()
        except OSError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, sys.stdout.fileno())
            os.close(null)
