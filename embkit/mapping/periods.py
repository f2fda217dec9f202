"""Two spaces of one language, by rows: the words compared, and how far apart they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.errors import DictionaryError
from embkit.mapping.initial import Pairs, Rows, identical_words
from embkit.neighbors import Doubles, Neighbors, row_norms, top_k

_BLOCK = 4096  # words whose neighbours are held at a time
# Ctrl-C is heard between passes. One of so many words over so many rows takes a second where
# each has a thousand neighbours, nearly all scored exactly: then less is done at a time.
_MANY, _FEW_WORDS, _FEW_ROWS = 256, 512, 2048


@dataclass(frozen=True, eq=False)
class Period:
    """One side, with what is known of each of its rows."""

    name: str
    embeddings: Embeddings
    norms: Doubles
    is_rare: NDArray[np.bool_]
    is_kept: NDArray[np.bool_]
    """Neither rare nor zero, and among the first ``restrict_vocab``."""

    @classmethod
    def of(
        cls, name: str, embeddings: Embeddings, min_count: int, restrict_vocab: int | None
    ) -> Period:
        """Look at one side."""
        norms = row_norms(embeddings.vectors)
        counts = embeddings.vocabulary.counts
        is_rare = np.zeros(len(norms), bool) if counts is None else counts < min_count
        is_kept = (norms > 0) & ~is_rare
        if restrict_vocab is not None:
            is_kept[restrict_vocab:] = False
        return cls(name, embeddings, norms, is_rare, is_kept)

    def count(self, row: int) -> int | None:
        """Return how often the word of a row occurs, where known."""
        counts = self.embeddings.vocabulary.counts
        return None if counts is None else int(counts[row])

    def nearest(self, rows: Rows, among: Rows, k: int, device: str) -> Iterator[Neighbors]:
        """Yield the k nearest of each row among others, as places there, some at a time."""
        vectors = self.embeddings.vectors
        is_whole = np.array_equal(among, np.arange(len(vectors)))  # then nothing is copied
        candidates, norms = vectors if is_whole else vectors[among], self.norms[among]
        place = np.full(len(vectors), -1)
        place[among] = np.arange(len(among))
        size, block_rows = (_FEW_WORDS, _FEW_ROWS) if k > _MANY else (_BLOCK, None)
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            themselves = place[block][:, None]
            yield top_k(
                *(vectors[block], candidates, k),
                exclude=themselves.tolist(),
                norms=norms,
                block_rows=block_rows,
                device=device,
            )


def common_rows(first: Embeddings, second: Embeddings) -> Pairs:
    """Return the rows of the words that both have, in the order of the first.

    A word that has several rows is found at its first.
    """
    left, right = identical_words(first.vocabulary, second.vocabulary)
    once = np.sort(np.unique(right, return_index=True)[1])
    if not len(once):
        raise DictionaryError(
            "first and second must have words that both spell alike, got none among "
            f"{len(first)} and {len(second)}"
        )
    return left[once], right[once]


def asked_rows(periods: tuple[Period, Period], words: Sequence[str]) -> Pairs:
    """Return the rows of words on both sides."""
    if isinstance(words, str | bytes):
        raise ValueError(f"words must be a list of words, got {words!r}")
    found = []
    for period in periods:
        rows = period.embeddings.vocabulary.ids_of(words).astype(np.int64)
        for word, row in zip(words, rows.tolist(), strict=True):
            if row < 0:
                raise KeyError(f"{word!r} is not among the words of {period.name}")
            if not period.norms[row]:
                raise ValueError(f"{word!r} must have a direction, got zeros in {period.name}")
        found.append(rows)
    return found[0], found[1]


def cosine_changes(periods: tuple[Period, Period], asked: Pairs) -> Doubles:
    """Return 1 - the cosine of each word's two vectors, in float64."""
    left, right = (period.embeddings.vectors for period in periods)
    scores = np.empty(len(asked[0]))
    for start in range(0, len(scores), _BLOCK):
        rows, theirs = (side[start : start + _BLOCK] for side in asked)
        products = np.einsum("ij,ij->i", left[rows], right[theirs], dtype=np.float64)
        lengths = periods[0].norms[rows] * periods[1].norms[theirs]
        scores[start : start + _BLOCK] = 1 - products / lengths
    return np.clip(scores, 0, 2, out=scores)  # of equal vectors rounding makes -1e-16


def neighbor_changes(
    periods: tuple[Period, Period], asked: Pairs, compared: Pairs, k: int, device: str
) -> Doubles:
    """Return the share of each word's k neighbours that one side alone has."""
    found = [
        period.nearest(rows, among, k, device)
        for period, rows, among in zip(periods, asked, compared, strict=True)
    ]
    alone = []
    for ours, theirs in zip(*found, strict=True):
        # Places stand for the same words on both sides; a pair that occurs twice is shared.
        places = np.sort(np.concatenate([ours.rows, theirs.rows], axis=1), axis=1)
        alone.append(k - (places[:, 1:] == places[:, :-1]).sum(1))
    return np.concatenate([np.zeros(0), *alone]) / k
