"""Words and their vectors: look up, compare, find neighbours, solve analogies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embkit.checks import Oov
from embkit.dense_queries import DenseQueries
from embkit.vocabulary import Vocabulary, encode_word
from embkit.word_rows import Matrix

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from embkit.subwords import Subwords


class Embeddings(DenseQueries):
    """Words, one float32 row for each, and where they came from.

    Immutable: the rows are kept as given, never copied (also when they are a read-only
    memory map) and never changed; they are handed out read-only.

    Parameters
    ----------
    vocabulary : Vocabulary
        The words in row order, with their counts where known.
    vectors : array of float32, shape (num_words, dim)
        One row per word; converted if it is anything else than contiguous float32.
    output : array of float32, shape (num_rows, dim), optional
        The output (context) matrix of the model, where kept.
    provenance : mapping, optional
        Configuration, corpus digest, token counts, version: whatever tells where the
        vectors came from. Must be expressible as JSON to be saved.
    subwords : Subwords, optional
        Makes vectors for words outside the vocabulary (fastText models).

    Raises
    ------
    ValueError
        If a matrix is not two-dimensional, or its shape does not fit the vocabulary.

    Examples
    --------
    >>> v = Embeddings.from_words(["king", "queen"], [[1.0, 0.0], [0.8, 0.6]])
    >>> v
    Embeddings(2 words x 2)
    >>> v["queen"]
    array([0.8, 0.6], dtype=float32)
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        vectors: ArrayLike,
        *,
        output: ArrayLike | None = None,
        provenance: Mapping[str, Any] | None = None,
        subwords: Subwords | None = None,
    ) -> None:
        if not isinstance(vocabulary, Vocabulary):
            found = type(vocabulary).__name__
            raise ValueError(
                f"vocabulary must be a Vocabulary, got {found}; from_words takes a list"
            )
        self.vocabulary = vocabulary
        self.vectors = _read_only_matrix("vectors", vectors)
        if len(self.vectors) != len(vocabulary):
            raise ValueError(
                f"vectors must have one row per word ({len(vocabulary)}), "
                f"got {len(self.vectors)} rows"
            )
        self.output = None if output is None else _read_only_matrix("output", output)
        if self.output is not None and self.output.shape[1] != self.dim:
            raise ValueError(f"output must have {self.dim} columns, got {self.output.shape[1]}")
        self.provenance: dict[str, Any] = dict(provenance or {})
        self.subwords = subwords

    @classmethod
    def from_words(
        cls,
        words: Iterable[str | bytes] | Mapping[str, ArrayLike],
        vectors: ArrayLike | None = None,
        *,
        counts: Sequence[int] | None = None,
    ) -> Embeddings:
        """Build embeddings from words and rows, or from a mapping of word to vector.

        Raises
        ------
        ValueError
            If the vectors are not one row of equal length per word.

        Examples
        --------
        >>> len(Embeddings.from_words({"yes": [1.0, 0.0], "no": [0.0, 1.0]}))
        2
        """
        if isinstance(words, Mapping):
            if vectors is not None:
                raise ValueError("vectors must be left out when words is a mapping")
            vectors = list(words.values())
        if vectors is None:
            raise ValueError("vectors must be given unless words is a mapping, got None")
        return cls(Vocabulary.from_words(words, counts), vectors)

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    def __getitem__(self, words: str | bytes | Sequence[str | bytes]) -> Matrix:
        """Return the vector of a word, or a matrix with a row for each of several.

        Words without a row get their vector from the subwords, where the model has any.

        Raises
        ------
        KeyError
            If a word has neither.
        """
        oov: Oov = "raise" if self.subwords is None else "subword"
        if not isinstance(words, Iterable):
            raise TypeError(f"a word must be str or bytes, got {type(words).__name__}")
        if not isinstance(words, str | bytes):
            return self.lookup(words, oov=oov)
        row = int(self.vocabulary.ids_of([words])[0])
        vector: Matrix = self.lookup([words], oov=oov)[0] if row < 0 else self.vectors[row]
        return vector

    def lookup(self, words: Iterable[str | bytes], *, oov: Oov = "raise") -> Matrix:
        """Return a new matrix with the vector of each word.

        Parameters
        ----------
        words : iterable of str or bytes
            The words; repetitions are allowed.
        oov : {"raise", "skip", "zero", "subword"}
            For a word without a row: raise KeyError, leave it out, give zeros, or compute
            its vector from its subwords.

        Returns
        -------
        array of float32, shape (num_words, dim)
            A row per word, in their order; fewer with ``oov="skip"``.

        Raises
        ------
        KeyError
            If a word has no row and ``oov`` is "raise".
        ValueError
            If ``oov`` is none of the above, or "subword" and the model has no subwords.

        Examples
        --------
        >>> v = Embeddings.from_words(["a", "b"], [[1, 2], [3, 4]])
        >>> v.lookup(["b", "c"], oov="zero")
        array([[3., 4.],
               [0., 0.]], dtype=float32)
        """
        self._check_oov(oov)
        words = [words] if isinstance(words, str | bytes) else list(words)
        rows = self.vocabulary.ids_of(words)
        matrix = np.zeros((len(rows), self.dim), np.float32)
        known = rows >= 0
        matrix[known] = self.vectors[rows[known]]
        for i in np.flatnonzero(~known):
            matrix[i] = self._unknown_vector(words[i], oov)
        return matrix[known] if oov == "skip" else matrix

    def _check_oov(self, oov: Oov) -> None:
        """Refuse what is no policy here, also where every word turns out to be known."""
        if oov not in get_args(Oov):
            raise ValueError(f"oov must be one of {', '.join(get_args(Oov))}, got {oov!r}")
        if oov == "subword" and self.subwords is None:
            raise ValueError(
                "oov must be raise, skip or zero where there are no subwords, got 'subword'"
            )

    def _unknown_vector(self, word: str | bytes, oov: Oov) -> Matrix:
        """Return what ``oov`` says for a word without a row, or raise."""
        if oov == "raise":
            raise KeyError(f"{word!r} is not among the {len(self)} words")
        if oov == "subword" and self.subwords is not None:
            vector: Matrix = self.subwords.vector(word)
            return vector
        return np.zeros(self.dim, np.float32)

    def normalized(self) -> Embeddings:
        """Return a copy with every row at unit length; rows of zeros stay zero.

        Words, counts and provenance are kept (with ``"normalized": True``); output vectors
        and subwords, which belong to the rows as trained, are not.

        Examples
        --------
        >>> Embeddings.from_words(["a", "b"], [[3, 4], [0, 0]]).normalized().vectors
        array([[0.6, 0.8],
               [0. , 0. ]], dtype=float32)
        """
        lengths = np.where(self.norms > 0, self.norms, 1)[:, None]
        rows = np.empty_like(self.vectors)
        np.divide(self.vectors, lengths, out=rows, casting="same_kind")
        return Embeddings(
            self.vocabulary, rows, provenance={**self.provenance, "normalized": True}
        )

    def plot(
        self, words: Sequence[str | bytes], *, oov: Oov = "raise", ax: Axes | None = None
    ) -> Axes:
        """Draw words as labelled points: the first two principal components at unit length.

        Parameters
        ----------
        words : list of str or bytes, at least two
        oov : {"raise", "skip", "zero", "subword"}
            What to do with words that have no row, as in :meth:`lookup`.
        ax : matplotlib Axes, optional
            Where to draw; a new figure when left out.

        Raises
        ------
        ImportError
            If matplotlib is not installed (the extra ``embkit[viz]`` brings it).
        KeyError
            If a word is unknown and ``oov`` is "raise".
        ValueError
            If fewer than two words are left.
        """
        from embkit.plotting import plot_words

        units, known = self._units(words, oov)
        labels = [encode_word(w).decode(errors="replace") for w in words]
        kept = np.flatnonzero(known)
        return plot_words([labels[i] for i in kept], units[kept], ax=ax)

    # The names that gensim 4 uses for the same things.

    @property
    def index_to_key(self) -> list[str]:
        """The words in row order: gensim's name for ``words``."""
        return self.words

    @cached_property
    def key_to_index(self) -> dict[str, int]:
        """The row of each word: gensim's form of ``vocabulary.id_of``."""
        return {word: row for row, word in reversed(list(enumerate(self.words)))}

    @property
    def vector_size(self) -> int:
        """Length of a vector: gensim's name for ``dim``."""
        return self.dim

    def get_vector(self, word: str | bytes, norm: bool = False) -> Matrix:
        """Return ``v[word]``, at unit length if ``norm``, as gensim does.

        Raises
        ------
        KeyError
            If the word is unknown.
        """
        vector = self[word]
        length = float(np.linalg.norm(vector.astype(np.float64))) if norm else 0.0
        return (vector / np.float32(length)) if length > 0 else vector

    def to_gensim(self) -> Any:  # noqa: ANN401  (gensim has no types)
        """Return a copy as gensim's ``KeyedVectors``, with the counts where known.

        Raises
        ------
        ImportError
            If gensim is not installed.
        """
        try:
            from gensim.models import KeyedVectors
        except ImportError as error:
            raise ImportError("to_gensim needs gensim: pip install 'embkit[demo]'") from error
        kv = KeyedVectors(self.dim, dtype=np.float32)
        kv.index_to_key = list(self.words)
        kv.key_to_index = dict(self.key_to_index)
        kv.vectors = self.vectors.copy()
        if self.counts is not None:
            kv.expandos["count"] = self.counts.copy()
        return kv

    def to_pandas(self) -> pd.DataFrame:
        """Return a copy as a data frame: a row per word, which is its index.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_pandas needs pandas: pip install 'embkit[pandas]'") from error
        return pd.DataFrame(self.vectors.copy(), index=pd.Index(self.words, name="word"))

    def __array__(
        self, dtype: np.dtype[Any] | None = None, copy: bool | None = None
    ) -> NDArray[Any]:
        return np.array(self.vectors, dtype, copy=copy)

    def __repr__(self) -> str:
        parts = [f"{len(self)} words x {self.dim}", *self._parts()]
        if "method" in self.provenance:
            parts.append(f"trained by {self.provenance['method']}")
        return f"Embeddings({', '.join(parts)})"

    def _parts(self) -> list[str]:
        extras = {"counts": self.counts, "output": self.output, "subwords": self.subwords}
        return [name for name, value in extras.items() if value is not None]

    def _facts(self) -> dict[str, object]:
        megabytes = self.vectors.nbytes / 1e6
        return {
            "vectors": f"{self.dim} x {self.vectors.dtype}, {megabytes:,.1f} MB",
            "also has": ", ".join(self._parts()) or "nothing else",
        }


def _read_only_matrix(name: str, values: ArrayLike) -> Matrix:
    """Return ``values`` as a read-only contiguous float32 matrix, without a copy if it is."""
    try:
        matrix = np.require(values, np.float32, ["C", "A"])
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{name} must be rows of numbers, all of one length") from error
    if matrix.ndim != 2:
        raise ValueError(f"{name} must have 2 dimensions, got {matrix.ndim}")
    view = matrix.view(np.ndarray)
    view.flags.writeable = False
    return view
