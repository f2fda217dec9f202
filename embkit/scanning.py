"""One pass over all rows for a tile of queries: on the processor, or screened on a GPU."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.backend import Backend
from embkit.metrics import CosMul, Doubles, Metric, Ratio, Shifted, scoring_of
from embkit.screening import Queries, Screening

Rows = NDArray[np.int64]

# Products computed at a time: small enough to stay in a core's cache between the matrix
# product and the selection, large enough for the product to run at full speed.
_BLOCK_PRODUCTS = 1 << 23
_SPARE = 54  # rows that a GPU names beyond those wanted, for what rounding leaves open

# Outside these lengths a float32 product may overflow or vanish, so such rows are not
# screened by it but always scored in double precision.
_SAFE_NORMS = (1e-30, 1e30)


@dataclass(frozen=True, eq=False)
class Tile:
    """Some queries.

    Attributes
    ----------
    terms : array of float64, shape (num_queries, num_terms, dim)
    excluded : (offsets, rows)
        Rows that each query must not return, sorted.
    bases : array of float64, shape (num_queries,)
        The queries' shifts, for `Ratio`.
    """

    terms: Doubles
    excluded: tuple[Rows, Rows]
    bases: Doubles

    @cached_property
    def scaled(self) -> tuple[Doubles, NDArray[np.int32]]:
        """Each term divided by a power of two near its size, and that power's exponent.

        Nothing is rounded, and the squares can neither overflow nor vanish.
        """
        exponents = np.frexp(np.abs(self.terms).max(-1, initial=0.0))[1]
        return np.ldexp(self.terms, -exponents[..., None]), exponents

    @cached_property
    def lengths(self) -> Doubles:
        """The scaled terms' lengths, shape (num_queries, num_terms)."""
        terms = self.scaled[0]
        return np.asarray(np.sqrt((terms * terms).sum(-1)))

    @cached_property
    def units(self) -> Doubles:
        """The terms at unit length; zero stays zero."""
        terms, lengths = self.scaled[0], self.lengths[..., None]
        return np.divide(terms, lengths, out=np.zeros_like(terms), where=lengths > 0)

    def flat(self) -> NDArray[np.float32]:
        """Return the unit terms of all queries, shape (num_queries * num_terms, dim)."""
        return self.units.reshape(-1, self.units.shape[2]).astype(np.float32)

    def take(self, which: Rows) -> Tile:
        """Return some of the queries."""
        offsets, rows = self.excluded
        parts = [rows[offsets[i] : offsets[i + 1]] for i in which]
        bounds = np.zeros(len(which) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=bounds[1:])
        return Tile(
            self.terms[which], (bounds, np.concatenate([*parts, rows[:0]])), self.bases[which]
        )


@dataclass(frozen=True, eq=False)
class Scan:
    """A search over all rows, tile by tile.

    Attributes
    ----------
    vectors : array of float32, shape (num_rows, dim)
    metric : Metric
    norms : array of float64, shape (num_rows,)
    threads : int
    block_rows : int or None
    backend : Backend
        Where products are computed.
    """

    vectors: NDArray[np.float32]
    metric: Metric
    norms: Doubles
    threads: int
    block_rows: int | None
    backend: Backend

    def best(self, tile: Tile, k: int) -> tuple[Rows, NDArray[np.float32]]:
        """Return the k best rows of each query, and their scores."""
        return self._on_gpu(tile, k) if self.backend.is_gpu else self._on_processor(tile, k)

    def _on_processor(self, tile: Tile, k: int) -> tuple[Rows, NDArray[np.float32]]:
        top, flat = self._top(tile, k), tile.flat()
        size = self.block_rows or max(1024, _BLOCK_PRODUCTS // len(flat))
        buffer = np.empty(len(flat) * min(size, len(self.vectors)), np.float32)
        scales, screens = self._scales
        for first in range(0, len(self.vectors), size):
            block = self.vectors[first : first + size]
            products = buffer[: len(flat) * len(block)].reshape(len(flat), len(block))
            with np.errstate(over="ignore", invalid="ignore"):  # scored again, see _scales
                np.matmul(flat, block.T, out=products)
            span = slice(first, first + size)
            top.update(
                products,
                block,
                scales[span],
                screens[span],
                self._shifts[span],
                first_row=first,
                threads=self.threads,
            )
        return top.result()

    def _on_gpu(self, tile: Tile, k: int) -> tuple[Rows, NDArray[np.float32]]:
        """Score the rows that the GPU names; where it cannot be sure, search here."""
        queries = Queries(
            tile.flat(),
            self._gains(tile) * tile.lengths[:, 0],
            tile.bases,
            (tile.units[:, 0] * tile.units[:, -1]).sum(-1),
            tile.lengths[:, -1] > 0,
            tile.excluded,
        )
        listed, ceilings = self._screening.candidates(queries, k + _SPARE)
        top = self._top(tile, k)
        top.update_listed(
            listed, self.vectors, self._scales[0], self._shifts, threads=self.threads
        )
        rows, scores = top.result()
        open_ones = np.flatnonzero((ceilings > -np.inf) & (ceilings >= scores[:, -1]))
        if len(open_ones):
            found = self._on_processor(tile.take(open_ones), k)
            rows[open_ones], scores[open_ones] = found
        return rows, scores

    def _top(self, tile: Tile, k: int) -> core.TopK:
        metric, terms = self.metric, tile.scaled[0]
        return core.TopK(
            terms,
            self._gains(tile),
            np.ascontiguousarray(tile.bases, np.float64),
            k=k,
            scoring=scoring_of(metric),
            num_positive=metric.num_positive if isinstance(metric, CosMul) else 0,
            epsilon=metric.epsilon if isinstance(metric, CosMul) else 0.0,
            radius=self._radius,
            reach=self._reach,
            excluded_offsets=tile.excluded[0],
            excluded=tile.excluded[1],
        )

    def _gains(self, tile: Tile) -> Doubles:
        """Return what a product with each query's (scaled) term is multiplied with."""
        if self.metric == "dot":
            return np.asarray(np.ldexp(1.0, tile.scaled[1][:, 0]))
        gain = self.metric.gain if isinstance(self.metric, Shifted) else 1.0
        return gain * _inverse(tile.lengths[:, 0])

    @property
    def _radius(self) -> float:
        return float(self.norms.max()) if self.metric == "dot" else 1.0

    @property
    def _reach(self) -> float:
        return float(np.abs(self._shifts).max())

    @cached_property
    def _screening(self) -> Screening:
        metric = self.metric
        return Screening(
            self.backend,
            self.vectors,
            self._scales[1],
            self._shifts,
            scoring_of(metric),
            self._radius,
            self._reach,
            metric.num_positive if isinstance(metric, CosMul) else 0,
            metric.epsilon if isinstance(metric, CosMul) else 0.0,
            self.block_rows,
        )

    @cached_property
    def _shifts(self) -> Doubles:
        """What each row's score is shifted by; zeros for metrics without shifts."""
        if isinstance(self.metric, Shifted | Ratio):
            shifts = self.metric.shifts[: len(self.vectors)]
            return np.ascontiguousarray(shifts, np.float64)
        return np.zeros(len(self.vectors))

    @cached_property
    def _scales(self) -> tuple[Doubles, NDArray[np.float32]]:
        """What each row's products are multiplied with, exactly and for screening."""
        is_zero = self.norms == 0
        scales = np.ones_like(self.norms) if self.metric == "dot" else _inverse(self.norms)
        with np.errstate(over="ignore"):  # of rows too short for it, which are unsafe
            screens = scales.astype(np.float32)
        unsafe = (self.norms < _SAFE_NORMS[0]) | (self.norms > _SAFE_NORMS[1])
        screens[unsafe & ~is_zero] = np.nan
        if self.metric == "pairdirection":  # its bound supposes unit length
            screens[is_zero] = np.nan
        return scales, screens


def _inverse(lengths: Doubles) -> Doubles:
    """Return 1 / length, and 0 for 0."""
    return np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
