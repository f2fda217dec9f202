"""Max-margin with intruders: gradient, choice of the other words, hubs, a planted map."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

import embkit
from embkit.mapping.config import MaxMarginConfig
from embkit.mapping.fit import Doubles
from embkit.mapping.max_margin import (
    Batch,
    descend,
    draw_others,
    intruders,
    loss_and_gradient,
)
from embkit.mapping.normalize import Matrix, bring_to_unit_length
from embkit.mapping.progress import silent
from tests.spaces import cloud, pairs, planted


@pytest.fixture
def targets() -> Matrix:
    rows = cloud(300, 8, seed=1).astype(np.float32)
    rows -= rows.mean(0)
    bring_to_unit_length(rows)
    return rows


@pytest.fixture
def batch(targets: Matrix) -> Batch:
    x = np.random.default_rng(2).standard_normal((40, 6))
    known = [[i] if i % 3 else [i, i + 100] for i in range(40)]
    return Batch(x, targets[:40].astype(np.float64), known, np.linspace(0.5, 2, 40))


def cosine(a: Doubles, b: Doubles) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_the_loss_ranks_the_translation_above_the_others(batch: Batch, targets: Matrix) -> None:
    w = np.random.default_rng(3).standard_normal((6, 8))
    others = np.random.default_rng(4).integers(300, size=(40, 3))
    terms = [
        sum(
            max(0, 0.4 - cosine(x @ w, z) + cosine(x @ w, targets[j].astype(np.float64)))
            for j in row
        )
        for x, z, row in zip(batch.x, batch.z, others, strict=True)
    ]
    expected = np.average(terms, weights=batch.weights)
    assert loss_and_gradient(batch, targets[others], w, 0.4)[0] == pytest.approx(expected)


def test_the_gradient_is_that_of_the_loss(batch: Batch, targets: Matrix) -> None:
    w = np.random.default_rng(5).standard_normal((6, 8))
    others = targets[np.random.default_rng(6).integers(300, size=(40, 3))]
    slope = loss_and_gradient(batch, others, w, 0.7)[1]
    for place in np.ndindex(6, 8):
        step = np.zeros((6, 8))
        step[place] = 1e-6
        up, down = (loss_and_gradient(batch, others, w + s, 0.7)[0] for s in (step, -step))
        assert slope[place] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-8)


def test_intruders_are_those_of_brute_force_and_never_translations(
    batch: Batch, targets: Matrix
) -> None:
    w = np.random.default_rng(7).standard_normal((6, 8))
    found = intruders(batch, targets, w, 2)
    for i, (x, z) in enumerate(zip(batch.x, batch.z, strict=True)):
        scores = np.array([cosine(x @ w, t) - cosine(z, t) for t in targets.astype(np.float64)])
        scores[batch.known[i]] = -np.inf
        assert found[i].tolist() == np.argsort(-scores)[:2].tolist()


def test_the_worst_word_of_all_is_passed_over_where_it_is_a_translation(
    batch: Batch, targets: Matrix
) -> None:
    w = np.random.default_rng(7).standard_normal((6, 8))
    worst = intruders(batch, targets, w, 2)
    known = [[*some, int(row[0])] for some, row in zip(batch.known, worst, strict=True)]
    found = intruders(replace(batch, known=known), targets, w, 1)
    assert found[:, 0].tolist() == worst[:, 1].tolist()


def test_the_rate_falls_linearly_over_all_steps(batch: Batch, targets: Matrix) -> None:
    start = np.random.default_rng(12).standard_normal((6, 8))
    expected = start
    for left in (1.0, 0.5):
        others = targets[intruders(batch, targets, expected, 1)]
        slope = loss_and_gradient(batch, others, expected, 0.7)[1]
        expected = expected - 0.3 * left * slope
    config = MaxMarginConfig(margin=0.7, epochs=2, batch=40, learning_rate=0.3)
    found, _ = descend(batch, targets, start, config, silent)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_random_words_are_never_translations(batch: Batch) -> None:
    drawn = draw_others(batch, 150, 200, np.random.default_rng(8))
    for row, known in zip(drawn, batch.known, strict=True):
        assert not set(row.tolist()) & set(known)
        assert row.min() >= 0
        assert row.max() < 150


@pytest.mark.parametrize("negative_choice", ["intruder", "random"])
def test_with_a_planted_map_the_loss_reaches_zero(
    negative_choice: Literal["intruder", "random"],
) -> None:
    rng = np.random.default_rng(9)
    targets = rng.standard_normal((200, 20)).astype(np.float32)
    bring_to_unit_length(targets)
    planted_map = rng.standard_normal((20, 20))
    z = targets[:100].astype(np.float64)
    batch = Batch(z @ np.linalg.inv(planted_map), z, [[i] for i in range(100)], np.ones(100))
    start = planted_map + 0.5 * rng.standard_normal((20, 20))
    config = MaxMarginConfig(
        margin=0.05,
        epochs=40,
        learning_rate=1.0,
        batch=10,
        negative_choice=negative_choice,
    )
    losses = descend(batch, targets, start, config, silent)[1]
    assert losses[0] > 0.01
    assert losses[-1] <= (0 if negative_choice == "intruder" else 0.2 * losses[0])


def hubness(source: Matrix, target: Matrix) -> float:
    """Return the skewness of how often each target is among a source row's ten nearest."""
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (source, target)]
    nearest = np.argsort(-(units[0] @ units[1].T), axis=1)[:, :10]
    counts = np.bincount(nearest.ravel(), minlength=len(target)).astype(np.float64)
    return float((((counts - counts.mean()) / counts.std()) ** 3).mean())


def test_it_makes_fewer_hubs_than_least_squares() -> None:
    source, target, _ = planted(600, 20, seed=10, noise=0.8)
    skew = {}
    for method in ("linear", "max-margin"):
        mapping = embkit.map(source, target, method=method, dictionary=pairs(300))
        skew[method] = hubness(
            mapping.map_source(source.vectors), mapping.map_target(target.vectors)
        )
    assert skew["max-margin"] < skew["linear"]


def test_too_few_target_words_are_refused() -> None:
    source, target, _ = planted(3, 2, seed=11)
    seeds = [("s0", "t0"), ("s0", "t1"), ("s0", "t2"), ("s1", "t1")]
    with pytest.raises(ValueError, match="target must have at least 4 candidates, got 3"):
        embkit.map(source, target, method="max-margin", dictionary=seeds)
