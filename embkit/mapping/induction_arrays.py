"""One pass of dictionary induction with an array library, to what the core's pass tells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embkit.backend import Backend, DeviceArray, Namespace
from embkit.screening import highest

_TILE_SOURCES = 4096
_TILE_TARGETS = 8192
_LEAST_TILE = 64
_GOLDEN = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1

Figures = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]
"""Best partner, highest similarity and mean of the highest ones of each word of a side."""


@dataclass(frozen=True)
class Draws:
    """Which pairs of words are kept: those of ``csrc/linalg/induction.cpp``, to the bit.

    SplitMix64 keyed by seed, pass and pair (``csrc/core/random.h``).
    """

    keep_probability: float
    seed: int
    number: int

    def dropped(self, xp: Namespace, sources: slice, targets: slice) -> DeviceArray:
        """Return which pairs of a tile are not kept, shape (num_sources, num_targets)."""
        key = _mix(_mix((self.seed + _GOLDEN) & _MASK) ^ self._pass())
        rows = xp.arange(sources.start, sources.stop, dtype=np.uint64)[:, None]
        columns = xp.arange(targets.start, targets.stop, dtype=np.uint64)
        golden = np.uint64(_GOLDEN)
        pair = (rows << np.uint64(32)) | columns
        z = np.uint64(key) + (pair + np.uint64(1)) * golden
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
        return (z >> np.uint64(40)).astype(np.float64) * 2.0**-24 >= self.keep_probability

    def _pass(self) -> int:
        return (self.number * 0xD1342543DE82EF95 + _GOLDEN) & _MASK


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


class _Side:
    """What is known so far of the words of one side, on the device."""

    def __init__(self, xp: Namespace, num_words: int, neighborhood: int) -> None:
        self.xp, self.neighborhood = xp, neighborhood
        self.best = xp.full(num_words, -1, np.int64)
        self.score = xp.full(num_words, -np.inf, np.float32)
        self.highest = xp.full((num_words, neighborhood), -np.inf, np.float32)

    def see(
        self, span: slice, similarities: DeviceArray, scores: DeviceArray, first: int
    ) -> None:
        """Take account of words ``span`` with partners from ``first`` on, in their order."""
        xp = self.xp
        partner = scores.argmax(1)
        score = xp.take_along_axis(scores, partner[:, None], 1)[:, 0]
        is_better = score > self.score[span]  # of equal ones the lower partner was first
        self.best[span] = xp.where(is_better, partner + first, self.best[span])
        self.score[span] = xp.where(is_better, score, self.score[span])
        count = min(self.neighborhood, similarities.shape[1])
        found = xp.take_along_axis(similarities, highest(xp, similarities, count), 1)
        both = xp.concatenate([self.highest[span], found], 1)
        kept = highest(xp, both, self.neighborhood)
        self.highest[span] = xp.take_along_axis(both, kept, 1)

    def figures(self, backend: Backend) -> Figures:
        means = self.highest.sum(1) / np.float32(self.neighborhood)
        found = (self.best, self.highest.max(1), means)
        best, strongest, mean = (backend.to_numpy(values) for values in found)
        return best, strongest, mean.astype(np.float32)


def induce_arrays(
    backend: Backend,
    source: DeviceArray,
    target: DeviceArray,
    levels: tuple[NDArray[np.float32], NDArray[np.float32]],
    neighborhood: int,
    draws: Draws,
) -> tuple[Figures, Figures]:
    """Find each word's best partner on the other side; see ``embkit.mapping.induction``.

    Parameters
    ----------
    backend : Backend
    source, target : array of float32 of the backend, shape (num_words, dim)
    levels : (array of float32, array of float32)
        What is taken from the similarity to a word of the source, and of the target.
    neighborhood : int
    draws : Draws

    Raises
    ------
    ResourceError
        If the device has no memory for the smallest tile.
    """
    width = min(_TILE_TARGETS, len(target))

    def need(size: int) -> int:
        return 4 * size * (8 * width + int(source.shape[1]))

    def work(size: int) -> tuple[Figures, Figures]:
        xp = backend.xp
        sides = [_Side(xp, len(rows), neighborhood) for rows in (source, target)]
        source_levels, target_levels = (backend.asarray(some) for some in levels)
        for start in range(0, len(target), width):
            targets = slice(start, min(start + width, len(target)))
            for first in range(0, len(source), size):
                sources = slice(first, min(first + size, len(source)))
                products = source[sources] @ target[targets].T
                dropped = None
                if draws.keep_probability < 1:
                    dropped = draws.dropped(xp, sources, targets)
                forward = _kept(xp, products - target_levels[targets], dropped)
                sides[0].see(sources, products, forward, start)
                backward = _kept(xp, products - source_levels[sources][:, None], dropped)
                sides[1].see(targets, products.T, backward.T, first)
        return sides[0].figures(backend), sides[1].figures(backend)

    return backend.fitting(work, min(_TILE_SOURCES, len(source)), need, least=_LEAST_TILE)


def _kept(xp: Namespace, scores: DeviceArray, dropped: DeviceArray | None) -> DeviceArray:
    return scores if dropped is None else xp.where(dropped, np.float32(-np.inf), scores)
