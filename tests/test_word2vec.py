"""The trainers against the reference step by step, the known optima and planted corpora."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit._native import core
from embkit.embeddings import Embeddings
from tests import planted, reference
from tests.models import (
    FOUR_MODELS,
    MIXED,
    MODES,
    SMALL,
    Sentences,
    output_of,
    random_sentences,
    trained,
)

# float32 rounding over a few thousand steps of rows whose entries are about 1.
TOLERANCE = 1e-5


def assert_equals_the_reference(
    sentences: Sentences, tolerance: float = TOLERANCE, **options: Any
) -> None:
    corpus = reference.encode(sentences)
    tree = core.HuffmanTree(np.array(corpus.counts), corpus.first_positions)
    expected = reference.train(corpus, reference.Options(**options), tree.path)
    start = reference.initial_rows(
        options.get("seed", 1), len(corpus.words), expected.input.shape[1]
    )
    # Rows that hardly move would hide any error.
    assert 0.02 < np.abs(expected.input - start).max() < 10

    model = trained(sentences, **options)
    assert list(model.words) == corpus.words
    assert model.vectors.dtype == np.float32
    assert model.vectors.flags.c_contiguous
    assert np.abs(model.vectors - expected.input).max() < tolerance
    assert output_of(model).shape == expected.output.shape
    assert np.abs(output_of(model) - expected.output).max() < tolerance


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dim", [1, 7, 16, 100])
def test_equals_the_reference_in_any_dim(mode: str, dim: int) -> None:
    assert_equals_the_reference(MIXED, **{**SMALL, "dim": dim}, **MODES[mode])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("window", [1, 2, 5, 10])
@pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic", "fixed"])
def test_equals_the_reference_with_any_window(mode: str, window: int, dynamic: bool) -> None:
    options = {**SMALL, "window": window, "dynamic_window": dynamic}
    options["learning_rate"] = (
        0.6 / (1 + window) if "cbow" not in mode or "sum" in mode else 0.4
    )
    assert_equals_the_reference(MIXED, **options, **MODES[mode])


@pytest.mark.parametrize("mode", ["skipgram-ns", "skipgram-ns-pair", "cbow-ns"])
@pytest.mark.parametrize("negatives", [1, 5, 6, 13, 20])
def test_equals_the_reference_with_any_number_of_negatives(mode: str, negatives: int) -> None:
    options = {**SMALL, "negatives": negatives, "learning_rate": 0.6 / (1 + negatives)}
    assert_equals_the_reference(MIXED, **options, **MODES[mode])


@pytest.mark.parametrize("mode", ["skipgram-ns", "skipgram-ns-pair", "cbow-ns"])
@pytest.mark.parametrize("num_words", [2, 3, 5])
def test_equals_the_reference_where_negatives_repeat(mode: str, num_words: int) -> None:
    sentences = random_sentences(num_words, [10, 25, 4], seed=2)
    for negatives in (3, 5, 8):
        options = {
            **SMALL,
            "subsample": 0,
            "negatives": negatives,
            "learning_rate": 0.6 / (1 + negatives),
        }
        assert_equals_the_reference(sentences, **options, **MODES[mode])


@pytest.mark.parametrize("mode", MODES)
def test_equals_the_reference_with_two_words(mode: str) -> None:
    sentences = random_sentences(2, [10, 1, 25, 4], seed=2)
    # With a sum of many equal rows a higher rate makes rounding errors grow.
    rate = 0.1 if "sum" in mode else 0.3
    options = {**SMALL, "subsample": 0, "learning_rate": rate}
    assert_equals_the_reference(sentences, **options, **MODES[mode])


@pytest.mark.parametrize("mode", ["skipgram-hs", "cbow-hs", "cbow-hs-sum"])
def test_equals_the_reference_on_the_deepest_tree(mode: str) -> None:
    # Fibonacci counts: the rarest of 14 words has 13 nodes on its path, hence three tiles.
    counts = [1, 1]
    while len(counts) < 14:
        counts.append(counts[-1] + counts[-2])
    words = [f"w{i}" for i, count in enumerate(counts) for _ in range(count)]
    sentence = [words[i] for i in np.random.default_rng(3).permutation(len(words))]
    options = {**SMALL, "window": 2, "subsample": 0, "learning_rate": 0.1, "epochs": 1}
    assert_equals_the_reference([sentence], **options, **MODES[mode])


@pytest.mark.parametrize("mode", ["skipgram-ns", "skipgram-ns-pair", "cbow-ns"])
@pytest.mark.parametrize("smoothing", [0.0, 0.5, 1.0])
def test_equals_the_reference_with_any_smoothing(mode: str, smoothing: float) -> None:
    assert_equals_the_reference(MIXED, **SMALL, smoothing=smoothing, **MODES[mode])


@pytest.mark.parametrize("mode", FOUR_MODELS)
@pytest.mark.parametrize("formula", ["word2vec", "paper"])
@pytest.mark.parametrize("subsample", [1e-3, 0.05, 1.0])
def test_equals_the_reference_with_any_subsampling(
    mode: str, formula: str, subsample: float
) -> None:
    sentences = random_sentences(30, [60, 90, 50], seed=3)
    options = {**SMALL, "subsample": subsample, "subsample_formula": formula, "epochs": 3}
    assert_equals_the_reference(sentences, **options, **MODES[mode])


@pytest.mark.parametrize("mode", FOUR_MODELS)
@pytest.mark.parametrize("seed", [0, 7, 2**63, 2**64 - 1])
def test_equals_the_reference_with_any_seed(mode: str, seed: int) -> None:
    assert_equals_the_reference(MIXED, **SMALL, seed=seed, **MODES[mode])


@pytest.mark.parametrize("mode", FOUR_MODELS)
@pytest.mark.parametrize("lengths", [[2600], [1023, 1, 1024, 552]])
def test_equals_the_reference_over_several_steps_of_the_rate(
    mode: str, lengths: list[int]
) -> None:
    # 2,600 positions cross the grid of the learning rate twice an epoch.
    sentences = random_sentences(80, lengths, seed=4)
    options = {**SMALL, "window": 2, "dim": 8, "learning_rate": 0.1, "epochs": 2}
    assert_equals_the_reference(sentences, tolerance=2e-5, **options, **MODES[mode])


@pytest.mark.parametrize("dim", [1, 7, 100, 300])
def test_initial_rows_are_the_reference_ones(dim: int) -> None:
    # At this rate nothing moves.
    model = trained(MIXED, dim=dim, seed=5, learning_rate=1e-30, epochs=1)
    expected = reference.initial_rows(5, len(model.words), dim)
    np.testing.assert_allclose(model.vectors, expected, rtol=2e-7)
    assert np.abs(output_of(model)).max() < 1e-28


def test_rows_are_in_order_of_counts_then_bytes_and_rare_words_are_no_positions() -> None:
    sentences = [["b", "a", "z", "a", "é", "b"], ["é", "rare", "a", "b", "once", "a"]]
    model = trained(sentences, min_count=2, dim=4)
    assert list(model.words) == ["a", "b", "é"]
    assert model.counts is not None
    assert model.counts.tolist() == [4, 3, 2]
    # Positions count the words of the vocabulary only, so rare words change nothing.
    without = [[word for word in s if word in ("a", "b", "é")] for s in sentences]
    assert trained(without, dim=4).vectors.tobytes() == model.vectors.tobytes()


# ------------------------------------------------------------------ optima


def test_skipgram_reaches_the_full_rank_optimum_of_negative_sampling() -> None:
    sentences = planted.two_word_sentences(6, mean_count=400, seed=6)
    options: dict[str, Any] = {"dim": 16, "window": 1, "negatives": 3, "subsample": 0}
    model = trained(sentences, **options, learning_rate=0.1, epochs=40)
    corpus = reference.encode(sentences)
    optimum = planted.optimal_logits(corpus, reference.Options(**options))
    logits = model.vectors.astype(np.float64) @ output_of(model).T
    assert optimum.std() > 0.6
    assert np.sqrt(np.mean((logits - optimum) ** 2)) < 0.05


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
def test_hierarchical_softmax_learns_the_conditional_probabilities(method: str) -> None:
    sentences = planted.two_word_sentences(6, mean_count=400, seed=7)
    options: dict[str, Any] = {"dim": 16, "window": 1, "subsample": 0, "loss": "hs"}
    model = trained(sentences, method, **options, learning_rate=0.1, epochs=40)
    corpus = reference.encode(sentences)
    tree = core.HuffmanTree(np.array(corpus.counts), corpus.first_positions)
    probabilities = np.ones((6, 6))  # of each word (column) beside each word (row)
    for word in range(6):
        nodes, branches = tree.path(word)
        logits = model.vectors.astype(np.float64) @ output_of(model)[nodes].T
        probabilities[:, word] = reference.sigmoid((1 - 2.0 * branches) * logits).prod(1)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-12)
    pairs = planted.pair_counts(corpus)
    np.testing.assert_allclose(probabilities, pairs / pairs.sum(1, keepdims=True), atol=0.02)


def test_cbow_and_skipgram_are_one_where_every_centre_has_one_context() -> None:
    sentences = planted.two_word_sentences(6, mean_count=5, seed=8)
    skipgram, cbow = (
        trained(sentences, method, dim=10, window=1, subsample=0, learning_rate=0.1)
        for method in ("skipgram", "cbow")
    )
    np.testing.assert_allclose(skipgram.vectors, cbow.vectors, atol=TOLERANCE)
    np.testing.assert_allclose(output_of(skipgram), output_of(cbow), atol=TOLERANCE)


# ------------------------------------------------------------------ planted corpora


def unit_rows(model: Embeddings, initial: str) -> tuple[list[str], NDArray[np.float64]]:
    """Return the words that begin with a letter, and their vectors at length 1."""
    names = [word for word in model.words if word.startswith(initial)]
    rows = np.stack([model[word] for word in names]).astype(np.float64)
    return names, rows / np.linalg.norm(rows, axis=1, keepdims=True)


PLANTED: dict[str, Any] = {"dim": 24, "subsample": 0, "epochs": 10, "learning_rate": 0.1}


@pytest.mark.parametrize("mode", FOUR_MODELS)
def test_words_of_the_same_slots_are_neighbours(mode: str) -> None:
    sentences = planted.slot_sentences(3000, seed=1)
    names, rows = unit_rows(trained(sentences, **PLANTED, window=1, **MODES[mode]), "c")
    cosines = rows @ rows.T - 2 * np.eye(len(names))
    for name, nearest in zip(names, np.argsort(-cosines, axis=1), strict=True):
        company = {names[other][:2] for other in nearest[:5]}
        assert company == {name[:2]}, name


# The tree bends the space of hierarchical softmax; chance is one in 29.
@pytest.mark.parametrize(
    ("mode", "share"),
    [("skipgram-ns", 0.98), ("cbow-ns", 0.98), ("skipgram-hs", 0.75), ("cbow-hs", 0.75)],
)
def test_planted_analogies_are_solved(mode: str, share: float) -> None:
    sentences = planted.analogy_sentences(4000, seed=2)
    options = {**PLANTED, "window": 2, "dynamic_window": False}
    names, rows = unit_rows(trained(sentences, **options, **MODES[mode]), "w")
    row = dict(zip(names, rows, strict=True))
    solved = []
    for a, b, c, d in planted.analogy_questions():
        scores = rows @ (row[b] - row[a] + row[c])
        scores[[names.index(word) for word in (a, b, c)]] = -np.inf
        solved.append(names[int(np.argmax(scores))] == d)
    assert np.mean(solved) >= share
