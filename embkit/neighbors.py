"""Exact nearest rows: arrays in, rows and scores out; blocked, threaded, on rows as mapped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embkit._native import core
from embkit.backend import open_backend
from embkit.checks import check_threads, check_whole
from embkit.device import available_threads
from embkit.errors import NotFiniteError
from embkit.metrics import CosMul, Doubles, Metric, Ratio, Shifted
from embkit.scanning import Scan, Tile

__all__ = [
    "CosMul",
    "Doubles",
    "Metric",
    "Neighbors",
    "Ratio",
    "Shifted",
    "row_norms",
    "top_k",
]

_TILE_TERMS = {False: 1024, True: 4096}  # query vectors multiplied at a time, True on a GPU


@dataclass(frozen=True)
class Neighbors:
    """The best rows of each query, best first.

    Attributes
    ----------
    rows : array of int64, shape (num_queries, k)
        Row numbers; -1 where a query has fewer than k candidates.
    scores : array of float32, shape (num_queries, k)
        Their scores; -inf where there is no row.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def pairs(self, query: int) -> list[tuple[int, float]]:
        """Return (row, score) of each neighbour of one query."""
        rows, scores = self.rows[query], self.scores[query]
        return [(int(r), float(s)) for r, s in zip(rows, scores, strict=True) if r >= 0]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain lists."""
        return {"rows": self.rows.tolist(), "scores": self.scores.tolist()}


def row_norms(vectors: NDArray[np.float32], *, threads: int | None = None) -> Doubles:
    """Return the Euclidean length of each row, summed in double precision.

    Parameters
    ----------
    vectors : array of float32, shape (num_rows, dim)
        Used as it is when contiguous.
    threads : int, optional
        All cores when left out.

    Raises
    ------
    NotFiniteError
        If a row holds NaN or inf.
    ValueError
        If ``threads`` is below 1.

    Examples
    --------
    >>> row_norms(np.array([[3, 4], [0, 0]], np.float32))
    array([5., 0.])
    """
    norms = core.row_norms(_as_matrix(vectors), threads=_resolve_threads(threads))
    bad = np.flatnonzero(~np.isfinite(norms))
    if bad.size:
        raise NotFiniteError(f"vectors must be finite, got NaN or inf in row {bad[0]}")
    return norms


def top_k(
    queries: ArrayLike,
    vectors: NDArray[np.float32],
    k: int = 10,
    *,
    metric: Metric = "cosine",
    exclude: Sequence[Iterable[int]] | None = None,
    restrict_vocab: int | None = None,
    norms: Doubles | None = None,
    threads: int | None = None,
    block_rows: int | None = None,
    device: str = "cpu",
) -> Neighbors:
    """Return the k best rows for each query, exactly.

    The products of queries and rows are computed in float32, block by block, and serve only
    to screen rows out, by a bound on their rounding error; what may be among the best is
    scored again in double precision. The outcome is that of a computation in double
    precision with the scores rounded to float32, whatever the blocks, threads or BLAS; of
    equal scores the lower row comes first. Beside the result, memory is bounded by one
    block's products; the rows are neither copied nor normalised.

    Parameters
    ----------
    queries : array, shape (num_queries, dim) or (num_queries, num_terms, dim)
        One vector per query for "cosine" and "dot". For "pairdirection" two, a direction and
        the place where it starts; for CosMul any number, the positive ones first.
    vectors : array of float32, shape (num_rows, dim)
        Used as it is, also when memory-mapped, if contiguous; else converted.
    k : int
        Rows to return per query; fewer where there are fewer.
    metric : {"cosine", "dot", "pairdirection"}, CosMul, Shifted or Ratio
        "cosine" and "dot" of query and row; "pairdirection": the cosine of the direction and
        the step from the start to the row, all at unit length (PairDirection of Levy and
        Goldberg 2014). Whatever has length zero scores 0 by cosine and by direction.
    exclude : sequence of iterables of int, optional
        For each query, rows it must not return; negative numbers are ignored.
    restrict_vocab : int, optional
        Search only the first so many rows.
    norms : array of float64, shape (num_rows,), optional
        What ``row_norms(vectors)`` returns, where it is at hand.
    threads : int, optional
        Threads for the selection, all cores when left out; the products use BLAS's own.
    block_rows : int, optional
        Rows per block, chosen to suit the cache when left out.
    device : str
        Where products are computed: cpu, cuda, cuda:N or auto. The outcome is the same, as
        what a GPU cannot decide is scored here.

    Returns
    -------
    Neighbors
        Rows and scores, shape (num_queries, min(k, num_rows)).

    Raises
    ------
    ValueError
        If a shape, an option or a value (NaN, inf) is not as said above.
    ResourceError
        If a GPU has no memory for the smallest block.

    Examples
    --------
    >>> rows = np.array([[1, 0], [0, 2], [3, 3]], np.float32)
    >>> top_k([[0, 1]], rows, 2).pairs(0)
    [(1, 1.0), (2, 0.7071067690849304)]
    """
    vectors = _as_matrix(vectors)
    terms = _as_terms(queries, vectors.shape[1], metric)
    num_rows = _resolve_rows(restrict_vocab, len(vectors))
    vectors = vectors[:num_rows]
    norms = row_norms(vectors, threads=threads) if norms is None else norms[:num_rows]
    check_whole("k", k)
    check_whole("block_rows", 1 if block_rows is None else block_rows)
    _check_shifts(metric, len(terms), num_rows)
    offsets, excluded = _flatten_exclusions(exclude, len(terms))
    backend = open_backend(device)
    scan = Scan(vectors, metric, norms, _resolve_threads(threads), block_rows, backend)
    best = Neighbors(
        np.full((len(terms), min(k, num_rows)), -1, np.int64),
        np.full((len(terms), min(k, num_rows)), -np.inf, np.float32),
    )
    bases = metric.bases if isinstance(metric, Ratio) else np.zeros(len(terms))
    step = max(1, _TILE_TERMS[backend.is_gpu] // terms.shape[1])
    for start in range(0, len(terms) if num_rows else 0, step):
        stop = min(start + step, len(terms))
        bounds = offsets[start : stop + 1]
        part = (bounds - bounds[0], excluded[bounds[0] : bounds[-1]])
        tile = Tile(terms[start:stop], part, bases[start:stop])
        rows, scores = scan.best(tile, best.rows.shape[1])
        best.rows[start:stop], best.scores[start:stop] = rows, scores
    return best


def _as_matrix(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    matrix = np.require(vectors, np.float32, ["C", "A"])
    if matrix.ndim != 2:
        raise ValueError(f"vectors must have 2 dimensions, got {matrix.ndim}")
    return matrix


def _as_terms(queries: ArrayLike, dim: int, metric: Metric) -> Doubles:
    """Return queries as (num_queries, num_terms, dim), checked against the metric."""
    terms = np.asarray(queries, np.float64)
    if isinstance(metric, CosMul):
        wanted = f"(num_queries, at least {metric.num_positive} terms, {dim})"
        fits = terms.ndim == 3 and terms.shape[1] >= max(1, metric.num_positive)
    elif metric == "pairdirection":
        wanted = f"(num_queries, 2, {dim})"
        fits = terms.ndim == 3 and terms.shape[1] == 2
    elif isinstance(metric, Shifted | Ratio) or metric in ("cosine", "dot"):
        wanted = f"(num_queries, {dim})"
        fits = terms.ndim == 2
        terms = terms[:, None] if fits else terms
    else:
        raise ValueError(
            "metric must be cosine, dot, pairdirection, CosMul, Shifted or Ratio, "
            f"got {metric!r}"
        )
    if not fits or terms.shape[-1] != dim:
        raise ValueError(f"queries must have shape {wanted}, got {np.shape(queries)}")
    if not np.isfinite(terms).all():
        raise ValueError("queries must be finite, got NaN or inf")
    return terms


def _check_shifts(metric: Metric, num_queries: int, num_rows: int) -> None:
    """Raise ValueError unless a metric's shifts fit the queries and the rows."""
    if not isinstance(metric, Shifted | Ratio):
        return
    if isinstance(metric, Ratio) and metric.bases.shape != (num_queries,):
        raise ValueError(
            f"bases must have shape ({num_queries},), one per query, got {metric.bases.shape}"
        )
    if metric.shifts.ndim != 1 or len(metric.shifts) < num_rows:
        raise ValueError(
            f"shifts must have shape ({num_rows},), one per row, got {metric.shifts.shape}"
        )
    bases = metric.bases if isinstance(metric, Ratio) else metric.shifts[:0]
    if not (np.isfinite(metric.shifts).all() and np.isfinite(bases).all()):
        raise ValueError("shifts must be finite, got NaN or inf")


def _flatten_exclusions(
    exclude: Sequence[Iterable[int]] | None, num_queries: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the excluded rows of all queries, sorted in each, and where each begins."""
    if exclude is None:
        return np.zeros(num_queries + 1, np.int64), np.zeros(0, np.int64)
    if len(exclude) != num_queries:
        raise ValueError(
            f"exclude must have one entry per query ({num_queries}), got {len(exclude)}"
        )
    rows = [sorted({int(row) for row in some if row >= 0}) for some in exclude]
    offsets = np.zeros(num_queries + 1, np.int64)
    np.cumsum([len(some) for some in rows], out=offsets[1:])
    return offsets, np.array([row for some in rows for row in some], np.int64)


def _resolve_rows(restrict_vocab: int | None, num_rows: int) -> int:
    if restrict_vocab is None:
        return num_rows
    check_whole("restrict_vocab", restrict_vocab)
    return min(restrict_vocab, num_rows)


def _resolve_threads(threads: int | None) -> int:
    if threads is None:
        return available_threads()
    check_threads(threads)
    return threads
