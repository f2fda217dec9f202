"""Truncated singular value decomposition of a large sparse matrix by block Krylov iteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embkit.counts.panels import Engine, Panel

Progress = Callable[[int, int | None], None]

_EPSILON = float(np.finfo(np.float32).eps)
_ALLOWED_LOSS = float(np.sqrt(_EPSILON))


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
    """An orthonormal basis, block by block, and the normal matrix seen from it."""

    def __init__(
        self, engine: Engine, num_rows: int, limit: int, rng: np.random.Generator
    ) -> None:
        self._engine, self._num_rows, self._rng = engine, num_rows, rng
        self._basis = engine.empty(num_rows, limit)
        self._normal = np.zeros((limit, limit))
        self.limit, self.size = limit, 0
        self._before, self._done = 0, 0  # first columns of the last two steps
        self._newest: Panel = None  # the columns from `_done` on
        self._loss = 0.0  # of the newest columns: how far they may be from orthogonal

    def start(self, block: int) -> None:
        """Add random columns; as many as there is room for."""
        width = min(block, self.limit - self.size)
        panel = self._engine.normal(self._rng, self._num_rows, width)
        gram = self._without(panel, self._basis[:, : self.size])
        self._loss = np.inf
        self._append(panel, gram, least=1e-6 * float(np.sqrt(self._num_rows)))

    def extend(self, block: int) -> bool:
        """Multiply the newest columns and add what is new; False when the basis is full."""
        engine, first, last = self._engine, self._done, self.size
        panel = engine.multiply_transposed(engine.multiply(self._newest))
        # Only the last two steps have a part in it that is more than rounding: the normal
        # matrix is symmetric, so that each step reaches back to the one before (Lanczos).
        recent = self._basis[:, self._before : last]
        coefficients = engine.gram(recent, panel)
        gram = engine.subtract(panel, recent, coefficients)
        self._normal[self._before : last, first:last] = coefficients
        self._before, self._done = first, last
        least = 1 if self.limit == self._num_rows else block  # columns for another step
        if last + least > self.limit:
            return False
        squares = np.square(coefficients).sum(axis=0) + np.diagonal(gram)
        self._append(panel, gram, least=1e-6 * float(np.sqrt(squares.max())))
        if self.size == last:  # an invariant subspace: the rest is found from a new start
            self.start(block)
        return True

    def ritz_vectors(self, dim: int) -> Panel:
        """Return the directions in which the basis sees the matrix as largest."""
        used = np.s_[: self.size]
        weights, vectors = np.linalg.eigh(self._normal[used, used], UPLO="U")
        order = np.argsort(-weights, kind="stable")[:dim]
        return self._engine.rotate(self._basis[:, used], vectors[:, order])

    def _append(self, panel: Panel, gram: NDArray[np.float64], *, least: float) -> None:
        """Add an orthonormal basis of a panel with this Gram matrix.

        Directions shorter than ``least`` are rounding, and left. What rounding leaves of the
        earlier columns in a new one grows from step to step, by the norm of the normal matrix
        over the shortest direction (Simon 1984). Up to the root of the precision it does no
        harm, so most often every second step is made orthogonal to all of the basis.
        """
        engine, basis = self._engine, self._basis[:, : self.size]
        room = self.limit - self.size
        panel, shortest = _orthonormal(engine, panel, gram, room, least=least)
        norm = float(np.linalg.norm(self._normal))
        loss = max(self._loss, _EPSILON) * norm / shortest
        if self._loss > _EPSILON or loss > _ALLOWED_LOSS:
            loss = _EPSILON
            gram = self._without(panel, basis)
        else:
            gram = engine.gram(panel, panel)
        panel, _ = _orthonormal(engine, panel, gram, room, least=0.5)
        self._basis[:, self.size : self.size + panel.shape[1]] = panel
        self.size += panel.shape[1]
        self._newest, self._loss = panel, loss

    def _without(self, panel: Panel, basis: Panel) -> NDArray[np.float64]:
        """Take the basis out of a panel, in place; return the Gram matrix of what is left."""
        return self._engine.subtract(panel, basis, self._engine.gram(basis, panel))


def _orthonormal(
    engine: Engine, panel: Panel, gram: NDArray[np.float64], most: int, *, least: float
) -> tuple[Panel, float]:
    """Return an orthonormal basis of the columns of a panel with this Gram matrix.

    The longest directions come first, at most ``most`` of them, none shorter than ``least``;
    the second result is the length of the shortest.
    """
    weights, vectors = np.linalg.eigh(gram)
    weights, vectors = weights[::-1][:most], vectors[:, ::-1][:, :most]
    kept = weights > max(least, 1e-30) ** 2
    lengths = np.sqrt(weights[kept])
    rotated = engine.rotate(panel, vectors[:, kept] / lengths)
    return rotated, float(lengths.min(initial=np.inf))


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
    signs = engine.orient(left)
    right = engine.rotate(right, turn * ((values > 0) * signs))
    lengths = engine.distances(engine.multiply_transposed(left), right, values)
    residual = float((lengths * inverse).max(initial=0))
    return TruncatedSvd(engine.to_numpy(left), values, engine.to_numpy(right), residual)
