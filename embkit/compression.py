"""Compressed streams: recognised by content when read, chosen by name when written."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

from embkit.errors import FormatError

HEAD = 10
"""Bytes that tell every compression."""

_INPUT_BLOCK = 1 << 16  # compressed bytes read at a time
_ZSTD_PIECE = 1 << 11  # fed to zstandard at a time: 2 KiB inflate to 64 MiB at the very most
_XZ_MEMORY = 1 << 30  # a dictionary above this is refused; it is touched only as data arrives
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
        while len(self._waiting) < HEAD and self._read_block():
            pass
        if not self._waiting:
            self._ended = True
        elif detect_compression(self._waiting[:HEAD]) == self.compression:
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


def decompressed(raw: io.RawIOBase, compression: str, path: str) -> io.RawIOBase:
    """Return what a compressed stream holds; ``path`` is what errors name.

    Raises
    ------
    FormatError
        If it is zstd and no decoder is installed; when read, if the stream is damaged, cut
        short or followed by junk.
    """
    return _Decompressed(raw, compression, path)


def compression_of(raw: io.RawIOBase) -> str | None:
    """Return the compression of a stream that `decompressed` made, or None."""
    return raw.compression if isinstance(raw, _Decompressed) else None


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
