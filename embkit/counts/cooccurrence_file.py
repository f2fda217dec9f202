"""The saved form of co-occurrence counts: one file in the safetensors layout.

Tensors: ``word_offsets``, ``counts``, ``row_begins``, ``values`` (float64), ``columns`` (int32,
or int64 from 2^31 entries on) and ``words``; rows in order, columns rising within a row. The
metadata holds the format's version, the provenance and a digest of each tensor.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.config import available_threads
from embkit.counts.checks import first_fault
from embkit.counts.cooccurrence import Cooccurrence
from embkit.errors import FormatError
from embkit.formats.checks import blocks
from embkit.formats.safetensors_header import (
    ITEM_DTYPES,
    Header,
    build_header,
    parse_json,
    read_header,
    to_json,
)
from embkit.output import OutputFile
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


def write_file(counts: Cooccurrence, path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Write counts, array by array, without copying one in memory.

    Raises
    ------
    OutputExistsError
        If the file exists and ``overwrite`` is false.
    OSError
        If it cannot be written.
    """
    tensors = _tensors_of(counts)
    digests = {name: _digest(array) for name, array in tensors.items()}
    metadata = {
        _MARK: _VERSION,
        "provenance": to_json(counts.provenance),
        "digests": to_json(digests),
    }
    header = build_header(tensors, metadata)
    with OutputFile(path, overwrite=overwrite) as stream:
        stream.write(header)
        for array in tensors.values():
            for block in blocks(array):
                stream.write(block)


def _tensors_of(counts: Cooccurrence) -> dict[str, NDArray[Any]]:
    vocabulary = counts.vocabulary
    begin = int(vocabulary.offsets[0])
    arrays: dict[str, Any] = {
        "word_offsets": vocabulary.offsets - np.uint64(begin),
        "counts": vocabulary.counts,
        "row_begins": counts.row_begins,
        "values": counts.values,
        "columns": counts.columns,
        "words": vocabulary.data[begin : int(vocabulary.offsets[-1])],
    }
    return {
        name: np.ascontiguousarray(array) for name, array in arrays.items() if array is not None
    }


def _digest(array: NDArray[Any]) -> str:
    return core.digest(array, threads=available_threads())


def read_file(path: str | os.PathLike[str], *, verify: bool) -> Cooccurrence:
    """Map a file of counts and check that every entry is what it must be.

    Raises
    ------
    FormatError
        If it is not such a file, or is damaged.
    OSError
        If it cannot be read.
    """
    file = Path(path)
    with file.open("rb") as stream:
        header = read_header(stream, file)
        if header.metadata.get(_MARK) != _VERSION:
            _fail(file, 8, "this safetensors file holds no co-occurrence counts")
        arrays = _map_tensors(file, header, stream)
    if verify:
        _verify(file, header, arrays)
    _check(file, header, arrays)
    return Cooccurrence(
        Vocabulary(arrays["words"], arrays["word_offsets"], arrays.get("counts")),
        arrays["row_begins"],
        arrays["columns"],
        arrays["values"],
        provenance=_parse(file, header, "provenance"),
    )


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
        dtype, place = ITEM_DTYPES[tensor.dtype], tensor.begin
        if tensor.shape[0] == 0:
            arrays[name] = np.empty(0, dtype)
        else:
            arrays[name] = np.memmap(stream, dtype, "r", offset=place, shape=tensor.shape)
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
