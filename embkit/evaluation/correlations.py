"""Correlations of human and model scores, or the reason why there is none."""

from __future__ import annotations

import numpy as np

from embkit.evaluation.results import Estimate
from embkit.evaluation.spaces import Doubles


def undefined_reason(gold: Doubles, predicted: Doubles) -> str | None:
    """Return why two lists have no correlation, None if they have one."""
    if len(gold) < 2:
        return f"a correlation needs at least 2 pairs, got {len(gold)}"
    if np.ptp(gold) == 0:
        return "all human scores are equal"
    if np.ptp(predicted) == 0:
        return "all similarities of the model are equal"
    return None


def spearman(gold: Doubles, predicted: Doubles) -> Estimate:
    """Return Spearman's rho, ties given their average rank (``scipy.stats.spearmanr``).

    Examples
    --------
    >>> str(spearman(np.array([1.0, 2, 3, 3]), np.array([1.0, 2, 3, 4])))
    '0.949'
    >>> str(spearman(np.array([1.0, 2]), np.array([3.0, 3])))
    'undefined: all similarities of the model are equal'
    """
    from scipy.stats import spearmanr

    if reason := undefined_reason(gold, predicted):
        return Estimate(None, reason=reason)
    return Estimate(float(np.clip(spearmanr(gold, predicted).statistic, -1, 1)))


def pearson(gold: Doubles, predicted: Doubles) -> Estimate:
    """Return Pearson's r.

    Examples
    --------
    >>> str(pearson(np.array([1.0, 2, 3]), np.array([1.0, 2, 4])))
    '0.982'
    """
    if reason := undefined_reason(gold, predicted):
        return Estimate(None, reason=reason)
    # corrcoef, since scipy.stats.pearsonr warns of scores that are nearly constant.
    return Estimate(float(np.clip(np.corrcoef(gold, predicted)[0, 1], -1, 1)))


def harmonic_mean(r: Estimate, rho: Estimate) -> Estimate:
    """Return the harmonic mean of two correlations: SemEval-2017 task 2's official score.

    It is defined for positive ones.

    Examples
    --------
    >>> str(harmonic_mean(Estimate(0.6), Estimate(0.4)))
    '0.480'
    >>> str(harmonic_mean(Estimate(0.6), Estimate(-0.1)))
    'undefined: a harmonic mean needs two positive correlations, got 0.600 and -0.100'
    """
    if r.value is None or rho.value is None:
        return Estimate(None, reason=r.reason or rho.reason)
    if r.value <= 0 or rho.value <= 0:
        got = f"{r.value:.3f} and {rho.value:.3f}"
        reason = f"a harmonic mean needs two positive correlations, got {got}"
        return Estimate(None, reason=reason)
    return Estimate(2 * r.value * rho.value / (r.value + rho.value))
