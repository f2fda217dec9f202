"""Words of two spaces matched by the spaces' shapes alone: softly at first, then firmer."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from embkit.backend import Backend, DeviceArray, open_backend
from embkit.blas import one_blas_thread
from embkit.checks import check_at_least
from embkit.device import available_threads
from embkit.mapping.initial import Matrix, Pairs, csls_partners, sorted_similarities


class _Stage(NamedTuple):
    """Rounds of matching and rotating at one firmness."""

    firmness: float  # factor of the cosines
    rounds: int
    shape: float  # factor of the similarity of shapes
    is_doubtful: bool  # whether axes that few words confirm count less


_STAGES = (
    _Stage(4, 15, 5, is_doubtful=True),
    _Stage(6, 15, 5, is_doubtful=True),
    _Stage(8, 5, 2.5, is_doubtful=False),
    _Stage(5, 15, 0, is_doubtful=False),  # loosened once more, without the shapes
    _Stage(8, 5, 0, is_doubtful=False),
    _Stage(12, 5, 0, is_doubtful=False),
    _Stage(20, 8, 0, is_doubtful=False),
)
_FIRST_SHAPE = 10.0  # factor of the similarity of shapes before there is a rotation
_SURE_AXES = 0.2  # share of the axes that are never doubtful
_BALANCINGS = 5
_LEAST_LOG = -25.0  # of a match's weight: below, numbers would become too small to be fast


def match_by_shape(
    source: Matrix,
    target: Matrix,
    *,
    words: int = 2000,
    powers: Sequence[float] = (-0.25, 0.0, 0.5),
    neighborhood: int = 10,
    device: str = "cpu",
) -> Pairs:
    """Pair words by a soft matching that is made firmer step by step.

    Every word of one side is matched with all words of the other in shares that sum to one
    on either side (the entropic transport of Cuturi 2013, "Sinkhorn distances"), by the
    cosine after a rotation; the rotation is fitted to these shares; and so on while the
    shares are drawn to the best partners. This is the softassign Procrustes matching of
    Rangarajan, Chui and Bookstein (1997), the Wasserstein Procrustes of Grave, Joulin and
    Berthet (2019), with what tells words apart before any rotation is known: their sorted
    similarities, as :func:`embkit.mapping.initial.similar_distributions` compares them.
    These count throughout the first stages (as in the fused Gromov-Wasserstein distance of
    Vayer et al. 2019), in which the rotation also shrinks along axes that the shares
    confirm less than the surest fifth.

    It is done once for each power of the singular values by which the similarities are
    taken: 0 is that of axes brought to equal variance, 1 that of the rows as they are. The
    matching with the highest mean cosine is taken.

    Parameters
    ----------
    source, target : array of float32, shape (num_words, dim)
        Normalised rows, most frequent words first, of the same dim.
    words : int
        Most frequent words of each side that take part; fewer where a side has fewer.
    powers : sequence of float
    neighborhood : int
        Neighbours of CSLS; fewer where a side has fewer words.
    device : str
        Where it is done: cpu, cuda, cuda:N or auto.

    Returns
    -------
    array of int64, array of int64
        Rows of source and target: each word of either side with its best partner by CSLS
        after the last rotation.

    Raises
    ------
    ValueError
        If ``words`` or ``neighborhood`` is below 1, or there is no power.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> rows = rng.standard_normal((100, 6)).astype(np.float32)
    >>> rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    >>> left, right = match_by_shape(rows, rows[:, [2, 0, 3, 1, 5, 4]])
    >>> bool((left == right).all())
    True
    """
    check_at_least("words", words, 1)
    check_at_least("neighborhood", neighborhood, 1)
    if not powers:
        raise ValueError("powers must hold at least one power, got none")
    size = min(words, len(source), len(target))
    source, target = source[:size], target[:size]
    backend = open_backend(device)
    at_once = 1 if backend.is_gpu else min(len(powers), available_threads())
    need = 4 * (source.size + target.size + 3 * at_once * size * size)
    # A thread for each power: those of BLAS would mostly wait for each other.
    with backend.telling(need), one_blas_thread(), ThreadPoolExecutor(at_once) as pool:
        x, z = backend.asarray(source), backend.asarray(target)

        def match_at(power: float) -> tuple[float, Matrix]:
            shapes = [sorted_similarities(rows, power) for rows in (source, target)]
            left, right = (backend.asarray(shape) for shape in shapes)
            return match(backend, x, z, left @ right.T)

        found = list(pool.map(match_at, powers))
    rotation = max(found, key=lambda one: one[0])[1]
    mapped = source @ rotation
    return csls_partners(mapped, target, neighborhood=neighborhood, device=device)


def match(
    backend: Backend, source: DeviceArray, target: DeviceArray, shapes: DeviceArray
) -> tuple[float, Matrix]:
    """Return the mean cosine of the last matching, and its rotation as NumPy's.

    Parameters
    ----------
    backend : Backend
    source, target : array of float32 of the backend, shape (num_words, dim)
        As many of either.
    shapes : array of float32 of the backend, shape (num_words, num_words)
        How similar words are before any rotation is known.
    """
    shares = balanced(backend, _FIRST_SHAPE * shapes)
    mapped = source @ _rotation(backend, source, shares @ target, is_doubtful=True)
    for stage in _STAGES:
        for _ in range(stage.rounds):
            scores = (stage.firmness * mapped) @ target.T
            if stage.shape > 0:
                scores += stage.shape * shapes
            shares = balanced(backend, scores)
            carried = shares @ target
            rotation = _rotation(backend, source, carried, is_doubtful=stage.is_doubtful)
            mapped = source @ rotation
    mean = float((mapped * carried).sum()) / len(source)
    return mean, backend.to_numpy(rotation)


def balanced(backend: Backend, scores: DeviceArray) -> DeviceArray:
    """Return shares in proportion to the exponentials, scaled by rows and by columns.

    The columns sum to one, and the rows do the better the softer the shares are. The scores
    are overwritten.

    Examples
    --------
    >>> shares = balanced(open_backend("cpu"), np.array([[1, 0], [0, 1]], np.float32))
    >>> shares.round(2)
    array([[0.73, 0.27],
           [0.27, 0.73]], dtype=float32)
    """
    xp = backend.xp
    scores -= scores.max(1, keepdims=True)
    xp.maximum(scores, _LEAST_LOG, out=scores)
    shares = xp.exp(scores, out=scores)
    columns = xp.ones(len(shares), np.float32)
    for _ in range(_BALANCINGS):
        rows = 1 / (shares @ columns)
        columns = 1 / (rows @ shares)
    shares *= rows[:, None]
    shares *= columns
    return shares


def _rotation(
    backend: Backend, source: DeviceArray, carried: DeviceArray, *, is_doubtful: bool
) -> DeviceArray:
    """Return the rotation from the source to what it is matched with.

    Where that is doubtful, axes shrink along which they agree less than along the surest.
    """
    u, s, vt = np.linalg.svd(backend.to_numpy(source.T @ carried))
    if is_doubtful:
        u = u * np.minimum(1, s / max(s[int(_SURE_AXES * len(s))], np.finfo(np.float32).tiny))
    return backend.asarray((u @ vt).astype(np.float32))
