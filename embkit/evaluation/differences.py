"""Whether two models can be told apart: Steiger, McNemar, paired bootstrap, Holm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embkit.evaluation.results import Result


@dataclass(frozen=True)
class DifferenceTest(Result):
    """A two-sided test.

    Attributes
    ----------
    method : str
    statistic : float or None
        Z of Steiger's test; the number of items that only the first has right of McNemar's.
    p : float or None
        None where undefined.
    reason : str or None
        Why ``p`` is None.
    """

    method: str
    statistic: float | None
    p: float | None
    reason: str | None = None


def steiger_test(first: float, second: float, between: float, n: int) -> DifferenceTest:
    """Compare two correlations with the same gold scores (Steiger 1980, formula 14).

    For rank correlations it is an approximation, the usual one.

    Parameters
    ----------
    first, second : float
        Correlation of each model with the gold scores.
    between : float
        Correlation of the models with each other.
    n : int
        Number of pairs.

    Examples
    --------
    >>> test = steiger_test(0.5, 0.3, 0.4, 103)
    >>> round(test.statistic, 3), round(test.p, 3)
    (2.066, 0.039)
    """
    from scipy.stats import norm

    method = "Steiger"
    if n < 4:
        return DifferenceTest(method, None, None, f"needs at least 4 pairs, got {n}")
    mean = (first + second) / 2
    rest = 1 - 2 * mean**2
    psi = between * rest - mean**2 / 2 * (rest - between**2)
    error = 2 - 2 * psi / (1 - mean**2) ** 2 if abs(mean) < 1 else 0.0
    if error < 1e-12:
        if first == second:
            return DifferenceTest(method, 0.0, 1.0)
        return DifferenceTest(method, None, None, "the models do not differ in their scores")
    limit = 1 - 1e-12
    z1, z2 = (math.atanh(max(-limit, min(limit, r))) for r in (first, second))
    z = (z1 - z2) * math.sqrt((n - 3) / error)
    return DifferenceTest(method, z, float(2 * norm.sf(abs(z))))


def mcnemar_test(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> DifferenceTest:
    """Compare two models on the same independent items, exactly (McNemar 1947).

    Only items that one model has right and the other wrong tell them apart; under the null
    hypothesis they fall to either side evenly (``scipy.stats.binomtest``).

    Parameters
    ----------
    first, second : arrays of bool, shape (num_items,)
        Which items each has right.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> mcnemar_test(np.array([1, 1, 1, 1, 1], bool), np.array([0, 0, 0, 0, 1], bool)).p
    0.125
    """
    from scipy.stats import binomtest

    if first.shape != second.shape:
        raise ValueError(f"items must be the same, got {first.shape} and {second.shape}")
    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    differing = only_first + only_second
    p = 1.0 if differing == 0 else float(binomtest(only_first, differing).pvalue)
    return DifferenceTest("McNemar, exact", float(only_first), p)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values adjusted for that they are several (Holm 1979); None stays None.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for rank, (p, i) in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p))
        adjusted[i] = highest
    return adjusted
