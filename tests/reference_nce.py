"""Noise-contrastive estimation by the book, in float64, written from the formulas.

Gutmann and Hyvarinen 2010, Mnih and Teh 2012; noise shared by a block as in Zoph et al. 2016
and Jozefowicz et al. 2016. `Targets` also says negative sampling with shared noise: offsets of
0, and no noise equal to the centre.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embkit.embeddings import Embeddings
from tests import planted, reference
from tests.models import output_of
from tests.reference import AliasTable, Corpus, Floats, Model, Window


@dataclass(frozen=True)
class Options(reference.Options):
    """The options of a run, by the product's names."""

    loss: str = "nce"
    block_size: int = 256
    block_negatives: int = 64
    normalizer: str = "fixed"
    bias: str = "unigram"


@dataclass(frozen=True)
class Targets:
    """The outputs of one step; a logit is the rows' product less its offset and log Z."""

    outputs: list[int]
    labels: Floats
    offsets: Floats
    weights: Floats


def word_biases(corpus: Corpus, options: Options) -> Floats:
    """Return what a word's score has in it beside the product of the rows."""
    counts = np.asarray(corpus.counts, np.float64)
    if options.bias == "none":
        return np.zeros(len(counts))
    keep = reference.keep_probabilities(
        corpus.counts, options.subsample, options.subsample_formula
    )
    kept = counts * np.minimum(keep, 1)
    return np.asarray(np.log(kept / kept.sum()))


def word_offsets(corpus: Corpus, options: Options) -> Floats:
    """Return log k Q(w) less the bias; 0 for negative sampling."""
    if options.loss == "ns":
        return np.zeros(len(corpus.counts))
    weights = np.array(reference.noise_weights(corpus.counts, options.smoothing))
    log_noise = np.log(options.negatives * weights / weights.sum())
    return np.asarray(log_noise - word_biases(corpus, options))


def noise_words(table: AliasTable, options: Options, window: Window, first: int) -> list[int]:
    """Draw k noise words at the centre's position, or a block's at its first position."""
    position, count = window.position, options.negatives
    if options.negative_sharing == "block":
        position = position // options.block_size * options.block_size
        count = options.block_negatives
    numbers = first + np.arange(count)
    draws = reference.random_draws(options.seed, window.epoch, position, numbers)
    return [int(word) for word in table.sample(draws)]


def make_targets(
    center: int, noise: Sequence[int], offsets: Floats, options: Options
) -> Targets:
    """Set a centre against noise words; each counts k / (how many were drawn)."""
    weight = options.negatives / len(noise)
    counted = [(word, weight) for word in noise]
    if options.negative_sharing == "block":
        counted = [(word, weight * number) for word, number in Counter(noise).items()]
    if options.loss == "ns":
        counted = [(word, weight) for word, weight in counted if word != center]
    outputs = [center, *(word for word, _ in counted)]
    return Targets(
        outputs,
        reference.one_hot(len(outputs)),
        offsets[outputs],
        np.array([1.0, *(weight for _, weight in counted)]),
    )


def block_loss(contexts: Floats, outputs: Floats, targets: Targets, log_z: float) -> float:
    """Return the loss of every context row against every output row."""
    logits = contexts @ outputs.T - targets.offsets - log_z
    shape = logits.shape
    labels = np.broadcast_to(targets.labels, shape)
    return reference.logistic_loss(logits, labels, np.broadcast_to(targets.weights, shape))


def skipgram_step(
    model: Model, contexts: Sequence[int], targets: Targets, rate: float, learns: bool
) -> None:
    """Move every context's row and every output row, in tiles as `reference.skipgram_step`."""
    errors = np.zeros((len(contexts), model.input.shape[1]))
    x = model.input[contexts]
    tiles = reference.equal_tiles(len(targets.outputs))
    gain = 0.0
    for tile in tiles:
        part = cut(targets, tile)
        y = model.output[part.outputs]
        gradient = steps_of(x @ y.T, part, rate, model.log_normalizer)
        model.loss += block_loss(x, y, part, model.log_normalizer)
        gain -= gradient.sum()
        errors += gradient @ y
        movement = np.zeros_like(y)
        for turn, context in enumerate(contexts):
            movement += np.outer(gradient[turn], model.input[context])
            if tile is tiles[-1]:
                model.input[context] += errors[turn]
        np.add.at(model.output, part.outputs, movement)
    model.log_normalizer += learns * gain


def cbow_step(
    model: Model,
    contexts: Sequence[int],
    targets: Targets,
    rate: float,
    learns: bool,
    mode: str,
) -> None:
    """Predict from the contexts' mean or sum; each context gets the whole gradient."""
    rows = model.input[contexts]
    hidden = rows.mean(0) if mode == "mean" else rows.sum(0)
    error = np.zeros_like(hidden)
    gain = 0.0
    for tile in reference.equal_tiles(len(targets.outputs)):
        part = cut(targets, tile)
        y = model.output[part.outputs]
        gradient = steps_of(y @ hidden, part, rate, model.log_normalizer)
        model.loss += block_loss(hidden[None], y, part, model.log_normalizer)
        gain -= gradient.sum()
        np.add.at(model.output, part.outputs, np.outer(gradient, hidden))
        error += gradient @ y
    np.add.at(model.input, contexts, np.tile(error, (len(rows), 1)))
    model.log_normalizer += learns * gain


def cut(targets: Targets, tile: slice) -> Targets:
    """Return some of the targets."""
    return Targets(
        targets.outputs[tile],
        targets.labels[tile],
        targets.offsets[tile],
        targets.weights[tile],
    )


def steps_of(products: Floats, targets: Targets, rate: float, log_z: float) -> Floats:
    """Return the rate times the negative gradient of the loss by each logit."""
    error = targets.labels - reference.sigmoid(products - targets.offsets - log_z)
    return np.asarray(rate * targets.weights * error)


def train_window(
    model: Model,
    window: Window,
    options: Options,
    rate: float,
    table: AliasTable,
    offsets: Floats,
) -> None:
    """Train one centre."""
    learns = options.loss == "nce" and options.normalizer == "learnt"
    lists: list[tuple[list[int], int]] = [(window.contexts, 2)]
    if options.method == "skipgram" and options.negative_sharing == "pair":
        lists = [
            ([context], 2 + slot * options.negatives)
            for context, slot in zip(window.contexts, window.slots, strict=True)
        ]
    for contexts, first_draw in lists:
        noise = noise_words(table, options, window, first_draw)
        targets = make_targets(window.center, noise, offsets, options)
        if options.method == "cbow":
            model.num_pairs += 1
            cbow_step(model, contexts, targets, rate, learns, options.context_combination)
        else:
            model.num_pairs += len(contexts)
            skipgram_step(model, contexts, targets, rate, learns)


def train(corpus: Corpus, options: Options) -> Model:
    """Train by the book."""
    shape = len(corpus.words), options.dim
    model = Model(reference.initial_rows(options.seed, *shape), np.zeros(shape))
    table = reference.alias_table(reference.noise_weights(corpus.counts, options.smoothing))
    offsets = word_offsets(corpus, options)
    for epoch in range(options.epochs):
        for window in reference.windows(corpus, options, epoch):
            rate = reference.learning_rate(options, corpus.num_tokens, epoch, window.position)
            train_window(model, window, options, rate, table, offsets)
    return model


def conditional(corpus: Corpus) -> Floats:
    """Return p(centre | context) in sentences of two words, contexts in rows."""
    pairs = planted.pair_counts(corpus)
    return np.asarray(pairs / pairs.sum(1, keepdims=True))


def scores(model: Embeddings, biases: Floats) -> Floats:
    """Return log p(w | c) + log Z of each context (row) and word."""
    return np.asarray(model.vectors.astype(np.float64) @ output_of(model).T + biases)
