"""Truncated singular value decomposition of a large sparse matrix by block Krylov iteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embkit.counts.panels import Engine, Panel

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class TruncatedSvd:
    """The leading singular triplets of a matrix, largest first.

    Attributes
    ----------
    left : array of float32, shape (num_rows, dim)
        Orthonormal columns; zeros for a singular value that is zero.
    values : array of float64, shape (dim,)
        Singular values, falling.
    right : array of float32, shape (num_columns, dim)
        Orthonormal columns, likewise.
    residual : float
        The largest ``||A^T u - s v|| / s`` over the triplets: so near, relatively, is each
        value to a singular value of the matrix.
    """

    left: NDArray[np.float32]
    values: NDArray[np.float64]
    right: NDArray[np.float32]
    residual: float


def block_krylov(
    engine: Engine,
    shape: tuple[int, int],
    dim: int,
    *,
    block: int,
    basis: int,
    seed: int,
    progress: Progress | None = None,
) -> TruncatedSvd:
    """Find singular triplets in the Krylov space of random start columns.

    Block Lanczos on the normal equations with every new block orthogonalised again against all
    earlier ones (Musco and Musco 2015, with the basis of Golub and Underwood 1977); the
    values come from the matrix itself, so that squaring costs no precision.

    Parameters
    ----------
    engine : Engine
        Products with the matrix.
    shape : (num_rows, num_columns)
    dim : int
        Triplets wanted.
    block, basis : int
        Columns added in a step, and in all.
    seed : int
        Of the start columns.
    progress : callable, optional
        Called with columns done and wanted; an exception ends the work.

    Returns
    -------
    TruncatedSvd
    """
    space = _Space(engine, shape[1], min(basis, shape[1]), np.random.default_rng(seed))
    space.start(block)
    while True:
        if progress is not None:
            progress(space.size, space.limit)
        if not space.extend(block):
            break
    return _triplets(engine, space.ritz_vectors(dim))


class _Space:
    """An orthonormal basis, column by column, and the normal matrix seen from it."""

    def __init__(
        self, engine: Engine, num_rows: int, limit: int, rng: np.random.Generator
    ) -> None:
        self._engine, self._num_rows, self._rng = engine, num_rows, rng
        self._basis = engine.empty(num_rows, limit)
        self._normal = np.zeros((limit, limit))
        self.limit, self.size = limit, 0
        self._before, self._done = 0, 0  # first columns of the last two steps

    def start(self, block: int) -> None:
        """Add random columns; as many as there is room for."""
        width = min(block, self.limit - self.size)
        panel = self._engine.normal(self._rng, self._num_rows, width)
        self._append(self._orthogonal(panel, 0)[0])

    def extend(self, block: int) -> bool:
        """Multiply the newest columns and add what is new; False when the basis is full."""
        first, last = self._done, self.size
        newest = np.s_[:, first:last]
        panel = self._engine.multiply(_contiguous(self._basis[newest]))
        panel = self._engine.multiply_transposed(panel)
        panel, coefficients = self._orthogonal(panel, self._before)
        self._normal[self._before : last, first:last] = coefficients
        self._before, self._done = first, last
        if last == self.limit:
            return False
        self._append(panel[:, : self.limit - last])
        if self.size == last:  # an invariant subspace: the rest is found from a new start
            self.start(block)
        return True

    def ritz_vectors(self, dim: int) -> Panel:
        """Return the directions in which the basis sees the matrix as largest."""
        weights, vectors = np.linalg.eigh(self._normal, UPLO="U")
        order = np.argsort(-weights, kind="stable")[:dim]
        return self._engine.rotate(self._basis, vectors[:, order])

    def _append(self, panel: Panel) -> None:
        width = panel.shape[1]
        self._basis[:, self.size : self.size + width] = panel
        self.size += width

    def _orthogonal(self, panel: Panel, first: int) -> tuple[Panel, NDArray[np.float64]]:
        """Return orthonormal columns for what ``panel`` adds, and its part in the basis.

        Only columns from ``first`` on have a part that is more than rounding: the normal matrix
        is symmetric, so that of each step reaches back to the one before (Lanczos).
        """
        engine, recent = self._engine, self._basis[:, first : self.size]
        length = float(np.sqrt(np.diagonal(engine.gram(panel, panel)).max(initial=0)))
        coefficients = engine.gram(recent, panel)
        engine.subtract(panel, recent, coefficients)
        panel = _orthonormal(engine, panel, least=1e-6 * length)
        # Once more, against all: what rounding leaves of the basis grows from step to step.
        basis = self._basis[:, : self.size]
        engine.subtract(panel, basis, engine.gram(basis, panel))
        return _orthonormal(engine, panel, least=0.5), coefficients


def _orthonormal(engine: Engine, panel: Panel, *, least: float) -> Panel:
    """Return an orthonormal basis of the columns, without directions shorter than ``least``."""
    weights, vectors = np.linalg.eigh(engine.gram(panel, panel))
    kept = weights > max(least, 1e-30) ** 2
    lengths = np.sqrt(weights[kept][::-1])
    return engine.rotate(panel, vectors[:, kept][:, ::-1] / lengths)


def _contiguous(panel: Panel) -> Panel:
    return panel.copy(order="C")


def _triplets(engine: Engine, right: Panel) -> TruncatedSvd:
    """Return the triplets of the matrix restricted to the span of ``right``."""
    # The basis is orthonormal up to rounding; seen through the inverse root of its Gram matrix,
    # it is exactly.
    lengths, axes = np.linalg.eigh(engine.gram(right, right))
    whitening = axes / np.sqrt(lengths) @ axes.T
    image = engine.multiply(right)
    weights, turn = np.linalg.eigh(whitening @ engine.gram(image, image) @ whitening)
    weights, turn = np.maximum(weights[::-1], 0), whitening @ turn[:, ::-1]
    values = np.sqrt(weights)
    values[values < 1e-6 * values.max(initial=0)] = 0
    inverse = np.divide(1, values, out=np.zeros_like(values), where=values > 0)
    left = engine.rotate(image, turn * inverse)
    right = engine.rotate(right, turn * (values > 0))
    lengths = engine.distances(engine.multiply_transposed(left), right, values)
    residual = float((lengths * inverse).max(initial=0))
    return oriented(engine.to_numpy(left), values, engine.to_numpy(right), residual)


def oriented(
    left: NDArray[np.float32],
    values: NDArray[np.float64],
    right: NDArray[np.float32],
    residual: float,
) -> TruncatedSvd:
    """Return the triplets with the entry of largest size in each left column positive."""
    largest = left[np.abs(left).argmax(0), np.arange(left.shape[1])]
    signs = np.where(largest < 0, np.float32(-1), np.float32(1))
    return TruncatedSvd(left * signs, values, right * signs, residual)
