"""A value that many workers learn at a time: it comes to where one of them would bring it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit._native import core
from tests.reference import sigmoid

RATE = 0.025
CENTERS_STALE = 512  # between two joins, of all threads: csrc/train/word2vec_worker.h
CHUNK = 60  # centres that a GPU's warp trains between two joins, of some hundreds

Floats = NDArray[np.float64]
Joins = Callable[[Floats, int], Floats]


def gains(log_z: Floats, rng: np.random.Generator) -> Floats:
    """Return what a centre's step gives to each copy: six pairs, each with five noise words."""
    true = rng.normal(0.5, 1.5, (len(log_z), 6)) - log_z[:, None]
    noise = rng.normal(-2.5, 1.0, (len(log_z), 30)) - log_z[:, None]
    return np.asarray(RATE * (sigmoid(noise).sum(1) - (1 - sigmoid(true)).sum(1)))


def learn(joins: Joins, workers: int, steps: int, rounds: int) -> Floats:
    """Let workers take steps on their copies at a time, then join; return each round's mean."""
    rng = np.random.default_rng(1)
    copies, means = np.zeros(workers), np.zeros(rounds)
    for turn in range(rounds):
        for _ in range(steps):
            copies += gains(copies, rng)
        copies = joins(copies, turn)
        means[turn] = copies[-1]
    return means


def joins_of_mean(growing: bool) -> Joins:
    """Return the product's joins; `growing`: of those that have worked, as on a GPU."""
    shared = core.SharedMean(0.0)

    def joins(copies: Floats, turn: int) -> Floats:
        before = turn * len(copies) if growing else len(copies)
        counts = np.minimum(before + 1 + np.arange(len(copies)), len(copies))
        return np.array([shared.join(*pair) for pair in zip(copies, counts, strict=True)])

    return joins


@pytest.fixture(scope="module")
def best() -> float:
    """Return where one worker comes in a long time, on average."""
    rng, copies = np.random.default_rng(0), np.zeros(200)
    ends = []
    for step in range(400):
        copies += gains(copies, rng)
        if step >= 200:
            ends.append(copies.mean())
    return float(np.mean(ends))


@pytest.mark.parametrize("threads", [2, 3, 8, 64])
def test_threads_come_to_where_one_does(threads: int, best: float) -> None:
    means = learn(joins_of_mean(False), threads, CENTERS_STALE // threads, rounds=20)
    assert np.abs(means[5:] - best).max() < 0.15


@pytest.mark.parametrize("threads", [4, 8, 64])
def test_the_sum_of_what_threads_gain_overshoots_ever_more(threads: int, best: float) -> None:
    bases = np.zeros(threads)

    def joins(copies: Floats, _: int) -> Floats:
        nonlocal bases
        bases = np.asarray(bases[-1] + np.cumsum(copies - bases))
        return bases.copy()

    means = learn(joins, threads, CENTERS_STALE // threads, rounds=20)
    assert np.abs(means[5:] - best).max() > 3


@pytest.mark.parametrize("warps", [1, 100, 4000])
def test_warps_come_to_where_one_does_with_their_first_chunks(warps: int, best: float) -> None:
    means = learn(joins_of_mean(True), warps, CHUNK, rounds=2)
    assert np.abs(means - best).max() < 0.02 + 0.2 / np.sqrt(warps)


def test_one_worker_keeps_its_copy_and_several_have_the_mean() -> None:
    shared = core.SharedMean(0.5)
    assert shared.join(2.25, 1) == 2.25
    assert shared.join(4.25, 2) == 3.25
    assert [shared.join(copy, n) for n, copy in enumerate((1.0, 2.0, 6.0), 1)] == [1, 1.5, 3]
