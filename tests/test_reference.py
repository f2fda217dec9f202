"""The reference itself: right gradients, right optima, probabilities that sum to 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from embkit._native import core
from tests import planted, reference
from tests.reference import Floats, Model, log_sigmoid


def nce_loss(positive: Floats, noise: Floats, log_kq: Floats, log_kq_noise: Floats) -> float:
    """Return the noise-contrastive loss (Gutmann and Hyvarinen 2010; Mnih and Teh 2012)."""
    return float(
        -np.sum(log_sigmoid(positive - log_kq)) - np.sum(log_sigmoid(-(noise - log_kq_noise)))
    )


def finite_differences(loss: Callable[[Floats], float], at: Floats) -> Floats:
    """Return the gradient by central differences."""
    gradient, step = np.zeros_like(at), 1e-5
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (loss(up) - loss(down)) / (2 * step)
    return gradient


def random_model(num_inputs: int, num_outputs: int, dim: int) -> Model:
    rng = np.random.default_rng(num_inputs + dim)
    return Model(rng.normal(size=(num_inputs, dim)), rng.normal(size=(num_outputs, dim)))


def moved(model: Model, step: Callable[[Model], None]) -> tuple[Floats, Floats, float]:
    """Return by how much a step moves each matrix, and the loss it records."""
    after = Model(model.input.copy(), model.output.copy())
    step(after)
    return after.input - model.input, after.output - model.output, after.loss


# So small that a row which moves twice in a step meets itself almost unmoved.
RATE = 1e-8

# Contexts and outputs with repeated ids; labels of negative sampling and of a tree path.
BLOCKS = [
    ([0, 3, 2], [4, 1, 0, 2], [1, 0, 0, 0]),
    ([1, 1, 3], [2, 0, 0, 1], [1, 0, 0, 0]),
    ([2], [0], [1]),
    ([0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 4], [0, 1, 1, 0, 1]),
]


@pytest.mark.parametrize(("contexts", "outputs", "labels"), BLOCKS)
@pytest.mark.parametrize("dim", [1, 5])
def test_skipgram_step_descends_the_gradient_of_the_loss(
    contexts: list[int], outputs: list[int], labels: list[float], dim: int
) -> None:
    model, goal, rate = random_model(4, 5, dim), np.array(labels, float), RATE

    def loss_of_input(rows: Floats) -> float:
        return reference.block_loss(rows[contexts], model.output[outputs], goal)

    def loss_of_output(rows: Floats) -> float:
        return reference.block_loss(model.input[contexts], rows[outputs], goal)

    moved_input, moved_output, loss = moved(
        model, lambda m: reference.skipgram_step(m, contexts, outputs, goal, rate)
    )
    assert loss == loss_of_input(model.input) == loss_of_output(model.output)
    for movement, of_rows, rows in [
        (moved_input, loss_of_input, model.input),
        (moved_output, loss_of_output, model.output),
    ]:
        np.testing.assert_allclose(
            movement / -rate, finite_differences(of_rows, rows), atol=1e-6
        )


@pytest.mark.parametrize(("contexts", "outputs", "labels"), BLOCKS)
@pytest.mark.parametrize("mode", ["mean", "sum"])
def test_cbow_step_descends_the_gradient_up_to_the_undivided_error(
    contexts: list[int], outputs: list[int], labels: list[float], mode: str
) -> None:
    model, goal, rate = random_model(4, 5, 5), np.array(labels, float), RATE

    def loss_of_input(rows: Floats) -> float:
        return reference.hidden_loss(rows[contexts], model.output[outputs], goal, mode)

    def loss_of_output(rows: Floats) -> float:
        return reference.hidden_loss(model.input[contexts], rows[outputs], goal, mode)

    moved_input, moved_output, loss = moved(
        model, lambda m: reference.cbow_step(m, contexts, outputs, goal, rate, mode)
    )
    # word2vec.c does not divide the error of the mean by the number of contexts.
    undivided = len(contexts) if mode == "mean" else 1
    assert loss == loss_of_input(model.input) == loss_of_output(model.output)
    for movement, of_rows, rows, factor in [
        (moved_input, loss_of_input, model.input, undivided),
        (moved_output, loss_of_output, model.output, 1),
    ]:
        expected = factor * finite_differences(of_rows, rows)
        np.testing.assert_allclose(movement / -rate, expected, atol=1e-6)


def test_nce_gradient_is_that_of_its_loss() -> None:
    scores, log_kq = np.random.default_rng(2).normal(size=(2, 6))
    labels = np.array([1.0, 1, 0, 0, 0, 0])

    def loss(x: Floats) -> float:
        return nce_loss(x[:2], x[2:], log_kq[:2], log_kq[2:])

    gradient = reference.sigmoid(scores - log_kq) - labels
    np.testing.assert_allclose(gradient, finite_differences(loss, scores), atol=1e-6)


@pytest.mark.parametrize("num_words", [3, 8])
def test_negative_sampling_with_as_many_uniform_negatives_as_words_is_nce(
    num_words: int,
) -> None:
    # k = |V| and Q = 1/|V| make log kQ zero.
    rng = np.random.default_rng(3)
    positive, noise = rng.normal(size=10), rng.normal(size=(10, num_words))
    scores = np.column_stack([positive, noise])
    plain = sum(
        reference.logistic_loss(row, reference.one_hot(1 + num_words)) for row in scores
    )
    log_kq = np.log(num_words * np.full(1, 1 / num_words))
    assert plain == pytest.approx(nce_loss(positive, noise, log_kq, log_kq), rel=1e-14)


# ------------------------------------------------------------------ optima


def joint_counts(num_words: int) -> Floats:
    return np.random.default_rng(4).integers(1, 50, (num_words, num_words)).astype(float)


def minimise(loss: Callable[[Floats], tuple[float, Floats]], size: int) -> Floats:
    best: Any = minimize(
        loss,
        np.random.default_rng(1).normal(scale=0.1, size=size),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 20_000, "maxfun": 200_000, "ftol": 1e-16, "gtol": 1e-12},
    )
    return np.asarray(best.x, np.float64)


@pytest.mark.parametrize("smoothing", [1.0, 0.75])
@pytest.mark.parametrize("negatives", [1, 5])
def test_full_rank_optimum_of_negative_sampling_is_smoothed_pmi_minus_log_k(
    smoothing: float, negatives: int
) -> None:
    # Levy and Goldberg 2014, by descent on the factors with the gradient of the step.
    pairs = joint_counts(6)
    weights = np.array(reference.noise_weights(pairs.sum(0).tolist(), smoothing))
    noise = weights / weights.sum()
    positive = pairs / pairs.sum()
    negative = negatives * np.outer(pairs.sum(1) / pairs.sum(), noise)

    def loss(flat: Floats) -> tuple[float, Floats]:
        words, contexts = flat.reshape(2, 6, 6)
        logits = words @ contexts.T
        value = -np.sum(positive * log_sigmoid(logits))
        value -= np.sum(negative * log_sigmoid(-logits))
        slope = negative * reference.sigmoid(logits) - positive * reference.sigmoid(-logits)
        return float(value), np.concatenate(
            [(slope @ contexts).ravel(), (slope.T @ words).ravel()]
        )

    words, contexts = minimise(loss, 72).reshape(2, 6, 6)
    pmi = np.log(positive / np.outer(positive.sum(1), noise))
    np.testing.assert_allclose(words @ contexts.T, pmi - np.log(negatives), atol=1e-6)


def test_full_rank_optimum_of_nce_is_the_log_probability_and_normalises_itself() -> None:
    pairs = joint_counts(5)
    positive, noise = pairs / pairs.sum(), pairs.sum(0) / pairs.sum()
    log_kq = np.log(4 * noise)
    negative = 4 * np.outer(positive.sum(1), noise)

    def loss(flat: Floats) -> tuple[float, Floats]:
        logits = flat.reshape(5, 5) - log_kq
        value = -np.sum(positive * log_sigmoid(logits))
        value -= np.sum(negative * log_sigmoid(-logits))
        slope = negative * reference.sigmoid(logits) - positive * reference.sigmoid(-logits)
        return float(value), slope.ravel()

    scores = minimise(loss, 25).reshape(5, 5)
    conditional = positive / positive.sum(1, keepdims=True)
    np.testing.assert_allclose(scores, np.log(conditional), atol=1e-6)
    np.testing.assert_allclose(np.exp(scores).sum(1), 1, atol=1e-6)


def test_the_trainer_by_the_book_reaches_the_optimum_of_negative_sampling() -> None:
    corpus = reference.encode(planted.two_word_sentences(4, mean_count=10, seed=5))
    options = reference.Options(
        dim=8, window=1, negatives=3, subsample=0, learning_rate=0.1, epochs=20
    )
    model = reference.train(corpus, options)
    optimum = planted.optimal_logits(corpus, options)
    assert optimum.std() > 0.6
    assert np.sqrt(np.mean((model.input @ model.output.T - optimum) ** 2)) < 0.15


# ------------------------------------------------------------------ hierarchical softmax


@pytest.mark.parametrize("counts", [[3, 1], [9, 5, 2, 1], list(range(1, 60)), [1] * 33])
def test_tree_probabilities_sum_to_one_over_the_vocabulary(counts: list[int]) -> None:
    tree = core.HuffmanTree(np.array(counts), np.zeros(len(counts), np.uint64))
    rng = np.random.default_rng(6)
    rows, hidden = rng.normal(size=(len(counts) - 1, 7)), rng.normal(size=7)
    total = 0.0
    for word in range(len(counts)):
        nodes, branches = tree.path(word)
        loss = reference.logistic_loss(rows[nodes] @ hidden, 1 - branches.astype(np.float64))
        total += np.exp(-loss)
    assert total == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("length", "sizes"),
    [(1, [1]), (6, [6]), (7, [4, 3]), (12, [6, 6]), (13, [5, 4, 4]), (20, [5, 5, 5, 5])],
)
def test_paths_are_cut_into_equal_tiles(length: int, sizes: list[int]) -> None:
    tiles = reference.equal_tiles(length)
    assert [len(range(*tile.indices(length))) for tile in tiles] == sizes
    assert [i for tile in tiles for i in range(*tile.indices(length))] == list(range(length))


# ------------------------------------------------------------------ windows and rates


def test_windows_run_over_kept_tokens_of_one_sentence() -> None:
    corpus = reference.Corpus(list("abc"), [30, 9, 3], [[0, 1, 2, 0, 0, 1], [2, 1, 0, 1, 2]])
    options = reference.Options(window=2, dynamic_window=False, subsample=0.1, seed=3)
    keep = reference.keep_probabilities(corpus.counts, 0.1, "word2vec")
    chance = reference.uniform(reference.random_draws(3, 0, np.arange(11), 0))
    flat = [word for sentence in corpus.sentences for word in sentence]
    kept = [i for i in range(11) if chance[i] < keep[flat[i]]]
    assert 4 < len(kept) < 11
    expected = []
    for rank, center in enumerate(kept):
        near = [i for i in kept[max(0, rank - 2) : rank + 3] if i != center]
        inside = [i for i in near if (i < 6) == (center < 6)]
        if inside:
            expected.append((center, [flat[i] for i in inside]))
    found = list(reference.windows(corpus, options, epoch=0))
    assert [(window.position, window.contexts) for window in found] == expected
    assert all(window.center == flat[window.position] for window in found)


def test_slots_number_the_contexts_around_the_centre() -> None:
    corpus = reference.Corpus(["a"], [5], [[0] * 5])
    options = reference.Options(window=3, dynamic_window=False, subsample=0)
    slots = [window.slots for window in reference.windows(corpus, options, 0)]
    assert slots == [[4, 5, 6], [2, 4, 5, 6], [1, 2, 4, 5], [0, 1, 2, 4], [0, 1, 2]]


def test_learning_rate_falls_on_a_grid_and_has_a_floor() -> None:
    options = reference.Options(learning_rate=0.5, epochs=2)
    rates = [reference.learning_rate(options, 4096, e, p) for e in (0, 1) for p in range(4096)]
    assert sorted(set(rates), reverse=True) == [0.5 * (1 - step / 8) for step in range(8)]
    assert rates == sorted(rates, reverse=True)
    assert reference.learning_rate(options, 1, 1, 10**9) == 0.5 * 1e-4
