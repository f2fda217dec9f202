"""Accuracy by section, by group of sections and in all, with its uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embkit.evaluation.analogy_answers import Answers
from embkit.evaluation.bootstrap import (
    cluster_accuracies,
    cluster_sums,
    pair_tables,
    percentile_interval,
)
from embkit.evaluation.conventions import AnalogyRules
from embkit.evaluation.intervals import wilson_interval
from embkit.evaluation.options import AnalogyOptions
from embkit.evaluation.results import Estimate, Interval, Result
from embkit.evaluation.spaces import Doubles

CLUSTERED = "bootstrap over word pairs"


@dataclass(frozen=True)
class SectionScore(Result):
    """Accuracy in a section, or in several together.

    Attributes
    ----------
    name : str
    accuracy : Estimate
    n_correct, n_used, n_total : int
        Answered right; counted in the denominator; in the set.
    """

    name: str
    accuracy: Estimate
    n_correct: int
    n_used: int
    n_total: int


def accuracies_of(
    answers: Answers,
    counted: NDArray[np.bool_],
    rules: AnalogyRules,
    options: AnalogyOptions,
) -> tuple[tuple[SectionScore, ...], tuple[SectionScore, ...], SectionScore]:
    """Return the accuracy of each section, of each group of sections, and of all."""
    names = list(dict.fromkeys(answers.sections))
    members = {n: np.array([s == n for s in answers.sections], bool) for n in names}
    sums = _resampled(answers, counted, options)

    def part(name: str, chosen: Sequence[str]) -> SectionScore:
        inside = np.zeros(len(counted), bool)
        for section in chosen:
            inside |= members[section]
        right, used = int((answers.correct & counted & inside).sum()), counted & inside
        drawn = [sums[section] for section in chosen if section in sums]
        accuracy = _accuracy(right, int(used.sum()), drawn, options)
        return SectionScore(name, accuracy, right, int(used.sum()), int(inside.sum()))

    sections = tuple(part(name, [name]) for name in names)
    groups = tuple(part(n, chosen) for n, chosen in section_groups(names, rules).items())
    total = part("total", names)
    if rules.total == "macro":
        total = _macro(total, sections)
    return sections, groups, total


def _resampled(
    answers: Answers, counted: NDArray[np.bool_], options: AnalogyOptions
) -> dict[str, Doubles]:
    """Return each section's sums over resamples of its pairs; none for independent items."""
    if answers.asking is None or answers.answering is None or options.interval == "analytic":
        return {}
    rows = np.flatnonzero(counted)
    sections = [answers.sections[i] for i in rows.tolist()]
    right = answers.correct[rows].astype(np.float64)
    tables = pair_tables(sections, answers.asking[rows], answers.answering[rows], [right])
    names = np.unique(np.asarray(sections, str)).tolist() if sections else []
    return dict(zip(names, cluster_sums(tables, options), strict=True))


def _accuracy(
    right: int, used: int, drawn: Sequence[Doubles], options: AnalogyOptions
) -> Estimate:
    if used == 0:
        return Estimate(None, reason="no question has all its words in the vocabulary")
    interval: Interval | None
    if drawn:
        values = cluster_accuracies(np.array(drawn))[:, 0]
        interval = percentile_interval(values, CLUSTERED, options.confidence)
    else:
        interval = wilson_interval(right, used, options.confidence)
    return Estimate(
        right / used, interval, None if interval else "too few word pairs for an interval"
    )


def _macro(total: SectionScore, sections: Sequence[SectionScore]) -> SectionScore:
    """Return the total with the mean of the sections' accuracies."""
    values = [s.accuracy.value for s in sections if s.accuracy.value is not None]
    if not values:
        return total
    reason = None
    if len(values) < len(sections):
        reason = f"mean of the {len(values)} sections of {len(sections)} that are covered"
    mean = Estimate(float(np.mean(values)), None, reason)
    return SectionScore(total.name, mean, total.n_correct, total.n_used, total.n_total)


def section_groups(names: Sequence[str], rules: AnalogyRules) -> dict[str, list[str]]:
    """Return the sections that are summed up together.

    Examples
    --------
    >>> section_groups(["family", "gram1-adverb"], AnalogyRules())
    {'semantic': ['family'], 'syntactic': ['gram1-adverb']}
    >>> section_groups(["I/plurals", "I/past", "E/animals"], AnalogyRules())
    {'I': ['I/plurals', 'I/past'], 'E': ['E/animals']}
    """
    if rules.semantic == "first five":
        return {"semantic": list(names[:5]), "syntactic": list(names[5:])}
    if rules.semantic == "not gram" or any(name.startswith("gram") for name in names):
        return {
            "semantic": [name for name in names if not name.startswith("gram")],
            "syntactic": [name for name in names if name.startswith("gram")],
        }
    groups: dict[str, list[str]] = {}
    if all("/" in name for name in names):
        for name in names:
            groups.setdefault(name.partition("/")[0], []).append(name)
    return groups
