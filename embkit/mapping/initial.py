"""Where self-learning starts from: identical words, numerals, or nothing but the shapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from embkit.checks import check_at_least
from embkit.dictionaries.seed_dictionary import SeedDictionary
from embkit.errors import DictionaryError
from embkit.mapping.induction import best_by_csls
from embkit.vocabulary import Vocabulary

Matrix = NDArray[np.float32]
Rows = NDArray[np.int64]
Pairs = tuple[Rows, Rows]
"""Rows of the source words and rows of the target words, pair by pair."""
_LEAST_AXIS = 1e-3  # of the largest singular value; a smaller one is that of no axis


def identical_words(source: Vocabulary, target: Vocabulary) -> Pairs:
    """Pair the words that both vocabularies spell alike.

    Examples
    --------
    >>> identical_words(
    ...     Vocabulary.from_words(["the", "Berlin"]), Vocabulary.from_words(["Berlin", "das"])
    ... )
    (array([1]), array([0]))
    """
    return _shared(source, target, lambda word: True)


def identical_dictionary(source: Vocabulary, target: Vocabulary) -> SeedDictionary:
    """Return the words that both vocabularies spell alike as a dictionary.

    For two spaces of one language, such as of two periods (Hamilton et al. 2016, "Diachronic
    word embeddings reveal statistical laws of semantic change"), or of languages that share
    many words. Words that are not UTF-8 are left out.

    Raises
    ------
    DictionaryError
        If there are none.

    Examples
    --------
    >>> words = Vocabulary.from_words(["gay", "war"]), Vocabulary.from_words(["war", "web"])
    >>> [(pair.source, pair.target) for pair in identical_dictionary(*words)]
    [('war', 'war')]
    """
    words = [source.bytes_of(int(row)) for row in identical_words(source, target)[0]]
    known = [word.decode() for word in words if _is_utf8(word) and word.strip()]
    if not known:
        raise DictionaryError(
            "source and target must have words that both spell alike, got none"
        )
    return SeedDictionary([(word, word) for word in known], path="identical words")


def _is_utf8(word: bytes) -> bool:
    return word.decode("utf-8", "ignore").encode() == word


def numerals(source: Vocabulary, target: Vocabulary) -> Pairs:
    """Pair the numbers (digits 0 to 9 only) that both vocabularies hold.

    Examples
    --------
    >>> years = Vocabulary.from_words(["in", "1999"])
    >>> numerals(years, years)
    (array([1]), array([1]))
    """
    return _shared(source, target, lambda word: word.isdigit())


def _shared(source: Vocabulary, target: Vocabulary, keep: Callable[[bytes], bool]) -> Pairs:
    words = [source.bytes_of(row) for row in range(len(source))]
    rows = target.ids_of(words)
    kept = np.array([row >= 0 and keep(words[i]) for i, row in enumerate(rows)], bool)
    return np.flatnonzero(kept), rows[kept].astype(np.int64)


def similar_distributions(
    source: Matrix,
    target: Matrix,
    *,
    words: int = 4000,
    neighborhood: int = 10,
    device: str = "cpu",
) -> Pairs:
    """Pair words whose similarities to their own language's words are distributed alike.

    The similarities of a word to the most frequent words of its language, sorted, do not
    depend on the axes of its space, so they can be compared across spaces without any
    dictionary (Artetxe et al. 2018, "A robust self-learning method"). As there, they are
    those of the square root of the similarity matrix, and brought to unit length, centred
    and brought to unit length again; words are paired by CSLS, each word of either side with
    its best partner.

    Parameters
    ----------
    source, target : array of float32, shape (num_words, dim)
        Normalised rows, most frequent words first.
    words : int
        Most frequent words of each side that take part; fewer where a side has fewer.
    neighborhood : int
        Neighbours of CSLS; fewer where a side has fewer words.
    device : str
        Where the pairs are compared: cpu, cuda, cuda:N or auto.

    Returns
    -------
    array of int64, array of int64
        Rows of source and target, twice as many pairs as words.

    Raises
    ------
    ValueError
        If ``words`` or ``neighborhood`` is below 1.

    Examples
    --------
    >>> rows = np.random.default_rng(1).standard_normal((9, 3)).astype(np.float32)
    >>> turned = rows[:, [2, 0, 1]]
    >>> left, right = similar_distributions(rows, turned, neighborhood=1)
    >>> bool((left == right).all())
    True
    """
    check_at_least("words", words, 1)
    check_at_least("neighborhood", neighborhood, 1)
    size = min(words, len(source), len(target))
    left, right = sorted_similarities(source[:size]), sorted_similarities(target[:size])
    return csls_partners(left, right, neighborhood=neighborhood, device=device)


def csls_partners(
    source: Matrix, target: Matrix, *, neighborhood: int = 10, device: str = "cpu"
) -> Pairs:
    """Pair each row of either side with its best partner by CSLS.

    Parameters
    ----------
    source, target : array of float32, shape (num_words, dim)
        Rows at unit length.
    neighborhood : int
        Neighbours of CSLS; fewer where a side has fewer words.
    device : str
        Where it is done: cpu, cuda, cuda:N or auto.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> csls_partners(rows, rows[[2, 0, 1]])
    (array([0, 1, 2, 2, 0, 1]), array([1, 2, 0, 0, 1, 2]))
    """
    targets, sources = best_by_csls(source, target, neighborhood=neighborhood, device=device)
    left, right = np.arange(len(source)), np.arange(len(target))
    return np.concatenate([left, sources]), np.concatenate([targets, right])


def sorted_similarities(rows: Matrix, power: float = 1.0) -> Matrix:
    """Return each row's sorted similarities to all rows, shape (num_rows, num_rows).

    The similarities are ``u s^power u'``, u and s being the left singular vectors and the
    singular values of the rows. Axes along which the rows do not vary are left out; the
    result is normalised: unit, center, unit.
    """
    u, s, _ = np.linalg.svd(rows, full_matrices=False)
    kept = s > _LEAST_AXIS * s.max()
    similarities: Matrix = (u[:, kept] * s[kept] ** np.float32(power)) @ u[:, kept].T
    similarities.sort(axis=1)
    for step in ("unit", "center", "unit"):
        if step == "center":
            similarities -= similarities.mean(0, dtype=np.float64).astype(np.float32)
        else:
            lengths = np.linalg.norm(similarities, axis=1, keepdims=True)
            similarities /= np.where(lengths > 0, lengths, 1)
    return similarities
