"""Dictionaries that grow between fits: mutual pairs, refinement, growing in both directions."""

from __future__ import annotations

import numpy as np
import pytest

from embkit.mapping.growing import grow, mutual_pairs, refine
from embkit.mapping.learning_config import GrowingConfig
from tests.test_mapping_learning import language, normalized, planted


def test_mutual_pairs_equal_brute_force() -> None:
    x, z = (normalized(language(seed)) for seed in (1, 2))
    cosines = x @ z.T
    forward, backward = cosines.argmax(1), cosines.argmax(0)
    expected = [(i, j) for i, j in enumerate(forward) if backward[j] == i]
    found = mutual_pairs(x, z, csls=False)
    assert list(zip(*found, strict=True)) == expected


def test_a_growing_dictionary_keeps_its_seeds_and_grows_by_frequent_words_first() -> None:
    source, target, gold = planted(noise=0.02)
    x, z = normalized(source), normalized(target)
    sizes: list[int] = []
    pairs = np.arange(300, 330), gold[300:330]
    grown = grow(x, z, pairs, most=60, on_round=lambda done, told: sizes.append(told.pairs))
    assert grown[0][:30].tolist() == list(range(300, 330))
    assert sizes == [46, 60, 60]
    assert (gold[grown[0]] == grown[1]).mean() > 0.9


def test_a_round_of_growing_is_that_of_its_definition() -> None:
    source, target, gold = planted(noise=0.6)
    x, z = normalized(source), normalized(target)
    first = np.argsort(np.arange(40) + gold[:40])[:5]  # their translations are given to others
    seeds = np.arange(40, 80), gold[[*first, *range(45, 80)]]
    u, _, vt = np.linalg.svd(x[seeds[0]].T.astype(np.float64) @ z[seeds[1]])
    cosines = x @ (u @ vt) @ z.T
    there, back = cosines.argmax(1), cosines.argmax(0)
    mutual = [(i, int(j)) for i, j in enumerate(there) if back[j] == i]
    known = [set(side.tolist()) for side in seeds]
    new = [(i, j) for i, j in mutual if i not in known[0] and j not in known[1]]
    new = sorted(new, key=lambda pair: pair[0] + pair[1])[: int(1.5 * 40) + 1 - 40]
    assert len(new) == 21
    grown = grow(x, z, seeds, least_growth=9.0)
    assert list(zip(*(side[40:].tolist() for side in grown), strict=True)) == new


def test_refinement_tells_its_rounds() -> None:
    source, target, gold = planted(noise=0.02)
    told: list[tuple[int, int]] = []
    refine(
        *(normalized(source), normalized(target), (np.arange(25), gold[:25])),
        rounds=3,
        on_round=lambda done, figures: told.append((done, figures.pairs)),
    )
    assert [done for done, _ in told] == [1, 2, 3]
    assert told[-1][1] > 300


@pytest.mark.parametrize("growth", [np.inf, np.nan, 1.0])
def test_a_dictionary_grows_by_a_finite_factor(growth: float) -> None:
    rows = normalized(language(1))
    with pytest.raises(ValueError, match="growth must be above 1 and finite"):
        grow(rows, rows, (np.arange(9), np.arange(9)), growth=growth)
    with pytest.raises(ValueError, match="growth must be above 1 and finite"):
        GrowingConfig(growth=growth)
