"""Word alignment by vectors, and its error rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embkit.checks import check_at_least
from embkit.embeddings import Embeddings
from embkit.evaluation.results import Result
from embkit.evaluation.sentences import Text

Links = frozenset[tuple[int, int]]
"""Pairs of positions in a sentence and its translation, from 0."""


@dataclass(frozen=True)
class AlignmentScore(Result):
    """How word alignments agree with gold ones (Och and Ney 2003).

    Attributes
    ----------
    error_rate : float or None
        1 - (|A and S| + |A and P|) / (|A| + |S|), for links A against sure links S and
        possible links P, which contain S; None where neither has a link.
    precision, recall : float or None
        |A and P| / |A| and |A and S| / |S|.
    n_links, n_sure, n_sentences : int
    """

    error_rate: float | None
    precision: float | None
    recall: float | None
    n_links: int
    n_sure: int
    n_sentences: int

    def undefined(self) -> str | None:
        """Return why no link could be compared, or None."""
        return None if self.n_links else "no word of a sentence and its translation is known"


def alignment_error_rate(
    links: Sequence[Links], sure: Sequence[Links], possible: Sequence[Links] | None = None
) -> AlignmentScore:
    """Return the error rate of links, sentence by sentence, against gold ones.

    Raises
    ------
    ValueError
        If the numbers of sentences differ.

    Examples
    --------
    >>> found = [frozenset({(0, 0), (1, 2)})]
    >>> gold = [frozenset({(0, 0), (1, 1)})]
    >>> alignment_error_rate(found, gold).error_rate
    0.5
    """
    possible = sure if possible is None else possible
    if not len(links) == len(sure) == len(possible):
        raise ValueError(
            "links, sure and possible must be of as many sentences as each other, "
            f"got {len(links)}, {len(sure)} and {len(possible)}"
        )
    a, s = (sum(map(len, some)) for some in (links, sure))
    both = sum(len(x & y) for x, y in zip(links, sure, strict=True))
    maybe = sum(len(x & (y | z)) for x, y, z in zip(links, sure, possible, strict=True))
    return AlignmentScore(
        1 - (both + maybe) / (a + s) if a + s else None,
        maybe / a if a else None,
        both / s if s else None,
        *(a, s, len(links)),
    )


def align_words(
    source: Embeddings,
    target: Embeddings,
    sentences: Sequence[tuple[Text, Text]],
    *,
    closeness: float = 0.0,
) -> list[Links]:
    """Link words of a sentence and its translation that are each other's closest.

    Closest by the cosine plus ``closeness`` times how near their relative positions are,
    which tells repeated words apart; words without a row are left unlinked.

    Parameters
    ----------
    source, target : Embeddings
        Both in one space.
    sentences : list of (words, words)
    closeness : float
        Weight of 1 - |i / n - j / m|.

    Raises
    ------
    ValueError
        If the dims differ, a row is not finite, or ``closeness`` is below 0.

    Examples
    --------
    >>> v = Embeddings.from_words({"a": [1.0, 0], "b": [0, 1.0]})
    >>> sorted(align_words(v, v, [(["a", "b", "x"], ["b", "a"])])[0])
    [(0, 1), (1, 0)]
    """
    check_at_least("closeness", closeness, 0)
    if source.dim != target.dim:
        raise ValueError(
            f"source and target must have the same dim, got {source.dim} and {target.dim}"
        )
    return [_align(source, target, *pair, closeness) for pair in sentences]


def _align(
    source: Embeddings, target: Embeddings, left: Text, right: Text, closeness: float
) -> Links:
    rows = [s.vocabulary.ids_of(words) for s, words in ((source, left), (target, right))]
    places = [np.flatnonzero(row >= 0) for row in rows]
    if not (len(places[0]) and len(places[1])):
        return frozenset()
    units = []
    for space, row, place in zip((source, target), rows, places, strict=True):
        known = row[place]
        lengths = space.norms[known][:, None]
        vectors = space.vectors[known].astype(np.float64)
        units.append(vectors / np.where(lengths > 0, lengths, 1))
    relative = [place / len(words) for place, words in zip(places, (left, right), strict=True)]
    scores = units[0] @ units[1].T
    scores += closeness * (1 - np.abs(relative[0][:, None] - relative[1][None]))
    forward, backward = scores.argmax(1), scores.argmax(0)
    return frozenset(
        (int(places[0][i]), int(places[1][j]))
        for i, j in enumerate(forward.tolist())
        if backward[j] == i
    )
