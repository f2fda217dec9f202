"""A map that maximises the retrieval criterion itself (RCSLS, Joulin et al. 2018).

For mapped source rows at unit length ``x w`` and target rows ``z`` the loss of a pair is
``-2 (x w) z`` plus the means over the k target rows next to ``x w`` and over the k mapped
source rows next to ``z``. As maxima of linear functions these make the loss convex, and
homogeneous of degree one: ``f(c w) = c f(w)``, so it has no lower bound unless the map is
constrained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.mapping.config import RcslsConfig
from embkit.mapping.fit import Doubles, fit_five_step, fit_orthogonal
from embkit.mapping.normalize import Matrix, bring_to_unit_length
from embkit.mapping.spaces import (
    Fit,
    Report,
    Rows,
    Spaces,
    check_rank,
    rows_of_pairs,
)
from embkit.neighbors import row_norms, top_k
from embkit.retrieval import Retriever

_LEAST_RATE = 1e-4
_AT_A_TIME = 1024
_CHECKED_WORDS = 20_000  # most frequent words of each side among which held-out ones are sought
_RARE = 200.0  # found on words held out of the English-German dictionary, as shrinkage was


@dataclass(frozen=True)
class Criterion:
    """The loss of a map; its pairs and the rows among which neighbours are sought.

    Attributes
    ----------
    x, z : array of float64, shapes (num_sources, dim) and (num_targets, dim)
        The rows of the pairs' words, each word's once.
    pairs : (array of int64, array of int64)
        Row of ``x`` and row of ``z``, pair by pair.
    shares : array of float64, shape (num_pairs,)
        Each pair's share in the mean; they sum to 1.
    source, target : array of float32, shape (num_candidates, dim)
    neighbors : int
    device : str
        Where neighbours are sought.
    """

    x: Doubles
    z: Doubles
    pairs: tuple[Rows, Rows]
    shares: Doubles
    source: Matrix
    target: Matrix
    neighbors: int
    device: str = "cpu"

    def loss_and_gradient(self, matrix: Doubles) -> tuple[float, Doubles]:
        """Return the loss of a map and its gradient, in memory that pairs do not add to.

        A word's neighbours do not depend on the pair, so they are sought once for each word.
        """
        slope = -2 * self._pull
        weights = [
            np.bincount(rows, self.shares, len(side))[:, None]
            for rows, side in zip(self.pairs, (self.x, self.z), strict=True)
        ]
        for span in _spans(len(self.x)):
            near = self._mean_neighbor(self.x[span] @ matrix, self.target, self._norms[1])
            slope += (weights[0][span] * self.x[span]).T @ near
        for span in _spans(len(self.z)):
            near = self._mean_neighbor(self.z[span] @ matrix.T, self.source, self._norms[0])
            slope += near.T @ (weights[1][span] * self.z[span])
        return float((slope * matrix).sum()), slope  # Euler: homogeneous of degree one

    @cached_property
    def _pull(self) -> Doubles:
        """Return the mean product of the pairs' rows."""
        total = np.zeros((self.x.shape[1], self.z.shape[1]))
        for span in _spans(len(self.shares)):
            left, right = (rows[span] for rows in self.pairs)
            total += self.x[left].T @ (self.shares[span, None] * self.z[right])
        return total

    @cached_property
    def _norms(self) -> tuple[Doubles, Doubles]:
        return row_norms(self.source), row_norms(self.target)

    def _mean_neighbor(self, queries: Doubles, rows: Matrix, norms: Doubles) -> Doubles:
        options: dict[str, Any] = {"norms": norms, "device": self.device}
        found = top_k(queries, rows, self.neighbors, metric="dot", **options).rows
        mean: Doubles = rows[found].mean(axis=1, dtype=np.float64)
        return mean


def _spans(count: int) -> Iterator[slice]:
    for start in range(0, count, _AT_A_TIME):
        yield slice(start, start + _AT_A_TIME)


def fit(spaces: Spaces, pairs: SeedPairs, config: RcslsConfig, report: Report) -> Fit:
    """Descend from the map that the same pairs give in closed form, as far as it helps.

    Both sides are brought into its common space, at unit length, where the descent begins
    with the identity. How many steps to take, none among the choices, is first tried with a
    part of the dictionary's words held out (see `fewest_steps`); then all pairs are fitted,
    with as many steps.

    Raises
    ------
    ValueError
        If the dims differ.
    """
    if config.rare is None:
        config = replace(config, rare=_RARE if _have_counts(spaces, pairs) else 0.0)
    x, z, weights = rows_of_pairs(spaces, pairs, config)
    told: dict[str, Any] = {"rank": check_rank(x, z, spaces)}
    shares = np.ones(len(x)) if weights is None else weights
    is_held, steps = hold_out(pairs.source, config.held_out), config.epochs
    kept = ~is_held
    if is_held.any() and shares[kept].any():
        starts, criterion = _begin(spaces, pairs, (x, z, shares), kept, config)
        checks = Checks(
            _carry(x[is_held], starts[0]),
            *(pairs.source[is_held], pairs.target[is_held]),
            *(criterion.source[:_CHECKED_WORDS], criterion.target[:_CHECKED_WORDS]),
            config.device,
        )
        hits: list[NDArray[np.bool_]] = []

        def check(matrix: Doubles) -> None:
            hits.append(checks.found(matrix))

        descend(criterion, np.eye(x.shape[1]), config, steps, report, check)
        told["held_out_precisions"] = [float(right.mean()) for right in hits]
        steps = fewest_steps(hits)
        del criterion, checks  # before the matrices of the next are made
    starts, criterion = _begin(spaces, pairs, (x, z, shares), slice(None), config)
    matrix, found = descend(criterion, np.eye(x.shape[1]), config, steps, report)
    return Fit(starts[0] @ matrix, starts[1], {**told, **found})


def _have_counts(spaces: Spaces, pairs: SeedPairs) -> bool:
    """Tell whether it is known of a pair how often its words occur."""
    source, target = spaces.source.vocabulary.counts, spaces.target.vocabulary.counts
    if source is None or target is None:
        return False
    return bool(((source[pairs.source] > 0) & (target[pairs.target] > 0)).any())


def _begin(
    spaces: Spaces,
    pairs: SeedPairs,
    rows: tuple[Doubles, Doubles, Doubles],
    kept: NDArray[np.bool_] | slice,
    config: RcslsConfig,
) -> tuple[tuple[Doubles, Doubles], Criterion]:
    """Return the start that some pairs give, and their loss in its common space.

    ``rows`` are those of all pairs, and what each pair counts.
    """
    x, z, shares = (part[kept] for part in rows)
    starts = _start(x, z, shares, config)
    sides = pairs.source[kept], pairs.target[kept]
    known = [np.unique(side, return_index=True, return_inverse=True) for side in sides]
    return starts, Criterion(
        _carry(x[known[0][1]], starts[0]),
        _carry(z[known[1][1]], starts[1]),
        (known[0][2], known[1][2]),
        shares / shares.sum(),
        _carry(spaces.source_matrix(config.candidates), starts[0]),
        _carry(spaces.target_matrix(config.candidates), starts[1]),
        config.neighbors,
        config.device,
    )


def _start(
    x: Doubles, z: Doubles, weights: Doubles, config: RcslsConfig
) -> tuple[Doubles, Doubles]:
    """Return the maps of both sides to begin with."""
    dim = x.shape[1]
    rotation = fit_orthogonal(x, z, weights=weights, device=config.device)
    if config.start == "orthogonal" or len(x) < dim:
        return rotation, np.eye(dim)
    return fit_five_step(
        x, z, weights=weights, shrinkage=config.shrinkage, device=config.device
    )[:2]


def _carry(rows: NDArray[Any], matrix: Doubles) -> NDArray[Any]:
    """Map rows in place, block by block, and bring them to unit length."""
    for span in _spans(len(rows)):
        block = rows[span] @ matrix.astype(rows.dtype)
        bring_to_unit_length(block)
        rows[span] = block
    return rows


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
    """Pairs that were held out: source rows, the words of both sides, and frequent rows."""

    x: Doubles
    source: Rows
    target: Rows
    frequent: Matrix
    candidates: Matrix
    device: str = "cpu"

    def found(self, matrix: Doubles) -> NDArray[np.bool_]:
        """Tell of each source word whether its best target by CSLS is a translation."""
        mapped = (self.frequent @ matrix).astype(np.float32)
        retriever = Retriever(mapped, self.candidates, device=self.device)
        found = retriever.search(self.x @ matrix, 1).rows[:, 0]
        words, which = np.unique(self.source, return_inverse=True)
        right: NDArray[np.bool_] = np.bincount(which, found == self.target, len(words)) > 0
        return right


def fewest_steps(hits: list[NDArray[np.bool_]]) -> int:
    """Return after how many steps to stop, from which held-out words were found after each.

    The fewest that are within a standard error of the best (the rule of Breiman et al. 1984
    for cross-validation; the error is that of the words found after one of the two numbers of
    steps only, as McNemar 1947): what only luck tells apart is no reason to leave the closed
    form.

    Examples
    --------
    >>> words = np.arange(100)
    >>> none, luck, more = words < 10, (words > 2) & (words < 14), words < 30
    >>> fewest_steps([none, luck]), fewest_steps([none, more, luck])
    (0, 1)
    """
    best = max(hits, key=np.mean)
    for step, right in enumerate(hits):
        gained, lost = int((best & ~right).sum()), int((right & ~best).sum())
        if gained - lost <= math.sqrt(gained + lost):
            return step
    raise AssertionError("the best is within an error of itself")


def descend(
    criterion: Criterion,
    start: Doubles,
    config: RcslsConfig,
    steps: int,
    report: Report,
    check: Callable[[Doubles], None] | None = None,
) -> tuple[Doubles, dict[str, Any]]:
    """Take steps down the loss; one that raises it is undone and the rate halved.

    ``check`` is called with the start and after each step that is kept.

    Returns
    -------
    array, shape (dim, dim)
        The map.
    dict
        ``losses`` of the start and after each step that is kept, ``loss_per_norm`` (the loss
        over the map's Frobenius norm, which no scaling of the map changes),
        ``learning_rate`` at the end.
    """
    rate = config.learning_rate
    matrix = start
    loss, slope = criterion.loss_and_gradient(matrix)
    losses = [loss]
    if check is not None:
        check(matrix)
    for step in range(steps):
        trial = matrix - rate * slope
        if config.constraint == "spectral":
            trial = clip_spectrum(trial)
        new_loss, new_slope = criterion.loss_and_gradient(trial)
        if new_loss <= loss:
            matrix, loss, slope = trial, new_loss, new_slope
            losses.append(loss)
            if check is not None:
                check(matrix)
        else:
            rate /= 2
        report(step + 1, steps, {"loss": loss, "rate": rate})
        if rate < _LEAST_RATE:
            break
    told = {
        "losses": losses,
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
