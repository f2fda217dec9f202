"""The adversarial map: its gradients, and a planted rotation found without pairs."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pytest

import embkit
from embkit.errors import DivergenceError
from embkit.mapping.adversarial import (
    Game,
    _agreement,
    _translations,
    criterion,
    play,
    reconstruction,
    refine,
    toward_rotation,
)
from embkit.mapping.config import MOST_RUNS, AdversarialConfig
from embkit.mapping.discriminator import Discriminator, Floats, cross_entropy
from embkit.mapping.normalize import apply_steps
from embkit.mapping.progress import silent
from embkit.mapping.spaces import Spaces
from tests.spaces import planted, random_rotation
from tests.stand_in_cupy import StandIn

SMALL: dict[str, Any] = {
    "hidden": 32,
    "batch": 64,
    "samples": 30_000,
    "epochs": 2,
    "learning_rate": 0.3,
    "discriminator_steps": 2,
    "orthogonality": 0.01,
}


def test_the_discriminators_gradients_are_those_of_its_loss() -> None:
    rng = np.random.default_rng(1)
    network = Discriminator(4, 6, rng, np.float64)
    rows: Floats = rng.standard_normal((7, 4))
    labels = rng.random(7)

    def loss() -> float:
        return cross_entropy(network.forward(rows).logits, labels)[0]

    done = network.forward(rows)
    slopes, by_rows = network.backward(done, cross_entropy(done.logits, labels)[1])
    checked = [(rows, by_rows)]
    for layer, slope in zip(network.layers, slopes, strict=True):
        checked += [(layer.weight, slope.weight), (layer.bias, slope.bias)]
    for values, slope_of_values in checked:
        for place in np.ndindex(values.shape):
            kept = values[place]
            values[place] = kept + 1e-6
            up = loss()
            values[place] = kept - 1e-6
            down = loss()
            values[place] = kept
            assert slope_of_values[place] == pytest.approx((up - down) / 2e-6, abs=1e-8)


def test_the_reconstructions_gradient_is_that_of_its_loss() -> None:
    rng = np.random.default_rng(2)
    rows, w = rng.standard_normal((9, 4)), rng.standard_normal((4, 4))
    slope = reconstruction(rows, w)[1]
    for place in np.ndindex(4, 4):
        step = np.zeros((4, 4))
        step[place] = 1e-6
        up, down = (reconstruction(rows, w + s)[0] for s in (step, -step))
        assert slope[place] == pytest.approx((up - down) / 2e-6, rel=1e-5)
    turn = random_rotation(4, 3)
    assert reconstruction(rows, turn)[0] == pytest.approx(0)


def test_the_pull_leads_to_a_rotation_and_leaves_it_there() -> None:
    matrix: Floats = random_rotation(5, 4) @ np.diag([0.7, 0.9, 1, 1.1, 1.2])
    for _ in range(200):
        matrix = toward_rotation(matrix, 0.1)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(5), atol=1e-6)


def test_the_criterion_is_one_for_the_right_map_and_refining_leads_there() -> None:
    source, target, turn = planted(400, 6, seed=5)
    x, z = source.vectors, target.vectors
    assert criterion(x, z, turn) == pytest.approx(1, abs=1e-5)
    near: Floats = turn + 0.15 * np.random.default_rng(6).standard_normal((6, 6))
    assert criterion(x, z, near) < 0.9
    for _ in range(10):
        near = refine(x, z, near)
    np.testing.assert_allclose(near, turn, atol=1e-4)


def test_runs_translate_by_the_cosine_whatever_the_lengths_of_rows() -> None:
    source, target, turn = planted(400, 6, seed=5)
    lengths = np.random.default_rng(1).gamma(1, 1, (400, 1)).astype(np.float32)
    own = target.vectors * lengths
    found = _translations(source.vectors * lengths[::-1], own, 7 * turn, "cpu")
    assert (found == np.arange(400)).mean() > 0.95
    np.testing.assert_array_equal(own, target.vectors * lengths)


def test_labels_are_smoothed_and_dropped_inputs_made_up_for() -> None:
    source, target, _ = planted(100, 30, seed=3)
    config = AdversarialConfig(hidden=8, batch=4, smoothing=0.2, input_dropout=0.4)
    game = Game.start(source.vectors, target.vectors, config)
    told, fooled = (game.labels(flipped=flipped) for flipped in (False, True))
    np.testing.assert_allclose(told, [0.8] * 4 + [0.2] * 4, rtol=1e-6)
    np.testing.assert_allclose(fooled, [0.2] * 4 + [0.8] * 4, rtol=1e-6)
    rows = source.vectors[:50], target.vectors[:50]
    seen, mask = game.judged(*rows)
    whole = np.concatenate([rows[0] @ game.matrix, rows[1]])
    np.testing.assert_allclose(seen, np.where(mask > 0, whole / np.float32(0.6), 0), rtol=1e-5)
    assert (mask > 0).mean() == pytest.approx(0.6, abs=0.05)


def test_the_maps_rate_decays_and_is_halved_where_the_criterion_fell() -> None:
    source, target, _ = planted(100, 4, seed=3)
    options: dict[str, Any] = {**SMALL, "samples": 640, "epochs": 4, "decay": 0.9}
    config = AdversarialConfig(**options)
    game = Game.start(source.vectors, target.vectors, config)
    _, criteria = play(game, (source.vectors, target.vectors), silent)
    falls = sum(after < before for before, after in pairwise(criteria))
    assert 0 < falls < 4
    assert game.rate == pytest.approx(0.3 * 0.9**4 * 0.5**falls)


def test_runs_that_agree_confirm_each_other() -> None:
    source, target, _ = planted(300, 4, seed=7)
    rows = [np.arange(10), np.arange(10), np.arange(10)[::-1]]
    spaces = Spaces.of(source, target, "unit")
    told = _agreement(rows, [0.8, 0.8, 0.5], 0, spaces)
    assert told["restarts"] == {"runs": 3, "succeeded": 2}
    assert told["verdict"]["judgement"] == "good"
    assert told["verdict"]["figures"]["success_rate"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(("dim", "expected"), [(4, "failed"), (12, "good")])
def test_in_few_dimensions_runs_that_meet_must_stand_out_too(dim: int, expected: str) -> None:
    source, target, _ = planted(300, dim, seed=7)
    rows = [np.arange(10), np.arange(10), np.arange(10)[::-1]]
    told = _agreement(rows, [0.8, 0.8, 0.7], 0, Spaces.of(source, target, "unit"))
    assert told["verdict"]["judgement"] == expected
    assert told["restarts"]["succeeded"] == (0 if expected == "failed" else 2)


DEFAULT: dict[str, Any] = {"hidden": 64, "samples": 30_000, "epochs": 2}


@pytest.mark.parametrize("dim", [3, 6])
def test_by_default_a_planted_rotation_is_found_and_confirmed(dim: int) -> None:
    source, target, turn = planted(500, dim, seed=20)
    seen: list[tuple[int, int]] = []
    mapping = embkit.map(
        *(source, target),
        method="adversarial",
        callback=lambda done, total, told: seen.append((done, total)),
        **DEFAULT,
    )
    np.testing.assert_allclose(mapping.source_map, turn, atol=1e-3)
    found = mapping.statistics
    assert found["verdict"]["judgement"] == "good"
    assert 3 <= found["restarts"]["runs"] == len(found["criterion_of_restarts"]) < MOST_RUNS
    assert found["restarts"]["succeeded"] >= 2
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {MOST_RUNS * 2 * 469}


@pytest.mark.parametrize("dim", [3, 10])
def test_by_default_unrelated_spaces_fail(dim: int) -> None:
    source, other = planted(300, dim, seed=20)[0], planted(300, dim, seed=21)[1]
    options = {**DEFAULT, "samples": 5000}
    found = embkit.map(source, other, method="adversarial", **options).statistics
    assert found["verdict"]["judgement"] == "failed"
    assert found["restarts"] == {"runs": MOST_RUNS, "succeeded": 0}


@pytest.mark.parametrize("form", ["orthogonal", "autoencoder"])
def test_where_a_rotation_of_ten_dimensions_is_found_the_discriminator_is_beaten(
    form: Literal["orthogonal", "autoencoder"],
) -> None:
    source, target, turn = planted(500, 10, seed=10)
    options = {**DEFAULT, "form": form}
    mapping = embkit.map(source, target, method="adversarial", **options)
    np.testing.assert_allclose(mapping.source_map, turn, atol=1e-3)
    found = mapping.statistics
    assert found["verdict"]["judgement"] == "good"
    assert found["criteria"][0] < 0.2 < 0.99 < found["criterion"]  # the start was far from it
    assert found["discriminator_accuracy"] == pytest.approx(0.5, abs=0.1)
    steps = mapping.source_steps, mapping.target_steps
    rows = apply_steps(source.vectors, steps[0]), apply_steps(target.vectors, steps[1])
    accuracies = []
    for matrix in (random_rotation(10, 99), turn):
        game = Game.start(*rows, AdversarialConfig(**options))
        game.matrix = matrix.astype(np.float32)
        for _ in range(1000):
            game.train_judge()
        accuracies.append(game.accuracy())
    assert accuracies[0] > 0.8  # it tells a wrong map, and cannot tell the right one
    assert accuracies[1] == pytest.approx(0.5, abs=0.1)


def test_the_criterion_tells_a_failed_run() -> None:
    source, other = planted(300, 12, seed=7)[0], planted(300, 12, seed=8)[1]
    options = {**SMALL, "samples": 6000}
    mapping = embkit.map(source, other, method="adversarial", restarts=2, **options)
    assert mapping.statistics["criterion"] < 0.8
    assert mapping.statistics["restarts"] == {"runs": 2, "succeeded": 0}
    assert mapping.statistics["verdict"]["judgement"] == "failed"


def test_both_players_play_on_every_device(device: str) -> None:
    source, target, _ = planted(300, 4, seed=9)
    options = {**SMALL, "samples": 2000, "epochs": 1, "refinement": 1, "restarts": 1}
    maps = [
        embkit.map(source, target, method="adversarial", device=where, **options).source_map
        for where in ("cpu", device)
    ]
    if isinstance(sys.modules.get("cupy"), StandIn) or device == "cpu":  # the same draws
        np.testing.assert_allclose(maps[1], maps[0], atol=1e-5)
    assert np.linalg.svd(maps[1], compute_uv=False).min() > 0.5


def test_a_single_run_is_doubtful() -> None:
    source, target, _ = planted(300, 4, seed=7)
    options = {**SMALL, "samples": 2000, "restarts": 1}
    mapping = embkit.map(source, target, method="adversarial", **options)
    found = mapping.statistics["verdict"]
    assert found["judgement"] == "doubtful"
    assert "more restarts tell" in found["reasons"][0]
    assert found["figures"]["success_rate"] is None


@pytest.mark.parametrize("form", ["orthogonal", "autoencoder"])
def test_equal_seeds_give_equal_maps_and_the_map_stays_near_a_rotation(
    form: Literal["orthogonal", "autoencoder"],
) -> None:
    source, target, _ = planted(300, 4, seed=9)
    options = {**SMALL, "samples": 6000, "refinement": 0, "restarts": 1}
    options |= {"reconstruction": 1.0, "orthogonality": 0.1}
    maps = [
        embkit.map(source, target, method="adversarial", form=form, **options).source_map
        for _ in range(2)
    ]
    np.testing.assert_array_equal(maps[0], maps[1])
    values = np.linalg.svd(maps[0], compute_uv=False)
    assert values.min() > 0.5
    assert values.max() < 1.5


def test_the_encoders_transpose_brings_the_source_back() -> None:
    source, target, _ = planted(300, 4, seed=10)
    missed = []
    for weight in (0.0, 1.0):
        options = {**SMALL, "samples": 10_000, "refinement": 0, "restarts": 1}
        options["reconstruction"] = weight
        mapping = embkit.map(
            source, target, method="adversarial", form="autoencoder", **options
        )
        rows = apply_steps(source.vectors, mapping.source_steps)
        missed.append(reconstruction(rows, mapping.source_map)[0])
    assert missed[1] < missed[0] / 3


def test_what_cannot_be_is_refused() -> None:
    source, target, _ = planted(50, 3, seed=12)
    with pytest.raises(ValueError, match="dictionary must be left out"):
        embkit.map(source, target, method="adversarial", dictionary=[("s1", "t1")])
    with pytest.raises(ValueError, match="one dim for an adversarial map, got 3 and 2"):
        embkit.map(source, planted(50, 2, seed=1)[1], method="adversarial")
    with pytest.raises(ValueError, match=r"smoothing must be below 0\.5"):
        embkit.map(source, target, method="adversarial", smoothing=0.5)
    with pytest.raises(ValueError, match=r"device must be one of auto, cpu, .* got 'tpu'"):
        embkit.map(source, target, method="adversarial", device="tpu")
    options = {**SMALL, "samples": 2000, "learning_rate": 1e30, "orthogonality": 0}
    with np.errstate(all="ignore"), pytest.raises(DivergenceError, match="diverged in epoch 1"):
        embkit.map(source, target, method="adversarial", **options)
