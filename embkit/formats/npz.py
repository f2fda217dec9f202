"""NumPy archives (``.npz``): ``vectors``, ``words`` and ``counts`` as plain arrays.

Sparse vectors have the arrays of ``scipy.sparse.save_npz`` in place of ``vectors``.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats import npz_sparse
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
from embkit.sparse import SparseEmbeddings
from embkit.vocabulary import Vocabulary

_WORDS = ("words", "vocab", "vocabulary", "tokens", "index_to_key")
_MATRICES = ("vectors", "embeddings", "input")


def write_embeddings(embeddings: Embeddings | SparseEmbeddings, stream: BinaryIO) -> None:
    """Write an archive that ``numpy.load`` reads too, without pickles.

    Arrays: ``vectors`` (float32; of sparse ones ``data``, ``indices``, ``indptr``, ``shape``
    and ``format``, which ``scipy.sparse.load_npz`` reads), ``words`` (all their bytes,
    uint8) with ``word_offsets``, ``counts`` and ``output`` where known, ``provenance``
    (JSON, uint8). Equal embeddings give equal bytes.

    Raises
    ------
    NotFiniteError
        If a value is NaN or infinite.
    ValueError
        If the provenance cannot be expressed as JSON.
    """
    provenance = to_json(embeddings.provenance).encode()
    arrays = {
        **_rows_of(embeddings),
        "words": embeddings.vocabulary.data,
        "word_offsets": embeddings.vocabulary.offsets,
        "counts": embeddings.counts,
        "provenance": np.frombuffer(provenance, np.uint8),
    }
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            if array is None:
                continue
            info = zipfile.ZipInfo(f"{name}.npy")  # dated 1980, not now
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)


def _rows_of(embeddings: Embeddings | SparseEmbeddings) -> dict[str, NDArray[Any]]:
    if isinstance(embeddings, SparseEmbeddings):
        return npz_sparse.arrays_of(embeddings)
    rows = {"vectors": embeddings.vectors}
    if embeddings.output is not None:
        rows["output"] = embeddings.output
    for name, matrix in rows.items():
        check_finite(name, matrix)
    return dict(rows)


def read_embeddings(
    path: str | os.PathLike[str],
    *,
    limit: int | None = None,
    memory: int | None = None,
    lenient: bool = False,
) -> Embeddings:
    """Read an archive with a matrix and its words.

    Parameters
    ----------
    path : str or path
        The file. Beside embkit's own archives, any that has its words as text in an array
        ``words``, ``vocab``, ``vocabulary``, ``tokens`` or ``index_to_key``, and one
        two-dimensional array of numbers (or several, one of them called ``vectors``,
        ``embeddings`` or ``input``). Any float type, byte order and array order. With the
        words, the arrays of ``scipy.sparse.save_npz`` (csr) are sparse vectors.
    limit : int, optional
        Keep only this many words, the first ones.
    memory : int, optional
        Bytes that its arrays may take.
    lenient : bool
        Return values that are not finite as they are.

    Raises
    ------
    OSError
        If the file cannot be opened.
    FormatError
        If it is damaged, holds objects, or lacks what is needed; or a value is NaN or
        infinite and ``lenient`` is false.
    ResourceError
        If its arrays would take more than ``memory``.
    """
    with open_archive(path, memory=memory) as archive:
        content = _read_content(archive, lenient=lenient)
    return cast("Embeddings", _assemble(content, limit))  # or SparseEmbeddings


@dataclass(frozen=True)
class _Content:
    """The arrays that matter, by their part, and where in the file each one's member is."""

    path: str | os.PathLike[str]
    arrays: dict[str, NDArray[Any]]
    offsets: dict[str, int]
    lenient: bool

    def fail(self, part: str, reason: str) -> NoReturn:
        raise FormatError(self.path, None, self.offsets[part], reason)


def _read_content(archive: Archive, *, lenient: bool) -> _Content:
    members = check_members(archive)
    layouts = {name: read_layout(archive, info) for name, info in members.items()}
    words = next((name for name in _WORDS if name in layouts), None)
    if words is None:
        raise FormatError(
            archive.path, None, 0, f"no array of words: one of {', '.join(_WORDS)}"
        )
    is_sparse = npz_sparse.is_sparse(layouts)
    parts = {"words": words}
    parts |= npz_sparse.MEMBERS if is_sparse else {"vectors": _choose_matrix(archive, layouts)}
    parts |= {n: n for n in ("word_offsets", "counts", "output", "provenance") if n in layouts}
    arrays = {
        part: read_array(archive, members[name], layouts[name]) for part, name in parts.items()
    }
    offsets = {part: members[name].header_offset for part, name in parts.items()}
    return _Content(archive.path, arrays, offsets, lenient)


def _choose_matrix(archive: Archive, layouts: Mapping[str, Layout]) -> str:
    fits = [n for n, a in layouts.items() if len(a.shape) == 2 and a.dtype.kind == "f"]
    named = [name for name in _MATRICES if name in fits]
    if named:
        return named[0]
    if len(fits) != 1:
        reason = f"one 2-D array of floats must be there, got {len(fits)}"
        raise FormatError(archive.path, None, 0, reason)
    return fits[0]


def _assemble(content: _Content, limit: int | None) -> Embeddings | SparseEmbeddings:
    if "format" in content.arrays:
        sparse = npz_sparse.read_matrix(content)
        vocabulary = _first_words(content, sparse.shape[0], limit)
        return SparseEmbeddings(
            vocabulary, sparse[: len(vocabulary)], provenance=_provenance(content)
        )
    matrix = content.arrays["vectors"]
    num_words, dim = matrix.shape
    vocabulary = _first_words(content, num_words, limit)
    rows = len(vocabulary)
    output = content.arrays.get("output")
    if output is not None:
        if output.dtype.kind != "f" or output.ndim != 2 or output.shape[1] != dim:
            content.fail("output", f"output must be a 2-D array of floats with {dim} columns")
        if rows < num_words:
            output = output[:rows] if len(output) == num_words else None
    return Embeddings(
        vocabulary,
        _floats(content, "vectors", matrix[:rows]),
        output=None if output is None else _floats(content, "output", output),
        provenance=_provenance(content),
    )


def _first_words(content: _Content, num_words: int, limit: int | None) -> Vocabulary:
    vocabulary = _vocabulary(content, num_words)
    rows = num_words if limit is None else min(limit, num_words)
    counts = None if vocabulary.counts is None else vocabulary.counts[:rows]
    return Vocabulary(vocabulary.data, vocabulary.offsets[: rows + 1], counts)


def _floats(content: _Content, part: str, matrix: NDArray[Any]) -> NDArray[np.float32]:
    if matrix.shape[1] < 1:
        content.fail(part, f"{part} must have at least 1 column, got 0")
    with np.errstate(over="ignore"):
        values = np.ascontiguousarray(matrix, np.float32)
    row = None if content.lenient else first_not_finite(values)
    if row is not None:
        content.fail(part, f"row {row} of {part} is not finite as float32")
    return values


def _vocabulary(content: _Content, num_words: int) -> Vocabulary:
    words, offsets = content.arrays["words"], content.arrays.get("word_offsets")
    counts = _counts(content, num_words)
    if words.ndim != 1:
        content.fail("words", f"words must have 1 dimension, got {words.ndim}")
    if words.dtype.kind in "US":
        if len(words) != num_words:
            content.fail("words", f"{num_words} rows need as many words, got {len(words)}")
        vocabulary = Vocabulary.from_words(_encoded(content, words))
        return Vocabulary(vocabulary.data, vocabulary.offsets, counts)
    if words.dtype != np.uint8 or offsets is None or offsets.dtype.kind not in "iu":
        content.fail("words", "words must be text, or bytes with word_offsets")
    starts = offsets.astype(np.uint64)
    if starts.shape != (num_words + 1,) or starts[0] != 0 or starts[-1] != len(words):
        reason = f"word_offsets must be {num_words + 1} numbers from 0 to {len(words)}"
        content.fail("word_offsets", reason)
    if (starts[1:] < starts[:-1]).any():
        content.fail("word_offsets", "word_offsets must not descend")
    return Vocabulary(words, starts, counts)


def _counts(content: _Content, num_words: int) -> NDArray[np.int64] | None:
    counts = content.arrays.get("counts")
    if counts is None:
        return None
    if counts.dtype.kind not in "iu" or counts.shape != (num_words,):
        content.fail("counts", f"counts must be {num_words} whole numbers")
    counts = counts.astype(np.int64)
    if (counts < 0).any():
        content.fail("counts", "counts must be at least 0")
    return counts


def _encoded(content: _Content, words: NDArray[Any]) -> Iterable[bytes]:
    if words.dtype.kind == "S":
        return [bytes(word) for word in words]
    codes = words.astype(words.dtype.newbyteorder("=")).view(np.uint32)
    if (codes > 0x10FFFF).any():
        content.fail("words", "words hold characters beyond Unicode")
    try:
        return [str(word).encode("utf-8", "surrogateescape") for word in words]
    except UnicodeEncodeError as error:
        content.fail("words", f"words cannot be encoded: {error.reason}")


def _provenance(content: _Content) -> dict[str, Any]:
    if "provenance" not in content.arrays:
        return {}
    try:
        return parse_json(content.arrays["provenance"].tobytes())
    except ValueError as error:
        content.fail("provenance", f"the provenance is not valid: {error}")
