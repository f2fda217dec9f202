"""Retrieval across two spaces: nearest neighbours, CSLS, inverted softmax, margin; hubness."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embkit.backend import DeviceArray, open_backend
from embkit.checks import check_at_least, check_choice
from embkit.neighbors import Doubles, Metric, Neighbors, Ratio, Shifted, row_norms, top_k

RetrievalMethod: TypeAlias = Literal["nn", "csls", "inverted-softmax", "margin"]
METHODS: tuple[str, ...] = get_args(RetrievalMethod)

_RANKED = 128  # queries whose scores with all targets are held at a time
_TILE = 1024  # rows of the other side that the partition functions take at a time


class Retriever:
    """Finds, for vectors of a source space, the closest rows of a target space.

    The scores of x and y, with r(x) the mean cosine of x to its ``neighborhood`` nearest
    targets and r(y) that of y to its nearest sources:

    - ``nn``: cos(x, y);
    - ``csls``: 2 cos(x, y) - r(x) - r(y) (Conneau et al. 2018);
    - ``inverted-softmax``: the logarithm of exp(b cos(x, y)) over its sum over all sources,
      b the ``inverse_temperature`` (Smith et al. 2017);
    - ``margin``: 2 cos(x, y) / (r(x) + r(y)), with half the sum at least 1e-6 (Artetxe and
      Schwenk 2019).

    Exact: see :func:`embkit.neighbors.top_k`, which each search and each mean goes through;
    blocks and threads change nothing, and of equal scores the lower row comes first. What
    the targets' side needs is computed once, at the first search that asks for it.

    Parameters
    ----------
    source, target : array of float32, shape (num_sources, dim) and (num_targets, dim)
        The two spaces, mapped into one; lengths do not matter.
    method : {"nn", "csls", "inverted-softmax", "margin"}
        How a pair is scored.
    neighborhood : int
        Neighbours that a mean is taken of; fewer where a side has fewer rows.
    inverse_temperature : float
        Of the inverted softmax.
    threads, block_rows, device : optional
        As in :func:`embkit.neighbors.top_k`.

    Raises
    ------
    ValueError
        If an option or a shape is not as said above.

    Examples
    --------
    >>> source = np.array([[1, 0], [0.8, 0.6]], np.float32)
    >>> target = np.array([[1, 0.1], [0.6, 0.8]], np.float32)
    >>> Retriever(source, target, method="csls", neighborhood=1).search(source, 1).rows.ravel()
    array([0, 1])
    """

    def __init__(
        self,
        source: NDArray[np.float32],
        target: NDArray[np.float32],
        *,
        method: RetrievalMethod = "csls",
        neighborhood: int = 10,
        inverse_temperature: float = 30.0,
        threads: int | None = None,
        block_rows: int | None = None,
        device: str = "cpu",
    ) -> None:
        check_choice("method", method, METHODS)
        check_at_least("neighborhood", neighborhood, 1)
        check_at_least("inverse_temperature", inverse_temperature, 1e-6)
        if source.ndim != 2 or target.ndim != 2 or source.shape[1] != target.shape[1]:
            raise ValueError(
                "source and target must be matrices of the same dim, "
                f"got shapes {source.shape} and {target.shape}"
            )
        self.source = source
        self.target = target
        self.method = method
        self.neighborhood = neighborhood
        self.inverse_temperature = inverse_temperature
        self._options: dict[str, Any] = {"threads": threads, "block_rows": block_rows}
        self._options["device"] = device
        self._backend = open_backend(device)

    @cached_property
    def _source_norms(self) -> Doubles:
        return row_norms(self.source, threads=self._options["threads"])

    @cached_property
    def _target_norms(self) -> Doubles:
        return row_norms(self.target, threads=self._options["threads"])

    @cached_property
    def target_means(self) -> Doubles:
        """Mean cosine of each target to its nearest sources, shape (num_targets,)."""
        return self._means(self.target, self.source, self._source_norms)

    @cached_property
    def _log_partitions(self) -> Doubles:
        """Logarithm of the sum over all sources of exp(b cos), for each target."""
        return self._backend.fitting(self._sum_partitions, _TILE, self._need, least=64)

    def _sum_partitions(self, size: int) -> Doubles:
        """Sum over tiles of products in float64.

        In float32 equal rows would differ by where in a tile they stand, and so take turns.
        """
        xp, b = self._backend.xp, self.inverse_temperature
        sums = np.empty(len(self.target))
        for first in range(0, len(self.target), size):
            span = slice(first, first + size)
            tile = self._units(self.target[span], self._target_norms[span])
            total, peak = xp.zeros(len(tile)), xp.full(len(tile), -xp.inf)
            for start in range(0, len(self.source), size):
                some = slice(start, start + size)
                cosines = tile @ self._units(self.source[some], self._source_norms[some]).T
                # Each target's own highest: at a high temperature exp of less is 0.
                before, peak = peak, xp.maximum(peak, cosines.max(1))
                total *= xp.exp(b * (before - peak))
                cosines -= peak[:, None]
                cosines *= b
                total += xp.exp(cosines).sum(1)
            sums[span] = self._backend.to_numpy(xp.log(total) + b * peak)
        return sums

    def _units(self, rows: NDArray[np.float32], norms: Doubles) -> DeviceArray:
        """Return rows at unit length in float64, on the device; zero stays zero."""
        units = self._backend.asarray(rows).astype(np.float64)
        units /= self._backend.asarray(np.where(norms > 0, norms, 1))[:, None]
        return units

    def _need(self, size: int) -> int:
        return 8 * size * (2 * size + 3 * int(self.target.shape[1]))

    def query_means(self, queries: ArrayLike) -> Doubles:
        """Return the mean cosine of each query to its nearest targets."""
        return self._means(queries, self.target, self._target_norms)

    def _means(self, queries: ArrayLike, rows: NDArray[np.float32], norms: Doubles) -> Doubles:
        found = top_k(queries, rows, self.neighborhood, norms=norms, **self._options)
        means: Doubles = found.scores.astype(np.float64).mean(1)
        return means

    def search(
        self,
        queries: ArrayLike,
        k: int = 10,
        *,
        exclude: Sequence[Iterable[int]] | None = None,
    ) -> Neighbors:
        """Return the k best targets of each query, best first, with their scores.

        Parameters
        ----------
        queries : array, shape (num_queries, dim)
            Vectors of the source space.
        k : int
            Targets per query.
        exclude : sequence of iterables of int, optional
            For each query, targets that it must not return.

        Raises
        ------
        ValueError
            If a shape, an option or a value (NaN, inf) is wrong.
        """
        queries = np.asarray(queries)
        metric, query_means = self._metric(queries)
        found = top_k(
            *(queries, self.target, k),
            metric=metric,
            exclude=exclude,
            norms=self._target_norms,
            **self._options,
        )
        if self.method != "csls":
            return found
        scores = found.scores - query_means[:, None].astype(np.float32)
        return Neighbors(found.rows, scores)

    def _metric(self, queries: NDArray[Any]) -> tuple[Metric, Doubles]:
        """Return what `top_k` scores by, and the queries' means, zeros where there are none."""
        means = np.zeros(len(queries))
        if self.method in ("csls", "margin"):
            means = self.query_means(queries)
        if self.method == "csls":
            return Shifted(2.0, -self.target_means), means
        if self.method == "inverted-softmax":
            return Shifted(self.inverse_temperature, -self._log_partitions), means
        if self.method == "margin":
            return Ratio(means / 2, self.target_means / 2), means
        return "cosine", means

    def ranks(
        self, queries: ArrayLike, targets: Sequence[NDArray[np.int64]]
    ) -> list[NDArray[np.int64]]:
        """Return the rank of given targets among all, 1 for the best, as a search orders them.

        Parameters
        ----------
        queries : array, shape (num_queries, dim)
            Vectors of the source space.
        targets : sequence of arrays of int64
            For each query, the targets whose ranks are wanted.

        Returns
        -------
        list of arrays of int64
            Their ranks, in the same form.

        Raises
        ------
        ValueError
            If there is not one list of targets per query, or a query is not finite.

        Examples
        --------
        >>> rows = np.eye(3, dtype=np.float32)
        >>> Retriever(rows, rows, method="nn").ranks([[3, 2, 1]], [np.array([2, 0])])
        [array([3, 1])]
        """
        queries = np.asarray(queries)
        if len(targets) != len(queries):
            raise ValueError(
                f"targets must have one entry per query ({len(queries)}), got {len(targets)}"
            )
        if not np.isfinite(queries).all():
            raise ValueError("queries must be finite, got NaN or inf")
        metric, _ = self._metric(queries)
        lengths = np.linalg.norm(queries.astype(np.float64), axis=1, keepdims=True)
        units = queries / np.where(lengths > 0, lengths, 1)
        found = []
        for first in range(0, len(queries), _RANKED):
            bases = metric.bases[first : first + _RANKED] if isinstance(metric, Ratio) else None
            some = units[first : first + _RANKED]
            cosines = self._backend.fitting(
                partial(self._all_cosines, some), _TILE * 4, self._need_cosines, least=64
            )
            scores = _scored(cosines, metric, bases)
            for row, wanted in zip(scores, targets[first : first + _RANKED], strict=True):
                found.append(_ranks_in(row, np.asarray(wanted, np.int64)))
        return found

    def _all_cosines(self, units: NDArray[Any], size: int) -> Doubles:
        """Return the cosines with all targets, computed in float64."""
        bring = self._backend.asarray
        queries = bring(units)
        cosines = np.empty((len(units), len(self.target)))
        for first in range(0, len(self.target), size):
            span = slice(first, first + size)
            lengths = self._target_norms[span]
            rows = bring(self.target[span]).astype(np.float64)
            products = self._backend.to_numpy(queries @ rows.T)
            cosines[:, span] = products / np.where(lengths > 0, lengths, 1)
        return cosines

    def _need_cosines(self, size: int) -> int:
        dim = int(self.target.shape[1])
        return 8 * (size + _RANKED) * dim + 8 * _RANKED * size


def _scored(cosines: Doubles, metric: Metric, bases: Doubles | None) -> NDArray[np.float32]:
    """Return the scores that cosines make, as `top_k` rounds them."""
    if isinstance(metric, Shifted):
        cosines = cosines * metric.gain + metric.shifts
    elif isinstance(metric, Ratio) and bases is not None:
        cosines = cosines / np.maximum(1e-6, bases[:, None] + metric.shifts)
    return cosines.astype(np.float32)


def _ranks_in(scores: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the ranks of some rows by score, the lower row first where scores are equal."""
    ranks = np.empty(len(rows), np.int64)
    for i, row in enumerate(rows):
        is_equal = np.flatnonzero(scores[:row] == scores[row])
        ranks[i] = 1 + int((scores > scores[row]).sum()) + len(is_equal)
    return ranks


@dataclass(frozen=True)
class Hubness:
    """How unevenly targets are retrieved; N_k is how often a target is among the k best.

    Attributes
    ----------
    k : int
        Neighbours counted per query.
    skewness : float
        Third standardised moment of N_k: 0 where all are retrieved alike, large with hubs
        (Radovanovic et al. 2010).
    largest : int
        The largest N_k.
    never : float
        Share of the targets that no query retrieves.
    """

    k: int
    skewness: float
    largest: int
    never: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary."""
        return asdict(self)

    def summary(self) -> str:
        """Return one line for people.

        Examples
        --------
        >>> Hubness(10, 1.234, 57, 0.25).summary()
        'skewness 1.23 of N10, at most 57 times the same target, 25% of targets never'
        """
        return (
            f"skewness {self.skewness:.2f} of N{self.k}, at most {self.largest} times the "
            f"same target, {self.never:.0%} of targets never"
        )


def hubness(neighbors: Neighbors, num_targets: int) -> Hubness:
    """Return how unevenly the targets are spread over the neighbours of many queries.

    Parameters
    ----------
    neighbors : Neighbors
        What a search returned.
    num_targets : int
        Rows that were searched.

    Raises
    ------
    ValueError
        If there are no targets.

    Examples
    --------
    >>> found = Neighbors(np.array([[0], [0], [1]]), np.ones((3, 1), np.float32))
    >>> hubness(found, 4).largest, hubness(found, 4).never
    (2, 0.5)
    """
    check_at_least("num_targets", num_targets, 1)
    rows = neighbors.rows[neighbors.rows >= 0]
    counts = np.bincount(rows, minlength=num_targets).astype(np.float64)
    centered = counts - counts.mean()
    spread = counts.std()
    skewness = float((centered**3).mean() / spread**3) if spread > 0 else 0.0
    return Hubness(
        neighbors.rows.shape[1], skewness, int(counts.max()), float((counts == 0).mean())
    )
