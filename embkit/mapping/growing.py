"""Dictionaries that grow between fits: Procrustes refinement, growing in both directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embkit.checks import check_at_least
from embkit.mapping.fit import fit_orthogonal
from embkit.mapping.induction import best_by_csls, induce
from embkit.mapping.initial import Pairs
from embkit.mapping.learning_config import check_growth
from embkit.mapping.spelling import Spelling

Matrix = NDArray[np.float32]


class Round(NamedTuple):
    """What one round tells.

    Attributes
    ----------
    pairs : int
        Pairs that the next map is fitted to.
    cycles : float
        Share of the frequent source words whose partner's partner is the word itself.
    objective : float
        Mean cosine of those words and their partners; 0 of none.
    """

    pairs: int
    cycles: float
    objective: float


OnRound = Callable[[int, Round], None]
"""Called with the rounds done and what the last one told."""


def mutual_pairs(
    source: Matrix,
    target: Matrix,
    *,
    neighborhood: int = 10,
    csls: bool = True,
    device: str = "cpu",
    spelling: Spelling | None = None,
) -> Pairs:
    """Return the pairs of rows that are each other's best, in the order of the source.

    Parameters
    ----------
    source, target : array of float32, shape (num_words, dim)
        Rows at unit length in one space.
    neighborhood : int
        Neighbours of CSLS; fewer where a side has fewer words.
    csls : bool
        Score pairs by CSLS, else by the cosine.
    device : str
        Where it is done: cpu, cuda, cuda:N or auto.
    spelling : Spelling, optional
        Of the same words; its cosines are added to those of the rows, but not to CSLS's means.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> mutual_pairs(rows, rows[[1, 0, 2]], csls=False)
    (array([0, 1, 2]), array([1, 0, 2]))
    """
    options: dict[str, Any] = {"device": device, "spelling": spelling}
    if csls:
        partners, back = best_by_csls(source, target, neighborhood=neighborhood, **options)
    else:
        sides = induce(source, target, neighborhood=1, **options)
        partners, back = sides[0].best, sides[1].best
    kept = np.flatnonzero(back[partners] == np.arange(len(partners)))
    return kept, partners[kept]


def refine(
    source: Matrix,
    target: Matrix,
    pairs: Pairs,
    *,
    rounds: int = 5,
    cutoff: int = 15_000,
    neighborhood: int = 10,
    on_round: OnRound | None = None,
    device: str = "cpu",
) -> Pairs:
    """Refine a dictionary by rotations of frequent mutual neighbours (Conneau et al. 2018).

    Each round rotates the source by the pairs so far and takes as the next pairs the mutual
    nearest neighbours by CSLS among the ``cutoff`` most frequent words of each side.

    Parameters
    ----------
    source, target : array of float32, shape (num_words, dim)
        Rows at unit length, most frequent words first, of the same dim.
    pairs : (array of int64, array of int64)
        Rows of source and target to start from.
    rounds, cutoff, neighborhood : int
        Rounds, words of each side, neighbours of CSLS.
    on_round : callable, optional
        Called with the rounds done and a `Round`.
    device : str
        As in `mutual_pairs`.

    Raises
    ------
    ValueError
        If there are no pairs to start from, or a round finds none.
    """
    check_at_least("rounds", rounds, 1)
    check_at_least("cutoff", cutoff, 1)
    for done in range(1, rounds + 1):
        _require(pairs)
        rotation = _rotation(source, target, pairs, device)
        mapped = source[:cutoff] @ rotation
        pairs = mutual_pairs(mapped, target[:cutoff], neighborhood=neighborhood, device=device)
        if on_round is not None:
            on_round(done, _told(mapped, target, pairs, len(pairs[0])))
    _require(pairs)
    return pairs


def grow(
    source: Matrix,
    target: Matrix,
    pairs: Pairs,
    *,
    growth: float = 1.5,
    most: int = 10_000,
    cutoff: int = 20_000,
    least_growth: float = 0.01,
    on_round: OnRound | None = None,
    device: str = "cpu",
) -> Pairs:
    """Let a small dictionary grow by what rotations in both directions agree on (PROC-B).

    Glavaš et al. (2019), "How to (properly) evaluate cross-lingual word embeddings": each
    round rotates the source onto the target and the target onto the source, finds for every
    word its nearest neighbour in the direction in which its own side was rotated, and takes
    the pairs that both directions agree on, best sums of frequency ranks first, so many that
    the dictionary grows by ``growth``; the seed pairs stay. It ends at ``most`` pairs, or
    when less than ``least_growth`` is gained. As the rotations are each other's inverse,
    one product serves both directions.

    Parameters
    ----------
    source, target : array of float32, shape (num_words, dim)
        Rows at unit length, most frequent words first, of the same dim.
    pairs : (array of int64, array of int64)
        Seed pairs: rows of source and target.
    growth : float
        Factor by which the dictionary may grow in a round.
    most : int
        Pairs at which it ends.
    cutoff : int
        Most frequent words of each side that it grows by.
    least_growth : float
        Gain below which it ends.
    on_round : callable, optional
        Called with the rounds done and a `Round`.
    device : str
        As in `mutual_pairs`.

    Raises
    ------
    ValueError
        If there are no pairs to start from, or an option is out of its range.
    """
    _require(pairs)
    check_at_least("most", most, 1)
    check_at_least("cutoff", cutoff, 1)
    check_growth(growth)
    check_at_least("least_growth", least_growth, 1e-6)
    seeds = pairs
    done = 0
    while True:
        rotation = _rotation(source, target, pairs, device)
        mapped = source[:cutoff] @ rotation
        found = mutual_pairs(mapped, target[:cutoff], csls=False, device=device)
        order = np.argsort(found[0] + found[1], kind="stable")
        size = min(most, int(growth * len(pairs[0])) + 1)
        grown = _merge(seeds, (found[0][order], found[1][order]), size)
        done += 1
        if on_round is not None:
            on_round(done, _told(mapped, target, found, len(grown[0])))
        gained = len(grown[0]) - len(pairs[0])
        if gained < least_growth * len(pairs[0]):
            return grown if gained > 0 else pairs
        pairs = grown


def _rotation(source: Matrix, target: Matrix, pairs: Pairs, device: str) -> Matrix:
    rows = source[pairs[0]], target[pairs[1]]
    return fit_orthogonal(*rows, device=device).astype(np.float32)


def _told(mapped: Matrix, target: Matrix, found: Pairs, size: int) -> Round:
    cosines = np.einsum("ij,ij->i", mapped[found[0]], target[found[1]])
    objective = float(cosines.sum(dtype=np.float64)) / max(1, len(cosines))
    return Round(size, len(found[0]) / len(mapped), objective)


def _merge(seeds: Pairs, found: Pairs, most: int) -> Pairs:
    """Return the seeds and, in their order, found pairs of words that no seed has."""
    is_new = ~(np.isin(found[0], seeds[0]) | np.isin(found[1], seeds[1]))
    room = max(0, most - len(seeds[0]))
    return (
        np.concatenate([seeds[0], found[0][is_new][:room]]),
        np.concatenate([seeds[1], found[1][is_new][:room]]),
    )


def _require(pairs: Pairs) -> None:
    if len(pairs[0]) == 0:
        raise ValueError("pairs must hold at least one pair, got none")
