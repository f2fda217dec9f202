"""The arrays of a NumPy archive, each checked before it is read.

``numpy.load`` believes what an archive says of itself; here its directory and each array's
header are checked first, the stated sizes are enforced while inflating, and objects (pickles)
are refused.
"""

from __future__ import annotations

import errno
import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, NoReturn, TypeGuard

import numpy as np
from numpy.typing import NDArray

from embkit.errors import FormatError
from embkit.formats.limits import check_memory
from embkit.streams import open_file

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}\.npy")
_MAX_MEMBERS = 100
_MAX_NPY_HEADER = 10_000
_MAX_INFLATION = 1040  # deflate reaches 1032 to 1
_BLOCK = 1 << 20
# What zipfile, zlib and NumPy raise at a damaged archive.
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, RuntimeError),
    *(EOFError, ValueError, TypeError, OverflowError, IndexError),
)
_DESCR = re.compile(r"'descr': '([<>=|])([a-zA-Z])(\d{1,9})'")
_ORDER = re.compile(r"'fortran_order': (True|False)")
_SHAPE = re.compile(r"'shape': \(((?:\d{1,19}(?:, ?|(?=\)))){0,32})\)")


@dataclass(frozen=True)
class Archive:
    """An open archive and its name in messages."""

    file: zipfile.ZipFile
    path: str | os.PathLike[str]
    memory: int | None
    """Bytes that its arrays may take; None leaves it to the machine."""


@dataclass(frozen=True)
class Layout:
    """What an array's header says, checked against its member's size."""

    dtype: np.dtype[Any]
    fortran_order: bool
    shape: tuple[int, ...]
    begin: int

    @property
    def num_bytes(self) -> int:
        """Bytes of the array itself."""
        return math.prod(self.shape) * self.dtype.itemsize


@contextmanager
def open_archive(
    path: str | os.PathLike[str], *, memory: int | None = None
) -> Iterator[Archive]:
    """Open an archive; whatever is wrong with it becomes a FormatError.

    Raises
    ------
    OSError
        If the file cannot be opened.
    FormatError
        If the archive is damaged.
    """
    with open_file(path) as stream:
        try:
            with zipfile.ZipFile(stream) as file:
                _check_ends(stream, file, path)
                yield Archive(file, path, memory)
        except FormatError:
            raise
        except _DAMAGE as error:
            if _is_failed_read(error.__context__):
                raise error.__context__ from None
            _fail(path, f"the archive is damaged: {error}")


def _is_failed_read(cause: BaseException | None) -> TypeGuard[OSError]:
    """Tell whether zipfile took an error of the disk for one of the archive.

    A seek to before the first byte is one of the archive.
    """
    return isinstance(cause, OSError) and cause.errno != errno.EINVAL


def _check_ends(
    stream: BinaryIO, archive: zipfile.ZipFile, path: str | os.PathLike[str]
) -> None:
    """Refuse bytes before or after the archive, which zipfile passes over."""
    stream.seek(0)
    if stream.read(4) != b"PK\3\4":
        _fail(path, "the archive does not begin at the first byte")
    end = stream.seek(-22 - len(archive.comment), os.SEEK_END)
    if stream.read(4) != b"PK\5\6":
        raise FormatError(path, None, end, "the archive does not end at the last byte")


def check_members(archive: Archive) -> dict[str, zipfile.ZipInfo]:
    """Return the archive's members by array name, after a check of its directory.

    Raises
    ------
    FormatError
        If a member is no array, is encrypted, or lies about its size.
    ResourceError
        If the arrays would fill the memory.
    """
    infos = archive.file.infolist()
    size = Path(archive.path).stat().st_size
    if len(infos) > _MAX_MEMBERS:
        _fail(archive.path, f"at most {_MAX_MEMBERS} arrays are read, got {len(infos)}")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        shown = repr(info.orig_filename[:60])
        if not _NAME.fullmatch(info.orig_filename) or ".." in info.orig_filename:
            _fail(archive.path, f"member {shown} is not an array's name")
        if info.flag_bits & 0x1:
            _fail(archive.path, f"member {shown} is encrypted", info)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            _fail(archive.path, f"member {shown} is neither stored nor deflated", info)
        if not 0 <= info.header_offset <= size - info.compress_size:
            _fail(archive.path, f"member {shown} lies outside of the file")
        if info.file_size > info.compress_size * _MAX_INFLATION:
            _fail(
                archive.path, f"member {shown} cannot inflate to {info.file_size} bytes", info
            )
        name = info.orig_filename.removesuffix(".npy")
        if name in members:
            _fail(archive.path, f"member {shown} stands twice", info)
        members[name] = info
    check_memory(archive.path, sum(info.file_size for info in infos), archive.memory)
    return members


def read_layout(archive: Archive, info: zipfile.ZipInfo) -> Layout:
    """Return an array's checked header."""
    with archive.file.open(info) as member:
        start = member.read(12)
        version = start[6:8]
        if start[:6] != b"\x93NUMPY" or version not in (b"\1\0", b"\2\0", b"\3\0"):
            _fail(archive.path, f"member {info.filename!r} is not a NumPy array", info)
        wide = version != b"\1\0"
        begin = 12 if wide else 10
        length = int.from_bytes(start[8:begin], "little")
        if length > _MAX_NPY_HEADER:
            _fail(
                archive.path, f"member {info.filename!r} has a header of {length} bytes", info
            )
        text = (start[begin:] + member.read(begin + length - len(start))).decode("latin-1")
    descr, order, shape = (p.search(text) for p in (_DESCR, _ORDER, _SHAPE))
    if "'|O'" in text or "'O'" in text:
        _fail(archive.path, f"member {info.filename!r} holds objects, which are not read", info)
    if descr is None or order is None or shape is None or len(text) < length:
        _fail(archive.path, f"member {info.filename!r} is not a plain array", info)
    sizes = tuple(int(n) for n in shape[1].replace(" ", "").split(",") if n)
    layout = Layout(_dtype(archive, info, descr), order[1] == "True", sizes, begin + length)
    if layout.begin + layout.num_bytes != info.file_size:
        _fail(
            archive.path,
            f"member {info.filename!r} must have as many bytes as its shape and type need",
            info,
        )
    return layout


def _dtype(archive: Archive, info: zipfile.ZipInfo, descr: re.Match[str]) -> np.dtype[Any]:
    order, kind, size = descr[1], descr[2], int(descr[3])
    allowed = {"f": (2, 4, 8), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "b": (1,)}
    if not (kind in "US" and size > 0) and size not in allowed.get(kind, ()):
        _fail(archive.path, f"member {info.filename!r} has the unknown type {kind}{size}", info)
    return np.dtype(f"{order}{kind}{size}")


def read_array(archive: Archive, info: zipfile.ZipInfo, layout: Layout) -> NDArray[Any]:
    """Return an array; its memory grows only as its bytes arrive."""
    with archive.file.open(info) as member:
        member.read(layout.begin)
        data = np.empty(layout.num_bytes, np.uint8)  # untouched pages cost nothing
        filled = _fill(member, data.data)
        if filled < len(data) or member.read(1):
            _fail(archive.path, f"member {info.filename!r} has not the size it states", info)
    array = data.view(layout.dtype)
    return array.reshape(layout.shape, order="F" if layout.fortran_order else "C")


def _fill(member: IO[bytes], target: memoryview) -> int:
    filled = 0
    while filled < len(target):
        block = member.read(min(_BLOCK, len(target) - filled))
        if not block:
            break
        target[filled : filled + len(block)] = block
        filled += len(block)
    return filled


def _fail(
    path: str | os.PathLike[str], reason: str, info: zipfile.ZipInfo | None = None
) -> NoReturn:
    raise FormatError(path, None, 0 if info is None else info.header_offset, reason)
