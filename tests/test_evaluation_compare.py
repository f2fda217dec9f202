"""Comparisons: on common items, paired, with a verdict that chance does not make."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from embkit.embeddings import Embeddings
from embkit.evaluation.analogy import AnalogyScore, evaluate_analogies, on_common_items
from embkit.evaluation.compare import adjust, compare_analogies, compare_similarity
from embkit.evaluation.datasets import AnalogyQuestion, AnalogySet, SimilaritySet
from embkit.evaluation.differences import steiger_test
from embkit.evaluation.options import AnalogyOptions, SimilarityOptions, StatisticsOptions
from embkit.evaluation.similarity import SimilarityScore, evaluate_similarity
from tests.evaluation_models import SECTIONS, model

OPTIONS = StatisticsOptions(resamples=1000)


def noisy(noise: float, size: int = 80, seed: int = 0) -> Embeddings:
    """Return words on a half circle, their place blurred by noise."""
    angles = np.linspace(0, np.pi, size) + np.random.default_rng(seed).normal(0, noise, size)
    rows = np.stack([np.cos(angles), np.sin(angles)], 1)
    return Embeddings.from_words([f"w{i}" for i in range(size)], rows)


def pairs(size: int = 80) -> SimilaritySet:
    rng = np.random.default_rng(1)
    drawn = rng.integers(size, size=(300, 2))
    scores = -np.abs(drawn[:, 0] - drawn[:, 1]).astype(np.float64)
    return SimilaritySet("arc", tuple((f"w{a}", f"w{b}") for a, b in drawn), scores)


def score(vectors: Any, name: str) -> SimilarityScore:
    return evaluate_similarity(vectors, pairs(), SimilarityOptions(resamples=50), name=name)


def test_the_better_model_is_named_with_its_lead() -> None:
    first, second = score(noisy(0.1), "sharp"), score(noisy(1.0), "blurred")
    comparison = compare_similarity(first, second, OPTIONS)
    assert comparison.is_told_apart
    assert comparison.verdict.startswith("sharp scores 0.")
    assert comparison.verdict.endswith("they can be told apart")
    interval = comparison.difference.interval
    assert interval is not None
    assert 0 < interval.low < (comparison.difference.value or 0) < interval.high
    back = compare_similarity(second, first, OPTIONS)
    assert back.verdict == comparison.verdict
    between = spearmanr(first.predicted, second.predicted).statistic
    rhos = first.spearman.value, second.spearman.value
    assert rhos[0] is not None
    assert rhos[1] is not None
    expected = steiger_test(rhos[0], rhos[1], float(between), 300)
    assert comparison.tests[0].p == pytest.approx(expected.p)


def test_models_that_differ_by_chance_are_not_told_apart() -> None:
    first, second = (score(noisy(0.3, seed=seed), f"seed {seed}") for seed in (3, 4))
    comparison = compare_similarity(first, second, OPTIONS)
    assert not comparison.is_told_apart
    assert comparison.verdict.endswith("they cannot be told apart")
    same = compare_similarity(first, first, OPTIONS)
    assert same.verdict == "seed 3 and seed 3 are equal"
    assert same.tests[0].p == same.tests[1].p == 1


def test_false_alarms_are_as_rare_as_the_level_says() -> None:
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        gold = rng.normal(size=60)
        scores = SimilaritySet("s", tuple((f"a{i}", f"b{i}") for i in range(60)), gold)
        models = []
        for _ in range(2):
            angle = np.arctan2(1, gold + rng.normal(0, 1.5, 60))
            rows = {f"a{i}": [1.0, 0.0] for i in range(60)}
            rows |= {f"b{i}": [np.cos(t), np.sin(t)] for i, t in enumerate(angle)}
            models.append(evaluate_similarity(rows, scores, SimilarityOptions(resamples=10)))
        test = compare_similarity(
            models[0], models[1], StatisticsOptions(resamples=200, threads=1)
        )
        alarms += test.is_told_apart
    assert alarms <= 8  # 3 of 60 expected; above 8 has probability 0.002


def test_only_pairs_that_both_cover_are_compared() -> None:
    part = Embeddings.from_words([f"w{i}" for i in range(40)], noisy(0.1).vectors[:40])
    comparison = compare_similarity(score(noisy(0.1), "all"), score(part, "part"), OPTIONS)
    both = sum(int(a[1:]) < 40 and int(b[1:]) < 40 for a, b in pairs().pairs)
    assert comparison.n_common == both
    assert comparison.difference.value == 0
    nothing = compare_similarity(score(part, "part"), score({"x": [1.0]}, "none"), OPTIONS)
    assert nothing.verdict == "undefined: a correlation needs at least 2 pairs, got 0"
    assert nothing.to_dict()["p_adjusted"] is None


def questions() -> AnalogySet:
    asked = []
    for section, words in SECTIONS.items():
        for (a, b), (c, d) in permutations([pair.split() for pair in words], 2):
            asked.append(AnalogyQuestion(section, a, b, c, (d,)))
    return AnalogySet("planted", tuple(asked))


def analogy_scores(vectors: Any, name: str, *methods: Any) -> list[AnalogyScore]:
    options = AnalogyOptions(method=methods, resamples=50)
    return evaluate_analogies(vectors, questions(), options, name=name)


def test_analogies_are_compared_by_the_word_pairs_drawn_for_both() -> None:
    shuffled = Embeddings.from_words(model().words, model().vectors[::-1].copy())
    good, bad = (
        analogy_scores(model(), "good", "3CosAdd"),
        analogy_scores(shuffled, "bad", "3CosAdd"),
    )
    comparison = compare_analogies(good[0], bad[0], OPTIONS)
    assert comparison.verdict.startswith("good scores 0.")
    assert comparison.is_told_apart
    assert comparison.tests[0].method == "paired bootstrap over word pairs"
    assert compare_analogies(good[0], good[0], OPTIONS).tests[0].p == 1
    with pytest.raises(ValueError, match="scores must be of one set and method"):
        compare_analogies(good[0], analogy_scores(model(), "a", "3CosMul")[0])


def test_independent_items_are_compared_by_mcnemar() -> None:
    shuffled = Embeddings.from_words(model().words, model().vectors[::-1].copy())
    (good,), (bad,) = (
        analogy_scores(vectors, name, "3CosAvg")
        for vectors, name in ((model(), "good"), (shuffled, "bad"))
    )
    comparison = compare_analogies(good, bad, OPTIONS)
    assert comparison.tests[0].method == "McNemar, exact"
    assert comparison.is_told_apart


def test_common_items_count_the_same_for_all() -> None:
    words = [word for word in model().words if word not in ("Oslo", "cat")]
    part = Embeddings.from_words(words, model()[words])
    scores = [analogy_scores(v, n, "3CosAdd")[0] for v, n in ((model(), "a"), (part, "b"))]
    common = on_common_items(scores, AnalogyOptions(resamples=50))
    assert common[0].n_used == common[1].n_used < scores[0].n_used
    np.testing.assert_array_equal(common[0].used, common[1].used)


def test_several_comparisons_are_adjusted_together() -> None:
    first, second = score(noisy(0.3, seed=3), "a"), score(noisy(0.35, seed=4), "b")
    one = compare_similarity(first, second, OPTIONS)
    p = one.tests[0].p
    assert p is not None
    assert [c.p_adjusted for c in adjust([one] * 3)] == pytest.approx([min(1, 3 * p)] * 3)
