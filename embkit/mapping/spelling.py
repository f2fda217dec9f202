"""How alike the words of two sides are spelt, as a second witness beside their vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from embkit.mapping.normalize import Matrix

LENGTHS = (2, 3)
"""Of the runs of letters that are compared; a word's ends count as letters."""


class Spelling:
    """The cosine of what runs of two and three letters the words of two sides have.

    Runs count more the rarer they are among all words given (tf-idf), capitals as small
    letters. Riley and Gildea (2018), "Orthographic features for bilingual lexicon induction",
    append such features to the vectors; the products with them are those without, plus this
    cosine times a weight, and need no dense features.

    Parameters
    ----------
    source, target : sequence of str
    weight : float
        By which the cosines are multiplied.

    Examples
    --------
    >>> spelling = Spelling(["house", "night"], ["haus", "nacht", "house"], weight=1.0)
    >>> scores = np.zeros((2, 3), np.float32)
    >>> spelling.add(scores)
    >>> scores.argmax(axis=1), bool(abs(scores[0, 2] - 1) < 1e-6)
    (array([2, 1]), True)
    """

    def __init__(self, source: Sequence[str], target: Sequence[str], weight: float) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        letters = TfidfVectorizer(analyzer=_runs, dtype=np.float32)
        features = letters.fit_transform([*source, *target]).tocsr()
        self._source = features[: len(source)] * np.float32(weight)
        self._target = features[len(source) :]

    def add(self, scores: Matrix, first_source: int = 0, first_target: int = 0) -> None:
        """Add the weighted cosines to a tile of scores, sources by targets, in place."""
        rows = self._source[first_source : first_source + scores.shape[0]]
        columns = self._target[first_target : first_target + scores.shape[1]]
        cosines = (rows @ columns.T).tocoo()
        scores[cosines.row, cosines.col] += cosines.data


def _runs(word: str) -> list[str]:
    marked = f"\0{word.lower()}\0"
    return [
        marked[i : i + length] for length in LENGTHS for i in range(len(marked) - length + 1)
    ]
