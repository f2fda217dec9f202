"""The best rows of a sparse matrix: products in the core, the last word in double precision."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.device import available_threads
from embkit.neighbors import CosMul, Doubles, Metric

_TILE = 64  # query columns multiplied at a time: num_columns x 64 floats
_MORE = 100  # candidates beyond those wanted that are scored again in double precision

Pairs = list[tuple[int, float]]


@dataclass(frozen=True)
class SparseSearch:
    """Exact search over all rows, for queries whose terms are sparse too.

    Terms are spread out into a dense panel of a few columns, and the core multiplies the
    matrix with it on all threads. Rows that come out best are scored again in double
    precision and rounded to float32; of equal scores the lower row is first.
    """

    matrix: Any
    native: core.SparseMatrix
    norms: Doubles

    @cached_property
    def inverse_norms(self) -> Doubles:
        """1 / length of each row, 0 for rows of zeros."""
        inverse = np.zeros_like(self.norms)
        return np.divide(1, self.norms, out=inverse, where=self.norms > 0)

    @cached_property
    def is_nonnegative(self) -> bool:
        """Whether no stored number is below 0, so that cosines need no shift."""
        return bool((self.matrix.data >= 0).all())

    def best(
        self,
        terms: Sequence[Any],
        exclude: Sequence[Iterable[int]],
        k: int,
        num_rows: int,
        metric: Metric,
    ) -> list[Pairs]:
        """Return row and score of the k best among the first ``num_rows``, for each query.

        Parameters
        ----------
        terms : list of csr_array of float64, shape (num_queries, dim)
            The metric's terms: one for "cosine", direction and start for "pairdirection",
            the positive ones and then the negative one for CosMul.
        exclude : list of iterables of int
            For each query, rows that it must not return.
        k, num_rows : int
        metric : {"cosine", "pairdirection"} or CosMul
        """
        num_queries = terms[0].shape[0]
        found: list[Pairs] = []
        step = max(1, _TILE // len(terms))
        for start in range(0, num_queries, step):
            tile = [term[start : start + step] for term in terms]
            found += self._tile(tile, exclude[start : start + step], k, num_rows, metric)
        return found

    def _tile(
        self,
        terms: list[Any],
        exclude: Sequence[Iterable[int]],
        k: int,
        num_rows: int,
        metric: Metric,
    ) -> list[Pairs]:
        width = terms[0].shape[0]
        panel = np.concatenate([term.toarray() for term in terms]).T.astype(np.float32)
        products = self.native.multiply(
            np.ascontiguousarray(panel), threads=available_threads()
        )[:num_rows]
        inverse = self.inverse_norms[:num_rows]
        found = []
        for query in range(width):
            own = [term[query : query + 1] for term in terms]
            columns = products[:, query::width].astype(np.float64) * inverse[:, None]
            scores = self._scores(columns, own, metric)
            scores[[row for row in exclude[query] if 0 <= row < num_rows]] = -np.inf
            rows = _first(scores, k + _MORE)
            rows = rows[scores[rows] > -np.inf]
            exact = self._exact(rows, own) * inverse[rows, None]
            final = self._scores(exact, own, metric).astype(np.float32)
            order = np.lexsort((rows, -final))[:k]
            found.append([(int(rows[i]), float(final[i])) for i in order])
        return found

    def _exact(self, rows: NDArray[np.int64], own: list[Any]) -> Doubles:
        """Return the products of some rows with a query's terms in double precision."""
        part = self.matrix[rows].astype(np.float64)
        return np.stack([np.asarray(part @ term.toarray()[0]) for term in own], axis=1)

    def _scores(self, cosines: Doubles, own: list[Any], metric: Metric) -> Doubles:
        """Return the metric's score of each row, from its products with a query's terms."""
        if isinstance(metric, CosMul):
            shifted = cosines if self.is_nonnegative else (1 + cosines) / 2
            shifted = np.maximum(shifted, 0)
            above = shifted[:, : metric.num_positive].prod(axis=1)
            below = shifted[:, metric.num_positive :].prod(axis=1)
            return np.asarray(above / (below + metric.epsilon))
        if metric == "pairdirection":
            direction, start = (term.toarray()[0] for term in own)
            length = float(np.linalg.norm(direction))
            steps = cosines[:, 0] - float(direction @ start)
            # |x - c|^2 of unit vectors; a row of zeros is no unit vector and |c| away.
            away = 1 + float(start @ start) - 2 * cosines[:, 1]
            scale = length * np.sqrt(np.maximum(away, 0))
            scores = np.divide(steps, scale, out=np.zeros_like(steps), where=scale > 1e-7)
            return np.clip(scores, -1, 1)
        length = float(np.sqrt(own[0].power(2).sum()))
        return cosines[:, 0] / length if length > 0 else cosines[:, 0] * 0


def _first(scores: Doubles, count: int) -> NDArray[np.int64]:
    """Return the rows of the largest scores, of equal ones the lowest rows; in no order."""
    if count >= len(scores):
        return np.arange(len(scores))
    least = -np.partition(-scores, count - 1)[count - 1]
    above = np.flatnonzero(scores > least)
    equal = np.flatnonzero(scores == least)[: count - len(above)]
    return np.concatenate([above, equal])
