"""Cosines of word pairs under a policy for unknown words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.evaluation.conventions import SimilarityRules
from embkit.evaluation.spaces import Doubles, Ids, Space, find_rows

_DECIMALS = 12  # cosines that differ by rounding alone are ties


def pair_cosines(
    space: Space,
    pairs: Sequence[tuple[str, str]],
    rules: SimilarityRules,
    oov_score: float | None,
) -> tuple[Doubles, NDArray[np.bool_]]:
    """Return the cosine of each pair, and which words are unknown.

    Returns
    -------
    cosines : array of float64, shape (num_pairs,)
        NaN for pairs that are left out.
    unknown : array of bool, shape (2 * num_pairs,)
        First all first words, then all second words.
    """
    words = [pair[side] for side in (0, 1) for pair in pairs]
    backoff = rules.oov == "backoff"
    rows = find_rows(space, words, rules.case, rules.restrict_vocab)
    unknown = rows < 0
    if backoff:
        rows = np.where(
            unknown, find_rows(space, words, "fallback", rules.restrict_vocab), rows
        )
    left, right = rows.reshape(2, -1)
    known = (left >= 0) & (right >= 0)
    predicted = np.full(len(pairs), np.nan)
    predicted[known] = space.cosines(left[known], right[known])
    if not known.all() and len(space) > 0:
        lost = np.flatnonzero(~known)
        predicted[lost] = _unknown_cosines(space, pairs, rows.reshape(2, -1), lost, rules)
    if backoff and oov_score is not None:
        predicted = np.where(np.isfinite(predicted), predicted, oov_score)
    return np.round(predicted, _DECIMALS), unknown


def _unknown_cosines(
    space: Space,
    pairs: Sequence[tuple[str, str]],
    rows: Ids,
    lost: Ids,
    rules: SimilarityRules,
) -> Doubles | float:
    """Return the cosines of pairs with an unknown word by the policy, NaN to leave out."""
    if rules.oov == "zero":
        return 0.0
    if rules.oov == "first":
        first = np.where(rows[:, lost] < 0, 0, rows[:, lost])
        return space.cosines(first[0], first[1])
    if rules.oov == "mean":
        mean = space.mean_vector(unit=True)
        sides = [_with_vector(space, rows[side, lost], mean) for side in (0, 1)]
        return _row_cosines(*sides)
    if rules.oov == "backoff":
        made = [space.subword_vectors([pairs[i][s] for i in lost.tolist()]) for s in (0, 1)]
        if made[0] is not None and made[1] is not None:
            vectors = [_with_rows(space, rows[s, lost], made[s]) for s in (0, 1)]
            return _row_cosines(*vectors)
    return np.nan


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
