"""multi-cca: identities of the way into the pivot and back."""

from __future__ import annotations

import numpy as np
import pytest

import embkit
from embkit.mapping.fit import fit_cca
from embkit.mapping.multi_cca import into_pivot
from tests.spaces import cloud, pairs, planted, space


def test_to_the_pivot_and_back_is_the_identity() -> None:
    rng = np.random.default_rng(1)
    x, z = rng.standard_normal((2, 200, 10))
    a, b, _ = fit_cca(x, x @ rng.standard_normal((10, 10)) + 0.5 * z)
    np.testing.assert_allclose(into_pivot(a, b) @ into_pivot(b, a), np.eye(10), atol=1e-9)


def test_equal_spaces_are_mapped_by_the_identity() -> None:
    rows = cloud(300, 8, seed=2)
    mapping = embkit.map(
        space(rows, "s"), space(rows, "t"), method="multi-cca", dictionary=pairs(300)
    )
    np.testing.assert_allclose(mapping.source_map, np.eye(8), atol=1e-5)
    np.testing.assert_array_equal(mapping.target_map, np.eye(8))


def test_on_exact_linear_data_the_pivots_own_rows_come_out() -> None:
    rows = cloud(300, 8, seed=3)
    mixed = rows @ np.random.default_rng(4).standard_normal((8, 8))
    pivot = space(rows, "t")
    mapping = embkit.map(
        space(mixed, "s"),
        pivot,
        method="multi-cca",
        dictionary=pairs(300),
        normalization="center",
    )
    np.testing.assert_allclose(
        mapping.map_source(mixed.astype(np.float32)),
        mapping.map_target(pivot.vectors),
        atol=1e-3,
    )


@pytest.mark.parametrize("dims", [(6, 9), (9, 6)])
def test_the_pivots_dim_is_that_of_the_result(dims: tuple[int, int]) -> None:
    source, target = planted(100, dims[0], seed=5)[0], planted(100, dims[1], seed=6)[1]
    mapping = embkit.map(source, target, method="multi-cca", dictionary=pairs(100))
    assert mapping.map_source(source.vectors).shape[1] == dims[1]


def test_a_map_close_to_singular_gets_a_ridge(caplog: pytest.LogCaptureFixture) -> None:
    found = into_pivot(np.eye(2), np.array([[1, 0], [0, 1e-9]]))
    assert "a ridge is added" in caplog.text
    assert np.abs(found).max() < 1e5


def test_fewer_directions_than_the_pivot_has_are_inverted_as_far_as_they_go() -> None:
    rng = np.random.default_rng(9)
    source_map, target_map = rng.standard_normal((6, 3)), rng.standard_normal((5, 3))
    into = into_pivot(source_map, target_map)
    assert into.shape == (6, 5)
    np.testing.assert_allclose(into @ target_map, source_map, atol=1e-10)
