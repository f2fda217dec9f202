"""One pass of dictionary induction against brute force, for any tiles and threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit._native import core
from embkit.mapping import induction
from embkit.mapping.induction import induce

Array = NDArray[Any]


def unit_rows(num_rows: int, dim: int, seed: int) -> Array:
    rows = np.random.default_rng(seed).standard_normal((num_rows, dim)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def reference(similarities: Array, other_means: Array, k: int, kept: Array) -> Any:
    """Best partners, strongest similarities and means of the rows, from the definitions."""
    scores = np.where(kept, similarities - other_means / 2, -np.inf).astype(np.float32)
    highest = np.sort(similarities, 1)[:, ::-1]
    return scores.argmax(1), highest[:, 0], highest[:, :k].mean(1)


@pytest.mark.parametrize("threads", [1, 3])
def test_equals_brute_force(threads: int) -> None:
    source, target = unit_rows(90, 8, 1), unit_rows(130, 8, 2)
    means = (
        np.linspace(0, 0.9, 90, dtype=np.float32),
        np.linspace(0.5, 0, 130, dtype=np.float32),
    )
    sources, targets = induce(
        source, target, neighborhood=4, source_means=means[0], target_means=means[1],
        threads=threads,
    )  # fmt: skip
    similarities = source @ target.T
    kept = np.ones(similarities.shape, bool)
    sides = (sources, similarities, means[1], kept), (targets, similarities.T, means[0], kept.T)
    for side, values, levels, mask in sides:
        best, strongest, expected = reference(values, levels, 4, mask)
        np.testing.assert_array_equal(side.best, best)
        np.testing.assert_allclose(side.strongest, strongest, rtol=1e-6)
        np.testing.assert_allclose(side.means, expected, rtol=1e-5)


def test_of_equal_scores_the_lower_word_is_taken_whatever_the_order_of_tiles() -> None:
    tile = np.ones((4, 6), np.float32)
    for columns in ([0, 3], [3, 0]):
        zeros = np.zeros(4, np.float32), np.zeros(6, np.float32)
        one_pass = core.InductionPass(
            *zeros, neighborhood=1, keep_probability=1.0, seed=0, number=0, threads=2
        )
        for first in columns:
            part = np.ascontiguousarray(tile[:, first : first + 3])
            one_pass.update(part, first_source=0, first_target=first)
        assert (one_pass.sources()[0] == 0).all()
        assert (one_pass.targets()[0] == 0).all()


def induced(source: Array, target: Array, **options: Any) -> list[Array]:
    sides = induce(source, target, neighborhood=5, **options)
    return [part for side in sides for part in (side.best, side.strongest, side.means)]


def test_tiles_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Small whole numbers: every product is exact, so that only the pass itself is compared.
    rng = np.random.default_rng(3)
    source = rng.integers(-3, 4, (200, 6)).astype(np.float32)
    target = rng.integers(-3, 4, (150, 6)).astype(np.float32)
    options: dict[str, Any] = {"keep_probability": 0.3, "seed": 5, "number": 2}
    expected = induced(source, target, threads=1, **options)
    monkeypatch.setattr(induction, "_TILE_SOURCES", 37)
    monkeypatch.setattr(induction, "_TILE_TARGETS", 11)
    for threads in (1, 2, 7):
        for found, wanted in zip(
            induced(source, target, threads=threads, **options), expected, strict=True
        ):
            np.testing.assert_array_equal(found, wanted)


def test_dropped_pairs_are_not_induced_but_count_in_means() -> None:
    source, target = unit_rows(300, 10, 6), unit_rows(300, 10, 7)
    whole = induce(source, target)
    part = induce(source, target, keep_probability=0.1, seed=1)
    for everything, some in zip(whole, part, strict=True):
        np.testing.assert_array_equal(some.means, everything.means)
        np.testing.assert_array_equal(some.strongest, everything.strongest)
        assert 0.02 < (some.best == everything.best).mean() < 0.2  # a tenth is kept
        assert (some.best >= 0).all()


def test_each_pair_is_kept_with_the_given_probability_and_alike_in_both_directions() -> None:
    # Only one pair of words has a similarity of its own: it is induced where it is kept.
    kept = []
    source = target = np.array([[1.0, 0], [0, 1e-3]], np.float32)
    for number in range(2000):
        sides = induce(
            source, target, neighborhood=1, keep_probability=0.3, seed=9, number=number
        )
        forward, backward = (side.best[0] == 0 for side in sides)
        kept.append(bool(forward))
        assert forward == backward
    assert np.mean(kept) == pytest.approx(0.3, abs=0.04)


def test_a_word_all_of_whose_pairs_are_dropped_has_no_partner() -> None:
    rows = unit_rows(1, 4, 8)
    found = {
        int(induce(rows, rows, neighborhood=1, keep_probability=0.5, number=n)[0].best[0])
        for n in range(20)
    }
    assert found == {-1, 0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"neighborhood": 4}, "neighborhood must be from 1 to 3"),
        ({"neighborhood": 1, "threads": 0}, "threads must be at least 1"),
        ({"neighborhood": 1, "source_means": np.zeros(2, np.float32)}, "means must have shape"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        induce(unit_rows(3, 2, 1), unit_rows(5, 2, 2), **options)
