"""Spaces under evaluation: words with vectors, dense or sparse, behind one small face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embkit.checks import check_choice
from embkit.embeddings import Embeddings

if TYPE_CHECKING:
    import scipy.sparse

Doubles: TypeAlias = NDArray[np.float64]
Ids: TypeAlias = NDArray[np.int64]

Case: TypeAlias = Literal["exact", "lower", "fold", "fallback"]
"""How a word of a test set finds its row.

- "exact": as it is written;
- "lower": in lower case;
- "fold": in upper case on both sides, the first row wins (word2vec's and gensim's way);
- "fallback": as it is written, else in lower case, else capitalised, else in upper case; one of
  several words, as SemEval-2017 has them, with its blanks, else with ``_`` for them.
"""

CASES: tuple[Case, ...] = ("exact", "lower", "fold", "fallback")


class WordsAndMatrix(Protocol):
    """What sparse embeddings offer: words in row order and a matrix of scipy.sparse."""

    @property
    def words(self) -> Sequence[str]:
        """The words in row order."""

    @property
    def matrix(self) -> Any:  # noqa: ANN401
        """The rows, scipy.sparse."""


Vectors: TypeAlias = "Space | Embeddings | WordsAndMatrix | Mapping[str, ArrayLike]"
"""What every evaluation takes: embeddings, dense or sparse, or a mapping of word to array."""


class Space:
    """Words and their vectors, as the evaluations see them.

    Made by :func:`as_space`. All figures are of double precision; rows of zeros have cosine
    0 with everything.

    """

    is_sparse = False
    """Whether the rows are sparse (and then usually not negative)."""

    def __init__(self, embeddings: Embeddings) -> None:
        self.embeddings = embeddings

    @property
    def words(self) -> list[str]:
        """The words in row order."""
        return self.embeddings.words

    def __len__(self) -> int:
        return len(self.embeddings)

    @cached_property
    def norms(self) -> Doubles:
        """Length of each row, shape (num_words,)."""
        return self.embeddings.norms

    @cached_property
    def inverse_norms(self) -> Doubles:
        """1 / length of each row, 0 for rows of zeros."""
        inverse = np.zeros_like(self.norms)
        np.divide(1.0, self.norms, out=inverse, where=self.norms > 0)
        return inverse

    def ids_of(self, words: Iterable[str]) -> Ids:
        """Return the row of each word as written, -1 for unknown ones."""
        return self.embeddings.vocabulary.ids_of(words)

    def raw(self, rows: slice | Ids) -> Any:  # noqa: ANN401  (ndarray, or scipy.sparse)
        """Return vectors as they are, float64, shape (num_rows, dim)."""
        return self.embeddings.vectors[rows].astype(np.float64)

    def units(self, rows: slice | Ids) -> Any:  # noqa: ANN401
        """Return vectors at unit length, float64, shape (num_rows, dim); zeros stay zeros."""
        return self.raw(rows) * self.inverse_norms[rows][:, None]

    def products(self, terms: Any, rows: slice | Ids) -> Doubles:  # noqa: ANN401
        """Return the products of vectors with unit rows, shape (num_terms, num_rows).

        Parameters
        ----------
        terms : matrix, shape (num_terms, dim)
            As ``units`` and ``raw`` return it, or a linear combination.
        """
        return np.asarray(terms @ self.units(rows).T)

    def cosines(self, left: Ids, right: Ids) -> Doubles:
        """Return the cosine of each pair of rows, shape (num_pairs,)."""
        products = np.einsum("ij,ij->i", self.units(left), self.units(right))
        return np.asarray(np.clip(products, -1, 1))

    def mean_vector(self, *, unit: bool) -> Any:  # noqa: ANN401
        """Return the mean of all rows (at unit length or as they are), shape (1, dim)."""
        return _block_mean(self, unit)

    def subword_vectors(self, words: Sequence[str]) -> Doubles | None:
        """Return vectors made from the words' parts, None where the model has none."""
        if self.embeddings.subwords is None:
            return None
        return self.embeddings.lookup(words, oov="subword").astype(np.float64)


class SparseSpace(Space):
    """A space whose rows are sparse; matrices are those of scipy.sparse."""

    is_sparse = True

    def __init__(self, source: WordsAndMatrix) -> None:
        """See :class:`Space`."""
        self.source = source
        self._words = list(source.words)
        self._rows = {word: row for row, word in reversed(list(enumerate(self._words)))}

    @property
    def words(self) -> list[str]:
        """See :class:`Space`."""
        return self._words

    def __len__(self) -> int:
        return len(self._words)

    @cached_property
    def _matrix(self) -> scipy.sparse.csr_array[Any, tuple[int, int]]:
        import scipy.sparse

        return scipy.sparse.csr_array(self.source.matrix)

    @cached_property
    def norms(self) -> Doubles:
        """See :class:`Space`."""
        squares = self._matrix.astype(np.float64).power(2)
        return np.sqrt(np.asarray(squares.sum(axis=1)).ravel())

    def ids_of(self, words: Iterable[str]) -> Ids:
        """See :class:`Space`."""
        return np.array([self._rows.get(word, -1) for word in words], np.int64)

    def raw(self, rows: slice | Ids) -> Any:  # noqa: ANN401
        """See :class:`Space`."""
        return self._matrix[rows].astype(np.float64)

    def units(self, rows: slice | Ids) -> Any:  # noqa: ANN401
        """See :class:`Space`."""
        import scipy.sparse

        return scipy.sparse.diags_array(self.inverse_norms[rows]) @ self.raw(rows)

    def products(self, terms: Any, rows: slice | Ids) -> Doubles:  # noqa: ANN401
        """See :class:`Space`."""
        return np.asarray((terms @ self.units(rows).T).toarray())

    def cosines(self, left: Ids, right: Ids) -> Doubles:
        """See :class:`Space`."""
        products = self.units(left).multiply(self.units(right)).sum(axis=1)
        return np.clip(np.asarray(products, np.float64).ravel(), -1, 1)

    def subword_vectors(self, words: Sequence[str]) -> Doubles | None:
        """See :class:`Space`."""
        return None


def as_space(vectors: Vectors) -> Space:
    """Return what is to be evaluated behind the one face; a Space is returned as it is.

    Raises
    ------
    TypeError
        If it is neither embeddings nor a mapping of words to arrays.

    Examples
    --------
    >>> space = as_space({"up": [0.0, 2.0], "down": [0.0, -1.0]})
    >>> space.cosines(space.ids_of(["up"]), space.ids_of(["down"]))
    array([-1.])
    """
    if isinstance(vectors, Space):
        return vectors
    if isinstance(vectors, Embeddings):
        return Space(vectors)
    if isinstance(vectors, Mapping):
        return Space(Embeddings.from_words(vectors))
    if hasattr(vectors, "matrix") and hasattr(vectors, "words"):
        return SparseSpace(vectors)
    raise TypeError(
        "vectors must be Embeddings, SparseEmbeddings or a mapping of words to arrays, "
        f"got {type(vectors).__name__}"
    )


def find_rows(
    space: Space,
    words: Sequence[str],
    case: Case = "fallback",
    limit: int | None = None,
    *,
    upper: Callable[[str], str] = str.upper,
) -> Ids:
    """Return the row of each word of a test set, -1 for unknown ones.

    Parameters
    ----------
    space : Space
    words : list of str
    case : {"exact", "lower", "fold", "fallback"}
        How the words find their rows; see `Case`.
    limit : int, optional
        Only the first so many rows are known.
    upper : callable
        How "fold" makes upper case.

    Raises
    ------
    ValueError
        If ``case`` is none of the above.

    Examples
    --------
    >>> space = as_space({"us": [1.0], "US": [2.0], "rome": [3.0]})
    >>> find_rows(space, ["US", "Rome"], "exact"), find_rows(space, ["US", "Rome"])
    (array([ 1, -1]), array([1, 2]))
    >>> find_rows(space, ["US"], "fold")
    array([0])
    >>> find_rows(as_space({"star_wars": [1.0]}), ["Star Wars"])
    array([0])
    """
    check_choice("case", case, CASES)
    most = len(space) if limit is None else min(limit, len(space))
    if case == "fold":
        known = list(enumerate(space.words[:most]))
        first = {upper(word): row for row, word in reversed(known)}
        return np.array([first.get(upper(word), -1) for word in words], np.int64)
    if case == "lower":
        rows = space.ids_of([word.lower() for word in words])
    else:
        rows = space.ids_of(words)
    rows = np.where(rows < most, rows, -1)
    if case != "fallback":
        return rows
    for variant in (str.lower, str.capitalize, str.upper):
        unknown = np.flatnonzero(rows < 0)
        found = space.ids_of([variant(words[i]) for i in unknown.tolist()])
        rows[unknown] = np.where(found < most, found, -1)
    parted = [i for i in np.flatnonzero(rows < 0).tolist() if " " in words[i]]
    if parted:
        joint = [words[i].replace(" ", "_") for i in parted]
        rows[parted] = find_rows(space, joint, case, limit)
    return rows


def _block_mean(space: Space, unit: bool, block: int = 16_384) -> Any:  # noqa: ANN401
    """Return the mean of all rows, block by block, so that no second matrix is made."""
    rows = space.units if unit else space.raw
    total: Any = 0
    for start in range(0, len(space), block):
        part = rows(slice(start, min(start + block, len(space))))
        total = total + np.asarray(part.sum(axis=0)).reshape(1, -1)
    return total / max(1, len(space))
