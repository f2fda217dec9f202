"""Top-k on a GPU: bounds computed there choose the rows that the core then scores exactly.

The core screens rows by a bound on the rounding error of float32 products; here the same
bounds are computed with an array library, block by block, and only the few rows with the
highest ones come back. Where a row left out could still be among the best, the answer is said
to be uncertain. The formulas are those of csrc/linalg/top_k.cpp.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embkit.backend import Backend, DeviceArray, Namespace

Doubles: TypeAlias = NDArray[np.float64]
Scoring: TypeAlias = Literal["linear", "shifted", "ratio", "cosmul", "pairdirection"]

_UNIT = 2.0**-24  # rounding error of a float32 operation
_LEAST_RATIO_BASE = 1e-6
_GROUP = 64  # bounds of which only the highest is looked at first
_BLOCK_ROWS = 1 << 15
_LEAST_BLOCK = 256
_RESIDENT_SHARE = 0.4  # of the free memory, up to which the rows stay on the GPU


@dataclass(frozen=True, eq=False)
class Queries:
    """A tile of queries, as the screening sees them.

    Attributes
    ----------
    units : array of float32, shape (num_queries * num_terms, dim)
        Terms at unit length; zero stays zero.
    gains : array of float64, shape (num_queries,)
        Score per cosine (or per product with the unit term).
    bases : array of float64, shape (num_queries,)
        The queries' shifts for "ratio".
    starts : array of float64, shape (num_queries,)
        Cosine of both terms, for "pairdirection".
    has_start : array of bool, shape (num_queries,)
        Whether the second term is not zero, likewise.
    excluded : (offsets, rows)
        What each query must not return, sorted.
    """

    units: NDArray[np.float32]
    gains: Doubles
    bases: Doubles
    starts: Doubles
    has_start: NDArray[np.bool_]
    excluded: tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(eq=False)
class Screening:
    """The rows of a search and how they are scored.

    Attributes
    ----------
    backend : Backend
        With the GPU.
    vectors : array of float32, shape (num_rows, dim)
    screens : array of float32, shape (num_rows,)
        What products are multiplied with; NaN where they cannot be trusted.
    shifts : array of float64, shape (num_rows,)
        For "shifted" and "ratio".
    scoring : str
    radius, reach : float
        The largest length of a row times its screen, and size of a shift.
    num_positive, epsilon
        For "cosmul".
    block_rows : int or None
        Rows at a time.
    """

    backend: Backend
    vectors: NDArray[np.float32]
    screens: NDArray[np.float32]
    shifts: Doubles
    scoring: Scoring
    radius: float
    reach: float
    num_positive: int
    epsilon: float
    block_rows: int | None
    _resident: dict[tuple[int, int], tuple[DeviceArray, DeviceArray, DeviceArray]] = field(
        default_factory=dict, init=False, repr=False
    )
    _stays: bool = field(default=True, init=False, repr=False)

    def __post_init__(self) -> None:
        free = self.backend.free_bytes()
        self._stays = free is None or self.vectors.nbytes < _RESIDENT_SHARE * free

    def candidates(
        self, queries: Queries, count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows with the highest bounds, and what no other row can exceed.

        Parameters
        ----------
        queries : Queries
        count : int
            Rows per query; all where there are not more.

        Returns
        -------
        rows : array of int64, shape (num_queries, min(count, num_rows))
        ceilings : array of float32, shape (num_queries,)
            No other row scores higher; -inf where there is none.

        Raises
        ------
        ResourceError
            If the GPU has no memory for the smallest block.
        """
        terms = len(queries.units) // len(queries.gains)

        def need(rows: int) -> int:
            return 4 * rows * (int(self.vectors.shape[1]) + len(queries.units) * (3 + terms))

        def work(rows: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
            try:
                return self._scan(queries, count, rows)
            except MemoryError:
                self._let_go()
                raise

        size = min(self.block_rows or _BLOCK_ROWS, max(1, len(self.vectors)))
        return self.backend.fitting(work, size, need, least=min(size, _LEAST_BLOCK))

    def _let_go(self) -> None:
        """Keep no rows on the GPU any more: its memory is short."""
        self._stays = False
        self._resident.clear()

    def _block(self, first: int, size: int) -> tuple[DeviceArray, DeviceArray, DeviceArray]:
        """Return rows, screens and shifts on the GPU."""
        if (first, size) in self._resident:
            return self._resident[first, size]
        span, bring = slice(first, first + size), self.backend.asarray
        block = (
            bring(self.vectors[span]),
            bring(self.screens[span]),
            bring(self.shifts[span].astype(np.float32)),
        )
        if self._stays:
            self._resident[first, size] = block
        return block

    def _scan(
        self, queries: Queries, count: int, size: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        xp, bring = self.backend.xp, self.backend.asarray
        formula = _Formula.of(self, queries)
        units = bring(queries.units)
        held_bounds = held_rows = None
        for first in range(0, len(self.vectors), size):
            rows, screens, shifts = self._block(first, size)
            with np.errstate(over="ignore", invalid="ignore"):  # inf and NaN: scored exactly
                products = xp.matmul(units, rows.T).reshape(len(queries.gains), -1, len(rows))
                products = products * screens
                bounds = formula.bounds(products, shifts)
            bounds = xp.where(xp.isnan(bounds), xp.float32(np.inf), bounds)
            self._exclude(bounds, queries.excluded, first)
            found = highest(xp, bounds, count)
            found_bounds, found_rows = xp.take_along_axis(bounds, found, 1), found + first
            if held_bounds is not None:
                found_bounds = xp.concatenate([held_bounds, found_bounds], 1)
                found_rows = xp.concatenate([held_rows, found_rows], 1)
                kept = highest(xp, found_bounds, count)
                found_bounds = xp.take_along_axis(found_bounds, kept, 1)
                found_rows = xp.take_along_axis(found_rows, kept, 1)
            held_bounds, held_rows = found_bounds, found_rows
        assert held_bounds is not None
        ceilings = held_bounds.min(1)
        if count >= len(self.vectors):
            ceilings = xp.full_like(ceilings, -np.inf)
        listed = self.backend.to_numpy(held_rows).astype(np.int64)
        return listed, self.backend.to_numpy(ceilings)

    def _exclude(
        self,
        bounds: DeviceArray,
        excluded: tuple[NDArray[np.int64], NDArray[np.int64]],
        first: int,
    ) -> None:
        offsets, rows = excluded
        if not len(rows):
            return
        owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
        inside = (rows >= first) & (rows < first + bounds.shape[1])
        if inside.any():
            place = tuple(self.backend.asarray(p[inside]) for p in (owners, rows - first))
            bounds[place] = -np.inf


def highest(xp: Namespace, bounds: DeviceArray, count: int) -> DeviceArray:
    """Return the columns of the highest ``count`` values of each row, in any order.

    The highest values lie in the groups with the highest maxima, so only these are sorted.
    """
    num_columns = bounds.shape[1]
    if count >= num_columns:
        return xp.broadcast_to(xp.arange(num_columns), bounds.shape)
    num_groups = num_columns // _GROUP
    if num_groups <= 2 * count:
        return xp.argpartition(bounds, num_columns - count, 1)[:, num_columns - count :]
    whole = num_groups * _GROUP
    maxima = bounds[:, :whole].reshape(len(bounds), num_groups, _GROUP).max(2)
    groups = xp.argpartition(maxima, num_groups - count, 1)[:, num_groups - count :]
    columns = (groups[:, :, None] * _GROUP + xp.arange(_GROUP)).reshape(len(bounds), -1)
    rest = xp.broadcast_to(xp.arange(whole, num_columns), (len(bounds), num_columns - whole))
    columns = xp.concatenate([columns, rest], 1)
    chosen = xp.take_along_axis(bounds, columns, 1)
    kept = xp.argpartition(chosen, chosen.shape[1] - count, 1)[:, chosen.shape[1] - count :]
    return xp.take_along_axis(columns, kept, 1)


@dataclass(frozen=True, eq=False)
class _Formula:
    """Upper bounds of scores from screened products, with the queries' numbers on the GPU."""

    xp: Namespace
    scoring: Scoring
    error: float
    reach: float
    num_positive: int
    epsilon: float
    gains: DeviceArray  # (num_queries, 1)
    slacks: DeviceArray
    bases: DeviceArray
    starts: DeviceArray
    squares: DeviceArray

    @classmethod
    def of(cls, screening: Screening, queries: Queries) -> _Formula:
        dim = screening.vectors.shape[1]
        error = 1.1 * (dim + 16) * screening.radius * _UNIT
        gains = np.abs(queries.gains)
        slacks = gains * error + 8 * _UNIT * (gains * screening.radius + screening.reach)

        def column(values: NDArray[np.floating]) -> DeviceArray:
            with np.errstate(over="ignore"):
                return screening.backend.asarray(values.astype(np.float32)[:, None])

        return cls(
            screening.backend.xp,
            screening.scoring,
            error,
            screening.reach,
            screening.num_positive,
            screening.epsilon,
            column(queries.gains),
            column(slacks + 1e-44),
            column(queries.bases),
            column(queries.starts - error),
            column(np.where(queries.has_start, 2.0, 1.0)),
        )

    def bounds(self, products: DeviceArray, shifts: DeviceArray) -> DeviceArray:
        """Return what no score exceeds.

        Parameters
        ----------
        products : array of float32, shape (num_queries, num_terms, num_rows)
            Already multiplied by the rows' screens.
        shifts : array of float32, shape (num_rows,)
        """
        if self.scoring == "cosmul":
            return self._cosmul(products)
        if self.scoring == "pairdirection":
            return self._pairdirection(products[:, 0], products[:, 1])
        bounds = self.gains * products[:, 0] + self.slacks
        if self.scoring == "shifted":
            return bounds + shifts
        if self.scoring == "ratio":
            base = self.xp.maximum(_LEAST_RATIO_BASE, self.bases + shifts)
            slack = self.xp.where(bounds > 0, 1 + 16 * _UNIT, 1 - 16 * _UNIT)
            return (slack * bounds / base).astype(np.float32)
        return bounds

    def _cosmul(self, products: DeviceArray) -> DeviceArray:
        above = ((1 + self.error + products[:, : self.num_positive]) / 2).prod(1)
        below = (1 - self.error + products[:, self.num_positive :]) / 2
        below = self.xp.maximum(below, 0).prod(1)
        slack = 1 + 16 * products.shape[1] * _UNIT
        return (slack * above / (below + self.epsilon)).astype(np.float32)

    def _pairdirection(self, along: DeviceArray, near: DeviceArray) -> DeviceArray:
        ahead = along - self.starts
        shortest = self.xp.maximum(self.squares - 2 * (near + self.error), 0)
        longest = self.squares - 2 * (near - self.error)
        # A positive numerator is bounded by the shortest distance, a negative by the longest.
        distance = self.xp.where(ahead > 0, shortest, longest)
        is_near = distance <= 0
        ratio = ahead / self.xp.sqrt(self.xp.where(is_near, 1, distance)) + self.error
        return self.xp.where(is_near, np.inf, ratio).astype(np.float32)
