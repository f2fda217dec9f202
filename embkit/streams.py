"""Byte streams to read: files, pipes and standard input, plain or compressed."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import stat
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

from embkit.compression import HEAD, decompressed, detect_compression
from embkit.errors import FormatError

_BUFFER = 1 << 20
_LONGEST_LINE = 1 << 24
MOST_KEPT = 1 << 28
"""Bytes of text that readers take which keep all of it: a small compressed file may hold a
thousand times as much as its size."""


class _Rejoined(io.RawIOBase):
    """Bytes already read, then the rest of their unseekable source."""

    def __init__(self, head: bytes, raw: io.RawIOBase) -> None:
        self._head = head
        self._raw = raw

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401
        if not self._head:
            return self._raw.readinto(buffer)
        count = min(len(buffer), len(self._head))
        buffer[:count], self._head = self._head[:count], self._head[count:]
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


@contextlib.contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file in a failed read, which does not know it."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(path)
        raise


class _NamedFile(io.FileIO):
    """A file to read from whose failed reads name it."""

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        with naming(self.name):
            return cast("int", super().readinto(buffer))

    def read(self, size: int | None = -1) -> Any:  # noqa: ANN401
        with naming(self.name):
            return super().read(-1 if size is None else size)

    def readall(self) -> Any:  # noqa: ANN401
        with naming(self.name):
            return super().readall()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # all that was wanted has been read
            super().close()


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """Open an ordinary file to read its bytes as they are; a failed read names it.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    return io.BufferedReader(_NamedFile(path))


def _open_raw(path: str | os.PathLike[str]) -> io.RawIOBase:
    if os.fspath(path) == "-":
        raw = _NamedFile(0, closefd=False)
        raw.name = "standard input"  # for messages
        return raw
    raw = _NamedFile(path)
    if stat.S_ISCHR(os.fstat(raw.fileno()).st_mode) and os.fspath(path) != "/dev/stdin":
        raw.close()
        raise FormatError(path, None, None, "this is a device, not a file")
    return raw


def open_raw_input(path: str | os.PathLike[str]) -> io.RawIOBase:
    """Open as ``open_input`` does, but unbuffered; ``compression_of`` and ``plain_size`` apply.

    Where a stream breaks off, everything before that can be read first.
    """
    raw = _open_raw(path)
    try:
        head = b""
        with naming(path):
            while len(head) < HEAD and (block := raw.read(HEAD - len(head))):
                head += block
        if raw.seekable():
            raw.seek(-len(head), os.SEEK_CUR)
        else:
            raw = _Rejoined(head, raw)
        compression = detect_compression(head)
        if compression is not None:
            raw = decompressed(raw, compression, os.fspath(path))
    except BaseException:
        raw.close()
        raise
    return raw


def rejoined(head: bytes, raw: io.RawIOBase) -> io.RawIOBase:
    """Return a stream of bytes already read, then of the rest of ``raw``."""
    return _Rejoined(head, raw)


def plain_size(raw: io.RawIOBase) -> int | None:
    """Return how many bytes are left to read, known for ordinary uncompressed files only."""
    if not isinstance(raw, io.FileIO) or not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        return None
    return max(os.fstat(raw.fileno()).st_size - raw.tell(), 0)


def open_input(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file for reading its bytes, decompressed if it is compressed.

    Parameters
    ----------
    path : str or path
        A file, a pipe, or ``-`` for standard input. Whether it is plain, gzip, bzip2, xz or
        zstd is told by its first bytes, never by its name; concatenated members are read
        one after the other.

    Returns
    -------
    BinaryIO
        Reads in memory that does not grow with the file. Reading raises FormatError where a
        compressed stream is damaged, cut short or followed by junk.

    Raises
    ------
    OSError
        If the file cannot be opened.
    FormatError
        If it is a device, or zstd-compressed and no decoder is installed.

    Examples
    --------
    >>> import gzip
    >>> path = getfixture("tmp_path") / "words"
    >>> _ = path.write_bytes(gzip.compress(b"the cat"))
    >>> with open_input(path) as stream:
    ...     stream.read()
    b'the cat'
    """
    raw = open_raw_input(path)
    return cast("BinaryIO", io.BufferedReader(raw, _BUFFER))  # type: ignore[type-var, unused-ignore]


def read_lines(path: str | os.PathLike[str], *, most: int | None = None) -> Iterator[bytes]:
    r"""Yield the lines of a file that `open_input` opens, with their newlines.

    Parameters
    ----------
    path : str or path
    most : int, optional
        How many bytes the whole text may have.

    Raises
    ------
    FormatError
        If a line or the text is too long, besides what `open_input` raises.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "words"
    >>> _ = path.write_bytes(b"the cat\nsat")
    >>> list(read_lines(path))
    [b'the cat\n', b'sat']
    """
    total = 0
    with open_input(path) as stream:
        for number in itertools.count(1):
            if not (line := stream.readline(_LONGEST_LINE + 1)):
                return
            if len(line) > _LONGEST_LINE:
                reason = f"a line must have at most {_LONGEST_LINE} bytes, got more"
                raise FormatError(path, number, None, reason)
            total += len(line)
            if most is not None and total > most:
                reason = f"the text must have at most {most} bytes, got more"
                raise FormatError(path, number, None, reason)
            yield line
