"""Exit codes, and the one table that gives each exception its code."""

from __future__ import annotations

import signal
from enum import IntEnum

from embkit.errors import (
    CorpusError,
    CudaError,
    DictionaryError,
    DivergenceError,
    DownloadError,
    FormatError,
    LockedError,
    NotFiniteError,
    OutputError,
)


class ExitCode(IntEnum):
    """What the command line returns; scripts may rely on these numbers."""

    DONE = 0
    INTERNAL = 1
    """A bug in embkit."""
    USAGE = 2
    """A wrong option, argument or configuration, or an input that is not there."""
    INPUT = 3
    """Data that cannot be used: a broken file, an empty vocabulary, divergence."""
    OUTPUT = 4
    """The file system refused: no such folder, no permission, disk full."""
    RESOURCE = 5
    """Not enough memory, or no GPU that can be used."""
    LOCKED = 6
    """Another run holds the output."""
    UNUSABLE = 7
    """The work was done, but its result was judged unusable."""
    HANGUP = 129
    INTERRUPT = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


class Stopped(BaseException):
    """A signal asked the process to end.

    Not an Exception, like KeyboardInterrupt, so that no handler of errors swallows it.
    """

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(f"stopped by {signal.Signals(signal_number).name}")

    @property
    def code(self) -> int:
        """The shell's convention for a process ended by a signal."""
        return 128 + self.signal_number


class NothingEvaluatedError(ValueError):
    """Sets and vectors of which no figure is defined: none of the words is known, mostly."""


# The first row that fits decides, so subclasses stand above their bases.
EXCEPTION_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (KeyboardInterrupt, ExitCode.INTERRUPT),
    (BrokenPipeError, ExitCode.BROKEN_PIPE),
    (FormatError, ExitCode.INPUT),
    (CorpusError, ExitCode.INPUT),
    (DictionaryError, ExitCode.INPUT),
    (DivergenceError, ExitCode.INPUT),
    (NotFiniteError, ExitCode.INPUT),
    (DownloadError, ExitCode.INPUT),
    (NothingEvaluatedError, ExitCode.INPUT),
    (ValueError, ExitCode.USAGE),
    (OutputError, ExitCode.OUTPUT),
    (FileNotFoundError, ExitCode.USAGE),
    (LockedError, ExitCode.LOCKED),
    (OSError, ExitCode.OUTPUT),
    (MemoryError, ExitCode.RESOURCE),
    (CudaError, ExitCode.RESOURCE),
)


def exit_code_of(error: BaseException) -> int:
    """Return the exit code of an exception; one that the table lacks is our own bug."""
    if isinstance(error, Stopped):
        return error.code
    if isinstance(error, ImportError) and "failed to map" in str(error):  # the loader's words
        return ExitCode.RESOURCE
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":  # Python's
        return ExitCode.RESOURCE
    rows = (code for kind, code in EXCEPTION_CODES if isinstance(error, kind))
    return next(rows, ExitCode.INTERNAL)
