"""Exceptions of embkit, each with the exit code that the command line gives it.

The native core raises the same types; nothing here imports anything of embkit.
"""

from __future__ import annotations

import os


class FormatError(ValueError):
    r"""A file whose content is wrong.

    Parameters
    ----------
    path : str or path
        The file.
    line : int or None
        The line, from 1, where the format has lines.
    offset : int or None
        The byte, from 0, at which the fault was seen.
    reason : str
        What was found and what is allowed. What it quotes of the file becomes harmless to a
        terminal: whatever is not printable is escaped.

    Examples
    --------
    >>> print(FormatError("v.txt", 3, None, "expected 4 numbers, got 2"))
    v.txt:3: expected 4 numbers, got 2
    >>> print(FormatError("d.txt", 1, None, "no column \x1b[2Jpos"))
    d.txt:1: no column \x1b[2Jpos
    """

    def __init__(
        self, path: str | os.PathLike[str], line: int | None, offset: int | None, reason: str
    ) -> None:
        self.path = os.fspath(path)
        self.line = line
        self.offset = offset
        self.reason = "".join([c if c.isprintable() else _escaped(c) for c in reason])
        place = self.path if line is None else f"{self.path}:{line}"
        byte = "" if offset is None else f" (byte {offset})"
        super().__init__(f"{place}: {self.reason}{byte}")

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.path, self.line, self.offset, self.reason)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


class CorpusError(ValueError):
    """A corpus from which nothing can be trained: no tokens, or an empty vocabulary."""


class DictionaryError(ValueError):
    """A dictionary from which nothing can be learned: none of its pairs is known."""


class NotFiniteError(ValueError):
    """Vectors with NaN or infinity in them, of which no answer and no file can be made."""


class DivergenceError(ArithmeticError):
    """Training stopped because the loss or a row was no longer finite."""


class ResourceError(MemoryError):
    """More memory would be needed than is allowed."""


class CudaError(RuntimeError):
    """A GPU that cannot be used, or that refused a call.

    Parameters
    ----------
    message : str
        What was tried and why it failed.
    status : int
        CUDA's own number of the failure; 0 where CUDA was not asked.

    Examples
    --------
    >>> CudaError("CUDA could not copy: an illegal memory access", 700).is_sticky
    True
    """

    def __init__(self, message: str, status: int = 0) -> None:
        self.status = status
        super().__init__(message)

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (str(self), self.status)

    @property
    def is_sticky(self) -> bool:
        """Whether this process can do nothing more on the device."""
        return self.status in (214, 220, 226, 700, 702, 709, 710, *range(714, 722), 999)


class LockedError(RuntimeError):
    """Another run holds the output."""


class DownloadError(RuntimeError):
    """A data set that cannot be brought: no network, or not the bytes that were asked for."""


class OutputExistsError(ValueError):
    """The output exists and was not to be overwritten."""


class OutputError(OSError):
    """An output that has no place to go: its folder does not exist."""
