"""A map that maximises the retrieval criterion itself (RCSLS, Joulin et al. 2018).

For mapped source rows at unit length ``x w`` and target rows ``z`` the loss of a pair is
``-2 (x w) z`` plus the means over the k target rows next to ``x w`` and over the k mapped
source rows next to ``z``. As maxima of linear functions these make the loss convex, and
homogeneous of degree one: ``f(c w) = c f(w)``, so it has no lower bound unless the map is
constrained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.mapping.config import RcslsConfig
from embkit.mapping.dictionary import SeedPairs
from embkit.mapping.fit import Doubles, fit_orthogonal
from embkit.mapping.normalize import Matrix
from embkit.mapping.spaces import (
    Fit,
    Report,
    Rows,
    Spaces,
    check_rank,
    identity_of,
    rows_of_pairs,
)
from embkit.neighbors import row_norms, top_k

_LEAST_RATE = 1e-4
_PAIRS_AT_A_TIME = 1024


@dataclass(frozen=True)
class Criterion:
    """The loss of a map; its pairs and the rows among which neighbours are sought.

    Attributes
    ----------
    x, z : array of float64, shape (num_pairs, dim)
        The pairs' rows.
    shares : array of float64, shape (num_pairs,)
        Each pair's share in the mean; they sum to 1.
    source, target : array of float32, shape (num_candidates, dim)
    neighbors : int
    device : str
        Where neighbours are sought.
    """

    x: Doubles
    z: Doubles
    shares: Doubles
    source: Matrix
    target: Matrix
    neighbors: int
    device: str = "cpu"

    def loss_and_gradient(self, matrix: Doubles) -> tuple[float, Doubles]:
        """Return the loss of a map and its gradient, in memory that pairs do not add to."""
        loss, slope = 0.0, np.zeros_like(matrix)
        norms = row_norms(self.source), row_norms(self.target)
        for start in range(0, len(self.x), _PAIRS_AT_A_TIME):
            span = slice(start, start + _PAIRS_AT_A_TIME)
            x, z = self.x[span], self.z[span]
            mapped = x @ matrix
            near_target = self._mean_neighbor(mapped, self.target, norms[1])
            near_source = self._mean_neighbor(z @ matrix.T, self.source, norms[0])
            pull = near_target - 2 * z
            share = self.shares[span][:, None]
            slope += x.T @ (share * pull) + near_source.T @ (share * z)
            terms = mapped * pull + (near_source @ matrix) * z
            loss += float((share * terms).sum())
        return loss, slope

    def _mean_neighbor(
        self, queries: Doubles, rows: Matrix, norms: NDArray[np.float64]
    ) -> Doubles:
        options: dict[str, Any] = {"norms": norms, "device": self.device}
        found = top_k(queries, rows, self.neighbors, metric="dot", **options).rows
        mean: Doubles = rows[found].mean(axis=1, dtype=np.float64)
        return mean


def fit(spaces: Spaces, pairs: SeedPairs, config: RcslsConfig, report: Report) -> Fit:
    """Descend from the orthogonal map.

    Raises
    ------
    ValueError
        If the dims differ.
    """
    x, z, weights = rows_of_pairs(spaces, pairs, weighted=config.weights)
    is_held = hold_out(pairs.source, config.held_out)
    shares = (np.ones(len(x)) if weights is None else weights)[~is_held]
    criterion = Criterion(
        x[~is_held],
        z[~is_held],
        shares / shares.sum(),
        spaces.source_matrix(config.candidates),
        spaces.target_matrix(config.candidates),
        config.neighbors,
        config.device,
    )
    held = pairs.source[is_held], pairs.target[is_held]
    checks = Checks(x[is_held], *held, criterion.target, config.device)
    start = fit_orthogonal(criterion.x, criterion.z, weights=shares)
    matrix, told = descend(criterion, start, config, report, checks)
    told["rank"] = check_rank(x, z, spaces)
    return Fit(matrix, identity_of(spaces.target), told)


def hold_out(words: Rows, share: float) -> NDArray[np.bool_]:
    """Tell which pairs to hold out: those of evenly spread words, all of a word together.

    Examples
    --------
    >>> hold_out(np.array([7, 7, 3, 9, 3]), 0.5)
    array([False, False,  True, False,  True])
    """
    distinct, first, which = np.unique(words, return_index=True, return_inverse=True)
    ranks = np.argsort(np.argsort(first))  # in the dictionary's order
    chosen = np.floor((ranks + 1) * share) > np.floor(ranks * share)
    held: NDArray[np.bool_] = chosen[which]
    return held if len(distinct) - chosen.sum() > 0 else np.zeros(len(words), np.bool_)


@dataclass(frozen=True)
class Checks:
    """Pairs that were held out: source rows, and the words of both sides."""

    x: Doubles
    source: Rows
    target: Rows
    candidates: Matrix
    device: str = "cpu"

    def precision(self, matrix: Doubles) -> float:
        """Return the share of source words whose nearest target is a translation; 0 of none."""
        if len(self.x) == 0:
            return 0.0
        mapped = self.x @ matrix
        found = top_k(mapped, self.candidates, 1, device=self.device).rows[:, 0]
        words, which = np.unique(self.source, return_inverse=True)
        right = np.bincount(which, found == self.target, len(words)) > 0
        return float(right.mean())


def descend(
    criterion: Criterion,
    start: Doubles,
    config: RcslsConfig,
    report: Report,
    checks: Checks | None = None,
) -> tuple[Doubles, dict[str, Any]]:
    """Take steps down the loss; one that does harm is undone and the rate halved.

    Returns
    -------
    array, shape (dim, dim)
        The map.
    dict
        ``losses`` and ``held_out_precisions`` after each accepted step, ``loss_per_norm`` (the
        loss over the map's Frobenius norm, which no scaling of the map changes),
        ``learning_rate`` at the end.
    """
    precision = checks.precision if checks is not None else lambda _: 0.0
    rate = config.learning_rate
    matrix = start
    loss, slope = criterion.loss_and_gradient(matrix)
    losses, precisions = [loss], [precision(matrix)]
    for epoch in range(config.epochs):
        trial = matrix - rate * slope
        if config.constraint == "spectral":
            trial = clip_spectrum(trial)
        new_loss, new_slope = criterion.loss_and_gradient(trial)
        found = precision(trial)
        if new_loss <= loss and found >= precisions[-1]:
            matrix, loss, slope = trial, new_loss, new_slope
            losses.append(loss)
            precisions.append(found)
        else:
            rate /= 2
        report(epoch + 1, config.epochs, {"loss": loss, "rate": rate})
        if rate < _LEAST_RATE:
            break
    told = {
        "losses": losses,
        "held_out_precisions": precisions,
        "loss_per_norm": loss / float(np.linalg.norm(matrix)),
        "learning_rate": rate,
    }
    return matrix, told


def clip_spectrum(matrix: Doubles) -> Doubles:
    """Return the nearest matrix whose singular values are at most 1.

    Examples
    --------
    >>> clip_spectrum(np.diag([3.0, 0.5]))
    array([[1. , 0. ],
           [0. , 0.5]])
    """
    u, values, vt = np.linalg.svd(matrix)
    clipped: Doubles = (u * np.minimum(values, 1)) @ vt
    return clipped
