"""Normalisation of a space by named steps: fitted on all rows, applied to any in a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embkit.checks import check_choice

Matrix = NDArray[np.float32]
Doubles = NDArray[np.float64]

ITERATIVE_ROUNDS = 5
"""Rounds of unit length and centring in ``iterative`` (Zhang et al. 2019)."""
_DIMS_PER_DIRECTION = 100  # all-but-the-top takes out dim / 100 directions (Mu et al. 2018)
_BLOCK_NUMBERS = 1 << 18  # what stays in a core's cache
_SAFE_LENGTHS = (1e-15, 1e15)

STEPS = ("none", "unit", "center", "iterative", "all-but-the-top")
"""The names that a normalisation is made of, joined by commas."""


@dataclass(frozen=True)
class Step:
    """One step with what was fitted for it.

    Attributes
    ----------
    name : {"unit", "center", "remove"}
        Bring rows to unit length, subtract the mean, or take directions out.
    statistic : array of float32, shape (dim,) or (num_directions, dim), or None
        The mean, or the orthonormal directions.
    """

    name: str
    statistic: Matrix | None = None


Steps = tuple[Step, ...]


def parse_steps(names: str) -> list[str]:
    """Return the plain steps that a normalisation's name stands for.

    Raises
    ------
    ValueError
        If it has a name that is not in ``STEPS``.

    Examples
    --------
    >>> parse_steps("unit,center,unit"), parse_steps("none")
    (['unit', 'center', 'unit'], [])
    >>> len(parse_steps("iterative"))
    11
    """
    expanded = {
        "none": [],
        "iterative": ["unit", "center"] * ITERATIVE_ROUNDS + ["unit"],
        "all-but-the-top": ["center", "remove"],
    }
    plain: list[str] = []
    for name in names.split(","):
        check_choice("normalization", name.strip(), STEPS)
        plain += expanded.get(name.strip(), [name.strip()])
    return plain


def fit_steps(vectors: Matrix, names: str) -> Steps:
    """Fit a normalisation to all rows of a space, without copying it.

    Parameters
    ----------
    vectors : array of float32, shape (num_words, dim)
        May be memory-mapped; it is read once for each step that needs a statistic.
    names : str
        Names of ``STEPS`` joined by commas: ``unit,center,unit`` (VecMap), ``iterative``
        (Zhang et al. 2019: five rounds of unit and center, then unit), ``all-but-the-top``
        (Mu et al. 2018: subtract the mean and the first dim / 100 principal directions).

    Returns
    -------
    tuple of Step
        What ``apply_steps`` takes.

    Raises
    ------
    ValueError
        If a name is not known, or there are no rows.

    Examples
    --------
    >>> points = np.array([[2, 0], [0, 4]], np.float32)
    >>> steps = fit_steps(points, "unit,center")
    >>> apply_steps(points, steps)
    array([[ 0.5, -0.5],
           [-0.5,  0.5]], dtype=float32)
    """
    plain = parse_steps(names)
    if len(vectors) == 0:
        raise ValueError("vectors must have a row to be normalised, got none")
    steps: Steps = ()
    for name in plain:
        statistic = None
        if name == "center":
            statistic = _mean(vectors, steps).astype(np.float32)
        elif name == "remove":
            statistic = _directions(vectors, steps).astype(np.float32)
        steps += (Step(name, statistic),)
    return steps


def apply_steps(vectors: Matrix, steps: Sequence[Step]) -> Matrix:
    """Return rows normalised as another space, or the rest of this one, was.

    Parameters
    ----------
    vectors : array of float32, shape (num_rows, dim)
    steps : sequence of Step
        From ``fit_steps``.

    Returns
    -------
    array of float32, shape (num_rows, dim)
        New; rows of zeros stay zero where they are brought to unit length.

    Raises
    ------
    ValueError
        If a statistic is of another dim than the vectors.
    """
    for step in steps:
        if step.statistic is not None and step.statistic.shape[-1] != vectors.shape[1]:
            raise ValueError(
                f"vectors must have {step.statistic.shape[-1]} columns, as those that the "
                f"normalisation was fitted on, got {vectors.shape[1]}"
            )
    normalized = np.empty(vectors.shape, np.float32)
    for start, block in _normalized_blocks(vectors, steps):
        normalized[start : start + len(block)] = block
    return normalized


def bring_to_unit_length(rows: NDArray[np.floating]) -> None:
    """Divide each row by its length in place; rows of zeros stay."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    low, high = _SAFE_LENGTHS
    for i in np.flatnonzero(~((lengths > low) & (lengths < high))):
        largest = float(np.abs(rows[i]).max(initial=0.0))
        if largest > 0:  # the squares left the range of numbers: bring the row into it first
            rows[i] /= largest
            rows[i] /= np.sqrt(np.dot(rows[i], rows[i]))
        lengths[i] = 1
    rows *= (1 / lengths)[:, None].astype(rows.dtype)


def _normalized_blocks(
    vectors: Matrix, steps: Sequence[Step]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    size = max(1, _BLOCK_NUMBERS // max(1, vectors.shape[1]))
    for start in range(0, len(vectors), size):
        block = np.array(vectors[start : start + size], np.float32)
        for step in steps:
            _apply_step(block, step)
        yield start, block


def _apply_step(block: Matrix, step: Step) -> None:
    if step.name == "unit":
        bring_to_unit_length(block)
        return
    assert step.statistic is not None
    if step.name == "center":
        block -= step.statistic
    else:
        block -= (block @ step.statistic.T) @ step.statistic


def _mean(vectors: Matrix, steps: Sequence[Step]) -> Doubles:
    total = np.zeros(vectors.shape[1])
    for _, block in _normalized_blocks(vectors, steps):
        total += block.sum(axis=0, dtype=np.float64)
    return total / len(vectors)


def _directions(vectors: Matrix, steps: Sequence[Step]) -> Doubles:
    """Return the first principal directions, shape (num_directions, dim)."""
    dim = vectors.shape[1]
    gram = np.zeros((dim, dim))
    for _, block in _normalized_blocks(vectors, steps):
        wide = block.astype(np.float64)
        gram += wide.T @ wide
    leading = np.linalg.eigh(gram)[1][:, ::-1]
    return leading[:, : max(1, dim // _DIMS_PER_DIRECTION)].T
