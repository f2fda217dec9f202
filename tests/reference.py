"""The slow, obvious NumPy version of every step of the word2vec trainers, in float64.

Written from the papers and from the statement of the random draws, not from the native code:
Mikolov et al. 2013 (the models, negative sampling, subsampling), Morin and Bengio 2005
(hierarchical softmax), Steele, Lea and Flood 2014 (SplitMix64), Walker 1977 and Vose 1991 (the
alias method), Huffman 1952.

As in word2vec.c, skip-gram feeds the *context* word's input row and predicts the centre.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]
Draws = NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
INITIAL_ROWS_EPOCH = 2**64 - 1
RATE_GRID = 1024  # positions that share a learning rate
LEAST_RATE = 1e-4  # of the rate at the start
TILE = 6  # output rows that are trained at once


# ------------------------------------------------------------------ random draws


def mix64(value: ArrayLike) -> Draws:
    """Mix 64 bits: the finaliser of SplitMix64 (Stafford's variant 13)."""
    z = np.atleast_1d(np.asarray(value, np.uint64))
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def random_draws(
    seed: ArrayLike, epoch: ArrayLike, position: ArrayLike, draw: ArrayLike
) -> Draws:
    """Return the given draws; the four arguments broadcast."""
    seeds, epochs, positions, numbers = (
        np.atleast_1d(np.asarray(value, np.uint64)) for value in (seed, epoch, position, draw)
    )
    key = mix64(mix64(seeds + GOLDEN) ^ (epochs * np.uint64(0xD1342543DE82EF95) + GOLDEN))
    state = mix64(key + (positions + np.uint64(1)) * GOLDEN)
    return np.where(numbers == 0, state, mix64(state + numbers * GOLDEN))


def uniform(draws: Draws) -> Floats:
    """Return the numbers in [0, 1) that the high 24 bits stand for."""
    return (draws >> np.uint64(40)).astype(np.float64) / 2**24


def below(draws: Draws, limit: int) -> Ids:
    """Return the integers in [0, limit) that the high 32 bits stand for."""
    return (((draws >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32)).astype(np.int64)


# ------------------------------------------------------------------ noise and subsampling


@dataclass
class AliasTable:
    """Slots of equal probability: a slot's own id below ``keep`` (of 2^32), else its alias."""

    keep: NDArray[np.uint64]
    alias: Ids

    def sample(self, draws: Draws) -> Ids:
        """Return the word that each draw picks: slot by the high half, side by the low half."""
        slot = below(draws, len(self.keep))
        own = (draws & np.uint64(0xFFFFFFFF)) < self.keep[slot]
        return np.where(own, slot, self.alias[slot])

    def probabilities(self) -> Floats:
        """Return the probability of each word, up to the 2^-32 steps of ``keep``."""
        own = self.keep.astype(np.float64) / 2**32
        chances = own + np.bincount(self.alias, 1 - own, minlength=len(own))
        return np.asarray(chances / len(own))


def alias_table(weights: Sequence[float]) -> AliasTable:
    """Fill the slots from two stacks, those under and those over the mean weight."""
    total = 0.0
    for weight in weights:
        total += weight
    mass = [weight * (len(weights) / total) for weight in weights]
    under = [i for i, m in enumerate(mass) if m < 1]
    over = [i for i, m in enumerate(mass) if m >= 1]
    keep = np.full(len(mass), 2**32 - 1, np.uint64)
    alias = np.arange(len(mass))
    while under and over:
        small, large = under.pop(), over[-1]
        keep[small], alias[small] = int(mass[small] * 2**32), large
        mass[large] -= 1 - mass[small]
        if mass[large] < 1:
            under.append(over.pop())
    return AliasTable(keep, alias)


def noise_weights(counts: Sequence[int], smoothing: float) -> list[float]:
    """Return the unnormalised noise distribution, count^smoothing."""
    return [math.pow(count, smoothing) for count in counts]


def keep_probabilities(counts: Sequence[int], subsample: float, formula: str) -> Floats:
    """Return each word's probability to survive subsampling, possibly above 1."""
    if subsample == 0:
        return np.ones(len(counts))
    ratio = subsample / (np.asarray(counts, np.float64) / sum(counts))
    return np.sqrt(ratio) + (ratio if formula == "word2vec" else 0.0)


# ------------------------------------------------------------------ the Huffman code


def huffman_lengths(counts: Sequence[int]) -> list[int]:
    """Return the code length of each word: join the two lightest trees until one is left."""
    heap = [(count, word, [word]) for word, count in enumerate(counts)]
    heapq.heapify(heap)
    lengths = [0] * len(counts)
    while len(heap) > 1:
        light, heavy = heapq.heappop(heap), heapq.heappop(heap)
        members = light[2] + heavy[2]
        for word in members:
            lengths[word] += 1
        heapq.heappush(heap, (light[0] + heavy[0], len(counts) + light[1], members))
    return lengths


# ------------------------------------------------------------------ losses


def log_sigmoid(x: ArrayLike) -> Floats:
    """Return log(1 / (1 + exp(-x))) without overflow."""
    return -np.logaddexp(0, -np.asarray(x, np.float64))


def sigmoid(x: ArrayLike) -> Floats:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return np.exp(log_sigmoid(x))


def logistic_loss(logits: Floats, labels: Floats, weights: Floats | float = 1.0) -> float:
    """Return the summed -log sigmoid of the logits, negated where the label is 0."""
    return float(-np.sum(weights * log_sigmoid((2 * labels - 1) * logits)))


def block_loss(contexts: Floats, outputs: Floats, labels: Floats) -> float:
    """Return the loss of every context row against every output row (skip-gram)."""
    return logistic_loss(
        contexts @ outputs.T, np.broadcast_to(labels, (len(contexts), len(labels)))
    )


def hidden_loss(contexts: Floats, outputs: Floats, labels: Floats, mode: str) -> float:
    """Return the loss of the contexts' mean or sum against every output row (CBOW)."""
    hidden = contexts.mean(0) if mode == "mean" else contexts.sum(0)
    return logistic_loss(outputs @ hidden, labels)


# ------------------------------------------------------------------ steps


@dataclass
class Model:
    """The two matrices, trained in place, and the loss so far."""

    input: Floats
    output: Floats
    loss: float = 0.0
    num_pairs: int = 0
    log_normalizer: float = 0.0  # only read and moved by noise-contrastive estimation


def equal_tiles(length: int) -> list[slice]:
    """Cut ``length`` outputs into the fewest tiles of at most ``TILE``, larger ones first."""
    parts = np.array_split(np.arange(length), math.ceil(length / TILE))
    return [slice(int(part[0]), int(part[-1]) + 1) for part in parts]


def skipgram_step(
    model: Model, contexts: Sequence[int], outputs: Sequence[int], labels: Floats, rate: float
) -> None:
    """Move every context's input row and every output row.

    All logits are those from before the step, but for an output that is listed again in a
    later tile. The contexts are gone through in order: one that is listed twice moves twice,
    and its second turn finds its row already moved. An output that is listed twice gets both
    movements.
    """
    x = model.input[contexts]
    errors = np.zeros_like(x)
    tiles = equal_tiles(len(outputs))
    for tile in tiles:
        y = model.output[outputs[tile]]
        gradient = rate * (labels[tile] - sigmoid(x @ y.T))
        model.loss += block_loss(x, y, labels[tile])
        errors += gradient @ y
        movement = np.zeros_like(y)
        for turn, context in enumerate(contexts):
            movement += np.outer(gradient[turn], model.input[context])
            if tile is tiles[-1]:
                model.input[context] += errors[turn]
        np.add.at(model.output, outputs[tile], movement)


def cbow_step(
    model: Model,
    contexts: Sequence[int],
    outputs: Sequence[int],
    labels: Floats,
    rate: float,
    mode: str,
) -> None:
    """Predict from the contexts' mean or sum, one tile of outputs after another.

    The error of all tiles is added, undivided, to each context's input row at the end.
    """
    x = model.input[contexts]
    hidden = x.mean(0) if mode == "mean" else x.sum(0)
    error = np.zeros_like(hidden)
    for tile in equal_tiles(len(outputs)):
        y = model.output[outputs[tile]]
        gradient = rate * (labels[tile] - sigmoid(y @ hidden))
        model.loss += hidden_loss(x, y, labels[tile], mode)
        np.add.at(model.output, outputs[tile], np.outer(gradient, hidden))
        error += gradient @ y
    np.add.at(model.input, contexts, np.tile(error, (len(x), 1)))


# ------------------------------------------------------------------ trainers

Path = Callable[[int], tuple[Any, Any]]


@dataclass(frozen=True)
class Options:
    """The options of a run, by the product's names."""

    method: str = "skipgram"
    loss: str = "ns"
    dim: int = 100
    window: int = 5
    dynamic_window: bool = True
    negatives: int = 5
    smoothing: float = 0.75
    subsample: float = 1e-3
    subsample_formula: str = "word2vec"
    learning_rate: float = 0.025
    epochs: int = 5
    seed: int = 1
    negative_sharing: str = "window"
    context_combination: str = "mean"


@dataclass
class Corpus:
    """Encoded sentences, and the words in row order with their counts."""

    words: list[str]
    counts: list[int]
    sentences: list[list[int]] = field(default_factory=list)

    @property
    def num_tokens(self) -> int:
        """The number of ids."""
        return sum(map(len, self.sentences))

    @property
    def first_positions(self) -> NDArray[np.uint64]:
        """The position at which each word is first met: the Huffman tree's order of ties."""
        ids = [word for sentence in self.sentences for word in sentence]
        return np.array([ids.index(word) for word in range(len(self.words))], np.uint64)


def encode(sentences: Sequence[Sequence[str]], min_count: int = 1) -> Corpus:
    """Count and encode: rows by count down, then by bytes; rarer words are left out."""
    counts = Counter(token for sentence in sentences for token in sentence)
    words = [word for word, count in counts.items() if count >= min_count]
    words.sort(key=lambda word: (-counts[word], word.encode()))
    row = {word: i for i, word in enumerate(words)}
    encoded = [[row[token] for token in sentence if token in row] for sentence in sentences]
    return Corpus(words, [counts[word] for word in words], encoded)


@dataclass(frozen=True)
class Window:
    """A centre and its contexts; ``slots`` numbers the contexts among the kept neighbours."""

    epoch: int
    position: int
    center: int
    contexts: list[int]
    slots: list[int]


def windows(corpus: Corpus, options: Options, epoch: int) -> Iterator[Window]:
    """Yield the windows of an epoch in the order of their centres' positions."""
    keep = keep_probabilities(corpus.counts, options.subsample, options.subsample_formula)
    start = 0
    for sentence in corpus.sentences:
        positions = start + np.arange(len(sentence))
        start += len(sentence)
        chance = uniform(random_draws(options.seed, epoch, positions, 0))
        kept = [
            i for i, word in enumerate(sentence) if keep[word] >= 1 or chance[i] < keep[word]
        ]
        radii = [options.window] * len(sentence)
        if options.dynamic_window:
            draw = random_draws(options.seed, epoch, positions, 1)
            radii = [1 + int(shrunk) for shrunk in below(draw, options.window)]
        for rank, i in enumerate(kept):
            first, last = max(0, rank - radii[i]), min(len(kept), rank + radii[i] + 1)
            ranks = [other for other in range(first, last) if other != rank]
            if ranks:
                contexts = [sentence[kept[other]] for other in ranks]
                slots = [other - rank + options.window for other in ranks]
                yield Window(epoch, int(positions[i]), sentence[i], contexts, slots)


def initial_rows(seed: int, num_words: int, dim: int) -> Floats:
    """Return input rows uniform in [-0.5, 0.5) / dim."""
    draws = random_draws(seed, INITIAL_ROWS_EPOCH, np.arange(num_words * dim), 0)
    return ((uniform(draws) - 0.5) / dim).reshape(num_words, dim)


def learning_rate(options: Options, num_tokens: int, epoch: int, position: int) -> float:
    """Return the rate of a centre: linear over the run, constant on a grid of positions."""
    done = epoch * num_tokens + position // RATE_GRID * RATE_GRID
    return options.learning_rate * max(1 - done / (options.epochs * num_tokens), LEAST_RATE)


def negatives_at(
    table: AliasTable, options: Options, window: Window, first_draw: int
) -> list[int]:
    """Draw a window's noise words from ``first_draw`` on, without those equal to its centre."""
    numbers = first_draw + np.arange(options.negatives)
    drawn = table.sample(random_draws(options.seed, window.epoch, window.position, numbers))
    return [int(word) for word in drawn if word != window.center]


def train_window(
    model: Model, window: Window, options: Options, rate: float, table: AliasTable, path: Path
) -> None:
    """Train one centre."""
    step: Callable[..., None] = skipgram_step
    extra: tuple[Any, ...] = (rate,)
    if options.method == "cbow":
        step, extra = cbow_step, (rate, options.context_combination)
    model.num_pairs += 1 if options.method == "cbow" else len(window.contexts)
    if options.loss == "hs":
        nodes, branches = path(window.center)
        step(model, window.contexts, nodes, 1.0 - np.asarray(branches), *extra)
    elif options.method == "skipgram" and options.negative_sharing == "pair":
        for context, slot in zip(window.contexts, window.slots, strict=True):
            noise = negatives_at(table, options, window, 2 + slot * options.negatives)
            step(model, [context], [window.center, *noise], one_hot(1 + len(noise)), *extra)
    else:
        noise = negatives_at(table, options, window, 2)
        step(model, window.contexts, [window.center, *noise], one_hot(1 + len(noise)), *extra)


def one_hot(length: int) -> Floats:
    """Return labels of which the first is 1, the rest 0."""
    labels = np.zeros(length)
    labels[0] = 1
    return labels


def train(corpus: Corpus, options: Options, path: Path | None = None) -> Model:
    """Train by the book; ``path`` gives a word's tree nodes and branches (hs)."""
    num_words = len(corpus.words)
    num_outputs = num_words if options.loss == "ns" else num_words - 1
    model = Model(
        initial_rows(options.seed, num_words, options.dim), np.zeros((num_outputs, options.dim))
    )
    table = alias_table(noise_weights(corpus.counts, options.smoothing))
    for epoch in range(options.epochs):
        for window in windows(corpus, options, epoch):
            rate = learning_rate(options, corpus.num_tokens, epoch, window.position)
            train_window(model, window, options, rate, table, path or no_path)
    return model


def no_path(word: int) -> tuple[Any, Any]:
    """Stand in for the tree where none was given."""
    raise ValueError(f"hierarchical softmax needs the path of word {word}")
