"""Positive pointwise mutual information: sparse vectors straight from counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embkit._version import __version__
from embkit.config import PpmiConfig
from embkit.counts.checks import first_fault
from embkit.errors import CorpusError, ResourceError
from embkit.sparse import SparseEmbeddings

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from embkit.vocabulary import Vocabulary

_BLOCK_ENTRIES = 1 << 22  # entries in double precision at a time


def train_ppmi(
    counts: csr_array[Any, tuple[int, int]],
    vocabulary: Vocabulary,
    config: PpmiConfig | None = None,
    *,
    counted: Mapping[str, Any] | None = None,
    memory: int | None = None,
) -> SparseEmbeddings:
    """Turn co-occurrence counts into PPMI vectors (Bullinaria and Levy 2007; Levy et al. 2015).

    Parameters
    ----------
    counts : scipy.sparse.csr_array, shape (num_words, num_words)
        Rows are words, columns are contexts.
    vocabulary : Vocabulary
        The words in row order.
    config : PpmiConfig, optional
        The options; those of counting tell how the counts were made.
    counted : mapping, optional
        What the provenance says of the counts.
    memory : int, optional
        Bytes that the matrix may take while it is made.

    Returns
    -------
    SparseEmbeddings
        A row and a column for each word.

    Raises
    ------
    CorpusError
        If there are no counts, or no pair of words is seen together more often than by chance.
    ResourceError
        If it could take more than ``memory``.
    ValueError
        If the shape does not fit the words, or an entry is no count: its place is named.

    Examples
    --------
    >>> from embkit.config import CooccurrenceConfig
    >>> from embkit.counts.cooccurrence import cooccur
    >>> text = [["cat", "purrs"], ["dog", "barks"]] * 9
    >>> seen = cooccur(text, CooccurrenceConfig(window=2, min_count=1))
    >>> v = train_ppmi(seen.matrix, seen.vocabulary, PpmiConfig(smoothing=1, min_count=1))
    >>> round(float(v["cat"].toarray()[0, v.vocabulary.id_of("purrs")]), 4)  # log 4
    1.3863
    """
    config = config or PpmiConfig()
    check_counts(counts, len(vocabulary))
    check_memory(counts, memory)
    matrix = ppmi_matrix(counts, smoothing=config.smoothing, negatives=config.negatives)
    check_not_empty(matrix)
    provenance = {
        "method": "ppmi",
        "config": asdict(config),
        **dict(counted or {}),
        "embkit": __version__,
    }
    return SparseEmbeddings(
        vocabulary, normalized(matrix, config.normalization), provenance=provenance
    )


def check_not_empty(matrix: csr_array[Any, tuple[int, int]]) -> None:
    """Raise CorpusError unless a PPMI matrix has an entry."""
    if matrix.nnz == 0:
        raise CorpusError(
            "no pair of words is seen together often enough: PPMI is empty (lower negatives)"
        )


def ppmi_matrix(
    counts: csr_array[Any, tuple[int, int]], *, smoothing: float = 1.0, negatives: int = 1
) -> csr_array[Any, tuple[int, int]]:
    """Return max(0, log(P(w, c) / (P(w) P_a(c))) - log k), only what is above 0.

    P_a(c) is proportional to the context's count to the power a (context distribution
    smoothing), and log k shifts as k negatives do in skip-gram (Levy and Goldberg 2014b).

    Parameters
    ----------
    counts : scipy.sparse.csr_array, shape (num_words, num_contexts)
        Weighted counts, none negative.
    smoothing : float
        The exponent a.
    negatives : int
        The k of the shift.

    Returns
    -------
    scipy.sparse.csr_array of float32, shape (num_words, num_contexts)

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> ppmi_matrix(csr_array(np.array([[4.0, 1.0], [1.0, 4.0]]))).toarray().round(4)
    array([[0.47, 0.  ],
           [0.  , 0.47]], dtype=float32)
    """
    from scipy.sparse import csr_array

    words = np.asarray(counts.sum(axis=1), np.float64).ravel()
    contexts = np.asarray(counts.sum(axis=0), np.float64).ravel() ** smoothing
    with np.errstate(divide="ignore"):  # a word without contexts has no entries
        log_words = np.log(words)
        log_contexts = np.log(contexts) - np.log(contexts.sum()) + np.log(negatives)
    columns, values, lengths = [], [], [np.zeros(1, np.int64)]
    for first, last in _row_blocks(counts.indptr):
        begin, end = counts.indptr[first], counts.indptr[last]
        sizes = np.diff(counts.indptr[first : last + 1])
        part = counts.indices[begin:end]
        block = np.log(counts.data[begin:end].astype(np.float64))
        block -= np.repeat(log_words[first:last], sizes)
        block -= log_contexts[part]
        kept = block.astype(np.float32) > 0
        rows = np.repeat(np.arange(last - first), sizes)[kept]
        lengths.append(np.bincount(rows, minlength=last - first))
        columns.append(part[kept])
        values.append(block[kept].astype(np.float32))
    offsets = np.cumsum(np.concatenate(lengths))
    kind = counts.indices.dtype
    parts = (_joined(values, np.float32), _joined(columns, kind), offsets.astype(kind))
    return csr_array(parts, shape=counts.shape)


def check_counts(counts: csr_array[Any, tuple[int, int]], num_words: int) -> None:
    """Refuse what are no counts of so many words; the message names the place.

    Raises
    ------
    CorpusError
        If there is no entry.
    ValueError
        If the shape is another, a column is beyond it or out of order, or a count is not
        finite and above 0.
    """
    if counts.shape != (num_words, num_words):
        raise ValueError(
            f"counts must have a row and a column for each of {num_words} words, "
            f"got shape {counts.shape}"
        )
    if counts.nnz == 0:
        raise CorpusError("counts must have an entry, got an empty matrix")
    begins = np.asarray(counts.indptr, np.int64)
    fault = first_fault(begins, counts.indices, counts.data, num_words)
    if fault is not None:
        entry, reason = fault[1:]
        row = int(np.searchsorted(begins, entry, side="right")) - 1
        raise ValueError(f"counts, row {row}, entry {entry}: {reason}")


def check_memory(counts: csr_array[Any, tuple[int, int]], memory: int | None) -> None:
    """Raise ResourceError if the PPMI of so many counts could take more than ``memory``."""
    block = min(counts.nnz, _BLOCK_ENTRIES)
    needed = 2 * 8 * counts.nnz + 40 * block  # its parts, and then the whole
    if memory is not None and needed > memory:
        raise ResourceError(
            f"PPMI of {counts.nnz} pairs may need {needed / 2**20:.0f} MiB, memory allows "
            f"{memory / 2**20:.0f} MiB: lower window or max_vocab, or raise min_count"
        )


def normalized(matrix: Any, kind: str) -> Any:  # noqa: ANN401  (a csr_array, or an array)
    """Return the matrix with rows, columns, or columns and then rows, at unit length."""
    if kind in ("column", "both"):
        matrix = matrix * _inverse_lengths(matrix, axis=0)[None, :]
    if kind in ("row", "both"):
        matrix = matrix * _inverse_lengths(matrix, axis=1)[:, None]
    return matrix if isinstance(matrix, np.ndarray) else matrix.tocsr()


def _inverse_lengths(matrix: Any, axis: int) -> NDArray[np.float32]:  # noqa: ANN401
    squares = matrix.astype(np.float64) ** 2
    lengths = np.sqrt(np.asarray(squares.sum(axis=axis)).ravel())
    inverse = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    return np.asarray(inverse, np.float32)


def _row_blocks(offsets: NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows with about as many entries each."""
    first, num_rows = 0, len(offsets) - 1
    while first < num_rows:
        last = int(np.searchsorted(offsets, offsets[first] + _BLOCK_ENTRIES, side="right")) - 1
        last = min(max(last, first + 1), num_rows)
        yield first, last
        first = last


def _joined(parts: list[NDArray[Any]], dtype: Any) -> NDArray[Any]:  # noqa: ANN401
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
