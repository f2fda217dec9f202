"""The saved form of co-occurrence counts: one file in the safetensors layout.

Tensors: ``word_offsets``, ``counts``, ``row_begins``, ``values`` (float64), ``columns`` (int32,
or int64 from 2^31 entries on) and ``words``; rows in order, columns rising within a row. The
metadata holds the format's version, the provenance and a digest of each tensor.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.counts.checks import first_fault
from embkit.device import available_threads
from embkit.errors import FormatError
from embkit.file_arrays import map_array
from embkit.formats.checks import blocks
from embkit.formats.safetensors_header import (
    ITEM_DTYPES,
    Header,
    build_header,
    parse_json,
    read_header,
    to_json,
)
from embkit.streams import open_file
from embkit.vocabulary import Vocabulary

_MARK = "embkit_cooccurrence"
_VERSION = "1"
_DTYPES = {
    "word_offsets": ("U64",),
    "counts": ("I64",),
    "row_begins": ("I64",),
    "values": ("F64",),
    "columns": ("I32", "I64"),
    "words": ("U8",),
}


class FileLayout:
    """Where everything goes in a file whose values are written before the rest is known."""

    def __init__(self, vocabulary: Vocabulary, provenance: Mapping[str, Any]) -> None:
        self._vocabulary = vocabulary
        self._provenance = provenance
        num_words = len(vocabulary)
        front = _tensors(vocabulary, np.zeros(num_words + 1, np.int64))
        self.values_begin = _header_room(provenance) + sum(a.nbytes for a in front.values())

    def finish(
        self,
        stream: BinaryIO,
        path: str,
        row_begins: NDArray[np.int64],
        columns: NDArray[Any],
    ) -> None:
        """Add all but the values to a file, open for reading too, that holds those."""
        place = {"offset": self.values_begin, "size": int(row_begins[-1])}
        values = map_array(stream, np.float64, name=path, **place)
        arrays = (self._vocabulary, row_begins, columns, values)
        write_file(stream, *arrays, provenance=self._provenance, has_values=True)


def write_file(
    stream: BinaryIO,
    vocabulary: Vocabulary,
    row_begins: NDArray[np.int64],
    columns: NDArray[Any],
    values: NDArray[np.float64],
    *,
    provenance: Mapping[str, Any],
    has_values: bool = False,
) -> None:
    """Write counts, array by array, without copying one in memory.

    With ``has_values``, the values are in their place already.

    Raises
    ------
    OSError
        If the disk is full.
    """
    front = _tensors(vocabulary, row_begins)
    tensors = {**front, "values": values, "columns": columns, "words": _words_of(vocabulary)}
    metadata = {
        _MARK: _VERSION,
        "provenance": to_json(provenance),
        "digests": to_json({name: _digest(array) for name, array in tensors.items()}),
    }
    if has_values:
        stream.seek(0)
    stream.write(build_header(tensors, metadata, room=_header_room(provenance)))
    for name, array in tensors.items():
        if name == "values" and has_values:
            stream.seek(values.nbytes, os.SEEK_CUR)
            continue
        for block in blocks(array):
            stream.write(block)


def _header_room(provenance: Mapping[str, Any]) -> int:
    """Return bytes enough for the header, whatever the number of entries."""
    return -(-len(json.dumps(to_json(provenance))) // 64) * 64 + 2048


def _words_of(vocabulary: Vocabulary) -> NDArray[np.uint8]:
    return vocabulary.data[int(vocabulary.offsets[0]) : int(vocabulary.offsets[-1])]


def _tensors(vocabulary: Vocabulary, row_begins: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return the arrays before the values, all of 8-byte items."""
    tensors: dict[str, NDArray[Any]] = {
        "word_offsets": vocabulary.offsets - vocabulary.offsets[0]
    }
    if vocabulary.counts is not None:
        tensors["counts"] = vocabulary.counts
    return {**tensors, "row_begins": row_begins}


def _digest(array: NDArray[Any]) -> str:
    return core.digest(array, threads=available_threads())


def read_file(
    path: str | os.PathLike[str], *, verify: bool, check: bool = True
) -> dict[str, Any]:
    """Map a file of counts and check that every entry is what it must be.

    Without ``check``, entries are trusted: the file was just written. Returns the fields of a
    `Cooccurrence` by name.

    Raises
    ------
    FormatError
        If it is not such a file, or is damaged.
    OSError
        If it cannot be read.
    """
    file = Path(path)
    with open_file(file) as stream:
        header = read_header(stream, file)
        if header.metadata.get(_MARK) != _VERSION:
            _fail(file, 8, "this safetensors file holds no co-occurrence counts")
        arrays = _map_tensors(file, header, stream)
    if verify:
        _verify(file, header, arrays)
    if check:
        _check(file, header, arrays)
    vocabulary = Vocabulary(arrays["words"], arrays["word_offsets"], arrays.get("counts"))
    entries = {name: arrays[name] for name in ("row_begins", "columns", "values")}
    provenance = _parse(file, header, "provenance")
    return {"vocabulary": vocabulary, **entries, "provenance": provenance}


def _map_tensors(file: Path, header: Header, stream: BinaryIO) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for name, dtypes in _DTYPES.items():
        tensor = header.tensors.get(name)
        if tensor is None and name == "counts":
            continue
        if tensor is None:
            _fail(file, 8, f"tensor {name!r} is missing")
        if tensor.dtype not in dtypes or len(tensor.shape) != 1:
            _fail(file, 8, f"tensor {name!r} must be {' or '.join(dtypes)} of 1 dimension")
        # A map of its own: SciPy copies what is a small view of something larger.
        dtype, (size,) = ITEM_DTYPES[tensor.dtype], tensor.shape
        arrays[name] = map_array(stream, dtype, name=file, offset=tensor.begin, size=size)
    return arrays


def _verify(file: Path, header: Header, arrays: dict[str, NDArray[Any]]) -> None:
    if not header.is_intact():
        _fail(file, 8, "the header was changed after it was written: its checksum differs")
    digests = _parse(file, header, "digests")
    for name, array in arrays.items():
        if digests.get(name) != _digest(array):
            reason = f"tensor {name!r} is damaged: its checksum differs"
            _fail(file, header.tensors[name].begin, reason)


def _check(file: Path, header: Header, arrays: dict[str, NDArray[Any]]) -> None:
    def fail(name: str, reason: str) -> NoReturn:
        _fail(file, header.tensors[name].begin, reason)

    offsets, num_bytes = arrays["word_offsets"], len(arrays["words"])
    num_words = len(offsets) - 1
    if num_words < 1 or offsets[0] != 0 or offsets[-1] != num_bytes:
        fail("word_offsets", f"word_offsets must go from 0 to {num_bytes}")
    if (offsets[1:] < offsets[:-1]).any():
        fail("word_offsets", "word_offsets must not descend")
    if "counts" in arrays and len(arrays["counts"]) != num_words:
        fail("counts", f"{num_words} words need as many counts")
    begins, columns, values = (arrays[name] for name in ("row_begins", "columns", "values"))
    if len(columns) != len(values):
        fail("columns", f"{len(values)} values need as many columns, got {len(columns)}")
    if len(begins) != num_words + 1 or begins[0] != 0 or begins[-1] != len(values):
        fail("row_begins", f"row_begins must have {num_words + 1} places from 0 to the end")
    if (begins[1:] < begins[:-1]).any():
        fail("row_begins", "row_begins must not descend")
    fault = first_fault(begins, columns, values, num_words)
    if fault is not None:
        name, entry, reason = fault
        array = arrays[name]
        _fail(file, header.tensors[name].begin + entry * array.itemsize, reason)


def _parse(file: Path, header: Header, name: str) -> dict[str, Any]:
    try:
        return parse_json(header.metadata.get(name, "{}").encode("utf-8"))
    except ValueError as error:
        _fail(file, 8, f"the metadata's {name} is not valid: {error}")


def _fail(path: Path, offset: int, reason: str) -> NoReturn:
    raise FormatError(path, None, offset, reason)
