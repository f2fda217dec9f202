"""RCSLS: its loss and gradient, what it does with scale, and that no step raises the loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest

import embkit
from embkit.mapping.config import RcslsConfig
from embkit.mapping.fit import Doubles, fit_orthogonal
from embkit.mapping.normalize import Matrix, bring_to_unit_length
from embkit.mapping.progress import silent
from embkit.mapping.rcsls import (
    Checks,
    Criterion,
    clip_spectrum,
    descend,
    fewest_steps,
    hold_out,
)
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
    x, z = source[:1200].astype(np.float64), target[:1100].astype(np.float64)
    rng = np.random.default_rng(3)  # 1500 pairs: some words stand in several, some in none
    linked = rng.integers(1200, size=1500), rng.integers(1100, size=1500)
    return Criterion(x, z, linked, np.full(1500, 1 / 1500), source, target, 4)


def test_the_loss_is_that_of_brute_force(criterion: Criterion) -> None:
    w = np.random.default_rng(3).standard_normal((6, 6))
    left, right = criterion.pairs
    sides = criterion.x[left], criterion.z[right]
    parts = (*sides, criterion.source, criterion.target, w, 4)
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
    pairs = [(np.array([3]), np.array([5])), (np.array([3]), np.array([8]))]
    once = [replace(criterion, pairs=pair, shares=np.ones(1)) for pair in pairs]
    joined, shares = (np.array([3, 3]), np.array([5, 8])), np.array([0.25, 0.75])
    both = replace(criterion, pairs=joined, shares=shares)
    w = random_rotation(6, 5)
    losses = [c.loss_and_gradient(w)[0] for c in (*once, both)]
    assert losses[2] == pytest.approx(0.25 * losses[0] + 0.75 * losses[1])


@pytest.mark.parametrize(
    ("start", "known", "like"),
    [
        ("five-step", 60, "five-step"),
        ("orthogonal", 60, "orthogonal"),
        ("five-step", 5, "orthogonal"),  # pairs are too few to whiten
    ],
)
def test_the_descent_begins_with_the_map_that_is_asked_for(
    start: str, known: int, like: str
) -> None:
    source, target, _ = planted(200, 8, seed=2, noise=0.4)
    still: dict[str, Any] = {"start": start, "epochs": 1, "learning_rate": 1e-9}
    still |= {"held_out": 0, "shrinkage": 0}
    ours = embkit.map(source, target, method="rcsls", dictionary=pairs(known), **still)
    theirs = embkit.map(source, target, method=like, dictionary=pairs(known))
    np.testing.assert_allclose(
        ours.map_source(source.vectors), theirs.map_source(source.vectors), atol=1e-5
    )
    np.testing.assert_allclose(
        ours.map_target(target.vectors), theirs.map_target(target.vectors), atol=1e-5
    )


@pytest.mark.parametrize("constraint", ["spectral", "none"])
@pytest.mark.parametrize("learning_rate", [1.0, 60.0])
def test_no_accepted_step_raises_the_loss(
    criterion: Criterion, constraint: Literal["spectral", "none"], learning_rate: float
) -> None:
    config = RcslsConfig(constraint=constraint, learning_rate=learning_rate)
    left, right = criterion.pairs
    start = fit_orthogonal(criterion.x[left], criterion.z[right])
    matrix, told = descend(criterion, start, config, 7, silent)
    losses = told["losses"]
    assert isinstance(losses, list)
    assert len(losses) > 1
    assert losses == sorted(losses, reverse=True)
    if constraint == "spectral":
        assert np.linalg.norm(matrix, 2) < 1 + 1e-9


def counted(space: embkit.Embeddings) -> embkit.Embeddings:
    counts = [10_000 // (i + 1) for i in range(len(space))]
    return embkit.Embeddings.from_words(space.words, space.vectors, counts=counts)


def fitted(
    source: embkit.Embeddings, target: embkit.Embeddings, **options: Any
) -> embkit.Mapping:
    some = pairs(700)
    return embkit.map(source, target, method="rcsls", dictionary=some, **options)


def test_as_many_steps_are_taken_as_held_out_words_bear_witness_to() -> None:
    source, target, _ = planted(900, 20, seed=7, noise=0.5)
    told = fitted(source, target, epochs=3, learning_rate=5).statistics
    precisions = told["held_out_precisions"]
    assert len(precisions) == 4
    assert 0 < precisions[0] < 1
    steps = len(told["losses"]) - 1
    assert steps > 0
    assert precisions[0] < precisions[steps]
    assert told["losses"] == sorted(told["losses"], reverse=True)


def test_steps_that_do_harm_are_not_taken() -> None:
    source, target, _ = planted(900, 10, seed=7, noise=0.1)
    ours = fitted(source, target, learning_rate=5)
    precisions = ours.statistics["held_out_precisions"]
    assert max(precisions[1:]) < precisions[0]
    assert len(ours.statistics["losses"]) == 1
    options: dict[str, Any] = {"dictionary": pairs(700), "shrinkage": 0.2}
    start = embkit.map(source, target, method="five-step", **options)
    np.testing.assert_allclose(
        ours.map_source(source.vectors), start.map_source(source.vectors), atol=1e-5
    )
    left = fitted(source, target, learning_rate=5, held_out=0)
    assert "held_out_precisions" not in left.statistics
    assert len(left.statistics["losses"]) > 1


def test_the_map_is_fitted_to_all_pairs_with_the_steps_that_were_chosen() -> None:
    source, target, _ = planted(900, 20, seed=7, noise=0.5)
    options: dict[str, Any] = {"epochs": 3, "learning_rate": 5}
    chosen = fitted(source, target, **options)
    steps = len(chosen.statistics["losses"]) - 1
    assert steps > 0
    options["epochs"] = steps
    plain = fitted(source, target, held_out=0, **options)
    np.testing.assert_array_equal(chosen.source_map, plain.source_map)


def test_rare_words_count_less_where_there_are_counts() -> None:
    source, target, _ = planted(900, 20, seed=7, noise=0.5)
    both = counted(source), counted(target)
    maps = [
        fitted(source, target),
        fitted(*both, rare=0),
        fitted(*both),
        fitted(*both, rare=200),
        fitted(both[0], target),
    ]
    sames = [
        [np.array_equal(one.source_map, other.source_map) for other in maps] for one in maps
    ]
    assert sames == [
        [True, True, False, False, True],
        [True, True, False, False, True],
        [False, False, True, True, False],
        [False, False, True, True, False],
        [True, True, False, False, True],
    ]
    with pytest.raises(ValueError, match="rare must be 0 where source has no counts"):
        fitted(source, target, rare=200)
    never = embkit.Embeddings.from_words(source.words, source.vectors, counts=[0] * len(source))
    assert np.array_equal(fitted(never, both[1]).source_map, maps[0].source_map)


def test_lengths_of_rows_play_no_part_in_the_neighbours() -> None:
    """Rows that a normalisation leaves unequally long are compared by their cosines."""
    source, target, _ = planted(900, 20, seed=7, noise=0.5)
    lengths = np.random.default_rng(1).uniform(0.2, 5, 200)[:, None].astype(np.float32)
    longer = [
        embkit.Embeddings.from_words(
            side.words, np.concatenate([side.vectors[:700], side.vectors[700:] * lengths])
        )
        for side in (source, target)
    ]
    options: dict[str, Any] = {"normalization": "none", "epochs": 2, "learning_rate": 5}
    options |= {"held_out": 0}
    plain, scaled = fitted(source, target, **options), fitted(*longer, **options)
    assert len(plain.statistics["losses"]) > 1
    np.testing.assert_allclose(scaled.source_map, plain.source_map, rtol=1e-4, atol=1e-5)


def test_only_a_difference_beyond_its_error_is_a_reason_for_steps() -> None:
    rng = np.random.default_rng(2)
    start = rng.random(400) < 0.3
    luck = start.copy()
    luck[np.flatnonzero(~start)[:10]] = True
    luck[np.flatnonzero(start)[:9]] = False
    gain = start.copy()
    gain[np.flatnonzero(~start)[:30]] = True
    assert fewest_steps([start]) == 0
    assert fewest_steps([start, luck]) == 0
    assert fewest_steps([start, gain, luck]) == 1
    assert fewest_steps([start, luck, gain]) == 2
    assert fewest_steps([gain, start]) == 0
    one, two = np.arange(400) < 1, np.arange(400) < 2
    assert fewest_steps([one & False, one]) == 0
    assert fewest_steps([one & False, two]) == 1


def test_nothing_is_tried_where_only_held_out_words_have_counts() -> None:
    source, target, _ = planted(900, 20, seed=7, noise=0.5)
    for word, is_tried in (("s1", False), ("s2", True)):
        sides = [
            embkit.Embeddings.from_words(
                side.words, side.vectors, counts=[9 * (w[1:] == word[1:]) for w in side.words]
            )
            for side in (source, target)
        ]
        mapping = fitted(*sides, held_out=0.5, epochs=1)
        assert ("held_out_precisions" in mapping.statistics) == is_tried
        assert np.isfinite(mapping.source_map).all()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_all_pairs_of_a_word_are_held_out_together(share: float) -> None:
    words = np.random.default_rng(1).integers(40, size=200)
    held = hold_out(words, share)
    distinct = len(set(words.tolist()))
    kept, gone = set(words[~held].tolist()), set(words[held].tolist())
    assert not kept & gone
    assert len(gone) == int(share * distinct + 1e-9)
    assert not hold_out(words[:1], share).any()


def test_held_out_words_with_several_translations_need_one() -> None:
    rows = np.eye(4)
    near = rows.astype(np.float32)
    checks = Checks(rows[[0, 0, 1]], np.array([5, 5, 9]), np.array([3, 0, 2]), near, near)
    assert checks.found(np.eye(4)).tolist() == [True, False]


def test_held_out_words_are_sought_by_csls() -> None:
    """A hub, next to every query by the cosine, loses to the translation by CSLS."""
    angles = np.deg2rad([10.0, 35.0, 60.0])
    queries = np.stack([np.cos(angles), np.sin(angles)], 1)
    targets = np.deg2rad([-18.0, 36.0, 88.0])
    targets = np.stack([np.cos(targets), np.sin(targets)], 1).astype(np.float32)
    words = np.arange(3)
    crowd = np.repeat(queries[1:2], 30, 0).astype(np.float32)
    frequent = np.concatenate([queries.astype(np.float32), crowd])
    checks = Checks(queries, words, words, frequent, targets)
    nearest = (queries @ targets.T).argmax(1)
    assert nearest.tolist() == [1, 1, 1]
    assert checks.found(np.eye(2)).sum() > (nearest == words).sum()


def test_clipping_leaves_small_singular_values(criterion: Criterion) -> None:
    w = 0.1 * np.random.default_rng(6).standard_normal((6, 6))
    np.testing.assert_allclose(clip_spectrum(w), w, atol=1e-12)


def test_on_a_disturbed_rotation_the_training_pairs_are_found_more_often() -> None:
    source, target, _ = planted(800, 12, seed=8, noise=0.6)
    found: list[float] = []
    for method in ("orthogonal", "rcsls"):
        options: dict[str, Any] = {"held_out": 0, "shrinkage": 0} if found else {}
        mapping = embkit.map(source, target, method=method, dictionary=pairs(800), **options)
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
        ({"start": "cca"}, "start must be one of five-step, orthogonal"),
        ({"constraint": "ball"}, "constraint must be one of spectral, none"),
        ({"candidates": 0}, "candidates must be at least 1"),
        ({"held_out": 1}, "held_out must be at most 0.5"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RcslsConfig(**options)  # type: ignore[arg-type]
