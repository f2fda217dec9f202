"""Spherical k-means (Dhillon and Modha 2001), and how a clustering agrees with categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.evaluation.spaces import Doubles, Ids

_MOST_ROUNDS = 100


@dataclass(frozen=True)
class Clustering:
    """The cluster of each row, and the mean cosine of rows with their clusters' centres."""

    labels: Ids
    tightness: float


def spherical_kmeans(
    units: Any,  # noqa: ANN401  (ndarray, or scipy.sparse)
    num_clusters: int,
    *,
    restarts: int = 10,
    seed: int = 1,
) -> Clustering:
    """Cluster rows of unit length by the cosine; the best of several starts.

    Each start draws its centres as k-means++ does (Arthur and Vassilvitskii 2007), with
    1 - cosine, half the squared distance. A cluster that loses all rows gets the row that is
    farthest from its centre.

    Parameters
    ----------
    units : array or sparse matrix, shape (num_rows, dim)
        Rows of unit length.
    num_clusters : int
        At most ``num_rows``.
    restarts, seed : int

    Raises
    ------
    ValueError
        If ``num_clusters`` is below 1 or above the number of rows.

    Examples
    --------
    >>> rows = np.array([[1, 0], [0.8, 0.6], [0, -1], [-0.6, -0.8]])
    >>> labels = spherical_kmeans(rows, 2).labels
    >>> labels[0] == labels[1], labels[2] == labels[3], labels[0] == labels[2]
    (np.True_, np.True_, np.False_)
    """
    if not 1 <= num_clusters <= units.shape[0]:
        raise ValueError(
            f"num_clusters must be between 1 and {units.shape[0]}, got {num_clusters}"
        )
    units = units.astype(np.float32)
    streams = np.random.SeedSequence(seed).spawn(restarts)
    found = [_one_run(units, num_clusters, np.random.default_rng(s)) for s in streams]
    return max(found, key=lambda clustering: clustering.tightness)


def _one_run(units: Any, num_clusters: int, rng: np.random.Generator) -> Clustering:  # noqa: ANN401
    cosines = np.asarray(units @ _first_centers(units, num_clusters, rng).T)
    labels = cosines.argmax(1)
    for _ in range(_MOST_ROUNDS):
        labels = _without_empty(labels, cosines)
        cosines = np.asarray(units @ _centers(units, labels, num_clusters).T)
        new = cosines.argmax(1)
        if np.array_equal(new, labels):
            break
        labels = new
    labels = _without_empty(labels, cosines)
    return Clustering(labels, float(cosines[np.arange(len(labels)), labels].mean()))


def _first_centers(
    units: Any,  # noqa: ANN401
    num_clusters: int,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    chosen = [int(rng.integers(units.shape[0]))]
    gap = np.full(units.shape[0], np.inf)
    for _ in range(1, num_clusters):
        gap = np.minimum(gap, 1 - _dense(units @ _dense(units[chosen[-1:]]).T).ravel())
        weights = np.maximum(gap, 0).astype(np.float64)
        weights[chosen] = 0
        total = weights.sum()
        if total > 0:
            chosen.append(int(rng.choice(len(weights), p=weights / total)))
        else:  # all rows coincide with a centre
            chosen.append(next(i for i in range(len(weights)) if i not in chosen))
    return _dense(units[chosen])


def _dense(matrix: Any) -> NDArray[np.float32]:  # noqa: ANN401
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def _without_empty(labels: Ids, cosines: NDArray[np.float32]) -> Ids:
    labels = labels.copy()
    sizes = np.bincount(labels, minlength=cosines.shape[1])
    fit = cosines[np.arange(len(labels)), labels].copy()
    for empty in np.flatnonzero(sizes == 0):
        fit[sizes[labels] < 2] = np.inf  # the last row of a cluster stays
        worst = int(fit.argmin())
        sizes[labels[worst]] -= 1
        labels[worst], sizes[empty] = empty, 1
    return labels


def _centers(units: Any, labels: Ids, num_clusters: int) -> NDArray[np.float32]:  # noqa: ANN401
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(num_clusters))
    if isinstance(units, np.ndarray):  # no cluster is empty
        sums = np.add.reduceat(units[order], starts, axis=0)
    else:
        parts = np.split(order, starts[1:])
        sums = np.stack([np.asarray(units[part].sum(axis=0)).ravel() for part in parts])
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    centers = np.zeros_like(sums)
    np.divide(sums, lengths, out=centers, where=lengths > 0)
    return centers


def purity(clusters: Sequence[Any] | Ids, categories: Sequence[Any]) -> float:
    """Return the share of items that are of their cluster's most frequent category.

    Raises
    ------
    ValueError
        If the lengths differ, or there are no items.

    Examples
    --------
    >>> purity([2, 2, 2, 2, 1], [1, 1, 2, 2, 3])
    0.6
    """
    if len(clusters) != len(categories) or len(clusters) == 0:
        raise ValueError(
            "clusters and categories must be of one length above 0, got "
            f"{len(clusters)} and {len(categories)}"
        )
    return float(belongs(clusters, categories).mean())


def belongs(clusters: Sequence[Any] | Ids, categories: Sequence[Any]) -> Doubles:
    """Return 1 for items of their cluster's most frequent category, else 0."""
    _, cluster = np.unique(np.asarray(clusters), return_inverse=True)
    _, category = np.unique(np.asarray(categories), return_inverse=True)
    counts = np.zeros((int(cluster.max()) + 1, int(category.max()) + 1))
    np.add.at(counts, (cluster, category), 1)
    return np.asarray(counts.argmax(1)[cluster] == category, np.float64)
