"""One pass of dictionary induction against brute force, for any tiles and threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit._native import core
from embkit.errors import ResourceError
from embkit.mapping import induction, induction_arrays
from embkit.mapping.induction import induce
from tests.stand_in_cupy import StandIn

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
def test_equals_brute_force(threads: int, device: str) -> None:
    source, target = unit_rows(90, 8, 1), unit_rows(130, 8, 2)
    means = (
        np.linspace(0, 0.9, 90, dtype=np.float32),
        np.linspace(0.5, 0, 130, dtype=np.float32),
    )
    sources, targets = induce(
        source, target, neighborhood=4, source_means=means[0], target_means=means[1],
        threads=threads, device=device,
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


def test_tiles_threads_and_device_change_nothing(
    monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    # Small whole numbers: every product is exact, so that only the pass itself is compared.
    rng = np.random.default_rng(3)
    source = rng.integers(-3, 4, (200, 6)).astype(np.float32)
    target = rng.integers(-3, 4, (150, 6)).astype(np.float32)
    options: dict[str, Any] = {"keep_probability": 0.3, "seed": 5, "number": 2}
    expected = induced(source, target, threads=1, **options)
    monkeypatch.setattr(induction, "_TILE_SOURCES", 37)
    monkeypatch.setattr(induction, "_TILE_TARGETS", 11)
    monkeypatch.setattr(induction_arrays, "_TILE_SOURCES", 37)
    monkeypatch.setattr(induction_arrays, "_TILE_TARGETS", 70)
    for threads in (1, 2, 7):
        for found, wanted in zip(
            induced(source, target, threads=threads, device=device, **options),
            expected,
            strict=True,
        ):
            np.testing.assert_array_equal(found, wanted)


def test_a_gpu_keeps_the_pairs_that_the_core_keeps(stand_in: StandIn) -> None:
    source, target = unit_rows(400, 12, 4), unit_rows(350, 12, 5)
    for number in (0, 3, 2**40):
        options: dict[str, Any] = {"keep_probability": 0.1, "seed": 2**63, "number": number}
        found = [induced(source, target, device=d, **options) for d in ("cpu", "cuda")]
        for ours, theirs in zip(*found, strict=True):
            np.testing.assert_allclose(theirs, ours, rtol=1e-5)
    assert stand_in.uploads


def test_a_pass_with_too_little_memory_takes_smaller_tiles(stand_in: StandIn) -> None:
    source, target = unit_rows(1000, 12, 4), unit_rows(900, 12, 5)
    expected = induced(source, target)
    stand_in.capacity = 4_000_000
    found = induced(source, target, device="cuda")
    assert stand_in.refusals > 0
    np.testing.assert_array_equal(found[0], expected[0])
    stand_in.capacity = 150_000
    with pytest.raises(ResourceError, match=r"cuda needs about .* are free"):
        induced(source, target, device="cuda")


def test_dropped_pairs_are_not_induced_but_count_in_means(device: str) -> None:
    source, target = unit_rows(300, 10, 6), unit_rows(300, 10, 7)
    whole = induce(source, target, device=device)
    part = induce(source, target, keep_probability=0.1, seed=1, device=device)
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


def test_a_word_all_of_whose_pairs_are_dropped_has_no_partner(device: str) -> None:
    rows = unit_rows(1, 4, 8)
    options: dict[str, Any] = {"neighborhood": 1, "device": device}
    found = {
        int(induce(rows, rows, keep_probability=0.5, number=n, **options)[0].best[0])
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
def test_options_are_checked(options: dict[str, Any], message: str, device: str) -> None:
    with pytest.raises(ValueError, match=message):
        induce(unit_rows(3, 2, 1), unit_rows(5, 2, 2), **options, device=device)
