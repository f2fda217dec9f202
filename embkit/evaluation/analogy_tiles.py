"""The best answers to analogy questions on a GPU: the scores of csrc/linalg/analogy_scan.cpp.

Tiles of questions and rows are scored whole with an array library, in double precision, where
the core passes over rows that cannot be best; the answers are the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from embkit.backend import Backend, DeviceArray
from embkit.evaluation.spaces import Doubles, Ids, Space

if TYPE_CHECKING:
    from embkit.evaluation.analogy_search import Search

_SIDE = 4096  # questions, and rows, of a tile
_LEAST_SIDE = 64
_ARRAYS = 7  # of a tile's size that live at a time
_TIE = 1e-12  # rounding of a matrix product, relative to 1
_NEAREST = 1e-12  # squared distance below which x is c


@dataclass(frozen=True, eq=False)
class Tiles:
    """A search through a backend's arrays.

    Attributes
    ----------
    backend : Backend
    space : Space
        With dense rows.
    search : Search
    directions : array of float64, shape (num_questions, 3)
        (b - a) . c, the square of c's length and 1 / |b - a|, for PairDirection.
    """

    backend: Backend
    space: Space
    search: Search
    directions: Doubles

    def best(self) -> tuple[Ids, Doubles]:
        """Return the best row of each question by each method, and its score.

        Raises
        ------
        ResourceError
            If the GPU has no memory for the smallest tile.
        """
        num_terms, dim = map(int, self.search.terms.shape)

        def need(side: int) -> int:
            rows = side * (dim + num_terms)
            return 8 * (num_terms * dim + rows + _ARRAYS * side * side)

        return self.backend.fitting(self._scan, _SIDE, need, least=_LEAST_SIDE)

    def _scan(self, side: int) -> tuple[Ids, Doubles]:
        search, backend = self.search, self.backend
        shape = len(search.methods), len(search.questions)
        rows, scores = np.full(shape, -1, np.int64), np.full(shape, -np.inf)
        terms = backend.asarray(np.asarray(search.terms, np.float64))
        for start in range(0, search.limit if len(terms) else 0, side):
            block = slice(start, min(start + side, search.limit))
            products = terms @ backend.asarray(self.space.units(block)).T
            for first in range(0, shape[1], side):
                some = slice(first, min(first + side, shape[1]))
                for method, values in enumerate(self._tile(products, some, block)):
                    found, best, value = self._first_best(values)
                    better = best > scores[method, some] + _tie(best)
                    rows[method, some] = np.where(better, found + start, rows[method, some])
                    scores[method, some] = np.where(better, value, scores[method, some])
        return rows, scores

    def _tile(self, products: DeviceArray, some: slice, block: slice) -> Iterator[DeviceArray]:
        """Yield the scores of some questions with a block of rows, by each method."""
        backend, search = self.backend, self.search
        terms = backend.asarray(search.questions[some])
        a, b, c = (backend.xp.take(products, terms[:, place], axis=0) for place in range(3))
        excluded = self._excluded(some, block)
        for method in search.methods:
            if method == "PairDirection":
                values = self._direction(some, block, b - a, c)
            elif method == "3CosMul":
                values = self._product(a, b, c)
            else:
                values = b - a + c if method == "3CosAdd" else c.copy()
            values[excluded] = -np.inf
            yield values

    def _product(self, a: DeviceArray, b: DeviceArray, c: DeviceArray) -> DeviceArray:
        above, below = 0.5 + self.search.smoothing, 0.5 + self.search.epsilon
        return (above + 0.5 * b) * (above + 0.5 * c) / (below + 0.5 * a)

    def _direction(
        self, some: slice, block: slice, steps: DeviceArray, c: DeviceArray
    ) -> DeviceArray:
        asarray, xp = self.backend.asarray, self.backend.xp
        start, square, gain = (asarray(part)[:, None] for part in self.directions[some].T)
        squares = asarray((self.space.norms[block] > 0).astype(np.float64))
        distances = squares + square - 2 * c
        lengths = xp.sqrt(xp.maximum(distances, _NEAREST))
        is_apart = (distances > _NEAREST) & (squares > 0)
        return xp.where(is_apart, (steps - start) * gain / lengths, 0.0)

    def _excluded(self, some: slice, block: slice) -> tuple[DeviceArray, DeviceArray]:
        """Return where in a tile rows are no answers."""
        listed = self.search.excluded[some]
        questions = np.repeat(np.arange(len(listed)), [len(rows) for rows in listed])
        rows = np.concatenate([*listed, np.zeros(0, np.int64)])
        inside = (rows >= block.start) & (rows < block.stop)
        places = questions[inside], rows[inside] - block.start
        return self.backend.asarray(places[0]), self.backend.asarray(places[1])

    def _first_best(self, values: DeviceArray) -> tuple[Ids, Doubles, Doubles]:
        """Return the first row that is as good as the best, the best score, and its own."""
        xp, to_numpy = self.backend.xp, self.backend.to_numpy
        best = to_numpy(values.max(axis=1))
        least = self.backend.asarray(best - _tie(best))
        found = xp.argmax(values >= least[:, None], axis=1)
        own = xp.take_along_axis(values, found[:, None], axis=1)[:, 0]
        return to_numpy(found), best, to_numpy(own)


def _tie(scores: Doubles) -> Doubles:
    """Return by how much a score must exceed another that is as good but for rounding."""
    return np.where(np.isfinite(scores), _TIE * np.maximum(1, np.abs(scores)), 0.0)
