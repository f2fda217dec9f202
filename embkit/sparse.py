"""Words and sparse vectors, such as those of PPMI: the same questions as dense ones answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.checks import Oov, check_whole
from embkit.neighbors import Doubles, Metric
from embkit.queries import Queries
from embkit.sparse_search import SparseSearch
from embkit.terms import Term, Terms, checked_vector
from embkit.vocabulary import Vocabulary
from embkit.word_rows import Answers, Rows

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class SparseEmbeddings(Queries):
    """Words, one sparse float32 row for each, and where they came from.

    Immutable: the matrix is kept as given where it is canonical float32, and never changed.
    A word's vector is a sparse matrix of one row.

    Parameters
    ----------
    vocabulary : Vocabulary
        The words in row order, with their counts where known.
    matrix : scipy.sparse matrix or array, shape (num_words, dim)
        A row per word; converted if it is anything else than a canonical float32 CSR array.
    provenance : mapping, optional
        Whatever tells where the vectors came from; JSON.

    Raises
    ------
    ValueError
        If the shape does not fit the vocabulary, or an entry is beyond the matrix or not
        finite.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> words = Vocabulary.from_words(["cat", "dog", "car"])
    >>> rows = [[2.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 3.0, 0.0]]
    >>> v = SparseEmbeddings(words, csr_array(np.array(rows)))
    >>> v
    SparseEmbeddings(3 words x 3, 5 entries)
    >>> v.most_similar("cat", topn=1)
    [('dog', 0.9486833214759827)]
    >>> v.similarity("cat", "car")
    0.0
    """

    output: None = None
    subwords: None = None

    def __init__(
        self,
        vocabulary: Vocabulary,
        matrix: Any,  # noqa: ANN401  (whatever SciPy calls sparse)
        *,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.matrix = _canonical(matrix)
        if self.matrix.shape[0] != len(vocabulary):
            raise ValueError(
                f"matrix must have one row per word ({len(vocabulary)}), "
                f"got {self.matrix.shape[0]} rows"
            )
        self.provenance: dict[str, Any] = dict(provenance or {})

    @property
    def dim(self) -> int:
        """Length of a vector, zeros included."""
        return int(self.matrix.shape[1])

    @property
    def num_entries(self) -> int:
        """Numbers that are stored."""
        return int(self.matrix.nnz)

    @cached_property
    def norms(self) -> Doubles:
        """Euclidean length of each row, computed at the first use."""
        norms: Doubles = np.sqrt(_row_sums(self.matrix.astype(np.float64).power(2)))
        return norms

    def __getitem__(
        self, words: str | bytes | Sequence[str | bytes]
    ) -> csr_array[Any, tuple[int, int]]:
        """Return the row of a word, shape (1, dim), or a row for each of several.

        Raises
        ------
        KeyError
            If a word has no row.
        """
        return self.lookup([words] if isinstance(words, str | bytes) else words)

    def lookup(
        self, words: Iterable[str | bytes], *, oov: Oov = "raise"
    ) -> csr_array[Any, tuple[int, int]]:
        """Return a new matrix with the row of each word.

        Parameters
        ----------
        words : iterable of str or bytes
            The words; repetitions are allowed.
        oov : {"raise", "skip", "zero"}
            For a word without a row: raise KeyError, leave it out, or give zeros.

        Raises
        ------
        KeyError
            If a word has no row and ``oov`` is "raise".
        ValueError
            If ``oov`` is none of the above.
        """
        words = [words] if isinstance(words, str | bytes) else list(words)
        if oov not in ("raise", "skip", "zero"):
            raise ValueError(f"oov must be raise, skip or zero for sparse rows, got {oov!r}")
        rows = self.vocabulary.ids_of(words)
        unknown = np.flatnonzero(rows < 0)
        if oov == "raise" and unknown.size:
            raise KeyError(f"{words[unknown[0]]!r} is not among the {len(self)} words")
        if oov == "skip":
            rows = rows[rows >= 0]
        found: csr_array[Any, tuple[int, int]] = _take(self.matrix, rows)
        return found

    def similarity(self, a: Term, b: Term, *, oov: Oov = "raise") -> float:
        """Return the cosine of two words; a vector may be a sparse row too."""
        return super().similarity(a, b, oov=oov)

    def _raw(self, terms: Terms, oov: Oov) -> tuple[Rows, NDArray[np.bool_]]:
        if all(isinstance(term, str | bytes) for term in terms):
            words: list[Any] = list(terms)
            rows = self.lookup(words, oov="zero" if oov == "skip" else oov)
            known = np.ones(len(words), np.bool_)
            if oov == "skip":
                known = self.vocabulary.ids_of(words) >= 0
            return rows.astype(np.float64), known
        from scipy.sparse import vstack

        parts, flags = zip(*(self._one(term, oov) for term in terms), strict=True)
        return vstack(parts, format="csr"), np.concatenate(flags)

    def _one(self, term: Term, oov: Oov) -> tuple[Rows, NDArray[np.bool_]]:
        """Return the row of one word or vector."""
        if isinstance(term, str | bytes):
            return self._raw([term], oov)
        from scipy.sparse import csr_array, issparse

        if issparse(term):
            row: Any = csr_array(term, dtype=np.float64)
            if row.shape != (1, self.dim):
                raise ValueError(f"a query must have shape (1, {self.dim}), got {row.shape}")
        else:
            row = csr_array(checked_vector(term, self.dim)[None, :])
        return row, np.ones(1, np.bool_)

    def _to_units(self, rows: Rows) -> Rows:
        lengths = np.sqrt(_row_sums(rows.power(2)))
        inverse = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        return (rows * inverse[:, None]).tocsr()

    def _row_products(self, left: Rows, right: Rows) -> Doubles:
        return _row_sums(left.multiply(right))

    @cached_property
    def _scan(self) -> SparseSearch:
        return SparseSearch(self.matrix, native_matrix(self.matrix), self.norms)

    def _search(
        self,
        queries: Sequence[Rows],
        known: NDArray[np.bool_],
        exclude: Sequence[Sequence[Term]] | None,
        topn: int,
        restrict_vocab: int | None,
        metric: Metric,
    ) -> list[Answers]:
        check_whole("topn", topn)
        check_whole("restrict_vocab", 1 if restrict_vocab is None else restrict_vocab)
        asked = np.flatnonzero(known)
        skipped: Sequence[Sequence[Term]] = [()] * len(known) if exclude is None else exclude
        rows = [self._rows_of(skipped[i]) for i in asked.tolist()]
        terms = [_csr(matrix)[asked] for matrix in queries]
        found = self._scan.best(terms, rows, topn, restrict_vocab or len(self), metric)
        answers: list[Answers] = [[] for _ in range(len(known))]
        for query, pairs in zip(asked.tolist(), found, strict=True):
            answers[query] = [(self.vocabulary[row], score) for row, score in pairs]
        return answers

    def __repr__(self) -> str:
        parts = [f"{len(self)} words x {self.dim}", f"{self.num_entries} entries"]
        if "method" in self.provenance:
            parts.append(f"trained by {self.provenance['method']}")
        return f"SparseEmbeddings({', '.join(parts)})"

    def _facts(self) -> dict[str, object]:
        stored = (self.matrix.data, self.matrix.indices, self.matrix.indptr)
        megabytes = sum(array.nbytes for array in stored) / 1e6
        entries = f"{self.num_entries:,} entries"
        return {
            "vectors": f"{self.dim:,} x {self.matrix.dtype}, {entries}, {megabytes:,.1f} MB",
            "also has": "nothing else" if self.counts is None else "counts",
        }


def native_matrix(matrix: Any) -> core.SparseMatrix:  # noqa: ANN401  (SciPy, not imported here)
    """Return a ``csr_array`` as the core reads it, without a copy of float32 and int32.

    Raises
    ------
    ValueError
        If its offsets or columns are not those of a matrix of its shape.
    """
    return core.SparseMatrix(
        np.ascontiguousarray(matrix.indptr, np.int64),
        np.ascontiguousarray(matrix.indices, np.int32),
        np.ascontiguousarray(matrix.data, np.float32),
        num_columns=matrix.shape[1],
    )


def _canonical(matrix: Any) -> csr_array[Any, tuple[int, int]]:  # noqa: ANN401
    import scipy.sparse

    rows: Any = scipy.sparse.csr_array(matrix, dtype=np.float32)
    if not rows.has_canonical_format:
        rows = rows.copy() if rows.data is getattr(matrix, "data", None) else rows
        rows.sum_duplicates()
    bad = np.flatnonzero(~np.isfinite(rows.data))
    if bad.size:
        row = int(np.searchsorted(rows.indptr, bad[0], side="right")) - 1
        raise ValueError(f"matrix must be finite, got {rows.data[bad[0]]} in row {row}")
    native_matrix(rows)  # refuses columns beyond the matrix
    return cast("csr_array[Any, tuple[int, int]]", rows)


def _csr(matrix: Any) -> Any:  # noqa: ANN401
    from scipy.sparse import csr_array

    return csr_array(matrix)


def _take(matrix: Any, rows: NDArray[np.int64]) -> Any:  # noqa: ANN401
    """Return the given rows, zeros for negative numbers."""
    from scipy.sparse import csr_array

    if len(matrix.indptr) == 1 or not len(rows):
        return csr_array((len(rows), matrix.shape[1]), dtype=np.float32)
    found = matrix[np.maximum(rows, 0)]
    if (rows < 0).any():
        found = (found * (rows >= 0).astype(np.float32)[:, None]).tocsr()
        found.eliminate_zeros()
    return found


def _row_sums(matrix: Any) -> Doubles:  # noqa: ANN401
    return np.asarray(matrix.sum(axis=1), np.float64).ravel()
