"""Sparse products of the core: equal to NumPy's, the same for any threads, never unchecked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array, random

from embkit._native import core
from embkit.sparse import native_matrix


def sparse(rows: int, columns: int, density: float, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    # SciPy before 1.15 calls the generator random_state
    made: Any = random(rows, columns, density, "csr", np.float32, rng)
    return csr_array(made)


@pytest.mark.parametrize("width", [1, 3, 15, 16, 17, 33, 64, 100, 130, 257])
def test_product_equals_numpys_for_any_width(width: int) -> None:
    matrix = sparse(70, 50, 0.2)
    dense = np.random.default_rng(1).standard_normal((50, width), np.float32)
    found = native_matrix(matrix).multiply(dense, threads=2)
    np.testing.assert_allclose(found, matrix.toarray() @ dense, atol=2e-5)


@pytest.mark.parametrize("width", [16, 48, 130])
def test_product_equals_numpys_over_bands_of_columns(width: int) -> None:
    matrix = sparse(60, 70_000, 0.002)
    dense = np.random.default_rng(1).standard_normal((70_000, width), np.float32)
    found = native_matrix(matrix).multiply(dense, threads=2)
    np.testing.assert_allclose(found, matrix.astype(np.float64) @ dense, atol=1e-4)


def test_product_is_written_into_a_given_array() -> None:
    matrix = native_matrix(sparse(70, 50, 0.2))
    dense = np.random.default_rng(1).standard_normal((50, 33), np.float32)
    out = np.full((70, 33), np.nan, np.float32)
    matrix.multiply_into(dense, out, threads=2)
    np.testing.assert_array_equal(out, matrix.multiply(dense, threads=1))
    with pytest.raises(ValueError, match="out must have 70 rows, got 50"):
        matrix.multiply_into(dense, dense, threads=2)
    with pytest.raises(ValueError, match="out must have 33 columns, got 32"):
        matrix.multiply_into(dense, np.empty((70, 32), np.float32), threads=2)


@pytest.mark.parametrize("level", core.simd_levels())
def test_product_is_right_at_every_simd_level(
    level: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    import os
    import subprocess
    import sys

    code = (
        "import numpy as np\n"
        "from embkit._native import core\n"
        "assert core.simd_level() == '" + level + "'\n"
        "m = core.SparseMatrix(np.array([0, 2, 2, 3]), np.array([0, 2, 1], np.int32),\n"
        "    np.array([2, 3, 5], np.float32), num_columns=3)\n"
        "d = np.arange(3 * 45, dtype=np.float32).reshape(3, 45)\n"
        "e = np.array([[2, 0, 3], [0, 0, 0], [0, 5, 0]]) @ d\n"
        "assert (m.multiply(d, threads=1) == e).all()\n"
    )
    environment = {**os.environ, "EMBKIT_SIMD": level}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_bits_are_the_same_for_any_number_of_threads() -> None:
    matrix = native_matrix(sparse(301, 200, 0.1))
    dense = np.random.default_rng(1).standard_normal((200, 40), np.float32)
    once = matrix.multiply(dense, threads=1)
    for threads in (2, 3, 7, 1000):
        assert (matrix.multiply(dense, threads=threads) == once).all()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_transpose_is_scipys(threads: int) -> None:
    matrix = sparse(90, 40, 0.15)
    turned = native_matrix(matrix).transpose(threads=threads)
    expected = matrix.T.tocsr()
    expected.sort_indices()
    assert turned.shape == (40, 90)
    np.testing.assert_array_equal(turned.row_offsets, expected.indptr)
    np.testing.assert_array_equal(turned.columns, expected.indices)
    np.testing.assert_array_equal(turned.values, expected.data)


def test_rows_without_entries_give_zeros() -> None:
    matrix = native_matrix(csr_array((4, 3), dtype=np.float32))
    assert (matrix.multiply(np.ones((3, 20), np.float32), threads=2) == 0).all()
    assert matrix.transpose(threads=2).shape == (3, 4)


def matrix_of(offsets: list[int], columns: list[int]) -> core.SparseMatrix:
    return core.SparseMatrix(
        np.array(offsets, np.int64),
        np.array(columns, np.int32),
        np.ones(len(columns), np.float32),
        num_columns=3,
    )


@pytest.mark.parametrize(
    ("offsets", "columns", "message"),
    [
        ([0, 2], [0, 3], "columns must be from 0 to 2, got 3 at entry 1"),
        ([0, 2], [0, -1], "columns must be from 0 to 2, got -1 at entry 1"),
        ([0, 2, 1, 2], [0, 1], "row offsets must not descend, but do behind row 1"),
        ([0, 3], [0, 1], "row offsets must go from 0 to 2, got 0 to 3"),
        ([1, 2], [0, 1], "row offsets must go from 0 to 2, got 1 to 2"),
    ],
)
def test_refuses_what_would_read_beyond_its_arrays(
    offsets: list[int], columns: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        matrix_of(offsets, columns)


def test_refuses_a_dense_matrix_of_other_height() -> None:
    with pytest.raises(ValueError, match="dense must have 3 rows, got 4"):
        matrix_of([0, 1], [0]).multiply(np.ones((4, 2), np.float32), threads=1)
