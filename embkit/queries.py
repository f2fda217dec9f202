"""Questions that vectors answer: similarity, neighbours, analogies, the odd one out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embkit.checks import Oov
from embkit.neighbors import CosMul, Doubles, Metric
from embkit.terms import Term, Terms, as_list, check_lists, unit_vectors
from embkit.word_rows import Answers, Rows, WordRows


class Queries(WordRows):
    """The questions that :class:`embkit.Embeddings` and its sparse sister answer.

    A word may be given as ``str`` or as bytes, and a vector of length ``dim`` wherever a word
    may. Lengths do not matter to any score but that of ``n_similarity``: words and vectors
    enter at unit length, and what has length zero is similar to nothing (score 0). Ranks are
    those of double precision; of equal scores the lower row comes first. For words without a
    row every call takes ``oov``: "raise" (KeyError), "skip", "zero" (the zero vector), or
    "subword" (a vector made from the word's parts, fastText models only).
    """

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
        check_lists(a=a, b=b)
        if len(a) != len(b):
            raise ValueError(f"b must be as long as a ({len(a)}), got {len(b)}")
        left, left_known = self._units(a, oov)
        right, right_known = self._units(b, oov)
        cosines: Doubles = np.clip(self._row_products(left, right), -1, 1)
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
        check_lists(words=words)
        units, known = self._units(words, oov)
        exclude = [[word] for word in words] if exclude_queries else None
        return self._search([units], known, exclude, topn, restrict_vocab, "cosine")

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
        terms = [*as_list(positive), *as_list(negative)]
        if not terms:
            raise ValueError("positive must have at least one word, got none")
        units, known = self._units(terms, oov)
        signs = np.ones((1, len(terms)))
        signs[0, len(as_list(positive)) :] = -1
        exclude = [terms] if exclude_queries else None
        total, any_known = signs @ units, np.array([known.any()])
        return self._search([total], any_known, exclude, topn, restrict_vocab, "cosine")[0]

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
          s = (1 + cos) / 2 (Levy and Goldberg 2014, formula 4 and footnote 7); sparse rows
          without a negative number keep their cosines as they are;
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
        check_lists(a=a, b=b, c=c)
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
        check_lists(words_a=words_a, words_b=words_b)
        means = []
        for name, words in (("words_a", words_a), ("words_b", words_b)):
            if len(words) == 0:
                raise ValueError(f"{name} must have at least one word, got none")
            means.append(self._raw(words, oov)[0].sum(0))
        left, right = unit_vectors(np.array(means))
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
        check_lists(words=words)
        units, known = self._units(words, oov)
        if not known.any():
            raise ValueError("words must have at least one known word, got none")
        cosines = units @ unit_vectors(units.sum(0))
        return words[int(np.argmin(np.where(known, cosines, np.inf)))]

    def _units(self, terms: Terms, oov: Oov) -> tuple[Rows, NDArray[np.bool_]]:
        rows, known = self._raw(terms, oov)
        return self._to_units(rows), known

    def _rows_of(self, terms: Sequence[Term]) -> NDArray[np.int64]:
        return self.vocabulary.ids_of([t for t in terms if isinstance(t, str | bytes)])


def _analogy_queries(
    method: str, units: Sequence[Rows], epsilon: float
) -> tuple[list[Rows], Metric]:
    """Return what to search for, and by which metric, for unit vectors of a, b and c."""
    a, b, c = units
    name = str(method).lower()
    if name == "3cosadd":
        return [b - a + c], "cosine"
    if name == "3cosmul":
        if not epsilon > 0:
            raise ValueError(f"epsilon must be positive, got {epsilon}")
        return [b, c, a], CosMul(2, epsilon)
    if name == "pairdirection":
        return [b - a, c], "pairdirection"
    raise ValueError(f"method must be one of 3cosadd, 3cosmul, pairdirection, got {method!r}")
