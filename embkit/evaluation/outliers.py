"""Outlier detection: which word does not belong? (Camacho-Collados and Navigli 2016)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from embkit.evaluation.bootstrap import Statistic, percentile_interval, resample
from embkit.evaluation.named import as_set
from embkit.evaluation.results import Estimate, Interval, Result
from embkit.evaluation.sets import OutlierGroup, OutlierSet
from embkit.evaluation.spaces import Doubles, Ids, Space, Vectors, as_space, find_rows
from embkit.evaluation.task_options import OutlierOptions, resampling

_DECIMALS = 12  # compactness that differs by rounding alone is a tie


@dataclass(frozen=True)
class OutlierGroupScore(Result):
    """The outliers of one cluster: how many were asked and found, and where they stood."""

    name: str
    n_used: int
    n_total: int
    n_found: int
    position: float | None
    """Mean outlier position percentage, from 0 to 1; None where no outlier was asked."""
    unknown_words: tuple[str, ...]


@dataclass(frozen=True)
class OutlierScore(Result):
    """How well outliers are told from clusters on one set.

    Attributes
    ----------
    vectors, set : str
        Names.
    accuracy : Estimate
        Share of outliers whose removal leaves the most compact cluster.
    opp : Estimate
        Outlier position percentage as a share: the outlier's position in the ranking over
        the size of the cluster, averaged. A tie counts half a position and is not found.
    n_used, n_total : int
        Outliers that were asked, and outliers of the set. The clusters of both intervals are
        resampled, not their outliers.
    case : str
    groups : tuple of OutlierGroupScore
    """

    vectors: str
    set: str
    accuracy: Estimate
    opp: Estimate
    n_used: int
    n_total: int
    case: str
    groups: tuple[OutlierGroupScore, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: figures with their intervals, coverage."""
        ends = [
            (e.interval.low, e.interval.high) if e.interval else (None, None)
            for e in (self.accuracy, self.opp)
        ]
        return [
            {
                "vectors": self.vectors,
                "set": self.set,
                "accuracy": self.accuracy.value,
                "low": ends[0][0],
                "high": ends[0][1],
                "opp": self.opp.value,
                "opp_low": ends[1][0],
                "opp_high": ends[1][1],
                "used": f"{self.n_used}/{self.n_total}",
                "reason": self.accuracy.reason,
            }
        ]


def evaluate_outliers(
    vectors: Vectors,
    data: OutlierSet | str | os.PathLike[str],
    options: OutlierOptions | None = None,
    *,
    name: str = "",
) -> OutlierScore:
    """Ask each outlier among the words of its cluster.

    The compactness of a set of words is the mean cosine of its pairs. Each word is ranked by
    the compactness of what is left without it; the outlier is found if that is the highest.
    Unknown words of a cluster are left out, unknown outliers not asked.

    Parameters
    ----------
    vectors : Embeddings, sparse embeddings or mapping of words to arrays
    data : OutlierSet, str or path
        The set, or its file or name as `open_set` takes it.
    options : OutlierOptions, optional
    name : str
        Name of the vectors in the result.

    Returns
    -------
    OutlierScore

    Raises
    ------
    TypeError
        If ``vectors`` is none of the above.
    ValueError
        If ``data`` neither is nor names such a set.

    Examples
    --------
    >>> cats = OutlierGroup("cats", ("lion", "lynx", "puma"), ("car",))
    >>> vectors = {"lion": [9, 1], "lynx": [8, 2], "puma": [8, 1], "car": [1, 9]}
    >>> evaluate_outliers(vectors, OutlierSet("tiny", (cats,))).accuracy.value
    1.0
    """
    options = options or OutlierOptions()
    data, space = as_set(data, OutlierSet), as_space(vectors)
    groups = tuple(_ask(space, group, options) for group in data.groups)
    used = sum(group.n_used for group in groups)
    total = sum(group.n_total for group in groups)
    if used == 0:
        undefined = Estimate(
            None, reason=f"no outlier is known together with its cluster ({total})"
        )
        accuracy = opp = undefined
    else:
        asked = np.array([group.n_used for group in groups], np.float64)
        found = np.array([group.n_found for group in groups], np.float64)
        placed = np.array([g.n_used * (g.position or 0.0) for g in groups])
        accuracy, opp = (_estimate(part, asked, options) for part in (found, placed))
    return OutlierScore(name, data.name, accuracy, opp, used, total, options.case, groups)


def _ask(space: Space, group: OutlierGroup, options: OutlierOptions) -> OutlierGroupScore:
    words = (*group.words, *group.outliers)
    rows = find_rows(space, words, options.case, options.restrict_vocab)
    inside = rows[: len(group.words)]
    inside = inside[inside >= 0]
    outside = [row for row in rows[len(group.words) :].tolist() if row >= 0]
    places = (
        [] if len(inside) < 2 else [outlier_position(space, inside, row) for row in outside]
    )
    return OutlierGroupScore(
        group.name,
        len(places),
        len(group.outliers),
        sum(place == 1.0 for place in places),
        float(np.mean(places)) if places else None,
        tuple(word for word, row in zip(words, rows.tolist(), strict=True) if row < 0),
    )


def outlier_position(space: Space, cluster: Ids, outlier: int) -> float:
    """Return the outlier's position from 0, the best hidden, to 1, found; a tie counts half.

    Parameters
    ----------
    space : Space
    cluster : array of int64
        Rows of the words that belong together, at least two.
    outlier : int
        Row of the word that does not.
    """
    rows = np.append(cluster, outlier)
    cosines = space.products(space.units(rows), rows)
    np.fill_diagonal(cosines, 0)
    # What is left without a word: all pairs less those with it; their number is the same.
    rest = np.round(cosines.sum() - 2 * cosines.sum(1), _DECIMALS)
    below = (rest[:-1] < rest[-1]).sum() + (rest[:-1] == rest[-1]).sum() / 2
    return float(below / len(cluster))


def _estimate(part: Doubles, asked: Doubles, options: OutlierOptions) -> Estimate:
    if np.count_nonzero(asked) < 2:
        return Estimate(
            float(part.sum() / asked.sum()), reason="no interval: only one cluster was asked"
        )

    def ratio(weights: Doubles) -> Doubles:
        total = weights @ asked
        values = np.full(len(weights), np.nan)
        np.divide(weights @ part, total, out=values, where=total > 0)
        return values

    return Estimate(float(part.sum() / asked.sum()), _interval(len(asked), ratio, options))


def _interval(num_items: int, statistic: Statistic, options: OutlierOptions) -> Interval | None:
    values = np.concatenate(resample(num_items, statistic, resampling(options)))
    return percentile_interval(values, "bootstrap over clusters", options.confidence)
