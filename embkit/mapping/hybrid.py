"""A linear map seeded by mutual neighbours of a first space (Vulic and Korhonen 2016)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.checks import check_at_least
from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.embeddings import Embeddings
from embkit.formats.blocks import read_blocks
from embkit.mapping.config import HybridConfig
from embkit.mapping.fit import fit_linear, fit_orthogonal
from embkit.mapping.normalize import Matrix
from embkit.mapping.result import Mapping
from embkit.mapping.spaces import (
    Fit,
    Report,
    Rows,
    Spaces,
    check_rank,
    identity_of,
    rows_of_pairs,
)
from embkit.mapping.verdict import Verdict, judge_pairs, own_pairs
from embkit.neighbors import top_k


def fit(spaces: Spaces, pairs: SeedPairs | None, config: HybridConfig, report: Report) -> Fit:
    """Find seed pairs in the first space, then fit the map of least squares to them.

    Raises
    ------
    ValueError
        If no pair is left.
    """
    rows, words = first_space(spaces, pairs, config)
    source, target, scores = mutual_neighbors(
        *rows, frequent=config.frequent, threshold=config.threshold, device=config.device
    )
    if len(source) == 0:
        raise ValueError(
            f"no mutual neighbours exceed the threshold {config.threshold}: choose a lower one"
        )
    seeds = (words[0][source], words[1][target])
    x, z = spaces.source_rows(seeds[0]), spaces.target_rows(seeds[1])
    told: dict[str, Any] = {
        "rank": check_rank(x, z, spaces),
        "seed_pairs": len(source),
        "mean_seed_cosine": float(scores.mean()),
    }
    matrix = fit_linear(x, z, ridge=config.ridge)
    if pairs is None:  # mutual, so each word stands once
        verdict = judge_pairs(x, z, fitted=own_pairs(x @ matrix, z))
        told["verdict"] = _unconfirmed(verdict).to_dict()
    return Fit(matrix, identity_of(spaces.target), told)


def _unconfirmed(verdict: Verdict) -> Verdict:
    """Return a verdict on pairs of a first space: that they fit a map says nothing good.

    Whatever made that space made all its neighbours, so that half of them teaches the others.
    """
    if verdict.judgement != "good":
        return verdict
    why = "these are the first space's own pairs: only a dictionary confirms them"
    return replace(verdict, judgement="doubtful", reasons=(*verdict.reasons, why))


def check_first_space(config: HybridConfig, *, given: bool) -> None:
    """Check that there is a first space, before the work.

    Raises
    ------
    ValueError
        If there is neither a dictionary (``given``) nor a first space.
    FormatError
        If ``first`` is no map.
    OSError
        If a file cannot be opened.
    """
    if config.first is not None:
        Mapping.open(config.first)
    elif config.first_source is not None and config.first_target is not None:
        for path in (Path(config.first_source), Path(config.first_target)):
            path.stat()
    elif not given:
        raise ValueError("dictionary, first, or first_source and first_target must be given")


def first_space(
    spaces: Spaces, pairs: SeedPairs | None, config: HybridConfig
) -> tuple[tuple[Matrix, Matrix], tuple[Rows, Rows]]:
    """Return both sides in the first space, and the row of each in the spaces to be mapped.

    Raises
    ------
    ValueError
        If the first space shares no word with the spaces.
    """
    whole = (np.arange(len(spaces.source)), np.arange(len(spaces.target)))
    if config.first is not None:
        mapping = Mapping.open(config.first)
        source = mapping.map_source(spaces.source.vectors)
        return (source, mapping.map_target(spaces.target.vectors)), whole
    if config.first_source is not None and config.first_target is not None:
        source, source_rows = _shared(Path(config.first_source), spaces.source, "source")
        target, target_rows = _shared(Path(config.first_target), spaces.target, "target")
        return (source, target), (source_rows, target_rows)
    assert pairs is not None
    x, z, weights = rows_of_pairs(spaces, pairs, config)
    turn = fit_orthogonal(x, z, weights=weights).astype(np.float32)
    return (spaces.source_matrix() @ turn, spaces.target_matrix()), whole


def mutual_neighbors(
    source: Matrix,
    target: Matrix,
    *,
    frequent: int | None = None,
    threshold: float = 0.0,
    device: str = "cpu",
) -> tuple[Rows, Rows, NDArray[np.float32]]:
    """Return pairs of rows that are each other's nearest by the cosine.

    Parameters
    ----------
    source, target : array of float32, shapes (source_words, dim), (target_words, dim)
        Rows of one space.
    frequent : int, optional
        Translate only so many source rows, the first ones; the way back is checked against
        all of them.
    threshold : float
        Keep a pair if its cosine exceeds that of the second nearest target by more.
    device : str
        Where they are sought: cpu, cuda, cuda:N or auto.

    Returns
    -------
    source_rows, target_rows : array of int64, shape (num_pairs,)
    scores : array of float32, shape (num_pairs,)
        Their cosines.

    Raises
    ------
    ValueError
        If an option is out of range, or a row is not finite.

    Examples
    --------
    >>> source = np.array([[1, 0], [0, 1], [0.9, 0.5]], np.float32)
    >>> mutual_neighbors(source, np.array([[0.1, 1], [1, 0.1]], np.float32))[:2]
    (array([0, 1]), array([1, 0]))
    """
    check_at_least("threshold", threshold, 0)
    forward = top_k(source[:frequent], target, 2, device=device)
    nearest, back = np.unique(forward.rows[:, 0], return_inverse=True)
    backward = top_k(target[nearest], source, 1, device=device).rows[:, 0]
    kept = backward[back] == np.arange(len(forward))
    if threshold > 0 and forward.scores.shape[1] > 1:
        kept &= forward.scores[:, 0] - forward.scores[:, 1] > threshold
    rows = np.flatnonzero(kept)
    return rows, forward.rows[rows, 0], forward.scores[rows, 0]


def first_dim(config: HybridConfig) -> int:
    """Return the wider side's dim of a first space that stands in files; 0 without one."""
    if config.first is not None:
        return Mapping.open(config.first).dim
    paths = (config.first_source, config.first_target)
    return max(_dim_of(Path(path)) if path is not None else 0 for path in paths)


def _dim_of(path: Path) -> int:
    """Return the dim of a file's vectors; 0 of none, and of a pipe, which is read only once."""
    if not (path.is_file() or path.is_dir()):
        return 0
    first = next(read_blocks(path, limit=1), None)
    return 0 if first is None else first.dim


def _shared(path: Path, space: Embeddings, side: str) -> tuple[Matrix, Rows]:
    """Return a first space's rows whose words the space has, and their rows there.

    The file is read block by block: what it has beside these words is never held.
    """
    found: Matrix | None = None
    rows = np.empty(len(space), np.int64)
    is_new, count = np.ones(len(space), np.bool_), 0
    for block in read_blocks(path):
        at = space.vocabulary.ids_of(block.words)
        known = np.flatnonzero(at >= 0)
        known = known[is_new[at[known]]]
        is_new[at[known]] = False
        if found is None:
            found = np.empty((len(space), block.dim), np.float32)
        span = slice(count, count + len(known))
        found[span], rows[span] = block.vectors[known], at[known]
        count += len(known)
    if found is None or not count:
        raise ValueError(f"first_{side} must share words with {side}, got none in {path}")
    return found[:count], rows[:count]
