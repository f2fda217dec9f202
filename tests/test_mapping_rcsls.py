"""RCSLS: its loss and gradient, what it does with scale, and that no step raises the loss."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

import embkit
from embkit.mapping.config import RcslsConfig
from embkit.mapping.fit import Doubles, fit_orthogonal
from embkit.mapping.normalize import Matrix, bring_to_unit_length
from embkit.mapping.progress import silent
from embkit.mapping.rcsls import Criterion, clip_spectrum, descend
from tests.spaces import cloud, pairs, planted, precision_at_1, random_rotation


def brute_force_loss(
    x: Doubles, z: Doubles, source: Matrix, target: Matrix, w: Doubles, k: int
) -> float:
    losses = []
    for a, b in zip(x @ w, z, strict=True):
        to_target = np.sort(target.astype(np.float64) @ a)[-k:].mean()
        to_source = np.sort(source.astype(np.float64) @ w @ b)[-k:].mean()
        losses.append(-2 * a @ b + to_target + to_source)
    return float(np.mean(losses))


@pytest.fixture
def criterion() -> Criterion:
    source, target = (cloud(1500, 6, seed).astype(np.float32) for seed in (1, 2))
    for rows in (source, target):
        bring_to_unit_length(rows)
    x, z = source[:1200].astype(np.float64), target[:1200].astype(np.float64)
    return Criterion(x, z, np.full(1200, 1 / 1200), source, target, 4)


def test_the_loss_is_that_of_brute_force(criterion: Criterion) -> None:
    w = np.random.default_rng(3).standard_normal((6, 6))
    parts = (criterion.x, criterion.z, criterion.source, criterion.target, w, 4)
    assert criterion.loss_and_gradient(w)[0] == pytest.approx(
        brute_force_loss(*parts), rel=1e-7
    )


def test_the_gradient_is_that_of_the_loss(criterion: Criterion) -> None:
    w = np.random.default_rng(4).standard_normal((6, 6))
    slope = criterion.loss_and_gradient(w)[1]
    for place in [(0, 0), (1, 4), (5, 2), (3, 3)]:
        step = np.zeros((6, 6))
        step[place] = 1e-5
        up, down = (criterion.loss_and_gradient(w + s)[0] for s in (step, -step))
        assert slope[place] == pytest.approx((up - down) / 2e-5, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("scale", [0, 0.5, 2, 4])
def test_the_loss_grows_with_the_map(criterion: Criterion, scale: float) -> None:
    w = random_rotation(6, 5)
    loss = criterion.loss_and_gradient(w)[0]
    assert criterion.loss_and_gradient(scale * w)[0] == pytest.approx(scale * loss, rel=1e-6)


def test_weights_are_shares_of_the_mean(criterion: Criterion) -> None:
    once = [
        Criterion(criterion.x[i], criterion.z[i], np.ones(1), *rest(criterion))
        for i in (slice(0, 1), slice(1, 2))
    ]
    both = Criterion(criterion.x[:2], criterion.z[:2], np.array([0.25, 0.75]), *rest(criterion))
    w = random_rotation(6, 5)
    losses = [c.loss_and_gradient(w)[0] for c in (*once, both)]
    assert losses[2] == pytest.approx(0.25 * losses[0] + 0.75 * losses[1])


def rest(criterion: Criterion) -> tuple[Matrix, Matrix, int]:
    return criterion.source, criterion.target, criterion.neighbors


@pytest.mark.parametrize("constraint", ["spectral", "none"])
@pytest.mark.parametrize("learning_rate", [1.0, 60.0])
def test_no_accepted_step_raises_the_loss(
    criterion: Criterion, constraint: Literal["spectral", "none"], learning_rate: float
) -> None:
    config = RcslsConfig(constraint=constraint, learning_rate=learning_rate, epochs=7)
    matrix, told = descend(criterion, fit_orthogonal(criterion.x, criterion.z), config, silent)
    losses = told["losses"]
    assert isinstance(losses, list)
    assert len(losses) > 1
    assert losses == sorted(losses, reverse=True)
    if constraint == "spectral":
        assert np.linalg.norm(matrix, 2) < 1 + 1e-9


def test_clipping_leaves_small_singular_values(criterion: Criterion) -> None:
    w = 0.1 * np.random.default_rng(6).standard_normal((6, 6))
    np.testing.assert_allclose(clip_spectrum(w), w, atol=1e-12)


def test_on_a_disturbed_rotation_the_training_pairs_are_found_more_often() -> None:
    source, target, _ = planted(800, 12, seed=8, noise=0.6)
    found = []
    for method in ("orthogonal", "rcsls"):
        mapping = embkit.map(source, target, method=method, dictionary=pairs(800))
        found.append(
            precision_at_1(
                mapping.map_source(source.vectors).astype(np.float64),
                mapping.map_target(target.vectors).astype(np.float64),
            )
        )
    assert found[1] > found[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neighbors": 0}, "neighbors must be at least 1"),
        ({"constraint": "ball"}, "constraint must be one of spectral, none"),
        ({"candidates": 0}, "candidates must be at least 1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RcslsConfig(**options)  # type: ignore[arg-type]
