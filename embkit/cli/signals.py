"""Signals become exceptions, so that a run ends by the same path as any other error."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

from embkit.cli.exit_codes import Stopped


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


def silence_stdout() -> None:
    """Send what is left in stdout's buffer nowhere: its reader is gone or its disk full."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
