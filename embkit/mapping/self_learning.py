"""Self-learning: map, induce a dictionary, map by it, and so on until nothing improves.

After Artetxe, Labaka and Agirre (2017, 2018), "Learning bilingual word embeddings with
(almost) no bilingual data" and "A robust self-learning method for fully unsupervised
cross-lingual mappings of word embeddings".
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.backend import Backend, DeviceArray, open_backend
from embkit.blas import one_blas_thread
from embkit.mapping.induction import Side, induce
from embkit.mapping.initial import Pairs
from embkit.mapping.learning_config import Direction, SelfLearningConfig

Matrix = NDArray[np.float32]

_BLOCK = 2048  # pairs whose product is summed in float32
# Multiplications of a pass in which several threads of BLAS wait rather than work.
_SMALL_PASS = 2e8


@dataclass(frozen=True)
class Iteration:
    """What one iteration of self-learning tells.

    Attributes
    ----------
    objective : float
        Mean of the highest cosines of both sides' words.
    keep_probability : float
        Share of the pairs of words that could be induced.
    words : int
        Most frequent words of each side that took part.
    pairs : int
        Different pairs that were induced.
    cycles : float
        Share of the source words whose partner's partner is the word itself.
    """

    objective: float
    keep_probability: float
    words: int
    pairs: int
    cycles: float

    @property
    def rank(self) -> tuple[bool, float]:
        """What dictionaries are compared by: the objective, where nothing was dropped."""
        return self.keep_probability >= 1, self.objective


@dataclass(frozen=True, eq=False)  # arrays cannot be compared as a whole
class Learned:
    """The best dictionary that self-learning came by, and its course.

    Attributes
    ----------
    pairs : (array of int64, array of int64)
        Rows of source and target; a pair that both directions found stands twice.
    course : list of Iteration
        One for each iteration.
    converged : bool
        Whether it ended because nothing improved, not at the limit of iterations.
    best : Iteration
        What was told when the map of ``pairs`` was measured.
    """

    pairs: Pairs
    course: list[Iteration] = field(repr=False)
    converged: bool
    best: Iteration


OnIteration = Callable[[int, Iteration], None]


def self_learn(
    source: Matrix,
    target: Matrix,
    pairs: Pairs,
    config: SelfLearningConfig,
    *,
    seed: int = 1,
    threads: int | None = None,
    on_iteration: OnIteration | None = None,
) -> Learned:
    """Learn a dictionary of frequent words from a small or bad one.

    Each iteration rotates the source onto the target by the pairs so far, and takes as the
    next pairs each word's best partner by CSLS. At first only a random share of all pairs
    of words may be taken (``keep_probability``), which leads out of poor optima; the share
    grows whenever the objective stops rising, and at the whole the stop is the end. Of the
    dictionaries whose rotation was measured on the whole, the start among them, that with
    the highest objective is returned: a start is never left for one that scores lower.

    Against the method as published, each for speed, at the same result: the products of one
    pass serve both directions and the means of CSLS, which are therefore those of the pass
    before (after the first); while pairs are dropped, only the ``early_cutoff`` most
    frequent words take part; and a stage ends when the objective's mean over
    ``patience`` iterations exceeds that over the ``patience`` before by less than its
    fluctuation, instead of after fifty iterations without a new maximum.

    Parameters
    ----------
    source, target : array of float32, shape (num_words, dim)
        Normalised rows, most frequent words first, of the same dim.
    pairs : (array of int64, array of int64)
        The dictionary to start from: rows of source and target.
    config : SelfLearningConfig
        The options.
    seed : int
        Of the pairs that are dropped.
    threads : int, optional
        All cores when left out.
    on_iteration : callable, optional
        Called with each iteration's number and figures; an exception ends the run.

    Returns
    -------
    Learned

    Raises
    ------
    ValueError
        If there are no pairs, or the dims differ.
    """
    if len(pairs[0]) == 0:
        raise ValueError("pairs must hold at least one pair, got none")
    backend = open_backend(config.device)
    is_small = len(source) * target.size <= _SMALL_PASS
    threading = one_blas_thread() if is_small else nullcontext()
    with threading, backend.telling(4 * (source.size + target.size)):
        rows = backend.asarray(source), backend.asarray(target)
        return _learn(backend, *rows, pairs, config, seed, threads, on_iteration)


def _learn(
    backend: Backend,
    source: DeviceArray,
    target: DeviceArray,
    pairs: Pairs,
    config: SelfLearningConfig,
    seed: int,
    threads: int | None,
    on_iteration: OnIteration | None,
) -> Learned:
    """Learn from rows on a device; a pass over all pairs is done there."""
    options: dict[str, Any] = {"threads": threads, "device": config.device}
    schedule = _Schedule(config)
    course: list[Iteration] = []
    best = pairs, _measure(backend, source, target, pairs, config, options)
    levels: tuple[Matrix, Matrix] | None = None
    converged = False
    for number in range(config.iterations):
        mapped, z, near = _compared(backend, source, target, pairs, schedule)
        if levels is None or len(levels[0]) != len(mapped) or len(levels[1]) != len(z):
            first = induce(mapped, z, neighborhood=near, **options)
            levels = first[0].means, first[1].means
        sides = induce(
            *(mapped, z),
            neighborhood=near,
            source_means=levels[0],
            target_means=levels[1],
            keep_probability=schedule.keep_probability,
            seed=seed,
            number=number,
            **options,
        )
        levels = sides[0].means, sides[1].means
        induced = join(*sides, config.direction)
        course.append(_iteration(sides, induced, schedule))
        if course[-1].rank > best[1].rank:
            best = pairs, course[-1]
        pairs = induced
        if on_iteration is not None:
            on_iteration(number + 1, course[-1])
        if converged := schedule.is_over(course[-1].objective):
            break
    if not converged:  # at the limit of iterations: the last dictionary was not measured
        last = _measure(backend, source, target, pairs, config, options)
        best = max(best, (pairs, last), key=lambda found: found[1].rank)
    return Learned(best[0], course, converged, best[1])


def _compared(
    backend: Backend,
    source: DeviceArray,
    target: DeviceArray,
    pairs: Pairs,
    schedule: _Schedule,
) -> tuple[DeviceArray, DeviceArray, int]:
    """Return the rows that a pass compares, the source's rotated, and CSLS's neighbours."""
    words = schedule.words(max(len(source), len(target)))
    mapped, z = source[:words] @ _rotation(backend, source, target, pairs), target[:words]
    return mapped, z, min(schedule.config.neighborhood, len(mapped), len(z))


def _measure(
    backend: Backend,
    source: DeviceArray,
    target: DeviceArray,
    pairs: Pairs,
    config: SelfLearningConfig,
    options: dict[str, Any],
) -> Iteration:
    """Return what the rotation by some pairs tells on the whole."""
    whole = _Schedule(replace(config, keep_probability=1.0))
    mapped, z, near = _compared(backend, source, target, pairs, whole)
    sides = induce(mapped, z, neighborhood=near, **options)
    return _iteration(sides, join(*sides, config.direction), whole)


def join(sources: Side, targets: Side, direction: Direction) -> Pairs:
    """Return the pairs of both sides' best partners in one list.

    Parameters
    ----------
    sources, targets : Side
        As :func:`embkit.mapping.induction.induce` returns them.
    direction : {"union", "forward", "backward", "mutual"}
        Those of the source words, of the target words, of both (a mutual pair then stands
        twice, and counts twice), or only mutual ones.

    Examples
    --------
    >>> none = np.zeros(2, np.float32)
    >>> sides = Side(np.array([1, 1]), none, none), Side(np.array([0, 1]), none, none)
    >>> join(*sides, "mutual")
    (array([1]), array([1]))
    """
    forward = np.flatnonzero(sources.best >= 0), sources.best[sources.best >= 0]
    backward = targets.best[targets.best >= 0], np.flatnonzero(targets.best >= 0)
    if direction == "mutual":
        is_mutual = targets.best[forward[1]] == forward[0]
        return forward[0][is_mutual], forward[1][is_mutual]
    if direction == "union":
        return (
            np.concatenate([forward[0], backward[0]]),
            np.concatenate([forward[1], backward[1]]),
        )
    return forward if direction == "forward" else backward


def _rotation(
    backend: Backend, source: DeviceArray, target: DeviceArray, pairs: Pairs
) -> DeviceArray:
    """Return the rotation that best carries the pairs' sources onto their targets.

    As `embkit.mapping.fit.fit_orthogonal`, but with products of blocks in float32 and only
    their sum in float64: enough for choosing the next pairs, at a third of the time.
    """
    total = np.zeros((source.shape[1], target.shape[1]))
    for start in range(0, len(pairs[0]), _BLOCK):
        span = slice(start, start + _BLOCK)
        left, right = (backend.asarray(side[span]) for side in pairs)
        total += backend.to_numpy(source[left].T @ target[right])
    u, _, vt = np.linalg.svd(total)
    return backend.asarray((u @ vt).astype(np.float32))


class _Schedule:
    """Which share of the pairs may be induced, among how many words, and when to stop."""

    def __init__(self, config: SelfLearningConfig) -> None:
        self.config = config
        self.keep_probability = config.keep_probability
        self.objectives: list[float] = []  # of the present stage

    def words(self, most: int) -> int:
        early = self.keep_probability < 1
        cutoff = self.config.early_cutoff if early else self.config.cutoff
        return min(cutoff, self.config.cutoff, most)

    def is_over(self, objective: float) -> bool:
        """Take account of an iteration; begin the next stage, or tell that it was the last."""
        self.objectives.append(objective)
        if not self._has_stalled():
            return False
        if self.keep_probability >= 1:
            return True
        self.keep_probability = min(1.0, self.config.keep_growth * self.keep_probability)
        self.objectives = []
        return False

    def _has_stalled(self) -> bool:
        window = self.config.patience
        if len(self.objectives) < 2 * window:
            return False
        before, after = np.array(self.objectives[-2 * window :]).reshape(2, window)
        steps = np.diff(self.objectives[-2 * window :])
        # Independent fluctuations around a trend: the variance of a step is twice theirs.
        noise = float(np.std(steps)) / np.sqrt(2) * np.sqrt(2 / window)
        return bool(after.mean() - before.mean() < max(self.config.threshold * window, noise))


def _iteration(sides: tuple[Side, Side], pairs: Pairs, schedule: _Schedule) -> Iteration:
    sources, targets = sides
    objective = (
        sources.strongest.mean(dtype=np.float64) + targets.strongest.mean(dtype=np.float64)
    ) / 2
    back = np.where(sources.best >= 0, targets.best[sources.best], -1)
    return Iteration(
        float(objective),
        schedule.keep_probability,
        len(sources.best),
        len(np.unique(pairs[0] * (len(targets.best) + 1) + pairs[1])),
        float((back == np.arange(len(back))).mean()),
    )
