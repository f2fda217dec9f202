"""Passes of dictionary induction: best partners of both sides from the same products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.backend import DeviceArray, open_backend
from embkit.checks import check_threads
from embkit.device import available_threads
from embkit.mapping.induction_arrays import Draws, induce_arrays
from embkit.mapping.spelling import Spelling

# Products computed at a time: large enough for the product to run at full speed.
_TILE_SOURCES = 1024
_TILE_TARGETS = 4096

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class Side:
    """What one pass tells of each word of one side.

    Attributes
    ----------
    best : array of int64, shape (num_words,)
        The word of the other side with the highest score among the pairs kept; -1 for none.
    strongest : array of float32, shape (num_words,)
        The highest similarity, of all pairs.
    means : array of float32, shape (num_words,)
        Mean of the ``neighborhood`` highest similarities.
    """

    best: NDArray[np.int64]
    strongest: Matrix
    means: Matrix


def induce(
    source: Matrix | DeviceArray,
    target: Matrix | DeviceArray,
    *,
    neighborhood: int = 10,
    source_means: Matrix | None = None,
    target_means: Matrix | None = None,
    keep_probability: float = 1.0,
    seed: int = 0,
    number: int = 0,
    threads: int | None = None,
    device: str = "cpu",
    spelling: Spelling | None = None,
) -> tuple[Side, Side]:
    """Find each word's best partner on the other side, by CSLS, in one pass over all pairs.

    A pair's score is its similarity less half the other word's mean (for the best partner of
    a word that is CSLS's order). Each product of a source and a target serves both
    directions, the means and the dropout at once. With ``keep_probability`` below 1 a pair
    is kept by a draw keyed with seed, pass number and pair (stochastic dictionary induction,
    Artetxe et al. 2018), so neither blocks nor threads matter to it.

    Parameters
    ----------
    source, target : array of float32, shape (num_sources, dim) and (num_targets, dim)
        Rows whose products are the similarities: cosines at unit length; NumPy's or, on a
        GPU, also CuPy's.
    neighborhood : int
        Similarities that a mean is taken of; at most as many as either side has words.
    source_means, target_means : array of float32, optional
        What a pass gave as means before; zeros, hence plain similarity, when left out.
    keep_probability : float
        Of each pair.
    seed, number : int
        Key of the draws; another number keeps other pairs.
    threads : int, optional
        All cores when left out.
    device : str
        Where it is done: cpu, cuda, cuda:N or auto.
    spelling : Spelling, optional
        Of the same words; its cosines are added to the similarities, on the processor alone.

    Returns
    -------
    Side, Side
        Of the sources and of the targets.

    Raises
    ------
    ValueError
        If a shape or an option is not as said above.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> sources, targets = induce(rows, rows[[2, 0, 1]], neighborhood=1)
    >>> sources.best, targets.best
    (array([1, 2, 0]), array([2, 0, 1]))
    """
    check_threads(threads)
    if source.ndim != 2 or target.ndim != 2 or source.shape[1] != target.shape[1]:
        raise ValueError(
            f"source and target must share a dim, got {source.shape} and {target.shape}"
        )
    levels = _half(source_means, len(source)), _half(target_means, len(target))
    if spelling is None and (backend := open_backend(device)).is_gpu:
        most = min(len(source), len(target))
        if not 1 <= neighborhood <= most:
            raise ValueError(f"neighborhood must be from 1 to {most}, got {neighborhood}")
        draws = Draws(keep_probability, seed, number)
        with backend.telling(4 * (source.size + target.size)):
            both = backend.asarray(source), backend.asarray(target)
            sides = induce_arrays(backend, *both, levels, neighborhood, draws)
        return Side(*sides[0]), Side(*sides[1])
    native = core.InductionPass(
        *levels,
        neighborhood=neighborhood,
        keep_probability=keep_probability,
        seed=seed,
        number=number,
        threads=threads or available_threads(),
    )
    buffer = np.empty(
        min(_TILE_SOURCES, len(source)) * min(_TILE_TARGETS, len(target)), np.float32
    )
    for first_target in range(0, len(target), _TILE_TARGETS):
        columns = target[first_target : first_target + _TILE_TARGETS].T
        for first_source in range(0, len(source), _TILE_SOURCES):
            rows = source[first_source : first_source + _TILE_SOURCES]
            size = len(rows) * columns.shape[1]
            tile = buffer[:size].reshape(len(rows), columns.shape[1])
            np.matmul(rows, columns, out=tile)
            if spelling is not None:
                spelling.add(tile, first_source, first_target)
            native.update(tile, first_source=first_source, first_target=first_target)
    return Side(*native.sources()), Side(*native.targets())


def best_by_csls(
    source: Matrix,
    target: Matrix,
    *,
    neighborhood: int = 10,
    device: str = "cpu",
    spelling: Spelling | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each word's best partner on the other side by CSLS, in two passes.

    The first pass gives the means that the second one scores by.

    Parameters
    ----------
    source, target : array of float32, shape (num_sources, dim) and (num_targets, dim)
        Rows at unit length in one space.
    neighborhood : int
        Neighbours of CSLS; fewer where a side has fewer words.
    device : str
        Where it is done: cpu, cuda, cuda:N or auto.
    spelling : Spelling, optional
        Of the same words; its cosines are added to those of the rows, but not to the means.

    Returns
    -------
    array of int64, array of int64
        A target for each source, and a source for each target.

    Raises
    ------
    ValueError
        If the dims differ, or a side has no words.

    Examples
    --------
    >>> rows = np.eye(3, dtype=np.float32)
    >>> best_by_csls(rows, rows[[2, 0, 1]])
    (array([1, 2, 0]), array([2, 0, 1]))
    """
    near = min(neighborhood, len(source), len(target))
    by_cosine = induce(source, target, neighborhood=near, device=device)
    sources, targets = induce(
        *(source, target),
        neighborhood=near,
        source_means=by_cosine[0].means,
        target_means=by_cosine[1].means,
        device=device,
        spelling=spelling,
    )
    return sources.best, targets.best


def _half(means: Matrix | None, num_words: int) -> Matrix:
    if means is None:
        return np.zeros(num_words, np.float32)
    if means.shape != (num_words,):
        raise ValueError(f"means must have shape ({num_words},), got {means.shape}")
    return np.ascontiguousarray(means / 2, np.float32)
