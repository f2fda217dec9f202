"""Byte streams: plain or compressed, recognised by content when read, by name when written."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import itertools
import lzma
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

from embkit.errors import FormatError

_INPUT_BLOCK = 1 << 16  # compressed bytes read at a time
_ZSTD_PIECE = 1 << 11  # fed to zstandard at a time: 2 KiB inflate to 64 MiB at the very most
_BUFFER = 1 << 20
_XZ_MEMORY = 1 << 30  # a dictionary above this is refused; it is touched only as data arrives
_HEAD = 10  # bytes that tell every compression
_LONGEST_LINE = 1 << 24
MOST_KEPT = 1 << 28
"""Bytes of text that readers take which keep all of it: a small compressed file may hold a
thousand times as much as its size."""

_BZIP2_BLOCKS = (bytes.fromhex("314159265359"), bytes.fromhex("177245385090"))
_EXTENSIONS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}


def detect_compression(head: bytes) -> str | None:
    r"""Return ``gzip``, ``bzip2``, ``xz``, ``zstd``, or None, from the first ten bytes.

    Examples
    --------
    >>> detect_compression(b"\x1f\x8b\x08"), detect_compression(b"the cat")
    ('gzip', None)
    """
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"BZh") and head[4:10] in _BZIP2_BLOCKS:
        return "bzip2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5:  # a skippable frame
        return "zstd"
    return None


def compression_of_name(path: str | os.PathLike[str]) -> str | None:
    """Return the compression that a file's extension asks for, or None."""
    return _EXTENSIONS.get(Path(path).suffix.lower())


class _Decoder(Protocol):
    """What the standard library's decompressors of one member have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _GzipDecoder:
    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(wbits=31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)
        self.needs_input = len(out) < max_length and not self._inflate.unconsumed_tail
        return out


class _ZstandardDecoder:
    """The zstandard package's decoder, fed in pieces since it cannot bound its output."""

    def __init__(self) -> None:
        import zstandard

        self._decode = zstandard.ZstdDecompressor().decompressobj()
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return bool(self._decode.eof)

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    @property
    def unused_data(self) -> bytes:
        return bytes(self._decode.unused_data) + self._waiting

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        waiting = self._waiting + data
        self._waiting = waiting[_ZSTD_PIECE:]
        return bytes(self._decode.decompress(waiting[:_ZSTD_PIECE]))


def _zstd(path: str) -> Callable[[], _Decoder]:
    with contextlib.suppress(ImportError):
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]

        return cast("Callable[[], _Decoder]", zstd.ZstdDecompressor)
    with contextlib.suppress(ImportError):
        import zstandard  # noqa: F401

        return _ZstandardDecoder
    raise FormatError(
        path, None, 0, "this is zstd-compressed: pip install embkit[zstd] to read it"
    )


def _decoder(compression: str, path: str) -> Callable[[], _Decoder]:
    if compression == "zstd":
        return _zstd(path)
    decoders: dict[str, Callable[[], _Decoder]] = {
        "gzip": _GzipDecoder,
        "bzip2": bz2.BZ2Decompressor,
        "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
    }
    return decoders[compression]


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


class _Decompressed(io.RawIOBase):
    """The members of a compressed file, one after the other, in bounded memory."""

    def __init__(self, raw: io.RawIOBase, compression: str, path: str) -> None:
        self._raw = raw
        self._path = path
        self.compression = compression
        self._new_decoder = _decoder(compression, path)
        self._decoder: _Decoder | None = None  # none between members
        self._waiting = b""  # compressed bytes read and not yet fed
        self._offset = 0  # compressed bytes read so far
        self._ready = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        while not self._ready and not self._ended:
            if self._decoder is None:
                self._start_member()
            else:
                self._decode_some(self._decoder, len(buffer))
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _start_member(self) -> None:
        if self._offset and self.compression in ("gzip", "xz"):
            while not self._waiting.strip(b"\0") and self._read_block():
                self._waiting = self._waiting.lstrip(b"\0")  # both may be padded with zeros
            self._waiting = self._waiting.lstrip(b"\0")
        while len(self._waiting) < _HEAD and self._read_block():
            pass
        if not self._waiting:
            self._ended = True
        elif detect_compression(self._waiting[:_HEAD]) == self.compression:
            self._decoder = self._new_decoder()
        else:
            start = self._offset - len(self._waiting)
            raise self._error(start, f"junk follows the {self.compression} stream")

    def _decode_some(self, decoder: _Decoder, wanted: int) -> None:
        if decoder.needs_input and not self._waiting and not self._read_block():
            raise self._error(self._offset, f"the {self.compression} stream is cut short")
        try:
            self._ready = memoryview(decoder.decompress(self._waiting, wanted))
        except MemoryError:
            raise
        except Exception as error:
            reason = f"the {self.compression} stream is damaged: {error}"
            raise self._error(self._offset, reason) from None
        self._waiting = b""
        if decoder.eof:
            self._waiting = decoder.unused_data
            self._decoder = None

    def _read_block(self) -> bool:
        block = self._raw.read(_INPUT_BLOCK) or b""
        self._offset += len(block)
        self._waiting += block
        return bool(block)

    def _error(self, offset: int, reason: str) -> FormatError:
        return FormatError(self._path, None, offset, reason)


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
        return open(0, "rb", buffering=0, closefd=False)
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
            while len(head) < _HEAD and (block := raw.read(_HEAD - len(head))):
                head += block
        if raw.seekable():
            raw.seek(-len(head), os.SEEK_CUR)
        else:
            raw = _Rejoined(head, raw)
        compression = detect_compression(head)
        if compression is not None:
            raw = _Decompressed(raw, compression, os.fspath(path))
    except BaseException:
        raw.close()
        raise
    return raw


def rejoined(head: bytes, raw: io.RawIOBase) -> io.RawIOBase:
    """Return a stream of bytes already read, then of the rest of ``raw``."""
    return _Rejoined(head, raw)


def compression_of(raw: io.RawIOBase) -> str | None:
    """Return the compression of a file that ``open_raw_input`` opened, or None."""
    return raw.compression if isinstance(raw, _Decompressed) else None


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


@contextlib.contextmanager
def compressed(stream: BinaryIO, name: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Compress what is written, as the extension of ``name`` asks; ``stream`` stays open.

    Equal data gives equal bytes: no time or name is stored.

    Raises
    ------
    ValueError
        If the extension asks for zstd and no encoder is installed.

    Examples
    --------
    >>> import io
    >>> packed = io.BytesIO()
    >>> with compressed(packed, "words.txt.gz") as out:
    ...     _ = out.write(b"the cat")
    >>> detect_compression(packed.getvalue())
    'gzip'
    """
    compression = compression_of_name(name)
    if compression is None:
        yield stream
        return
    with _encoder(compression, stream) as encoder:
        yield cast("BinaryIO", encoder)


def check_encoder(compression: str) -> None:
    """Raise ValueError unless files can be written with this compression."""
    with _encoder(compression, io.BytesIO()):
        pass


def _encoder(compression: str, stream: BinaryIO) -> IO[bytes]:
    if compression == "gzip":
        return cast("IO[bytes]", gzip.GzipFile("", "wb", 6, stream, mtime=0))
    if compression == "bzip2":
        return bz2.BZ2File(stream, "wb")
    if compression == "xz":
        return lzma.LZMAFile(stream, "wb")
    with contextlib.suppress(ImportError):
        from compression import zstd  # type: ignore[import-not-found, unused-ignore]

        return cast("IO[bytes]", zstd.ZstdFile(stream, "wb"))
    with contextlib.suppress(ImportError):
        import zstandard

        writer = zstandard.ZstdCompressor().stream_writer(stream, closefd=False)
        return cast("IO[bytes]", writer)
    raise ValueError(
        "compression must be gzip, bzip2 or xz, or pip install embkit[zstd]; got zstd"
    )
