"""Products of a sparse matrix and of tall dense ones, on the processor's threads or a GPU.

The dense products run over fixed blocks of rows, each multiplied by one thread, and their sums
are added in the order of the blocks: the same bits come out for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embkit.backend import open_backend
from embkit.sparse import native_matrix

Panel: TypeAlias = Any
"""A float32 array of few columns and many rows, of the engine's array library."""

_BLOCK_ROWS = 4096
_LINE = 16  # floats


class Engine(Protocol):
    """What the solver asks of an array library."""

    def multiply(self, dense: Panel) -> Panel:
        """Return matrix x dense."""

    def multiply_transposed(self, dense: Panel) -> Panel:
        """Return the transposed matrix x dense."""

    def normal(self, rng: np.random.Generator, rows: int, columns: int) -> Panel:
        """Return random normal numbers."""

    def empty(self, rows: int, columns: int) -> Panel:
        """Return a panel whose values do not matter."""

    def gram(self, left: Panel, right: Panel) -> NDArray[np.float64]:
        """Return left.T @ right, blocks of rows summed in double precision."""

    def subtract(
        self, target: Panel, basis: Panel, coefficients: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Take basis @ coefficients from ``target``, in place; return the Gram matrix then."""

    def rotate(self, panel: Panel, coefficients: NDArray[np.float64]) -> Panel:
        """Return panel @ coefficients."""

    def distances(
        self, panel: Panel, other: Panel, scales: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the lengths of the columns of panel - other * scales."""

    def orient(self, panel: Panel) -> NDArray[np.float64]:
        """Turn each column, in place, so that its entry of largest size is positive.

        Returns 1 for each column, or -1 where it was turned.
        """

    def to_numpy(self, panel: Panel) -> NDArray[np.float32]:
        """Return a panel as a NumPy array."""


def largest_entries(panel: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the entry of largest size of each column; the first of several."""
    rows = np.abs(panel).argmax(axis=0)
    largest: NDArray[np.float32] = np.take_along_axis(panel, rows[None], axis=0)[0]
    return largest


def signs_of(largest: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what makes a component's largest entry positive: 1, or -1."""
    return np.where(largest < 0, np.float32(-1), np.float32(1))


@contextmanager
def open_engine(matrix: Any, device: str, threads: int) -> Iterator[Engine]:  # noqa: ANN401
    """Prepare a SciPy ``csr_array`` of float32 for products on a device.

    Raises
    ------
    ValueError
        If the device is not there, or the matrix is malformed.
    """
    backend = open_backend(device)
    if backend.is_gpu:
        with backend.active():
            yield _CupyEngine(matrix, backend.xp)
        return
    from threadpoolctl import threadpool_limits

    # One BLAS thread for each of ours: its own partition would depend on their number.
    with ThreadPoolExecutor(threads) as pool, threadpool_limits(1, "blas"):
        yield _NativeEngine(matrix, pool, threads)


class _NativeEngine:
    def __init__(self, matrix: Any, pool: ThreadPoolExecutor, threads: int) -> None:  # noqa: ANN401
        self._matrix = native_matrix(matrix)
        self._transposed = self._matrix.transpose(threads=threads)
        self._pool, self._threads = pool, threads

    def multiply(self, dense: Panel) -> Panel:
        out = self.empty(self._matrix.shape[0], dense.shape[1])
        self._matrix.multiply_into(dense, out, threads=self._threads)
        return out

    def multiply_transposed(self, dense: Panel) -> Panel:
        out = self.empty(self._matrix.shape[1], dense.shape[1])
        self._transposed.multiply_into(dense, out, threads=self._threads)
        return out

    def normal(self, rng: np.random.Generator, rows: int, columns: int) -> Panel:
        panel = self.empty(rows, columns)
        rng.standard_normal(dtype=np.float32, out=panel)
        return panel

    def empty(self, rows: int, columns: int) -> Panel:
        # On a line of the cache: vectors across two of them take twice as long to load.
        room = np.empty(rows * columns + _LINE, np.float32)
        first = (-room.ctypes.data % (4 * _LINE)) // 4
        return room[first : first + rows * columns].reshape(rows, columns)

    def gram(self, left: Panel, right: Panel) -> NDArray[np.float64]:
        total = np.zeros((left.shape[1], right.shape[1]))
        for part in self._map(lambda rows: left[rows].T @ right[rows], len(left)):
            total += part
        return total

    def subtract(
        self, target: Panel, basis: Panel, coefficients: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        small = coefficients.astype(np.float32)
        total = np.zeros((target.shape[1], target.shape[1]))

        def step(rows: slice) -> Panel:
            part = target[rows]
            part -= basis[rows] @ small
            return part.T @ part

        for part in self._map(step, len(target)):
            total += part
        return total

    def rotate(self, panel: Panel, coefficients: NDArray[np.float64]) -> Panel:
        small = coefficients.astype(np.float32)
        out = self.empty(len(panel), small.shape[1])

        def step(rows: slice) -> None:
            np.matmul(panel[rows], small, out=out[rows])

        for _ in self._map(step, len(panel)):
            pass
        return out

    def distances(
        self, panel: Panel, other: Panel, scales: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        small = scales.astype(np.float32)
        squares = np.zeros(len(scales))

        def step(rows: slice) -> Panel:
            error = panel[rows] - other[rows] * small
            return np.einsum("rc,rc->c", error, error)

        for part in self._map(step, len(panel)):
            squares += part
        return np.sqrt(squares)

    def orient(self, panel: Panel) -> NDArray[np.float64]:
        largest = list(self._map(lambda rows: largest_entries(panel[rows]), len(panel)))
        signs = signs_of(largest_entries(np.stack(largest)))

        def step(rows: slice) -> None:
            panel[rows] *= signs

        for _ in self._map(step, len(panel)):
            pass
        return signs.astype(np.float64)

    def to_numpy(self, panel: Panel) -> NDArray[np.float32]:
        return np.asarray(panel, np.float32)

    def _map(self, body: Callable[[slice], Any], num_rows: int) -> Iterator[Any]:
        blocks = (slice(i, i + _BLOCK_ROWS) for i in range(0, num_rows, _BLOCK_ROWS))
        return self._pool.map(body, blocks)


class _CupyEngine:
    def __init__(self, matrix: Any, cupy: Any) -> None:  # noqa: ANN401
        import importlib

        sparse = importlib.import_module("cupyx.scipy.sparse")
        parts = (cupy.asarray(matrix.data, np.float32), cupy.asarray(matrix.indices))
        self._matrix = sparse.csr_matrix((*parts, cupy.asarray(matrix.indptr)), matrix.shape)
        self._transposed = self._matrix.T.tocsr()
        self._cupy = cupy

    def multiply(self, dense: Panel) -> Panel:
        return self._cupy.ascontiguousarray(self._matrix @ dense)

    def multiply_transposed(self, dense: Panel) -> Panel:
        return self._cupy.ascontiguousarray(self._transposed @ dense)

    def normal(self, rng: np.random.Generator, rows: int, columns: int) -> Panel:
        return self._cupy.asarray(rng.standard_normal((rows, columns), np.float32))

    def empty(self, rows: int, columns: int) -> Panel:
        return self._cupy.empty((rows, columns), np.float32)

    def gram(self, left: Panel, right: Panel) -> NDArray[np.float64]:
        return np.asarray(self.to_numpy(left.T @ right), np.float64)

    def subtract(
        self, target: Panel, basis: Panel, coefficients: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        target -= basis @ self._cupy.asarray(coefficients.astype(np.float32))
        return self.gram(target, target)

    def rotate(self, panel: Panel, coefficients: NDArray[np.float64]) -> Panel:
        return panel @ self._cupy.asarray(coefficients.astype(np.float32))

    def distances(
        self, panel: Panel, other: Panel, scales: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        error = panel - other * self._cupy.asarray(scales.astype(np.float32))
        squares = self._cupy.asnumpy((error * error).sum(axis=0))
        return np.sqrt(np.asarray(squares, np.float64))

    def orient(self, panel: Panel) -> NDArray[np.float64]:
        rows = self._cupy.abs(panel).argmax(axis=0)
        largest = self.to_numpy(panel[rows, self._cupy.arange(panel.shape[1])])
        signs = signs_of(largest)
        panel *= self._cupy.asarray(signs)
        return signs.astype(np.float64)

    def to_numpy(self, panel: Panel) -> NDArray[np.float32]:
        return np.asarray(self._cupy.asnumpy(panel), np.float32)
