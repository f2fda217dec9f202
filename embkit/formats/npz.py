"""NumPy archives (``.npz``): ``vectors``, ``words`` and ``counts`` as plain arrays.

Read without ``numpy.load``: the directory of the archive and each array's header are checked
first, the stated sizes are enforced while inflating, and objects (pickles) are refused.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats.checks import check_finite, first_not_finite
from embkit.formats.safetensors_header import parse_json, to_json
from embkit.vocabulary import Vocabulary

_WORDS = ("words", "vocab", "vocabulary", "tokens", "index_to_key")
_MATRICES = ("vectors", "embeddings", "input")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}\.npy")
_MAX_MEMBERS = 100
_MAX_NPY_HEADER = 10_000
_MAX_INFLATION = 1040  # deflate reaches 1032 to 1
_BLOCK = 1 << 20
_DESCR = re.compile(r"'descr': '([<>=|])([a-zA-Z])(\d{1,9})'")
_ORDER = re.compile(r"'fortran_order': (True|False)")
_SHAPE = re.compile(r"'shape': \(((?:\d{1,19}(?:, ?|(?=\))))*)\)")


def write_embeddings(embeddings: Embeddings, stream: BinaryIO) -> None:
    """Write an archive that ``numpy.load`` reads too, without pickles.

    Arrays: ``vectors`` (float32), ``words`` (all their bytes, uint8) with ``word_offsets``,
    ``counts`` and ``output`` where known, ``provenance`` (JSON, uint8). Equal embeddings
    give equal bytes.

    Raises
    ------
    ValueError
        If a value is NaN or infinite, or the provenance cannot be expressed as JSON.
    """
    check_finite("vectors", embeddings.vectors)
    if embeddings.output is not None:
        check_finite("output", embeddings.output)
    provenance = to_json(embeddings.provenance).encode()
    arrays = {
        "vectors": embeddings.vectors,
        "words": embeddings.vocabulary.data,
        "word_offsets": embeddings.vocabulary.offsets,
        "counts": embeddings.counts,
        "output": embeddings.output,
        "provenance": np.frombuffer(provenance, np.uint8),
    }
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            if array is None:
                continue
            info = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, not now
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def read_embeddings(path: str | os.PathLike[str], *, limit: int | None = None) -> Embeddings:
    """Read an archive with a matrix and its words.

    Parameters
    ----------
    path : str or path
        The file. Beside embkit's own archives, any that has its words as text in an array
        ``words``, ``vocab``, ``vocabulary``, ``tokens`` or ``index_to_key``, and one
        two-dimensional array of numbers (or several, one of them called ``vectors``,
        ``embeddings`` or ``input``). Any float type, byte order and array order.
    limit : int, optional
        Keep only this many words, the first ones.

    Raises
    ------
    OSError
        If the file cannot be opened.
    FormatError
        If it is damaged, holds objects, or lacks what is needed; or a value is NaN or
        infinite.
    """
    with Path(path).open("rb") as stream:
        try:
            with zipfile.ZipFile(stream) as archive:
                arrays = _read_arrays(_Archive(archive, path))
        except (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError) as error:
            _fail(path, f"the archive is damaged: {error}")
        except (EOFError, UnicodeError, OverflowError, IndexError, RuntimeError) as error:
            _fail(path, f"the archive is damaged: {error!r}")
    return _assemble(arrays, path, limit)


@dataclass(frozen=True)
class _Archive:
    file: zipfile.ZipFile
    path: str | os.PathLike[str]


@dataclass(frozen=True)
class _Layout:
    """What an array's header says, checked against its member's size."""

    dtype: np.dtype[Any]
    fortran_order: bool
    shape: tuple[int, ...]
    begin: int

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def _read_arrays(archive: _Archive) -> dict[str, NDArray[Any]]:
    members = _check_members(archive)
    layouts = {name: _read_layout(archive, info) for name, info in members.items()}
    words = next((name for name in _WORDS if name in layouts), None)
    if words is None:
        _fail(archive.path, f"no array of words: one of {', '.join(_WORDS)}")
    matrix = _choose_matrix(archive, layouts)
    roles = {"words": words, "vectors": matrix}
    roles |= {n: n for n in ("word_offsets", "counts", "output", "provenance") if n in layouts}
    return {
        role: _read_array(archive, members[name], layouts[name]) for role, name in roles.items()
    }


def _choose_matrix(archive: _Archive, layouts: Mapping[str, _Layout]) -> str:
    fits = [n for n, a in layouts.items() if len(a.shape) == 2 and a.dtype.kind == "f"]
    named = [name for name in _MATRICES if name in fits]
    if named:
        return named[0]
    if len(fits) != 1:
        _fail(archive.path, f"one 2-D array of floats must be there, got {len(fits)}")
    return fits[0]


def _check_members(archive: _Archive) -> dict[str, zipfile.ZipInfo]:
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
        if info.header_offset + info.compress_size > size:
            _fail(archive.path, f"member {shown} ends beyond the file", info)
        if info.file_size > info.compress_size * _MAX_INFLATION:
            _fail(
                archive.path, f"member {shown} cannot inflate to {info.file_size} bytes", info
            )
        name = info.orig_filename.removesuffix(".npy")
        if name in members:
            _fail(archive.path, f"member {shown} stands twice", info)
        members[name] = info
    return members


def _read_layout(archive: _Archive, info: zipfile.ZipInfo) -> _Layout:
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
    layout = _Layout(_dtype(archive, info, descr), order[1] == "True", sizes, begin + length)
    if layout.begin + layout.num_bytes != info.file_size:
        _fail(
            archive.path,
            f"member {info.filename!r} needs {layout.begin + layout.num_bytes} bytes, "
            f"has {info.file_size}",
            info,
        )
    return layout


def _dtype(archive: _Archive, info: zipfile.ZipInfo, descr: re.Match[str]) -> np.dtype[Any]:
    order, kind, size = descr[1], descr[2], int(descr[3])
    allowed = {"f": (2, 4, 8), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "b": (1,)}
    if not (kind in "US" and size > 0) and size not in allowed.get(kind, ()):
        _fail(archive.path, f"member {info.filename!r} has the unknown type {kind}{size}", info)
    return np.dtype(f"{order}{kind}{size}")


def _read_array(archive: _Archive, info: zipfile.ZipInfo, layout: _Layout) -> NDArray[Any]:
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


def _assemble(
    arrays: dict[str, NDArray[Any]], path: str | os.PathLike[str], limit: int | None
) -> Embeddings:
    matrix = arrays["vectors"]
    num_words = len(matrix)
    rows = num_words if limit is None else min(limit, num_words)
    words = _vocabulary(arrays, num_words, path)
    counts = words.counts
    if counts is not None and (len(counts) != num_words or (counts < 0).any()):
        _fail(path, f"{num_words} rows need as many counts, at least 0 each")
    vocabulary = Vocabulary(
        words.data, words.offsets[: rows + 1], None if counts is None else counts[:rows]
    )
    output = arrays.get("output")
    if output is not None and (output.ndim != 2 or output.shape[1:] != matrix.shape[1:]):
        _fail(path, f"output must have {matrix.shape[1]} columns")
    if output is not None and rows < num_words:
        output = output[:rows] if len(output) == num_words else None
    return Embeddings(
        vocabulary,
        _floats(matrix[:rows], "vectors", path),
        output=None if output is None else _floats(output, "output", path),
        provenance=_provenance(arrays, path),
    )


def _floats(
    matrix: NDArray[Any], name: str, path: str | os.PathLike[str]
) -> NDArray[np.float32]:
    if matrix.shape[1] < 1:
        _fail(path, f"{name} must have at least 1 column, got 0")
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(matrix, np.float32)
    row = first_not_finite(values)
    if row is not None:
        _fail(path, f"row {row} of {name} is not finite as float32")
    return values


def _vocabulary(
    arrays: Mapping[str, NDArray[Any]], num_words: int, path: str | os.PathLike[str]
) -> Vocabulary:
    words, offsets = arrays["words"], arrays.get("word_offsets")
    counts = arrays.get("counts")
    if counts is not None:
        if counts.ndim != 1 or counts.dtype.kind not in "iu":
            _fail(path, "counts must be one row of whole numbers")
        counts = counts.astype(np.int64)
    if words.ndim != 1:
        _fail(path, f"words must have 1 dimension, got {words.ndim}")
    if words.dtype.kind in "US":
        if len(words) != num_words:
            _fail(path, f"{num_words} rows need as many words, got {len(words)}")
        vocabulary = Vocabulary.from_words(_encoded(words, path))
        return Vocabulary(vocabulary.data, vocabulary.offsets, counts)
    if words.dtype != np.uint8 or offsets is None or offsets.dtype.kind not in "iu":
        _fail(path, "words must be text, or bytes with word_offsets")
    starts = offsets.astype(np.uint64)
    if starts.shape != (num_words + 1,) or starts[0] != 0 or starts[-1] != len(words):
        _fail(path, f"word_offsets must be {num_words + 1} numbers from 0 to {len(words)}")
    if (starts[1:] < starts[:-1]).any():
        _fail(path, "word_offsets must not descend")
    return Vocabulary(words, starts, counts)


def _encoded(words: NDArray[Any], path: str | os.PathLike[str]) -> Iterable[bytes]:
    if words.dtype.kind == "S":
        return [bytes(word) for word in words]
    codes = words.astype(words.dtype.newbyteorder("=")).view(np.uint32)
    if (codes > 0x10FFFF).any():
        _fail(path, "words hold characters beyond Unicode")
    try:
        return [str(word).encode("utf-8", "surrogateescape") for word in words]
    except UnicodeEncodeError as error:
        _fail(path, f"words cannot be encoded: {error.reason}")


def _provenance(
    arrays: Mapping[str, NDArray[Any]], path: str | os.PathLike[str]
) -> dict[str, Any]:
    if "provenance" not in arrays:
        return {}
    try:
        return parse_json(arrays["provenance"].tobytes())
    except ValueError as error:
        _fail(path, f"the provenance is not valid: {error}")


def _fail(
    path: str | os.PathLike[str], reason: str, info: zipfile.ZipInfo | None = None
) -> NoReturn:
    raise FormatError(path, None, None if info is None else info.header_offset, reason)
