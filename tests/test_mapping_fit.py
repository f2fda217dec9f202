"""The five-step map and what follows from it: known maps, identities, bad input."""

from __future__ import annotations

import logging

import numpy as np
import pytest

import embkit
from embkit.mapping.cca import num_directions
from embkit.mapping.fit import (
    Doubles,
    fit_cca,
    fit_five_step,
    fit_linear,
    fit_orthogonal,
    rank_of,
)
from tests.spaces import pairs, planted, random_rotation


@pytest.fixture
def x() -> Doubles:
    return np.random.default_rng(0).standard_normal((200, 12)) @ np.diag(np.arange(1, 13))


@pytest.fixture
def z() -> Doubles:
    rng = np.random.default_rng(1)
    return np.random.default_rng(0).standard_normal((200, 12)) @ rng.standard_normal(
        (12, 12)
    ) + rng.standard_normal((200, 12))


def test_whitening_with_the_targets_dewhitening_is_least_squares(
    x: Doubles, z: Doubles
) -> None:
    w_x, w_z, _ = fit_five_step(
        x,
        z,
        source_reweight=1,
        target_reweight=0,
        source_dewhiten="target",
        target_dewhiten="target",
    )
    expected = np.linalg.lstsq(x, z, rcond=None)[0]
    np.testing.assert_allclose(w_x @ np.linalg.inv(w_z), expected, rtol=0, atol=1e-10)


def test_whitening_with_the_sources_dewhitening_is_reverse_least_squares(
    x: Doubles, z: Doubles
) -> None:
    w_x, w_z, _ = fit_five_step(
        x,
        z,
        source_reweight=0,
        target_reweight=1,
        source_dewhiten="source",
        target_dewhiten="source",
    )
    expected = np.linalg.lstsq(z, x, rcond=None)[0]
    np.testing.assert_allclose(w_z @ np.linalg.inv(w_x), expected, rtol=0, atol=1e-10)


def test_whitening_alone_is_canonical_correlation_on_centred_rows(
    x: Doubles, z: Doubles
) -> None:
    x, z = x - x.mean(0), z - z.mean(0)
    w_x, w_z, values = fit_five_step(
        x,
        z,
        source_reweight=0,
        target_reweight=0,
        source_dewhiten="none",
        target_dewhiten="none",
    )
    qx, qz = np.linalg.qr(x)[0], np.linalg.qr(z)[0]
    correlations = np.linalg.svd(qx.T @ qz, compute_uv=False)
    np.testing.assert_allclose(values, correlations, atol=1e-10)
    cross = np.corrcoef((x @ w_x).T, (z @ w_z).T)
    np.testing.assert_allclose(cross[:12, 12:], np.diag(correlations), atol=1e-10)
    np.testing.assert_allclose(cross[:12, :12], np.eye(12), atol=1e-10)


def test_without_whitening_it_is_the_rotation(x: Doubles, z: Doubles) -> None:
    w_x, w_z, _ = fit_five_step(
        x,
        z,
        whiten=False,
        source_reweight=0,
        target_reweight=0,
        source_dewhiten="none",
        target_dewhiten="none",
    )
    np.testing.assert_allclose(w_x @ w_z.T, fit_orthogonal(x, z), atol=1e-10)


def test_dim_reduction_keeps_the_first_components(x: Doubles, z: Doubles) -> None:
    whole, cut = fit_five_step(x, z), fit_five_step(x, z, dim_reduction=5)
    for full, short in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(full[..., :5], short)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_weight_of_two_is_a_pair_that_stands_twice(
    x: Doubles, z: Doubles, weighted: bool
) -> None:
    weights = np.where(np.arange(len(x)) < 50, 2.0, 1.0) if weighted else np.ones(len(x))
    rows = np.repeat(np.arange(len(x)), weights.astype(int))
    for fitter in (fit_orthogonal, fit_linear):
        np.testing.assert_allclose(
            fitter(x, z, weights=weights), fitter(x[rows], z[rows]), atol=1e-10
        )
    correlations = fit_cca(x, z, weights=weights)[2]
    np.testing.assert_allclose(correlations, fit_cca(x[rows], z[rows])[2], atol=1e-10)


@pytest.mark.parametrize("dim", [1, 2, 50])
def test_recovers_a_planted_rotation(dim: int) -> None:
    rows, turn = (
        np.random.default_rng(2).standard_normal((4 * dim, dim)),
        random_rotation(dim, 3),
    )
    np.testing.assert_allclose(fit_orthogonal(rows, rows @ turn), turn, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_fifty_pairs_suffice_for_fifty_dimensions_and_forty_eight_do_not(seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((50, 50))
    turn = random_rotation(50, seed + 10)
    errors = [np.abs(fit_orthogonal(rows[:n], rows[:n] @ turn) - turn).max() for n in (48, 50)]
    assert errors[0] > 0.01
    assert errors[1] < 1e-10


def test_the_rotation_is_orthogonal_even_when_none_fits() -> None:
    rng = np.random.default_rng(4)
    w = fit_orthogonal(*rng.standard_normal((2, 30, 10)))
    np.testing.assert_allclose(w @ w.T, np.eye(10), atol=1e-12)


def test_recovers_a_planted_linear_map_between_different_dims(x: Doubles) -> None:
    planted = np.random.default_rng(5).standard_normal((12, 7))
    np.testing.assert_allclose(fit_linear(x, x @ planted), planted, atol=1e-12)


def test_linear_equals_least_squares_and_ridge_its_formula(x: Doubles, z: Doubles) -> None:
    np.testing.assert_allclose(
        fit_linear(x, z), np.linalg.lstsq(x, z, rcond=None)[0], atol=1e-10
    )
    direct = np.linalg.inv(x.T @ x + 3 * np.eye(12)) @ x.T @ z
    np.testing.assert_allclose(fit_linear(x, z, ridge=3), direct, atol=1e-10)
    np.testing.assert_allclose(fit_linear(x, z, ridge=1e-9), fit_linear(x, z), atol=1e-8)


def test_of_too_few_pairs_linear_gives_the_smallest_solution(x: Doubles, z: Doubles) -> None:
    expected = np.linalg.pinv(x[:5]) @ z[:5]
    np.testing.assert_allclose(fit_linear(x[:5], z[:5]), expected, atol=1e-10)


def test_canonical_correlations_do_not_depend_on_an_invertible_map(
    x: Doubles, z: Doubles
) -> None:
    mixed = x @ np.random.default_rng(6).standard_normal((12, 12)) + 5
    np.testing.assert_allclose(fit_cca(mixed, z)[2], fit_cca(x, z)[2], atol=1e-9)


def test_a_planted_correlation_is_found() -> None:
    rng = np.random.default_rng(7)
    shared, own = rng.standard_normal((20_000, 2)), rng.standard_normal((20_000, 6))
    source = np.hstack([shared, own[:, :3]]) @ rng.standard_normal((5, 5))
    target = np.hstack([shared + np.array([0, 1]) * own[:, 5:], own[:, 3:5]])
    np.testing.assert_allclose(fit_cca(source, target)[2], [1, 0.7071, 0, 0], atol=0.03)


def test_fewer_pairs_than_dimensions_are_refused_with_their_rank(
    x: Doubles, z: Doubles
) -> None:
    twice = np.repeat(x[:4], 2, axis=0)
    with pytest.raises(ValueError, match=r"at least 12, the dim, .* got 8 of rank 4"):
        fit_five_step(twice, z[:8])
    assert rank_of(twice) == 4


def test_rows_in_fewer_dimensions_get_a_ridge(
    x: Doubles, z: Doubles, caplog: pytest.LogCaptureFixture
) -> None:
    flat = x.copy()
    flat[:, 3] = flat[:, 2]
    with caplog.at_level(logging.INFO, "embkit"):
        maps = fit_five_step(flat, z)
    assert "the source rows nearly lie in fewer dimensions" in caplog.text
    assert all(np.isfinite(m).all() and np.abs(m).max() < 1e5 for m in maps)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (np.ones((3, 2)), np.ones((4, 2)), r"\(3, 2\) and \(4, 2\)"),
        (np.ones((0, 2)), np.ones((0, 2)), r"\(0, 2\)"),
        (np.full((3, 2), np.nan), np.ones((3, 2)), "finite"),
        (np.ones((3, 2)), np.ones((3, 3)), "one dim for an orthogonal map, got 2 and 3"),
    ],
)
def test_bad_rows_are_refused(source: Doubles, target: Doubles, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_orthogonal(source, target)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_shrinkage_is_that_of_rows_which_pair_nothing(
    x: Doubles, z: Doubles, shrinkage: float
) -> None:
    ridges = [np.sqrt(shrinkage * np.trace(m.T @ m) / m.shape[1]) for m in (x, z)]
    eyes = [ridge * np.eye(m.shape[1]) for ridge, m in zip(ridges, (x, z), strict=True)]
    left = np.concatenate([x, eyes[0], np.zeros((z.shape[1], x.shape[1]))])
    right = np.concatenate([z, np.zeros((x.shape[1], z.shape[1])), eyes[1]])
    ours, theirs = fit_five_step(x, z, shrinkage=shrinkage), fit_five_step(left, right)
    np.testing.assert_allclose(ours[2], theirs[2], atol=1e-10)
    np.testing.assert_allclose(ours[0] @ ours[1].T, theirs[0] @ theirs[1].T, atol=1e-9)


def test_shrinkage_below_0_is_refused(x: Doubles, z: Doubles) -> None:
    with pytest.raises(ValueError, match="shrinkage must be at least 0"):
        fit_five_step(x, z, shrinkage=-0.1)


@pytest.mark.parametrize(("ratio", "dim"), [(0.55, 11), (0.56, 12), (0.001, 1), (1.0, 20)])
def test_a_ratio_of_directions_is_rounded_up_but_for_an_error_of_the_product(
    ratio: float, dim: int
) -> None:
    source, target, _ = planted(200, 20, seed=1)
    mapping = embkit.map(source, target, method="cca", dictionary=pairs(150), ratio=ratio)
    assert mapping.dim == dim
    assert num_directions(0.55, 100) == 55
