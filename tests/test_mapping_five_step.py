"""The five-step map extends its dictionary by what it finds, and keeps what it was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import embkit
from embkit.mapping import Mapping, SeedDictionary
from embkit.mapping.five_step import new_pairs
from tests.spaces import pairs, planted, precision_at_1

NUM_WORDS, DIM, KNOWN = 600, 20, 40


def fitted(**options: Any) -> tuple[Mapping, float]:
    """Return a map from few pairs and its precision on the other words."""
    source, target, _ = planted(NUM_WORDS, DIM, seed=3, noise=0.25)
    mapping = embkit.map(source, target, method="five-step", dictionary=pairs(KNOWN), **options)
    mapped = (
        mapping.map_source(source.vectors[KNOWN:]), mapping.map_target(target.vectors[KNOWN:])
    )  # fmt: skip
    return mapping, precision_at_1(*(rows.astype(np.float64) for rows in mapped))


def test_extending_the_dictionary_finds_more_of_the_words_it_did_not_have() -> None:
    alone, extended = fitted()[1], fitted(rounds=3)[1]
    assert extended > alone + 0.1
    assert "dictionary_sizes" not in fitted()[0].statistics


def test_only_frequent_words_extend_the_dictionary() -> None:
    sizes = fitted(rounds=2, cutoff=100)[0].statistics["dictionary_sizes"]
    assert len(sizes) == 2
    assert all(KNOWN < size <= 100 for size in sizes)
    assert fitted(rounds=1, cutoff=KNOWN)[0].statistics["dictionary_sizes"] == [KNOWN]


def test_rounds_are_reported_as_they_end() -> None:
    told: list[tuple[int, int, list[str]]] = []
    mapping, _ = fitted(
        rounds=2, callback=lambda done, total, figures: told.append((done, total, [*figures]))
    )
    assert told == [(1, 2, ["pairs"]), (2, 2, ["pairs"])]
    assert mapping.provenance["config"]["rounds"] == 2


def test_what_the_dictionary_says_of_a_word_is_not_added_to() -> None:
    source, target, _ = planted(5, 3, seed=1)
    seeds = SeedDictionary(pairs(2)).find(source.vocabulary, target.vocabulary)
    found = np.array([1, 2, 3]), np.array([4, 0, 3])
    assert [side.tolist() for side in new_pairs(found, seeds)] == [[2, 3], [0, 3]]


@pytest.mark.parametrize("weight", [1.0, 1000.0])
def test_weights_of_the_dictionary_count_against_the_found_pairs(weight: float) -> None:
    source, target, _ = planted(NUM_WORDS, DIM, seed=3, noise=0.25)
    some: dict[str, Any] = {"method": "five-step", "rounds": 1}
    weighted = SeedDictionary([(*pair, weight) for pair in pairs(KNOWN)])
    heavy = embkit.map(source, target, dictionary=weighted, weights=True, **some)
    alone = embkit.map(source, target, method="five-step", dictionary=pairs(KNOWN))
    plain = embkit.map(source, target, dictionary=pairs(KNOWN), **some)
    like = plain if weight == 1 else alone
    ours, theirs = (
        m.map_source(source.vectors) @ m.map_target(target.vectors).T for m in (heavy, like)
    )
    close = np.abs(ours / np.abs(ours).max() - theirs / np.abs(theirs).max()).max()
    assert close < (1e-4 if weight == 1 else 0.05)


@pytest.mark.parametrize(
    ("name", "value"), [("rounds", -1), ("cutoff", 0), ("neighborhood", 0)]
)
def test_an_option_out_of_its_range_is_refused(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least"):
        fitted(**{name: value})
