"""Confidence intervals by formula: correlations, shares, means over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embkit.evaluation.results import CONFIDENCE, Interval, Result


def correlation_interval(
    r: float, n: int, *, rank: bool, confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the interval of a correlation by Fisher's z; None with fewer than 4 pairs.

    The error of z is 1 / sqrt(n - 3) for Pearson's r (Fisher 1921) and sqrt(1.06 / (n - 3))
    for Spearman's rho (Fieller, Hartley and Pearson 1957). At r = 1 or -1 the interval is
    that point.

    Examples
    --------
    >>> print(correlation_interval(0.5, 28, rank=False))
    [0.156, 0.736]
    >>> print(correlation_interval(0.5, 28, rank=True))
    [0.145, 0.741]
    """
    from scipy.stats import norm

    if n < 4:
        return None
    method = "Fisher z, Fieller's error" if rank else "Fisher z"
    if abs(r) >= 1:
        return Interval(math.copysign(1, r), math.copysign(1, r), method, confidence)
    half = float(norm.ppf((1 + confidence) / 2)) * math.sqrt((1.06 if rank else 1) / (n - 3))
    z = math.atanh(r)
    return Interval(math.tanh(z - half), math.tanh(z + half), method, confidence)


def wilson_interval(correct: int, total: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a share of independent items (Wilson 1927), by SciPy.

    Raises
    ------
    ValueError
        If ``total`` is below 1, or ``correct`` not between 0 and ``total``.

    Examples
    --------
    >>> print(wilson_interval(8, 10))
    [0.490, 0.943]
    """
    from scipy.stats import binomtest

    if total < 1 or not 0 <= correct <= total:
        raise ValueError(f"correct must be from 0 to total, got {correct} of {total}")
    found = binomtest(correct, total).proportion_ci(confidence, "wilson")
    return Interval(float(found.low), float(found.high), "Wilson", confidence)


@dataclass(frozen=True)
class SeedSummary(Result):
    """Figures of several runs that differ in their seed.

    Attributes
    ----------
    mean : float
    sd : float or None
        Standard deviation with n - 1; None for a single run.
    n : int
        Number of runs.
    interval : Interval or None
        Student's t interval of the mean; None for a single run.
    reason : str or None
        Why sd and interval are None.
    """

    mean: float
    sd: float | None
    n: int
    interval: Interval | None
    reason: str | None = None


def summarize_seeds(values: Sequence[float], confidence: float = CONFIDENCE) -> SeedSummary:
    """Return mean, standard deviation and t interval of the figures of several runs.

    For a comparison of two tools run with the same seeds or on the same shuffles, give the
    differences.

    Raises
    ------
    ValueError
        If there are no values.

    Examples
    --------
    >>> summary = summarize_seeds([0.4, 0.5, 0.6])
    >>> round(summary.mean, 3), round(summary.sd, 3), str(summary.interval)
    (0.5, 0.1, '[0.252, 0.748]')
    """
    from scipy.stats import t

    if len(values) == 0:
        raise ValueError("values must have at least one figure, got none")
    mean = float(np.mean(values))
    if len(values) < 2:
        return SeedSummary(mean, None, 1, None, "a single run shows no variation")
    sd = float(np.std(values, ddof=1))
    half = float(t.ppf((1 + confidence) / 2, len(values) - 1)) * sd / math.sqrt(len(values))
    interval = Interval(mean - half, mean + half, "Student's t", confidence)
    return SeedSummary(mean, sd, len(values), interval)
