"""Noise shared by a block on the GPU, emulated: matrix products of tiles of 32 centres."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests import cuda_emulated, reference, reference_nce
from tests.models import MIXED, SMALL, Sentences, random_sentences, trained
from tests.reference import Model, Window

TOLERANCE = 1e-5
TILE = 32  # kept tokens that are trained at once
BLOCK: dict[str, Any] = {
    **SMALL,
    "negative_sharing": "block",
    "block_size": 100,
    "block_negatives": 20,
    "learning_rate": 0.05,
}


def tiles_of(
    corpus: reference.Corpus, options: reference_nce.Options, epoch: int
) -> list[tuple[int, list[int]]]:
    """Return the first position of each block with the positions of a tile of it."""
    ids = np.array([word for sentence in corpus.sentences for word in sentence])
    keep = reference.keep_probabilities(
        corpus.counts, options.subsample, options.subsample_formula
    )
    draws = reference.random_draws(options.seed, epoch, np.arange(len(ids)), 0)
    kept = np.flatnonzero(reference.uniform(draws) < np.minimum(keep, 1)[ids])
    tiles: list[tuple[int, list[int]]] = []
    for position in map(int, kept):
        block = position // options.block_size * options.block_size
        if (
            not tiles
            or tiles[-1][0] != block
            or len(tiles[-1][1]) == TILE
            or tiles[-1][1][0] // reference.RATE_GRID != position // reference.RATE_GRID
        ):
            tiles.append((block, []))
        tiles[-1][1].append(position)
    return tiles


def train_by_tiles(corpus: reference.Corpus, options: reference_nce.Options) -> Model:
    """Train each tile from the rows as they are before it, against its block's noise words."""
    shape = len(corpus.words), options.dim
    model = Model(reference.initial_rows(options.seed, *shape), np.zeros(shape))
    table = reference.alias_table(reference.noise_weights(corpus.counts, options.smoothing))
    offsets = reference_nce.word_offsets(corpus, options)
    for epoch in range(options.epochs):
        windows = {w.position: w for w in reference.windows(corpus, options, epoch)}
        block, noise, weights = -1, np.zeros(0, int), np.zeros(0)
        for begin, positions in tiles_of(corpus, options, epoch):
            if begin != block:
                first = Window(epoch, begin, 0, [], [])
                drawn = Counter(reference_nce.noise_words(table, options, first, 2))
                block, noise = begin, np.array(list(drawn))
                weights = np.array(list(drawn.values())) * (
                    options.negatives / options.block_negatives
                )
            rate = reference.learning_rate(options, corpus.num_tokens, epoch, positions[0])
            tile = [windows[position] for position in positions if position in windows]
            train_tile(model, tile, noise, weights, offsets, rate, options)
    return model


def train_tile(
    model: Model, tile: list[Window], noise: Any, weights: Any, offsets: Any,
    rate: float, options: reference_nce.Options,
) -> None:  # fmt: skip
    x, y = model.input.copy(), model.output.copy()
    n = y[noise]
    gain = 0.0
    for window in tile:
        for context in window.contexts:
            counted = weights * (1.0 if options.loss == "nce" else noise != window.center)
            logits = np.append(y[window.center] @ x[context], n @ x[context])
            logits -= np.append(offsets[window.center], offsets[noise]) + model.log_normalizer
            labels, weight = reference.one_hot(len(logits)), np.append(1.0, counted)
            model.loss += reference.logistic_loss(logits, labels, weight)
            steps = rate * weight * (labels - reference.sigmoid(logits))
            gain -= steps.sum()
            model.input[context] += steps[0] * y[window.center] + steps[1:] @ n
            model.output[window.center] += steps[0] * x[context]
            model.output[noise] += np.outer(steps[1:], x[context])
    model.num_pairs += sum(len(window.contexts) for window in tile)
    if options.normalizer == "learnt" and tile:  # the mean of what each centre makes of it
        model.log_normalizer += gain / len(tile)


def assert_equals_the_reference(sentences: Sentences, **options: Any) -> None:
    corpus = reference.encode(sentences)
    chosen = reference_nce.Options(**{**BLOCK, **options})
    expected = train_by_tiles(corpus, chosen)
    start = reference.initial_rows(chosen.seed, len(corpus.words), chosen.dim)
    assert 0.005 < np.abs(expected.input - start).max() < 10
    run = cuda_emulated.train(corpus, chosen)
    assert np.abs(run.input - expected.input).max() < TOLERANCE
    assert np.abs(run.output - expected.output).max() < TOLERANCE
    assert run.counters.loss == pytest.approx(expected.loss, rel=1e-5)
    assert run.counters.pairs == run.counters.measured_pairs == expected.num_pairs
    assert run.counters.tokens == corpus.num_tokens * chosen.epochs
    assert run.counters.log_normalizer == pytest.approx(expected.log_normalizer, abs=1e-4)


@pytest.mark.parametrize("loss", ["ns", "nce"])
@pytest.mark.parametrize("dim", [1, 16, 100, 300])
def test_equals_the_reference_in_any_dim(loss: str, dim: int) -> None:
    assert_equals_the_reference(MIXED, loss=loss, dim=dim, bias="none", learning_rate=0.1)


@pytest.mark.parametrize("loss", ["ns", "nce"])
@pytest.mark.parametrize("window", [1, 8, 15])
@pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic", "fixed"])
def test_equals_the_reference_with_any_window(loss: str, window: int, dynamic: bool) -> None:
    options = {"window": window, "dynamic_window": dynamic, "learning_rate": 0.2 / window}
    assert_equals_the_reference(MIXED, loss=loss, bias="none", **options)


@pytest.mark.parametrize("loss", ["ns", "nce"])
@pytest.mark.parametrize(("size", "negatives"), [(1, 1), (31, 5), (33, 128), (1000, 16)])
def test_equals_the_reference_with_any_block(loss: str, size: int, negatives: int) -> None:
    options = {"block_size": size, "block_negatives": negatives, "bias": "none"}
    assert_equals_the_reference(MIXED, loss=loss, **options)


@pytest.mark.parametrize("loss", ["ns", "nce"])
@pytest.mark.parametrize("num_words", [2, 5])
def test_equals_the_reference_where_words_repeat(loss: str, num_words: int) -> None:
    sentences = random_sentences(num_words, [10, 25, 0, 4, 1, 60], seed=2)
    options = {"learning_rate": 0.005, "subsample": 0.0, "epochs": 4}
    assert_equals_the_reference(sentences, loss=loss, bias="none", **options)


def test_learns_the_normalizer_tile_by_tile() -> None:
    options = {"normalizer": "learnt", "bias": "none", "learning_rate": 0.05, "dim": 8}
    assert_equals_the_reference(MIXED, loss="nce", **options)


@pytest.mark.parametrize("rate", [0.025, 0.1])
def test_tiles_learn_the_normalizer_as_the_cpu_does(rate: float) -> None:
    # A word is seldom noise and a centre of one block, as in any text of many words.
    text = [
        [f"w{word}" for word in row]
        for row in np.random.default_rng(1).integers(3000, size=(100, 100))
    ]
    options = {**BLOCK, "loss": "nce", "normalizer": "learnt", "learning_rate": rate, "dim": 8}
    options |= {"window": 5, "negatives": 5, "subsample": 0, "block_size": 64}
    model = trained(text, **options)
    run = cuda_emulated.train(reference.encode(text), reference_nce.Options(**options))
    counters = run.counters
    loss = counters.loss / counters.measured_pairs
    assert loss == pytest.approx(model.provenance["final_loss"], rel=0.01)
    log_z = model.provenance["normalizer"]["log"]
    assert counters.log_normalizer == pytest.approx(log_z, abs=0.1)


def test_a_tile_ends_where_the_learning_rate_changes() -> None:
    sentences = random_sentences(40, [1500, 40], seed=4)
    options = {"block_size": 3000, "epochs": 1, "window": 2}
    assert_equals_the_reference(sentences, loss="ns", **options)


@pytest.mark.parametrize("loss", ["ns", "nce"])
def test_a_block_of_the_cpu_trains_the_same_to_first_order_in_the_rate(loss: str) -> None:
    # The CPU goes through a block centre after centre: what differs falls with the square.
    sentences = random_sentences(30, [200, 100], seed=9)
    differences = []
    for rate in (0.004, 0.002):
        options = {**BLOCK, "loss": loss, "epochs": 1, "learning_rate": rate}
        chosen = reference_nce.Options(**{**options, "bias": "none"})
        corpus = reference.encode(sentences)
        expected = reference_nce.train(corpus, replace(chosen))
        run = cuda_emulated.train(corpus, chosen)
        differences.append(np.abs(run.output - expected.output).max())
    assert differences[0] / np.abs(expected.output).max() < 0.2
    assert differences[1] < 0.3 * differences[0]
