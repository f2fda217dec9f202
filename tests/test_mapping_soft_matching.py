"""Soft matching: shares that add up, small cases against brute force, rotations in noise."""

from __future__ import annotations

import os
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

import embkit
from embkit.backend import open_backend
from embkit.mapping.initial import similar_distributions
from embkit.mapping.soft_matching import balanced, match, match_by_shape
from eval.planted_rotation import plant, score
from tests.spaces import cloud, random_rotation
from tests.stand_in_cupy import StandIn
from tests.test_mapping_learning import normalized

Array = NDArray[Any]
CPU = open_backend("cpu")


def planted(
    rows: Array, noise: float, seed: int, words: int | None = None
) -> tuple[Array, Array, Array]:
    """Return rows, the same turned, disturbed and shuffled, and each one's row there."""
    rng = np.random.default_rng(seed)
    source = rows[:words]
    turned = source @ random_rotation(source.shape[1], seed)
    turned = turned + noise * source.std() * rng.standard_normal(source.shape)
    order = rng.permutation(len(source))
    return normalized(source), normalized(turned[order]), np.argsort(order)


def right(pairs: tuple[Array, Array], gold: Array) -> float:
    return float((gold[pairs[0]] == pairs[1]).mean())


@pytest.mark.parametrize("firmness", [1, 8])
def test_shares_are_those_of_alternate_scaling_and_sum_to_one(firmness: int) -> None:
    rng = np.random.default_rng(1)
    scores = (firmness * rng.uniform(-1, 1, (40, 40))).astype(np.float32)
    expected = np.exp(scores.astype(np.float64))
    for _ in range(5):
        expected /= expected.sum(1, keepdims=True)
        expected /= expected.sum(0)
    shares = balanced(CPU, scores.copy())
    assert np.allclose(shares, expected, rtol=1e-4, atol=1e-7)
    assert np.allclose(shares.sum(0), 1, atol=1e-5)
    assert np.abs(shares.sum(1) - 1).max() < (0.001 if firmness == 1 else 0.6)


@pytest.mark.parametrize("seed", range(5))
def test_of_seven_words_the_pairs_are_the_best_of_all_permutations(seed: int) -> None:
    source, target, _ = planted(cloud(7, 3, seed), 0.05, seed)
    # The highest sum of cosines that any rotation gives a pairing is its nuclear norm.
    orders = np.array(list(permutations(range(7))))
    sums = np.linalg.svd(source.T @ target[orders], compute_uv=False).sum(1)
    best = orders[sums.argmax()]
    shapes = np.zeros((7, 7), np.float32)
    shapes[0, best[0]] = shapes[1, best[1]] = 1  # a hint, as the shapes of many words are
    mean, rotation = match(CPU, source, target, shapes)
    found = linear_sum_assignment(source @ rotation @ target.T, maximize=True)[1]
    assert (found == best).all()
    assert mean > 0.9 * sums.max() / 7


@pytest.mark.parametrize("seed", range(3))
def test_a_rotation_without_noise_is_found(seed: int) -> None:
    source, target, gold = planted(cloud(300, 12, seed), 0, seed)
    assert right(match_by_shape(source, target), gold) == 1.0


@pytest.fixture(scope="module")
def sample() -> embkit.Embeddings:
    if "EMBKIT_TEST_DATA" not in os.environ:
        pytest.skip("EMBKIT_TEST_DATA is not set")
    path = Path(os.environ["EMBKIT_TEST_DATA"]) / "vectors/cca-en-sample.40d.vec.xz"
    return embkit.load(path)


@pytest.mark.parametrize("seed", [0, 1])
def test_it_finds_rotations_in_noise_in_which_sorted_similarities_do_not(
    seed: int, sample: embkit.Embeddings
) -> None:
    source, target, gold = planted(sample.vectors, 0.3, seed, words=1000)
    assert right(similar_distributions(source, target), gold) < 0.05
    assert right(match_by_shape(source, target), gold) > 0.5


def test_self_learning_goes_on_from_it_where_noise_hides_most_words(
    sample: embkit.Embeddings,
) -> None:
    source, target, gold = plant(sample, 0.5, 3)
    mapping = embkit.map(source, target, method="self-learning", seed=3)
    spaces = mapping.apply(source, "source"), mapping.apply(target, "target")
    assert score(*spaces, gold)["csls"]["P@1"] > 0.35  # the rotation of all gold pairs: 0.42
    assert mapping.statistics["verdict"]["judgement"] == "good"


def test_only_frequent_words_take_part() -> None:
    source, target, _ = planted(cloud(120, 6, 1), 0, 1)
    pairs = match_by_shape(source, target, words=50)
    assert [len(side) for side in pairs] == [100, 100]
    assert max(side.max() for side in pairs) == 49
    again = match_by_shape(source[:50], target[:60])
    assert all((a == b).all() for a, b in zip(pairs, again, strict=True))


def test_spaces_of_few_words_and_constant_rows_are_matched_without_a_fault() -> None:
    one = np.ones((1, 3), np.float32)
    assert [side.tolist() for side in match_by_shape(one, one)] == [[0, 0], [0, 0]]
    same = np.ones((5, 3), np.float32)
    assert len(match_by_shape(same, same)[0]) == 10


def test_a_gpu_matches_as_the_processor_does(stand_in: StandIn) -> None:
    source, target, gold = planted(cloud(200, 8, 2), 0.02, 2)
    pairs = [match_by_shape(source, target, device=device) for device in ("cpu", "cuda")]
    assert right(pairs[0], gold) > 0.9
    assert all((a == b).all() for a, b in zip(*pairs, strict=True))


def test_options_are_checked() -> None:
    rows = np.eye(3, dtype=np.float32)
    with pytest.raises(ValueError, match="words must be at least 1"):
        match_by_shape(rows, rows, words=0)
    with pytest.raises(ValueError, match="neighborhood must be at least 1"):
        match_by_shape(rows, rows, neighborhood=0)
    with pytest.raises(ValueError, match="powers must hold at least one power"):
        match_by_shape(rows, rows, powers=())
