"""Cosines of word pairs under a policy for unknown words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.evaluation.conventions import SimilarityRules
from embkit.evaluation.spaces import Case, Doubles, Ids, Space, find_rows

_DECIMALS = 12  # cosines that differ by rounding alone are ties


def pair_cosines(
    spaces: tuple[Space, Space],
    pairs: Sequence[tuple[str, str]],
    rules: SimilarityRules,
    oov_score: float | None,
) -> tuple[Doubles, NDArray[np.bool_]]:
    """Return the cosine of each pair, and which words are unknown.

    Parameters
    ----------
    spaces : (Space, Space)
        Where the first and where the second words are looked up: twice the same, or two
        languages' in one space, neither sparse.
    pairs : list of (str, str)
    rules : SimilarityRules
    oov_score : float, optional

    Returns
    -------
    cosines : array of float64, shape (num_pairs,)
        NaN for pairs that are left out.
    unknown : array of bool, shape (2, num_pairs)
    """
    backoff = rules.oov == "backoff"
    words = [[pair[side] for pair in pairs] for side in (0, 1)]
    rows = _rows(spaces, words, rules, rules.case)
    unknown = rows < 0
    if backoff:
        rows = np.where(unknown, _rows(spaces, words, rules, "fallback"), rows)
    known = (rows >= 0).all(axis=0)
    predicted = np.full(len(pairs), np.nan)
    predicted[known] = _cosines(spaces, rows[:, known])
    if not known.all() and all(len(space) > 0 for space in spaces):
        lost = np.flatnonzero(~known)
        given = [[side[i] for i in lost.tolist()] for side in words]
        predicted[lost] = _unknown_cosines(spaces, given, rows[:, lost], rules)
    if backoff and oov_score is not None:
        predicted = np.where(np.isfinite(predicted), predicted, oov_score)
    return np.round(predicted, _DECIMALS), unknown


def _rows(
    spaces: tuple[Space, Space], words: list[list[str]], rules: SimilarityRules, case: Case
) -> Ids:
    sides = zip(spaces, words, strict=True)
    return np.stack([find_rows(s, some, case, rules.restrict_vocab) for s, some in sides])


def _cosines(spaces: tuple[Space, Space], rows: Ids) -> Doubles:
    if spaces[0] is spaces[1]:
        return spaces[0].cosines(rows[0], rows[1])
    return _row_cosines(spaces[0].units(rows[0]), spaces[1].units(rows[1]))


def _unknown_cosines(
    spaces: tuple[Space, Space], words: list[list[str]], rows: Ids, rules: SimilarityRules
) -> Doubles | float:
    """Return the cosines of pairs with an unknown word by the policy, NaN to leave out."""
    if rules.oov == "zero":
        return 0.0
    if rules.oov == "first":
        return _cosines(spaces, np.where(rows < 0, 0, rows))
    if rules.oov == "mean":
        means = [space.mean_vector(unit=True) for space in spaces]
        return _row_cosines(*map(_with_vector, spaces, rows, means))
    if rules.oov == "backoff":
        made = [s.subword_vectors(some) for s, some in zip(spaces, words, strict=True)]
        return _with_subwords(spaces, rows, made)
    return np.nan


def _with_subwords(
    spaces: tuple[Space, Space], rows: Ids, made: Sequence[Doubles | None]
) -> Doubles:
    """Return cosines with vectors made from subwords, NaN where a space makes none."""
    is_made = [(row >= 0) | (m is not None) for row, m in zip(rows, made, strict=True)]
    able = np.flatnonzero(is_made[0] & is_made[1])
    found = np.full(rows.shape[1], np.nan)
    sides = []
    for space, row, vectors in zip(spaces, rows, made, strict=True):
        if vectors is None:
            sides.append(space.units(row[able]))
        else:
            sides.append(_with_rows(space, row[able], vectors[able]))
    if able.size:
        found[able] = _row_cosines(*sides)
    return found


def _with_vector(space: Space, rows: Ids, vector: Any) -> Doubles:  # noqa: ANN401
    return _with_rows(space, rows, np.repeat(np.asarray(vector), len(rows), axis=0))


def _with_rows(space: Space, rows: Ids, others: Any) -> Doubles:  # noqa: ANN401
    """Return the unit vectors of known rows, and the given vectors for unknown ones."""
    known = rows >= 0
    vectors = np.array(others, np.float64)
    found = space.units(rows[known])
    vectors[known] = found.toarray() if space.is_sparse else found
    return vectors


def _row_cosines(left: Doubles, right: Doubles) -> Doubles:
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    cosines = np.zeros(len(left))
    np.divide(np.einsum("ij,ij->i", left, right), lengths, out=cosines, where=lengths > 0)
    return np.clip(cosines, -1, 1)
