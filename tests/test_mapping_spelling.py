"""Words that are spelt alike find each other where vectors alone leave it open."""

from __future__ import annotations

from collections import Counter
from math import log
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.mapping.growing import mutual_pairs
from embkit.mapping.spelling import Spelling
from tests.spaces import Doubles, pairs, planted, precision_at_1

NOISE, KNOWN = 0.6, 20
SOURCE = ["house", "night", "water", "a", "naïve", "house of", "Nacht", ""]
TARGET = ["haus", "nacht", "wasser", "HOUSE", "a", "naive", "дом", "日本"]


def reference(source: list[str], target: list[str]) -> Doubles:
    """Return the cosines of tf-idf over runs of two and three letters, one by one."""

    def runs(word: str) -> Counter[str]:
        marked = f"\0{word.lower()}\0"
        ends = [(i, i + n) for n in (2, 3) for i in range(len(marked) - n + 1)]
        return Counter(marked[begin:end] for begin, end in ends)

    words = [*source, *target]
    seen = Counter(run for word in words for run in runs(word))
    rarity = {run: 1 + log((1 + len(words)) / (1 + count)) for run, count in seen.items()}

    def cosine(first: str, second: str) -> float:
        left, right = (
            {run: count * rarity[run] for run, count in runs(word).items()}
            for word in (first, second)
        )
        product = sum(value * right.get(run, 0) for run, value in left.items())
        norms = [sum(value**2 for value in side.values()) ** 0.5 for side in (left, right)]
        return float(product / (norms[0] * norms[1]))

    return np.array([[cosine(first, second) for second in target] for first in source])


@pytest.mark.parametrize("weight", [1.0, 0.25])
def test_the_cosines_are_those_of_the_definition_in_any_tile(weight: float) -> None:
    expected = weight * reference(SOURCE, TARGET)
    spelling = Spelling(SOURCE, TARGET, weight)
    scores = np.ones((len(SOURCE), len(TARGET)), np.float32)
    spelling.add(scores)
    assert np.allclose(scores - 1, expected, atol=1e-6)
    tile = np.zeros((3, 2), np.float32)
    spelling.add(tile, first_source=4, first_target=6)
    assert np.allclose(tile, expected[4:7, 6:8], atol=1e-6)
    assert expected[0, 3] == pytest.approx(weight)  # capitals are small letters
    assert expected[:, 6].max() == 0  # another script has nothing in common


@pytest.mark.parametrize("csls", [True, False])
def test_mutual_pairs_are_those_of_all_scores_with_the_cosines_added(csls: bool) -> None:
    random = np.random.default_rng(1)
    rows = random.standard_normal((2, 1500, 6))  # more than a tile of sources
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    source, target = rows.astype(np.float32)
    first, second = (["".join(random.choice([*"abcdef"], 5)) for _ in source] for _ in rows)
    scores = source.astype(np.float64) @ target.T
    if csls:
        near = [np.sort(scores, axis=axis) for axis in (1, 0)]
        means = near[0][:, -10:].mean(1), near[1][-10:].mean(0)
        scores = scores - means[0][:, None] / 2 - means[1] / 2
    spelling = Spelling(first, second, weight=0.5)
    spelt = np.zeros(scores.shape, np.float32)
    spelling.add(spelt)
    scores += spelt
    best, back = scores.argmax(1), scores.argmax(0)
    expected = np.flatnonzero(back[best] == np.arange(len(best)))
    found = mutual_pairs(source, target, csls=csls, spelling=spelling)
    assert found[0].tolist() == expected.tolist()
    assert found[1].tolist() == best[expected].tolist()
    alone = mutual_pairs(source, target, csls=csls)
    assert found[1].tolist() != alone[1].tolist()


def extended(**options: Any) -> float:
    """Return the precision of a map from few pairs; the words are s0 and t0, s1 and t1."""
    source, target, _ = planted(500, 20, seed=3, noise=NOISE)
    mapping = embkit.map(
        *(source, target), method="five-step", dictionary=pairs(KNOWN), shrinkage=0.2, **options
    )
    mapped = (
        mapping.map_source(source.vectors[KNOWN:]), mapping.map_target(target.vectors[KNOWN:])
    )  # fmt: skip
    return precision_at_1(*(rows.astype(np.float64) for rows in mapped))


def test_spelling_finds_more_right_pairs_to_extend_a_small_dictionary_by() -> None:
    assert extended(rounds=4, spelling=0.25) > 1.5 * extended(rounds=4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spelling": 0.5}, "spelling must be 0 unless rounds extend the dictionary, got 0.5"),
        ({"spelling": -1, "rounds": 1}, "spelling must be at least 0, got -1"),
        ({"spelling": float("nan"), "rounds": 1}, "spelling must be at least 0, got nan"),
    ],
)
def test_what_spelling_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        extended(**options)
