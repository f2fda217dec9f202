"""Which of two models is better on a set, by how much, and whether they can be told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from embkit.evaluation.analogy import AnalogyScore
from embkit.evaluation.analogy_accuracy import CLUSTERED
from embkit.evaluation.bootstrap import (
    cluster_accuracies,
    cluster_sums,
    pair_tables,
    percentile_interval,
    resample,
    resample_correlations,
    two_sided_p,
)
from embkit.evaluation.correlations import spearman
from embkit.evaluation.differences import DifferenceTest, holm, mcnemar_test, steiger_test
from embkit.evaluation.options import StatisticsOptions
from embkit.evaluation.results import Estimate, Result
from embkit.evaluation.similarity import SimilarityScore
from embkit.evaluation.spaces import Doubles


@dataclass(frozen=True)
class Comparison(Result):
    """Two models on the items of one set that both cover.

    Attributes
    ----------
    first, second, set, measure : str
        Names; the measure is "spearman", or "accuracy" with the method.
    first_value, second_value : float or None
        On the common items.
    difference : Estimate
        First less second, with the interval of the paired bootstrap.
    tests : tuple of DifferenceTest
        The first is the one that decides.
    p_adjusted : float or None
        Its p-value, Holm's for all comparisons made together.
    n_common : int
        Items that both cover.
    level : float
        The p-value below which two models are told apart.
    """

    first: str
    second: str
    set: str
    measure: str
    first_value: float | None
    second_value: float | None
    difference: Estimate
    tests: tuple[DifferenceTest, ...]
    p_adjusted: float | None
    n_common: int
    level: float

    @property
    def is_told_apart(self) -> bool:
        """Whether the models differ by more than chance gives."""
        return self.p_adjusted is not None and self.p_adjusted < self.level

    @property
    def verdict(self) -> str:
        """Who scores higher, by how much, and whether they can be told apart."""
        value = self.difference.value
        if value is None:
            return f"undefined: {self.difference.reason}"
        if value == 0:
            return f"{self.first} and {self.second} are equal"
        better, worse = (self.first, self.second) if value > 0 else (self.second, self.first)
        told = "can be told apart" if self.is_told_apart else "cannot be told apart"
        return f"{better} scores {abs(value):.3f} above {worse}; they {told}"

    def to_dict(self) -> dict[str, Any]:
        """Return all fields and the verdict as plain values."""
        said = {"is_told_apart": self.is_told_apart, "verdict": self.verdict}
        return {**super().to_dict(), **said}

    def rows(self) -> list[dict[str, Any]]:
        """Return one row."""
        interval = self.difference.interval
        return [
            {
                "set": self.set,
                "measure": self.measure,
                "first": self.first,
                "second": self.second,
                "first value": self.first_value,
                "second value": self.second_value,
                "difference": self.difference.value,
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
                "test": self.tests[0].method,
                "p": self.tests[0].p,
                "p (Holm)": self.p_adjusted,
                "common": self.n_common,
                "verdict": self.verdict,
            }
        ]


def compare_similarity(
    first: SimilarityScore, second: SimilarityScore, options: StatisticsOptions | None = None
) -> Comparison:
    """Compare two models on the pairs that both cover: Steiger's test, paired bootstrap.

    Parameters
    ----------
    first, second : SimilarityScore
        Of one set, by the same options.
    options : StatisticsOptions, optional

    Raises
    ------
    ValueError
        If the scores are of different pairs.
    """
    if first.pairs != second.pairs:
        raise ValueError(f"scores must be of the same pairs, got {first.set} and {second.set}")
    options = options or StatisticsOptions()
    common = first.used & second.used
    gold = first.gold[common]
    ours, theirs = first.predicted[common], second.predicted[common]
    values = [spearman(gold, predicted) for predicted in (ours, theirs)]
    between = spearman(ours, theirs).value
    rhos = [value.value for value in values]
    if rhos[0] is None or rhos[1] is None or between is None:
        reason = values[0].reason or values[1].reason
        return _undefined(first, second, "spearman", int(common.sum()), reason, options)
    columns = resample_correlations(gold, [ours, theirs], options)
    differences = columns[:, 0] - columns[:, 1]
    method = "paired bootstrap over pairs"
    tests = (
        steiger_test(rhos[0], rhos[1], between, len(gold)),
        DifferenceTest(method, None, two_sided_p(differences)),
    )
    return Comparison(
        first.vectors,
        second.vectors,
        first.set,
        "spearman",
        rhos[0],
        rhos[1],
        _difference(rhos[0] - rhos[1], differences, method, options),
        tests,
        tests[0].p,
        len(gold),
        1 - options.confidence,
    )


def compare_analogies(
    first: AnalogyScore, second: AnalogyScore, options: StatisticsOptions | None = None
) -> Comparison:
    """Compare two models on the items that both cover.

    Questions share word pairs, so a section's pairs are drawn anew, the same for both models;
    for 3CosAvg and LRCos, whose items are independent, McNemar's exact test decides.

    Parameters
    ----------
    first, second : AnalogyScore
        Of one set and method, by the same options.
    options : StatisticsOptions, optional

    Raises
    ------
    ValueError
        If the scores are of different items or methods.
    """
    if (first.set, first.method, first.section_of) != (
        second.set,
        second.method,
        second.section_of,
    ):
        raise ValueError("scores must be of one set and method")
    options = options or StatisticsOptions()
    measure = f"accuracy {first.method}" + ("" if first.exclude_queries else " honest")
    common = np.flatnonzero(first.used & second.used)
    if len(common) == 0:
        reason = "no question is covered by both"
        return _undefined(first, second, measure, 0, reason, options)
    ours, theirs = first.correct[common], second.correct[common]
    accuracies = float(ours.mean()), float(theirs.mean())
    differences, method = _accuracy_differences(first, common, ours, theirs, options)
    tests = [DifferenceTest(method, None, two_sided_p(differences))]
    if first.answers.asking is None:
        tests.insert(0, mcnemar_test(ours, theirs))
    return Comparison(
        first.vectors,
        second.vectors,
        first.set,
        measure,
        accuracies[0],
        accuracies[1],
        _difference(accuracies[0] - accuracies[1], differences, method, options),
        tuple(tests),
        tests[0].p,
        len(common),
        1 - options.confidence,
    )


def adjust(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Return comparisons with p-values adjusted for that they are several (Holm 1979)."""
    adjusted = holm([comparison.tests[0].p for comparison in comparisons])
    return [replace(c, p_adjusted=p) for c, p in zip(comparisons, adjusted, strict=True)]


def _accuracy_differences(
    score: AnalogyScore,
    common: np.ndarray[Any, np.dtype[np.int64]],
    ours: np.ndarray[Any, np.dtype[np.bool_]],
    theirs: np.ndarray[Any, np.dtype[np.bool_]],
    options: StatisticsOptions,
) -> tuple[Doubles, str]:
    """Return differences of accuracy over resamples, and what was resampled."""
    right = [ours.astype(np.float64), theirs.astype(np.float64)]
    asking, answering = score.answers.asking, score.answers.answering
    if asking is None or answering is None:
        gain = right[0] - right[1]
        drawn = resample(len(common), lambda w: (w @ gain / len(gain))[:, None], options)
        return np.concatenate(drawn)[:, 0], "paired bootstrap over word pairs"
    sections = [score.section_of[i] for i in common.tolist()]
    tables = pair_tables(sections, asking[common], answering[common], right)
    values = cluster_accuracies(cluster_sums(tables, options))
    return values[:, 0] - values[:, 1], f"paired {CLUSTERED}"


def _difference(
    value: float, differences: Doubles, method: str, options: StatisticsOptions
) -> Estimate:
    interval = percentile_interval(differences, method, options.confidence)
    return Estimate(value, interval, None if interval else "too few items for an interval")


def _undefined(
    first: SimilarityScore | AnalogyScore,
    second: SimilarityScore | AnalogyScore,
    measure: str,
    n_common: int,
    reason: str | None,
    options: StatisticsOptions,
) -> Comparison:
    test = DifferenceTest("none", None, None, reason)
    return Comparison(
        first.vectors,
        second.vectors,
        first.set,
        measure,
        None,
        None,
        Estimate(None, reason=reason),
        (test,),
        None,
        n_common,
        1 - options.confidence,
    )
