"""What a mapping method is given and what it gives: two normalised spaces, pairs, matrices."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.embeddings import Embeddings
from embkit.mapping.comparison import SpacesReport, compare_spaces
from embkit.mapping.config import PairsConfig
from embkit.mapping.fit import rank_of
from embkit.mapping.initial import identical_words
from embkit.mapping.normalize import (
    Matrix,
    Steps,
    apply_steps,
    bring_to_unit_length,
    fit_steps,
)

Doubles = NDArray[np.float64]
Rows = NDArray[np.int64]
Report = Callable[[int, int, dict[str, float]], None]
"""Called with the steps done, their number, and what to show."""

_log = logging.getLogger("embkit")
_COMPARED = 20_000  # rows of each side whose shape is compared, the most frequent words


@dataclass(frozen=True)
class Spaces:
    """Two spaces with the normalisation fitted on the whole of each.

    Examples
    --------
    >>> v = Embeddings.from_words(["a", "b"], [[3, 4], [0, 2]])
    >>> Spaces.of(v, v, "unit").source_rows(np.array([0]))
    array([[0.60000002, 0.80000001]])
    """

    source: Embeddings
    target: Embeddings
    source_steps: Steps
    target_steps: Steps

    @classmethod
    def of(cls, source: Embeddings, target: Embeddings, normalization: str) -> Spaces:
        """Check both spaces and fit their normalisation.

        Raises
        ------
        ValueError
            If a space has no words, or NaN or infinity in a row.
        """
        for side, space in (("source", source), ("target", target)):
            if len(space) == 0 or space.dim == 0:
                raise ValueError(f"{side} must have a word with a vector, got none")
            try:
                _ = space.norms
            except ValueError as error:
                raise ValueError(f"{side} {error}") from None
        steps = [fit_steps(space.vectors, normalization) for space in (source, target)]
        return cls(source, target, steps[0], steps[1])

    @cached_property
    def comparison(self) -> SpacesReport:
        """What both spaces have in common, as their most frequent words tell."""
        shared = len(identical_words(self.source.vocabulary, self.target.vocabulary)[0])
        return compare_spaces(
            self.source_matrix(_COMPARED),
            self.target_matrix(_COMPARED),
            shared_words=shared / min(len(self.source), len(self.target)),
        )

    def source_rows(self, rows: Rows) -> Doubles:
        """Return normalised source rows in float64."""
        return apply_steps(self.source.vectors[rows], self.source_steps).astype(np.float64)

    def target_rows(self, rows: Rows) -> Doubles:
        """Return normalised target rows in float64."""
        return apply_steps(self.target.vectors[rows], self.target_steps).astype(np.float64)

    def source_matrix(self, limit: int | None = None) -> Matrix:
        """Return the normalised source, or its first rows."""
        return apply_steps(self.source.vectors[:limit], self.source_steps)

    def target_matrix(self, limit: int | None = None) -> Matrix:
        """Return the normalised target, or its first rows."""
        return apply_steps(self.target.vectors[:limit], self.target_steps)

    def source_units(self, limit: int | None = None) -> Matrix:
        """Return what `source_matrix` does at unit length, for comparing by cosines.

        Normalisations such as ``center`` leave lengths unequal, and products of such rows
        favour long ones.
        """
        return _at_unit_length(self.source_matrix(limit), self.source_steps)

    def target_units(self, limit: int | None = None) -> Matrix:
        """Return what `target_matrix` does at unit length."""
        return _at_unit_length(self.target_matrix(limit), self.target_steps)


def _at_unit_length(rows: Matrix, steps: Steps) -> Matrix:
    if not steps or steps[-1].name != "unit":
        bring_to_unit_length(rows)
    return rows


@dataclass(frozen=True)
class Fit:
    """The matrices that a method found, applied to normalised rows, and what it tells."""

    source_map: NDArray[np.floating]
    target_map: NDArray[np.floating]
    statistics: dict[str, Any] = field(default_factory=dict)


def identity_of(embeddings: Embeddings) -> Doubles:
    """Return the map that leaves a space as it is."""
    return np.eye(embeddings.dim)


def fits_float32(matrix: Doubles, rows: Doubles) -> bool:
    """Tell whether a map, and what it makes of rows, are finite numbers of float32.

    Examples
    --------
    >>> fits_float32(np.array([[1e30]]), np.ones((1, 1)))
    True
    >>> fits_float32(np.array([[1e30]]), np.full((1, 1), 1e9))
    False
    """
    longest = float(np.linalg.norm(rows, axis=1).max(initial=1))
    with np.errstate(over="ignore"):
        return bool(np.linalg.norm(matrix) * longest < np.finfo(np.float32).max)


def rows_of_pairs(
    spaces: Spaces, pairs: SeedPairs, config: PairsConfig
) -> tuple[Doubles, Doubles, Doubles | None]:
    """Return the normalised rows of all pairs, and their weights where they are to count.

    Raises
    ------
    ValueError
        If rare words are to count less and there are no counts.
    """
    weights = weights_of_pairs(spaces.source, spaces.target, pairs, config)
    return spaces.source_rows(pairs.source), spaces.target_rows(pairs.target), weights


def weights_of_pairs(
    source: Embeddings, target: Embeddings, pairs: SeedPairs, config: PairsConfig
) -> Doubles | None:
    """Return how much each pair counts, None where all count alike; raises as above."""
    told = pairs.weights if config.weights else None
    certain = certainty(source, target, (pairs.source, pairs.target), config.rare or 0.0)
    if told is None or certain is None:
        return told if certain is None else certain
    return told * certain


def certainty(
    source: Embeddings, target: Embeddings, pairs: tuple[Rows, Rows], rare: float
) -> Doubles | None:
    """Return how much pairs count by how often their words occur, None where ``rare`` is 0.

    The variance of a vector's noise falls with the word's count, so that of a pair's
    difference is as the sum of the inverse counts; ``rare`` stands for what else parts
    translations.

    Raises
    ------
    ValueError
        If ``rare`` is above 0, and a side has no counts or no pair a count above 0.

    Examples
    --------
    >>> space = Embeddings.from_words(["a", "b"], [[1], [2]], counts=[40, 10])
    >>> certainty(space, space, (np.array([0, 1]), np.array([0, 1])), 5.0)
    array([0.8, 0.5])
    """
    if rare == 0:
        return None
    counts = []
    for side, space, rows in (("source", source, pairs[0]), ("target", target, pairs[1])):
        if space.vocabulary.counts is None:
            raise ValueError(f"rare must be 0 where {side} has no counts of words, got {rare}")
        counts.append(space.vocabulary.counts[rows].astype(np.float64))
    both = counts[0] * counts[1] / np.maximum(counts[0] + counts[1], 1)
    if len(both) and not both.any():
        raise ValueError(f"rare must be 0 where all counts of pairs are 0, got {rare}")
    return both / (both + rare)


def check_rank(source_rows: Doubles, target_rows: Doubles, spaces: Spaces) -> int:
    """Return the rank of the pairs, and log a warning where it leaves the map undetermined.

    Dimensions that the normalisation took out of the spaces need no pairs.
    """
    rank = min(rank_of(source_rows), rank_of(target_rows))
    dim = min(source_rows.shape[1], target_rows.shape[1])
    if rank < dim - max(_num_removed(spaces.source_steps), _num_removed(spaces.target_steps)):
        _log.warning(
            "%d pairs of rank %d do not determine a map of %d dimensions",
            *(len(source_rows), rank, dim),
        )
    return rank


def _num_removed(steps: Steps) -> int:
    removed = [step.statistic for step in steps if step.name == "remove"]
    return sum(len(directions) for directions in removed if directions is not None)
