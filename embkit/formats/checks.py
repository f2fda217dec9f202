"""What several formats check of matrices, block by block."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.errors import NotFiniteError

_BLOCK = 1 << 24


def blocks(array: NDArray[Any]) -> Iterator[memoryview]:
    """Return a contiguous array's bytes in blocks, without a copy."""
    data = array.reshape(-1).view(np.uint8).data
    return (data[i : i + _BLOCK] for i in range(0, len(data), _BLOCK))


def checksum(array: NDArray[Any]) -> int:
    """Return the CRC-32 of an array's bytes."""
    crc = 0
    for block in blocks(array):
        crc = zlib.crc32(block, crc)
    return crc


def _finite_rows(matrix: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield where each block of rows begins, and which of them have finite values alone."""
    step = max(1, _BLOCK // 4 // max(1, matrix.shape[1]))
    for start in range(0, len(matrix), step):
        yield start, np.isfinite(matrix[start : start + step]).all(axis=1)


def first_not_finite(matrix: NDArray[Any]) -> int | None:
    """Return the first row with NaN or infinity in it, or None."""
    for start, finite in _finite_rows(matrix):
        if not finite.all():
            return start + int(np.argmin(finite))
    return None


def not_finite_rows(matrix: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows have NaN or infinity in them."""
    parts = [~finite for _, finite in _finite_rows(matrix)]
    return np.concatenate(parts) if parts else np.zeros(0, np.bool_)


def check_finite(name: str, matrix: NDArray[Any]) -> None:
    """Raise NotFiniteError unless all values of a matrix about to be written are finite."""
    row = first_not_finite(matrix)
    if row is not None:
        raise NotFiniteError(f"{name} must be finite, got NaN or inf in row {row}")
