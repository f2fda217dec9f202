"""Percentile bootstrap (Efron 1979), fast where ranks or word pairs are resampled.

SciPy's ``stats.bootstrap`` ranks every resample anew, which for Spearman on 3,000 pairs takes
seconds, and knows no clusters. Here a resample is a vector of weights, how often each item was
drawn: ranks follow from sums over items that were sorted once, in the core. The tests compare
both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from embkit._native import core
from embkit.blas import one_blas_thread
from embkit.device import available_threads
from embkit.evaluation.options import StatisticsOptions
from embkit.evaluation.results import Interval
from embkit.evaluation.spaces import Doubles, Ids

_CHUNK_FLOATS = 1 << 19  # weights handled at a time: a chunk stays in the cache
_LEAST_DEFINED = 0.5  # share of resamples that must have a value

Statistic = Callable[[Doubles], Doubles]
"""Weights of shape (num_resamples, num_items) to a value per resample (NaN: undefined)."""


def resample(num_items: int, statistic: Statistic, options: StatisticsOptions) -> list[Doubles]:
    """Return the statistic's values over resamples of items, in chunks.

    What a resample draws depends on the seed and its number alone, never on the threads.
    """
    size = max(1, _CHUNK_FLOATS // max(1, num_items))

    def run(start: int) -> Doubles:
        count = min(size, options.resamples - start)
        return statistic(draw_weights(options.seed, start, count, num_items))

    threads = options.threads or available_threads()
    with one_blas_thread(), ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(0, options.resamples, size)))


def draw_weights(seed: int, first: int, count: int, num_items: int) -> Doubles:
    """Return how often each item is drawn when as many are drawn as there are.

    Shape (count, num_items), for resamples ``first``, ``first + 1``, ...; each row sums to
    ``num_items``.
    """
    return core.draw_resamples(num_items, seed=seed % 2**64, first=first, count=count)


def resample_correlations(
    gold: Doubles, predicted: Sequence[Doubles], options: StatisticsOptions
) -> Doubles:
    """Return Spearman's rho, then Pearson's r, of gold and each prediction over resamples.

    Shape (num_resamples, 2 * num_predictions), all from the same resamples, so that
    differences of models are paired; NaN where a list is constant in a resample.
    """
    return core.resample_correlations(
        np.ascontiguousarray(gold, np.float64),
        np.ascontiguousarray(predicted, np.float64),
        seed=options.seed % 2**64,
        count=options.resamples,
        threads=options.threads or available_threads(),
    )


def percentile_interval(values: Doubles, method: str, confidence: float) -> Interval | None:
    """Return the percentile interval; None where most resamples are undefined."""
    defined = values[np.isfinite(values)]
    if len(defined) <= _LEAST_DEFINED * len(values):
        return None
    tail = 50 * (1 - confidence)
    low, high = np.percentile(defined, [tail, 100 - tail])
    return Interval(float(low), float(high), method, confidence)


def two_sided_p(differences: Doubles) -> float:
    """Return the bootstrap p-value of a difference: how often it is on the rarer side of 0.

    With one added to count and number, so that it is never 0 (Davison and Hinkley 1997).
    """
    defined = differences[np.isfinite(differences)]
    rarer = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (rarer + 1) / (len(defined) + 1))


@dataclass(frozen=True)
class PairTable:
    """A section's questions as a table: one word pair asks, another answers.

    Attributes
    ----------
    asked : array of float64, shape (num_pairs, num_pairs)
        Number of questions that combine pair i (a, b) with pair j (c, d).
    correct : list of arrays of the same shape
        How many of them were answered right, for each model.
    """

    asked: Doubles
    correct: tuple[Doubles, ...]


def pair_tables(
    sections: Sequence[str], asking: Ids, answering: Ids, correct: Sequence[Doubles]
) -> list[PairTable]:
    """Return a table for each section.

    Parameters
    ----------
    sections : list of str, one per question
    asking, answering : arrays of int64, shape (num_questions,)
        Number of the word pair (a, b) and of (c, d) of each question.
    correct : list of arrays, shape (num_questions,)
        1 where a model was right, else 0.
    """
    names = np.unique(np.asarray(sections), return_inverse=True)[1]
    tables = []
    for name in range(int(names.max(initial=-1)) + 1):
        rows = np.flatnonzero(names == name)
        used, inverse = np.unique(
            np.concatenate([asking[rows], answering[rows]]), return_inverse=True
        )
        cells = inverse[: len(rows)] * len(used) + inverse[len(rows) :]
        shape = (len(used), len(used))

        def table(
            weights: Doubles | None,
            cells: Ids = cells,
            shape: tuple[int, int] = shape,
        ) -> Doubles:
            size = shape[0] * shape[1]
            return np.bincount(cells, weights, minlength=size).reshape(shape).astype(np.float64)

        tables.append(PairTable(table(None), tuple(table(c[rows]) for c in correct)))
    return tables


def cluster_sums(tables: Sequence[PairTable], options: StatisticsOptions) -> Doubles:
    """Return asked and correct questions over resamples of each section's word pairs.

    The questions of a section are all combinations of few pairs, so they are not independent:
    506 questions may come of 23 pairs. What is drawn anew is the pairs; a question counts as
    often as both its pairs were drawn, multiplied.

    Returns
    -------
    array of float64, shape (num_sections, num_resamples, 1 + num_models)
        Questions asked, then those that each model answered right.
    """
    seeds = np.random.SeedSequence(options.seed).generate_state(max(1, len(tables)))
    sums = []
    for table, seed in zip(tables, seeds.tolist(), strict=False):

        def statistic(weights: Doubles, table: PairTable = table) -> Doubles:
            cells = (table.asked, *table.correct)
            return np.stack([np.einsum("rj,rj->r", weights @ c, weights) for c in cells], 1)

        own = replace(options, seed=seed)
        sums.append(np.concatenate(resample(len(table.asked), statistic, own)))
    return np.array(sums)


def cluster_accuracies(sums: Doubles) -> Doubles:
    """Return accuracies over all the sections given, shape (num_resamples, num_models)."""
    total = sums.sum(axis=0)
    found = np.full((total.shape[0], total.shape[1] - 1), np.nan)
    np.divide(total[:, 1:], total[:, :1], out=found, where=total[:, :1] > 0)
    return found
