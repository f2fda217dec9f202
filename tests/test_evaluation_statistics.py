"""Statistics of the evaluations: cases worked by hand, and SciPy as the oracle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats

from embkit.evaluation.bootstrap import (
    cluster_accuracies,
    cluster_sums,
    draw_weights,
    pair_tables,
    percentile_interval,
    resample,
    resample_correlations,
    two_sided_p,
)
from embkit.evaluation.correlations import harmonic_mean, pearson, spearman
from embkit.evaluation.differences import holm, mcnemar_test, steiger_test
from embkit.evaluation.intervals import (
    correlation_interval,
    summarize_seeds,
    wilson_interval,
)
from embkit.evaluation.options import StatisticsOptions
from embkit.evaluation.results import Estimate
from embkit.evaluation.spaces import Doubles

Drawn = tuple[Doubles, Doubles]


@pytest.fixture
def drawn() -> Drawn:
    rng = np.random.default_rng(3)
    gold = rng.integers(0, 6, 40).astype(np.float64)  # many ties
    return gold, np.round(gold + rng.normal(0, 3, 40), 1)


def test_ties_get_their_average_rank() -> None:
    # Ranks by hand: 1, 2.5, 2.5, 4 and 1, 2, 3, 4: covariance 4.5, variances 4.5 and 5.
    rho = spearman(np.array([1.0, 2, 2, 3]), np.array([10.0, 20, 30, 40]))
    assert rho.value == pytest.approx(4.5 / math.sqrt(4.5 * 5))


def test_constant_scores_are_undefined_with_the_reason() -> None:
    varied, constant = np.arange(5.0), np.full(5, 0.5)
    assert spearman(constant, varied).reason == "all human scores are equal"
    assert pearson(varied, constant).reason == "all similarities of the model are equal"
    assert (
        spearman(varied[:1], varied[:1]).reason == "a correlation needs at least 2 pairs, got 1"
    )
    undefined = spearman(constant, varied)
    assert undefined.value is None
    assert harmonic_mean(Estimate(0.5), undefined).reason == undefined.reason


def test_correlations_equal_scipy(drawn: Drawn) -> None:
    gold, predicted = drawn
    assert spearman(gold, predicted).value == pytest.approx(
        scipy.stats.spearmanr(gold, predicted).statistic, abs=1e-15
    )
    assert pearson(gold, predicted).value == pytest.approx(
        scipy.stats.pearsonr(gold, predicted).statistic, abs=1e-12
    )


def test_fisher_interval_equals_scipy_and_fieller_is_wider() -> None:
    x = np.random.default_rng(1).normal(size=(2, 30))
    found = scipy.stats.pearsonr(x[0], x[1])
    expected = found.confidence_interval(0.9)
    r = float(found.statistic)
    interval = correlation_interval(r, 30, rank=False, confidence=0.9)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    fieller = correlation_interval(r, 30, rank=True, confidence=0.9)
    assert fieller is not None
    half = math.atanh(fieller.high) - math.atanh(r)
    assert half == pytest.approx(scipy.stats.norm.ppf(0.95) * math.sqrt(1.06 / 27))
    assert correlation_interval(0.5, 3, rank=True) is None
    assert str(correlation_interval(-1, 9, rank=True)) == "[-1.000, -1.000]"


def test_wilson_interval_by_hand() -> None:
    # Centre (p + z^2/2n) / (1 + z^2/n), with n = 10, p = 0.8, z = 1.959964.
    z = 1.959963984540054
    centre = (0.8 + z * z / 20) / (1 + z * z / 10)
    half = z * math.sqrt(0.016 + z * z / 400) / (1 + z * z / 10)
    interval = wilson_interval(8, 10)
    assert (interval.low, interval.high) == pytest.approx((centre - half, centre + half))
    with pytest.raises(ValueError, match="correct must be from 0 to total, got 3 of 2"):
        wilson_interval(3, 2)


def test_seeds_are_summarised_as_scipy_does() -> None:
    values = [0.4, -0.2, 1.1, 0.3, 0.9]
    summary = summarize_seeds(values)
    expected = scipy.stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert summary.interval is not None
    assert (summary.interval.low, summary.interval.high) == pytest.approx(
        (expected.low, expected.high)
    )
    assert summary.sd == pytest.approx(np.std(values, ddof=1))
    assert summarize_seeds([1.0]).reason == "a single run shows no variation"


def test_resampled_correlations_equal_scipy_on_every_resample(drawn: Drawn) -> None:
    gold, predicted = drawn
    other = np.round(predicted * 0.5 + np.arange(40) % 7, 0)
    weights = draw_weights(7, 0, 25, 40)
    assert weights.sum(axis=1).tolist() == [40.0] * 25
    options = StatisticsOptions(resamples=25, seed=7)
    values = resample_correlations(gold, [predicted, other], options)
    for row, value in zip(weights.astype(int), values, strict=True):
        x, y, z = (np.repeat(column, row) for column in (gold, predicted, other))
        expected = [
            scipy.stats.spearmanr(x, y).statistic,
            scipy.stats.spearmanr(x, z).statistic,
        ]
        expected += [scipy.stats.pearsonr(x, y).statistic, scipy.stats.pearsonr(x, z).statistic]
        assert value == pytest.approx(expected, abs=1e-10)


def test_a_constant_resample_is_undefined_not_a_number() -> None:
    two = np.array([1.0, 2])
    values = resample_correlations(two, [two], StatisticsOptions(resamples=50))
    is_constant = (draw_weights(1, 0, 50, 2) == 2).any(axis=1)
    assert 0 < is_constant.sum() < 50
    assert np.isnan(values[is_constant]).all()
    np.testing.assert_allclose(values[~is_constant], 1)
    assert percentile_interval(np.array([np.nan, np.nan, 0.5]), "bootstrap", 0.95) is None


def test_bootstrap_interval_is_near_scipys(drawn: Drawn) -> None:
    gold, predicted = drawn
    options = StatisticsOptions(resamples=4000, threads=1)
    values = resample_correlations(gold, [predicted], options)
    interval = percentile_interval(values[:, 1], "bootstrap", 0.95)
    assert interval is not None
    is_new = np.lib.NumpyVersion(scipy.__version__) >= "1.15.0"
    seed: Any = {"rng" if is_new else "random_state": np.random.default_rng(5)}
    expected = scipy.stats.bootstrap(
        (gold, predicted),
        lambda x, y: scipy.stats.pearsonr(x, y).statistic,
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="percentile",
        **seed,
    ).confidence_interval
    assert (interval.low, interval.high) == pytest.approx(expected, abs=0.03)


def test_resampling_does_not_depend_on_threads() -> None:
    gold, predicted = np.random.default_rng(2).normal(size=(2, 300))
    options = [StatisticsOptions(resamples=4000, threads=threads) for threads in (1, 3)]
    means = [np.concatenate(resample(300, lambda w: w @ gold / 300, o)) for o in options]
    np.testing.assert_array_equal(means[0], means[1])
    runs = [resample_correlations(gold, [predicted], o) for o in options]
    assert runs[0].shape == (4000, 2)
    np.testing.assert_array_equal(runs[0], runs[1])


def test_items_are_drawn_alike_often_and_one_by_one() -> None:
    weights = draw_weights(5, 0, 20_000, 10)
    np.testing.assert_array_equal(weights[100:110], draw_weights(5, 100, 10, 10))
    # Each count is binomial: mean 1, variance 9/10; the variance of the means follows.
    assert abs(weights.mean(axis=0) - 1).max() < 5 * math.sqrt(0.9 / 20_000)
    assert weights.var(axis=0) == pytest.approx(0.9, rel=0.05)


def test_steiger_by_hand() -> None:
    # mean .4, 1 - 2 mean^2 = .68, psi = .4 * .68 - .08 * (.68 - .16) = .2304,
    # s = .2304 / .7056; z = (.549306 - .309520) * sqrt(100 / (2 - 2 s)).
    expected = (math.atanh(0.5) - math.atanh(0.3)) * math.sqrt(100 / (2 - 2 * 0.2304 / 0.7056))
    test = steiger_test(0.5, 0.3, 0.4, 103)
    assert test.statistic == pytest.approx(expected)
    assert test.p == pytest.approx(2 * scipy.stats.norm.sf(expected))
    assert steiger_test(0.5, 0.5, 1.0, 50).p == 1
    assert steiger_test(0.5, 0.4, 0.2, 3).reason == "needs at least 4 pairs, got 3"


def test_mcnemar_is_the_binomial_test_of_what_differs() -> None:
    first = np.array([1] * 9 + [0] * 2 + [1] * 20, bool)
    second = np.array([0] * 9 + [1] * 2 + [1] * 20, bool)
    assert mcnemar_test(first, second).p == pytest.approx(
        2 * sum(math.comb(11, k) for k in range(3)) / 2**11
    )
    assert mcnemar_test(first, first).p == 1


def test_holm_by_hand_keeps_the_order_and_the_undefined() -> None:
    assert holm([0.04, None, 0.01, 0.03, 0.9]) == pytest.approx([0.09, None, 0.04, 0.09, 0.9])


def test_p_value_counts_the_rarer_side() -> None:
    assert two_sided_p(np.array([1.0] * 97 + [-1.0] * 2)) == pytest.approx(2 * 3 / 100)
    assert two_sided_p(np.zeros(9)) == 1


def test_cluster_bootstrap_weighs_a_question_by_both_its_pairs() -> None:
    # Three word pairs, all six questions; the pair 0 answers wrong, the others right.
    asking = np.array([0, 0, 1, 1, 2, 2])
    answering = np.array([1, 2, 0, 2, 0, 1])
    right = (answering != 0).astype(np.float64)
    (table,) = pair_tables(["s"] * 6, asking, answering, [right])
    assert table.asked.tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    assert table.correct[0].tolist() == [[0, 1, 1], [0, 0, 1], [0, 1, 0]]
    values = cluster_accuracies(cluster_sums([table], StatisticsOptions(resamples=2000)))[:, 0]
    # All draws but (3, 0, 0) and its like; with weights (2, 1, 0): questions 0-1 and 1-0.
    assert np.isnan(values).mean() == pytest.approx(3 / 27, abs=0.03)
    assert set(np.round(values[np.isfinite(values)], 6)) == {0.5, round(4 / 6, 6), 1.0}


def test_cluster_interval_is_wider_than_one_of_independent_questions() -> None:
    rng = np.random.default_rng(11)
    size = 23
    hard = rng.random(size) < 0.5  # whether a pair can be answered decides most questions
    asking, answering = (a.ravel() for a in np.where(~np.eye(size, dtype=bool)))
    right = hard[answering].astype(np.float64)
    tables = pair_tables(["s"] * len(right), asking, answering, [right])
    values = cluster_accuracies(cluster_sums(tables, StatisticsOptions(resamples=2000)))[:, 0]
    interval = percentile_interval(values, "cluster", 0.95)
    naive = wilson_interval(int(right.sum()), len(right))
    assert interval is not None
    assert interval.high - interval.low > 3 * (naive.high - naive.low)
