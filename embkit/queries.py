"""Questions that vectors answer: similarity, neighbours, analogies, the odd one out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embkit.config import check_at_least
from embkit.neighbors import CosMul, Doubles, Metric, row_norms, top_k
from embkit.vocabulary import Vocabulary

Oov: TypeAlias = Literal["raise", "skip", "zero", "subword"]
"""What a call does with a word that has no row."""

Term: TypeAlias = str | bytes | NDArray[Any]
"""A word, or a vector in place of one."""

Terms: TypeAlias = Sequence[Term] | NDArray[Any]
"""Several of them; a matrix holds one per row."""

Answers: TypeAlias = list[tuple[str, float]]
"""Words with their scores, best first."""

Matrix: TypeAlias = NDArray[np.float32]


class Queries:
    """The questions that :class:`embkit.Embeddings` answers.

    A word may be given as ``str`` or as bytes, and a vector of length ``dim`` wherever a word
    may. Lengths do not matter to any score but that of ``n_similarity``: words and vectors
    enter at unit length, and what has length zero is similar to nothing (score 0). Ranks are
    those of double precision; of equal scores the lower row comes first. For words without a
    row every call takes ``oov``: "raise" (KeyError), "skip", "zero" (the zero vector), or
    "subword" (a vector made from the word's parts, fastText models only).
    """

    vocabulary: Vocabulary
    vectors: Matrix

    def lookup(self, words: Iterable[str | bytes], *, oov: Oov = "raise") -> Matrix:
        """Return a matrix with the vector of each word."""
        raise NotImplementedError

    @cached_property
    def norms(self) -> Doubles:
        """Euclidean length of each row, computed at the first use."""
        return row_norms(self.vectors)

    def similarity(self, a: Term, b: Term, *, oov: Oov = "raise") -> float:
        """Return the cosine of two words; for many pairs see :meth:`similarities`.

        Parameters
        ----------
        a, b : word or vector
        oov : {"raise", "skip", "zero", "subword"}
            See the class; "skip" gives NaN.

        Raises
        ------
        KeyError
            If a word is unknown and ``oov`` is "raise".

        Examples
        --------
        >>> import embkit
        >>> v = embkit.Embeddings.from_words(["up", "top"], [[0, 2], [3, 4]])
        >>> round(v.similarity("up", "top"), 3)
        0.8
        """
        return float(self.similarities([a], [b], oov=oov)[0])

    def similarities(self, a: Terms, b: Terms, *, oov: Oov = "raise") -> Doubles:
        """Return the cosine of each pair from two lists of equal length.

        Parameters
        ----------
        a, b : list of words or vectors, or a matrix with one vector per row
        oov : {"raise", "skip", "zero", "subword"}
            See the class. A skipped pair keeps its place and scores NaN.

        Returns
        -------
        array of float64, shape (num_pairs,)

        Raises
        ------
        KeyError
            If a word is unknown and ``oov`` is "raise".
        ValueError
            If the lists differ in length.

        Examples
        --------
        >>> import embkit
        >>> v = embkit.Embeddings.from_words(["up", "down"], [[0, 2], [0, -1]])
        >>> v.similarities(["up", "up"], ["up", "down"])
        array([ 1., -1.])
        """
        if len(a) != len(b):
            raise ValueError(f"b must be as long as a ({len(a)}), got {len(b)}")
        left, left_known = self._units(a, oov)
        right, right_known = self._units(b, oov)
        cosines: Doubles = np.clip(np.einsum("ij,ij->i", left, right), -1, 1)
        cosines[~(left_known & right_known)] = np.nan
        return cosines

    def neighbors(
        self,
        words: Terms,
        topn: int = 10,
        *,
        oov: Oov = "raise",
        exclude_queries: bool = True,
        restrict_vocab: int | None = None,
    ) -> list[Answers]:
        """Return the nearest words by the cosine, for each of several words.

        Parameters
        ----------
        words : list of words or vectors, or a matrix with one vector per row
        topn : int
            Neighbours per word.
        oov : {"raise", "skip", "zero", "subword"}
            See the class. A skipped word has no neighbours: its list is empty.
        exclude_queries : bool
            Leave each word out of its own neighbours.
        restrict_vocab : int, optional
            Search only the first so many words.

        Raises
        ------
        KeyError
            If a word is unknown and ``oov`` is "raise".

        Examples
        --------
        >>> import embkit
        >>> v = embkit.Embeddings.from_words(["up", "down", "top"], [[0, 2], [0, -1], [3, 4]])
        >>> v.neighbors(["up", "down"], 1)
        [[('top', 0.800000011920929)], [('top', -0.800000011920929)]]
        """
        units, known = self._units(words, oov)
        exclude = [[word] for word in words] if exclude_queries else None
        return self._search(units, known, exclude, topn, restrict_vocab, "cosine")

    def most_similar(
        self,
        positive: Term | Terms = (),
        negative: Term | Terms = (),
        topn: int = 10,
        *,
        oov: Oov = "raise",
        exclude_queries: bool = True,
        restrict_vocab: int | None = None,
    ) -> Answers:
        """Return the words nearest to the sum of ``positive`` less that of ``negative``.

        With words b and c positive and a negative this is 3CosAdd, the answer to "a is to b
        as c is to ...?" (Mikolov, Yih and Zweig 2013). For many words at once see
        :meth:`neighbors`, for many questions :meth:`analogy`.

        Parameters
        ----------
        positive, negative : word or vector, or a list of them
            Each enters at unit length. (gensim takes arrays at the length they have.)
        topn, oov, exclude_queries, restrict_vocab
            As for :meth:`neighbors`; a skipped word is left out of its sum, and where nothing
            is left there is no answer.

        Returns
        -------
        list of (word, cosine), best first

        Raises
        ------
        KeyError
            If a word is unknown and ``oov`` is "raise".
        ValueError
            If neither list has an element.

        Examples
        --------
        >>> import embkit
        >>> v = embkit.Embeddings.from_words(["up", "down", "top"], [[0, 2], [0, -1], [3, 4]])
        >>> v.most_similar("up", topn=1)
        [('top', 0.800000011920929)]
        """
        terms = [*_as_list(positive), *_as_list(negative)]
        if not terms:
            raise ValueError("positive must have at least one word, got none")
        units, known = self._units(terms, oov)
        units[len(_as_list(positive)) :] *= -1
        exclude = [terms] if exclude_queries else None
        total, any_known = units.sum(0, keepdims=True), np.array([known.any()])
        return self._search(total, any_known, exclude, topn, restrict_vocab, "cosine")[0]

    def analogy(
        self,
        a: Term,
        b: Term,
        c: Term,
        *,
        method: str = "3cosadd",
        topn: int = 10,
        oov: Oov = "raise",
        exclude_queries: bool = True,
        restrict_vocab: int | None = None,
        epsilon: float = 0.001,
    ) -> Answers:
        """Answer "a is to b as c is to ...?"; see :meth:`analogies` for the options.

        Examples
        --------
        >>> import embkit
        >>> rows = [[1, 0, 1], [1, 0, -1], [0, 1, 1], [0, 1, -1]]
        >>> v = embkit.Embeddings.from_words(["king", "man", "queen", "woman"], rows)
        >>> v.analogy("man", "king", "woman", topn=1)
        [('queen', 1.0)]
        """
        return self.analogies(
            [a],
            [b],
            [c],
            method=method,
            topn=topn,
            oov=oov,
            exclude_queries=exclude_queries,
            restrict_vocab=restrict_vocab,
            epsilon=epsilon,
        )[0]

    def analogies(
        self,
        a: Terms,
        b: Terms,
        c: Terms,
        *,
        method: str = "3cosadd",
        topn: int = 10,
        oov: Oov = "raise",
        exclude_queries: bool = True,
        restrict_vocab: int | None = None,
        epsilon: float = 0.001,
    ) -> list[Answers]:
        """Answer "a is to b as c is to ...?" for lists of questions.

        With x over the vocabulary and every vector at unit length, the answer maximises

        - "3cosadd": cos(x, b - a + c) (Mikolov, Yih and Zweig 2013);
        - "3cosmul": s(x, b) s(x, c) / (s(x, a) + epsilon), with the cosine shifted to [0, 1],
          s = (1 + cos) / 2 (Levy and Goldberg 2014, formula 4 and footnote 7);
        - "pairdirection": cos(x - c, b - a) (Levy and Goldberg 2014, formula 2).

        Parameters
        ----------
        a, b, c : lists of words or vectors, or matrices with one vector per row
            Of equal length.
        method : {"3cosadd", "3cosmul", "pairdirection"}
            In any case of letters.
        topn, exclude_queries, restrict_vocab
            As for :meth:`neighbors`; a, b and c are left out of the answers.
        oov : {"raise", "skip", "zero", "subword"}
            See the class. A question with a skipped word has no answers.
        epsilon : float
            Keeps 3CosMul from dividing by zero.

        Returns
        -------
        list of lists of (word, score), best first

        Raises
        ------
        KeyError
            If a word is unknown and ``oov`` is "raise".
        ValueError
            If the lists differ in length, or an option is not as said above.
        """
        if not len(a) == len(b) == len(c):
            raise ValueError(
                f"a, b and c must be of equal length, got {len(a)}, {len(b)}, {len(c)}"
            )
        units, known = zip(*(self._units(terms, oov) for terms in (a, b, c)), strict=True)
        queries, metric = _analogy_queries(method, units, epsilon)
        exclude = list(zip(a, b, c, strict=True)) if exclude_queries else None
        known_all = known[0] & known[1] & known[2]
        return self._search(queries, known_all, exclude, topn, restrict_vocab, metric)

    def n_similarity(self, words_a: Terms, words_b: Terms, *, oov: Oov = "raise") -> float:
        """Return the cosine of the mean vectors of two lists of words.

        The means are of the vectors as they are, so long ones count for more (as in gensim).

        Raises
        ------
        KeyError
            If a word is unknown and ``oov`` is "raise".
        ValueError
            If a list is empty.
        """
        means = []
        for name, words in (("words_a", words_a), ("words_b", words_b)):
            if len(words) == 0:
                raise ValueError(f"{name} must have at least one word, got none")
            means.append(self._raw(words, oov)[0].sum(0))
        left, right = _to_units(np.array(means))
        return float(np.clip(left @ right, -1, 1))

    def doesnt_match(self, words: Sequence[str | bytes], *, oov: Oov = "raise") -> str | bytes:
        """Return the word that is least similar to the mean direction of all.

        Raises
        ------
        KeyError
            If a word is unknown and ``oov`` is "raise".
        ValueError
            If no word is left.
        """
        units, known = self._units(words, oov)
        if not known.any():
            raise ValueError("words must have at least one known word, got none")
        cosines = units @ _to_units(units.sum(0))
        return words[int(np.argmin(np.where(known, cosines, np.inf)))]

    def _raw(self, terms: Terms, oov: Oov) -> tuple[Doubles, NDArray[np.bool_]]:
        """Return vectors as they are, float64, and which terms are not skipped.

        Those skipped are zero.
        """
        words = [term for term in terms if isinstance(term, str | bytes)]
        found = self.lookup(words, oov="zero" if oov == "skip" else oov)
        missing = self.vocabulary.ids_of(words) < 0
        vectors = np.empty((len(terms), self.vectors.shape[1]))
        known = np.ones(len(terms), np.bool_)
        position = 0
        for i, term in enumerate(terms):
            if isinstance(term, str | bytes):
                vectors[i] = found[position]
                known[i] = not (oov == "skip" and missing[position])
                position += 1
            else:
                vectors[i] = _checked_vector(term, vectors.shape[1])
        return vectors, known

    def _units(self, terms: Terms, oov: Oov) -> tuple[Doubles, NDArray[np.bool_]]:
        vectors, known = self._raw(terms, oov)
        return _to_units(vectors), known

    def _rows_of(self, terms: Sequence[Term]) -> NDArray[np.int64]:
        return self.vocabulary.ids_of([t for t in terms if isinstance(t, str | bytes)])

    def _search(
        self,
        queries: Doubles,
        known: NDArray[np.bool_],
        exclude: Sequence[Sequence[Term]] | None,
        topn: int,
        restrict_vocab: int | None,
        metric: Metric,
    ) -> list[Answers]:
        """Return the answers to each query, none to those that are not known."""
        check_at_least("topn", topn, 1)
        asked = np.flatnonzero(known)
        rows = None if exclude is None else [self._rows_of(exclude[i]) for i in asked.tolist()]
        found = top_k(
            queries[asked],
            self.vectors,
            topn,
            metric=metric,
            exclude=rows,
            restrict_vocab=restrict_vocab,
            norms=self.norms,
        )
        answers: list[Answers] = [[] for _ in range(len(queries))]
        for i, query in enumerate(asked):
            answers[query] = [(self.vocabulary[row], score) for row, score in found.pairs(i)]
        return answers


def _analogy_queries(
    method: str, units: Sequence[Doubles], epsilon: float
) -> tuple[Doubles, Metric]:
    """Return what to search for, and by which metric, for unit vectors of a, b and c."""
    a, b, c = units
    name = method.lower()
    if name == "3cosadd":
        return b - a + c, "cosine"
    if name == "3cosmul":
        if not epsilon > 0:
            raise ValueError(f"epsilon must be positive, got {epsilon}")
        return np.stack([b, c, a], 1), CosMul(2, epsilon)
    if name == "pairdirection":
        return np.stack([b - a, c], 1), "pairdirection"
    raise ValueError(f"method must be one of 3cosadd, 3cosmul, pairdirection, got {method!r}")


def _as_list(terms: Term | Terms) -> list[Term]:
    if isinstance(terms, str | bytes) or (isinstance(terms, np.ndarray) and terms.ndim == 1):
        return [terms]
    return list(terms)


def _checked_vector(term: object, dim: int) -> Doubles:
    vector = np.asarray(term)
    if vector.dtype.kind not in "fiu" or vector.shape != (dim,):
        raise ValueError(f"a query must be a word or a vector of length {dim}, got {term!r}")
    return vector.astype(np.float64)


def _to_units(vectors: Doubles) -> Doubles:
    """Return each vector at unit length; zero stays zero."""
    scale = np.abs(vectors).max(-1, initial=0.0, keepdims=True)
    scaled = np.divide(vectors, scale, out=np.zeros_like(vectors), where=scale > 0)
    lengths = np.linalg.norm(scaled, axis=-1, keepdims=True)
    units: Doubles = np.divide(scaled, lengths, out=scaled, where=lengths > 0)
    return units
