"""Deterministic training on the GPU, emulated: gains sorted by row, summed in order."""

from __future__ import annotations

import copy
import ctypes
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests import cuda_emulated, reference, reference_nce
from tests.models import MIXED, MODES, SMALL, output_of, random_sentences, trained

TOLERANCE = 1e-5
KERNELS = {name: MODES[name] for name in ("skipgram-ns", "cbow-ns", "cbow-ns-sum")}


def run(
    corpus: reference.Corpus, options: reference.Options, batch: int, cuts: tuple[int, ...] = ()
) -> cuda_emulated.Run:
    made = cuda_emulated.session(corpus, options)
    size, tokens = ctypes.c_size_t(), ctypes.c_int64(batch)
    assert made.call("deterministic_workspace", tokens, ctypes.byref(size)) == 0
    made.give_workspace(size.value)
    bounds = [0, *cuts, corpus.num_tokens]
    for made.task.epoch in range(options.epochs):
        for made.task.begin, made.task.end in itertools.pairwise(bounds):
            assert made.call("train_deterministic", tokens) == 0
    return made.result()


def reference_of_batches(
    corpus: reference.Corpus, options: reference.Options, batch: int
) -> reference.Model:
    """Train each window of a batch on a copy of the rows, and add up what the copies gain.

    Log Z moves by the mean of what a batch's centres give it.
    """
    rows = reference.initial_rows(options.seed, len(corpus.words), options.dim)
    model = reference.Model(rows, np.zeros_like(rows))
    table = reference.alias_table(reference.noise_weights(corpus.counts, options.smoothing))
    train: Callable[..., None] = partial(reference.train_window, path=reference.no_path)
    if isinstance(options, reference_nce.Options):
        offsets = reference_nce.word_offsets(corpus, options)
        train = partial(reference_nce.train_window, offsets=offsets)
    for epoch in range(options.epochs):
        windows = list(reference.windows(corpus, options, epoch))
        for number in range(-(-corpus.num_tokens // batch)):
            before = copy.deepcopy(model)
            gains = [0.0]
            for window in windows:
                if window.position // batch != number:
                    continue
                rate = reference.learning_rate(
                    options, corpus.num_tokens, epoch, window.position
                )
                moved = copy.deepcopy(before)
                train(moved, window, options, rate, table)
                model.input += moved.input - before.input
                model.output += moved.output - before.output
                model.loss += moved.loss - before.loss
                gains.append(moved.log_normalizer - before.log_normalizer)
            model.log_normalizer += sum(gains) / max(len(gains) - 1, 1)
    return model


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
@pytest.mark.parametrize("normalizer", ["fixed", "learnt"])
@pytest.mark.parametrize("batch", [1, 16, 1000])
def test_batches_of_nce_equal_the_reference(method: str, normalizer: str, batch: int) -> None:
    corpus = reference.encode(MIXED)
    changes = {"learning_rate": 0.05, "method": method, "normalizer": normalizer}
    options = reference_nce.Options(**{**SMALL, **changes}, bias="none")
    expected = reference_of_batches(corpus, options, batch)
    found = run(corpus, options, batch)
    assert np.abs(expected.output).max() > 100 * TOLERANCE
    assert np.abs(found.input - expected.input).max() < TOLERANCE
    assert np.abs(found.output - expected.output).max() < TOLERANCE
    assert found.counters.loss == pytest.approx(expected.loss, rel=1e-5)
    assert (expected.log_normalizer != 0) == (normalizer == "learnt")
    assert found.counters.log_normalizer == pytest.approx(
        expected.log_normalizer, abs=TOLERANCE
    )


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("batch", [2, 16, 1000])
def test_equals_the_reference_of_batches(mode: str, batch: int) -> None:
    corpus = reference.encode(MIXED)
    options = reference.Options(**{**SMALL, "learning_rate": 0.1}, **KERNELS[mode])
    expected = reference_of_batches(corpus, options, batch)
    trained = run(corpus, options, batch)
    assert np.abs(trained.input - expected.input).max() < TOLERANCE
    assert np.abs(trained.output - expected.output).max() < TOLERANCE
    assert trained.counters.loss == pytest.approx(expected.loss, rel=1e-5)


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize(
    "change", [{}, {"dim": 130}, {"negatives": 13, "learning_rate": 0.05}, {"window": 15}]
)
def test_batches_of_one_position_are_the_trainer_of_the_cpu(
    mode: str, change: dict[str, Any]
) -> None:
    sentences = random_sentences(20, [40, 7, 1, 90], seed=6)
    options = {**SMALL, "learning_rate": 0.1, **change, **KERNELS[mode]}
    model = trained(sentences, **options)
    emulated = run(reference.encode(sentences), reference.Options(**options), 1)
    assert np.abs(emulated.input - model.vectors).max() < 1e-4
    assert np.abs(emulated.output - output_of(model)).max() < 1e-4


@pytest.mark.parametrize("mode", KERNELS)
def test_every_run_has_the_same_bytes_wherever_it_is_cut_between_batches(mode: str) -> None:
    corpus = reference.encode(random_sentences(20, [100, 130], seed=8))
    options = reference.Options(**SMALL, **KERNELS[mode])
    first = run(corpus, options, 32)
    for cuts in ((), (32, 96), (128,)):
        again = run(corpus, options, 32, cuts)
        assert first.input.tobytes() == again.input.tobytes()
        assert first.output.tobytes() == again.output.tobytes()
        assert first.counters.pairs == again.counters.pairs


def test_refuses_negatives_of_a_pair_and_empty_batches() -> None:
    corpus = reference.encode(MIXED)
    pair = reference.Options(**{**SMALL, "negative_sharing": "pair"})
    with pytest.raises(ValueError, match="negative_sharing must be window"):
        run(corpus, pair, 16)
    with pytest.raises(ValueError, match="batch_tokens must be from 1 to 65536, got 0"):
        run(corpus, reference.Options(**SMALL), 0)


@pytest.mark.parametrize("stride", [8, 104, 304])
@pytest.mark.parametrize("count", [1, 5, 100])
def test_traffic_that_is_measured_reads_and_adds_every_row_once(
    stride: int, count: int
) -> None:
    rng = np.random.default_rng(1)
    matrix = rng.integers(-9, 9, (20, stride)).astype(np.float32)
    rows = rng.integers(0, 20, count).astype(np.uint32)
    sums, start = np.full((3, stride), np.nan, np.float32), matrix.copy()
    cuda_emulated.library().row_traffic(
        *(matrix.ctypes.data_as(ctypes.c_void_p), ctypes.c_int(stride)),
        *(rows.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(count), ctypes.c_int(3)),
        sums.ctypes.data_as(ctypes.c_void_p),
    )
    np.testing.assert_array_equal(sums.sum(0), start[rows].sum(0))
    np.testing.assert_array_equal(
        (matrix - start).T, np.tile(np.bincount(rows, minlength=20), (stride, 1))
    )
