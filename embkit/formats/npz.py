"""NumPy archives (``.npz``): ``vectors``, ``words`` and ``counts`` as plain arrays."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats.checks import check_finite, first_not_finite
from embkit.formats.npz_archive import (
    Archive,
    Layout,
    check_members,
    open_archive,
    read_array,
    read_layout,
)
from embkit.formats.safetensors_header import parse_json, to_json
from embkit.vocabulary import Vocabulary

_WORDS = ("words", "vocab", "vocabulary", "tokens", "index_to_key")
_MATRICES = ("vectors", "embeddings", "input")


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
    with open_archive(path) as archive:
        arrays = _read_arrays(archive)
    return _assemble(arrays, path, limit)


def _read_arrays(archive: Archive) -> dict[str, NDArray[Any]]:
    members = check_members(archive)
    layouts = {name: read_layout(archive, info) for name, info in members.items()}
    words = next((name for name in _WORDS if name in layouts), None)
    if words is None:
        _fail(archive.path, f"no array of words: one of {', '.join(_WORDS)}")
    matrix = _choose_matrix(archive, layouts)
    roles = {"words": words, "vectors": matrix}
    roles |= {n: n for n in ("word_offsets", "counts", "output", "provenance") if n in layouts}
    return {
        role: read_array(archive, members[name], layouts[name]) for role, name in roles.items()
    }


def _choose_matrix(archive: Archive, layouts: Mapping[str, Layout]) -> str:
    fits = [n for n, a in layouts.items() if len(a.shape) == 2 and a.dtype.kind == "f"]
    named = [name for name in _MATRICES if name in fits]
    if named:
        return named[0]
    if len(fits) != 1:
        _fail(archive.path, f"one 2-D array of floats must be there, got {len(fits)}")
    return fits[0]


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
    if output is not None and (output.dtype.kind != "f" or output.ndim != 2):
        _fail(path, "output must be a 2-D array of floats")
    if output is not None and output.shape[1] != matrix.shape[1]:
        _fail(path, f"output must have {matrix.shape[1]} columns, got {output.shape[1]}")
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


def _fail(path: str | os.PathLike[str], reason: str) -> NoReturn:
    raise FormatError(path, None, None, reason)
