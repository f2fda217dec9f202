"""The linear map by gradient descent: its gradient, its limit, its divergence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import embkit
from embkit.errors import DivergenceError
from embkit.mapping.config import LinearConfig
from embkit.mapping.fit import fit_linear
from embkit.mapping.linear import descend, gradient
from embkit.mapping.progress import silent
from tests.spaces import pairs, planted


def test_the_gradient_is_that_of_the_loss() -> None:
    rng = np.random.default_rng(1)
    x, z, w = rng.standard_normal((9, 4)), rng.standard_normal((9, 3)), rng.random((4, 3))

    def loss(matrix: np.ndarray) -> float:
        return float(((x @ matrix - z) ** 2).sum() / 18 + 0.3 * (matrix**2).sum() / 2)

    slope = gradient(x, z, w, 0.3)
    for i, j in np.ndindex(4, 3):
        step = np.zeros((4, 3))
        step[i, j] = 1e-6
        numeric = (loss(w + step) - loss(w - step)) / 2e-6
        assert slope[i, j] == pytest.approx(numeric, rel=1e-6)


@pytest.mark.parametrize("ridge", [0.0, 5.0])
def test_descent_reaches_the_closed_form(ridge: float) -> None:
    rng = np.random.default_rng(2)
    x = rng.standard_normal((300, 8))
    z = x @ rng.standard_normal((8, 6)) + 0.1 * rng.standard_normal((300, 6))
    config = LinearConfig(solver="sgd", epochs=400, ridge=ridge, learning_rate=1.0)
    np.testing.assert_allclose(
        descend(x, z, config, silent), fit_linear(x, z, ridge=ridge), atol=5e-3
    )


def test_reverse_maps_the_target_onto_the_source() -> None:
    source, target, _ = planted(200, 6, seed=3)
    mapping = embkit.map(
        source, target, method="linear", dictionary=pairs(50), direction="reverse"
    )
    np.testing.assert_array_equal(mapping.source_map, np.eye(6))
    np.testing.assert_allclose(
        mapping.map_source(source.vectors), mapping.map_target(target.vectors), atol=1e-4
    )


def test_the_rate_falls_linearly_over_all_steps() -> None:
    rng = np.random.default_rng(5)
    x, z = rng.standard_normal((20, 4)), rng.standard_normal((20, 3))
    rate = 0.4 / float((x**2).sum() / 20)
    expected = np.zeros((4, 3))
    for left in (1.0, 0.75, 0.5, 0.25):
        expected -= rate * left * gradient(x, z, expected, 0.0)
    config = LinearConfig(solver="sgd", epochs=4, batch=20, learning_rate=0.4)
    np.testing.assert_allclose(descend(x, z, config, silent), expected, rtol=1e-10)


def test_a_rate_too_high_is_told() -> None:
    x = np.random.default_rng(4).standard_normal((50, 5))
    config = LinearConfig(solver="sgd", learning_rate=1e6)
    with pytest.raises(DivergenceError, match="choose a learning_rate below 1000000"):
        descend(x, x, config, silent)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ridge": -1}, "ridge must be at least 0, got -1"),
        ({"solver": "adam"}, "solver must be one of exact, sgd"),
        ({"direction": "back"}, "direction must be one of forward, reverse"),
        ({"learning_rate": 0}, "learning_rate must be positive, got 0"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"epochs": 1.5}, "epochs must be a whole number, got 1.5"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LinearConfig(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("epochs", [20, 40])
def test_a_descent_that_leaves_single_precision_has_diverged(epochs: int) -> None:
    source, target, _ = planted(200, 6, seed=1)
    options: dict[str, Any] = {"solver": "sgd", "learning_rate": 300.0, "epochs": epochs}
    with pytest.raises(DivergenceError, match=r"choose a learning_rate below 300"):
        embkit.map(source, target, method="linear", dictionary=pairs(100), **options)
