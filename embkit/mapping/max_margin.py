"""A map that ranks the translation above other words (Lazaridou, Dinu and Baroni 2015).

The loss of a pair is ``sum_j max(0, margin - cos(x w, z) + cos(x w, z_j))`` over other target
words ``j``. These are drawn at random, or are intruders: the words with the largest
``cos(x w, z_j) - cos(z, z_j)``, close to where the map puts the source and far from where it
ought to put it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.errors import DivergenceError
from embkit.mapping.config import MaxMarginConfig
from embkit.mapping.fit import Doubles, fit_linear
from embkit.mapping.normalize import Matrix, bring_to_unit_length
from embkit.mapping.spaces import (
    Fit,
    Report,
    Spaces,
    check_rank,
    fits_float32,
    identity_of,
    rows_of_pairs,
)
from embkit.neighbors import row_norms, top_k

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Pairs of one step.

    Attributes
    ----------
    x, z : array of float64, shapes (num_pairs, source_dim), (num_pairs, target_dim)
        Source rows, and target rows at unit length.
    known : list of list of int
        Target rows that the dictionary gives as translations of each source word.
    weights : array of float64, shape (num_pairs,)
    """

    x: Doubles
    z: Doubles
    known: list[list[int]]
    weights: Doubles


def fit(spaces: Spaces, pairs: SeedPairs, config: MaxMarginConfig, report: Report) -> Fit:
    """Descend from the map of least squares.

    Raises
    ------
    DivergenceError
        If the map leaves the finite numbers.
    ValueError
        If there are not enough target words to choose other ones from.
    """
    x, z, weights = rows_of_pairs(spaces, pairs, config)
    targets = spaces.target_matrix(config.candidates)
    bring_to_unit_length(targets)
    start = fit_linear(x, z, weights=weights)
    bring_to_unit_length(z)
    translations: dict[int, list[int]] = {}
    for s, t in zip(pairs.source.tolist(), pairs.target.tolist(), strict=True):
        translations.setdefault(s, []).append(t)
    known = [translations[s] for s in pairs.source.tolist()]
    whole = Batch(x, z, known, np.ones(len(x)) if weights is None else weights)
    matrix, losses = descend(whole, targets, start, config, report)
    return Fit(
        matrix, identity_of(spaces.target), {"rank": check_rank(x, z, spaces), "losses": losses}
    )


def descend(
    pairs: Batch, targets: Matrix, matrix: Doubles, config: MaxMarginConfig, report: Report
) -> tuple[Doubles, list[float]]:
    """Return the map after stochastic gradient descent, and the mean loss of each epoch.

    Parameters
    ----------
    pairs : Batch
        All of them.
    targets : array of float32, shape (num_candidates, target_dim)
        At unit length.
    matrix : array of float64, shape (source_dim, target_dim)
        Where to start.
    """
    most = max(len(some) for some in pairs.known) + config.negatives
    if len(targets) < most:
        raise ValueError(f"target must have at least {most} candidates, got {len(targets)}")
    rng = np.random.default_rng(config.seed)
    norms = row_norms(targets)
    losses = []
    steps = -(-len(pairs.x) // config.batch)
    for epoch in range(config.epochs):
        order, total = rng.permutation(len(pairs.x)), 0.0
        for i in range(steps):
            batch = _take(pairs, order[i * config.batch : (i + 1) * config.batch])
            if config.negative_choice == "intruder":
                others = intruders(
                    *(batch, targets, matrix, config.negatives),
                    norms=norms,
                    device=config.device,
                )
            else:
                others = draw_others(batch, len(targets), config.negatives, rng)
            loss, slope = loss_and_gradient(batch, targets[others], matrix, config.margin)
            left = 1 - (epoch * steps + i) / (config.epochs * steps)
            matrix = matrix - config.learning_rate * left * slope
            total += loss
        losses.append(total / steps)
        if not fits_float32(matrix, pairs.x):
            raise DivergenceError(
                f"the max-margin map diverged in epoch {epoch + 1}: choose a learning_rate "
                f"below {config.learning_rate}"
            )
        report(epoch + 1, config.epochs, {"loss": losses[-1]})
    return matrix, losses


def intruders(
    batch: Batch,
    targets: Matrix,
    matrix: Doubles,
    count: int,
    *,
    norms: NDArray[np.float64] | None = None,
    device: str = "cpu",
) -> Rows:
    """Return the worst words for each pair, shape (num_pairs, count); never a translation.

    With rows at unit length ``cos(x w, z_j) - cos(z, z_j)`` is the dot product of
    ``x w / |x w| - z`` and ``z_j``, so one exact search finds them.
    """
    away = batch.x @ matrix
    bring_to_unit_length(away)
    away -= batch.z
    found = top_k(
        *(away, targets, count),
        metric="dot",
        exclude=batch.known,
        norms=norms,
        device=device,
    )
    return found.rows


def draw_others(batch: Batch, num_words: int, count: int, rng: np.random.Generator) -> Rows:
    """Return random words for each pair, shape (num_pairs, count); never a translation."""
    drawn: Rows = rng.integers(num_words, size=(len(batch.x), count))
    while True:
        is_known = np.array(
            [[j in some for j in row] for row, some in zip(drawn, batch.known, strict=True)]
        )
        if not is_known.any():
            return drawn
        drawn[is_known] = rng.integers(num_words, size=int(is_known.sum()))


def loss_and_gradient(
    batch: Batch, others: NDArray[np.floating], matrix: Doubles, margin: float
) -> tuple[float, Doubles]:
    """Return the mean loss of pairs and its gradient by the map.

    Parameters
    ----------
    batch : Batch
    others : array, shape (num_pairs, num_others, target_dim)
        Other words' rows at unit length.
    matrix : array, shape (source_dim, target_dim)
    margin : float
    """
    mapped = batch.x @ matrix
    lengths = np.sqrt(np.einsum("ij,ij->i", mapped, mapped))[:, None]
    lengths[lengths == 0] = 1
    units = mapped / lengths
    right = np.einsum("ij,ij->i", units, batch.z)
    wrong = np.einsum("ij,ikj->ik", units, others, dtype=np.float64)
    hinge = margin - right[:, None] + wrong
    active = (hinge > 0) * (batch.weights / batch.weights.sum())[:, None]
    # d cos(y, z) / d y = (z - cos(y, z) y / |y|) / |y|, for z at unit length
    pull = np.einsum("ik,ikj->ij", active, others, dtype=np.float64)
    pull -= active.sum(1)[:, None] * batch.z
    slope_of_units = (pull - np.einsum("ij,ij->i", pull, units)[:, None] * units) / lengths
    return float((active * hinge).sum()), batch.x.T @ slope_of_units


def _take(pairs: Batch, some: Rows) -> Batch:
    known = [pairs.known[i] for i in some.tolist()]
    return Batch(pairs.x[some], pairs.z[some], known, pairs.weights[some])
