"""Noise-contrastive estimation: against the reference, its gradients and its known optima."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests import planted, reference, reference_nce
from tests.models import MIXED, SMALL, Sentences, output_of, random_sentences, trained
from tests.reference import Floats, Model
from tests.reference_nce import Targets
from tests.test_reference import finite_differences

# float32 rounding over a few thousand steps of rows whose entries are about 1.
TOLERANCE = 1e-5

BLOCK: dict[str, Any] = {"negative_sharing": "block", "block_size": 20, "block_negatives": 9}
MODES: dict[str, dict[str, Any]] = {
    "skipgram": {"method": "skipgram"},
    "skipgram-pair": {"method": "skipgram", "negative_sharing": "pair"},
    "skipgram-block": {"method": "skipgram", **BLOCK},
    "cbow": {"method": "cbow"},
    "cbow-sum": {"method": "cbow", "context_combination": "sum"},
    "cbow-block": {"method": "cbow", **BLOCK},
}


def assert_equals_the_reference(
    sentences: Sentences, tolerance: float = TOLERANCE, **options: Any
) -> None:
    options = {**SMALL, "loss": "nce", "learning_rate": 0.5, **options}
    corpus = reference.encode(sentences)
    expected = reference_nce.train(corpus, reference_nce.Options(**options))
    start = reference.initial_rows(
        options.get("seed", 1), len(corpus.words), expected.input.shape[1]
    )
    # Rows that hardly move would hide any error; those of NCE begin near their goal.
    assert 0.01 < np.abs(expected.input - start).max() < 10
    model = trained(sentences, **options)
    assert np.abs(model.vectors - expected.input).max() < tolerance
    assert np.abs(output_of(model) - expected.output).max() < tolerance
    if options["epochs"] == 1:
        mean_loss = expected.loss / expected.num_pairs
        assert model.provenance["final_loss"] == pytest.approx(mean_loss, rel=1e-5)
    if options["loss"] == "nce":
        log_z = model.provenance["normalizer"]["log"]
        assert log_z == pytest.approx(expected.log_normalizer, abs=tolerance)
        assert (log_z != 0) == (options.get("normalizer") == "learnt")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dim", [1, 7, 16, 100])
def test_equals_the_reference_in_any_dim(mode: str, dim: int) -> None:
    assert_equals_the_reference(MIXED, dim=dim, epochs=1 if dim < 50 else 3, **MODES[mode])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("normalizer", ["fixed", "learnt"])
@pytest.mark.parametrize("bias", ["unigram", "none"])
def test_equals_the_reference_with_any_normalizer_and_bias(
    mode: str, normalizer: str, bias: str
) -> None:
    options = {**MODES[mode], "normalizer": normalizer, "bias": bias}
    assert_equals_the_reference(MIXED, **options, learning_rate=0.3)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("negatives", [1, 5, 6, 13, 20])
def test_equals_the_reference_with_any_number_of_negatives(mode: str, negatives: int) -> None:
    rate = 0.5 if negatives < 10 else 0.3  # rounding grows with the steps
    assert_equals_the_reference(MIXED, negatives=negatives, learning_rate=rate, **MODES[mode])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("num_words", [2, 3, 5])
def test_equals_the_reference_where_noise_repeats_and_meets_the_centre(
    mode: str, num_words: int
) -> None:
    sentences = random_sentences(num_words, [10, 25, 4], seed=2)
    # With a sum of many equal rows a higher rate makes rounding errors grow.
    rate = 0.2 if "sum" in mode else 0.5
    options = {**MODES[mode], "subsample": 0, "negatives": 5, "learning_rate": rate}
    assert_equals_the_reference(sentences, **options)


@pytest.mark.parametrize("mode", ["skipgram-block", "cbow-block"])
@pytest.mark.parametrize("loss", ["ns", "nce"])
@pytest.mark.parametrize(("size", "words"), [(1, 4), (3, 1), (37, 64), (10_000, 5)])
def test_equals_the_reference_with_any_block(
    mode: str, loss: str, size: int, words: int
) -> None:
    options = {**MODES[mode], "loss": loss, "block_size": size, "block_negatives": words}
    # Noise that many centres repeat drives high rates to divergence.
    rate = 0.1 if loss == "ns" or size > 9 * words or words == 1 else 0.5
    assert_equals_the_reference(MIXED, **options, epochs=3, learning_rate=rate)


@pytest.mark.parametrize("mode", ["skipgram", "cbow", "skipgram-block"])
@pytest.mark.parametrize("smoothing", [0.0, 0.75, 1.0])
@pytest.mark.parametrize("formula", ["word2vec", "paper"])
def test_equals_the_reference_with_any_noise_and_subsampling(
    mode: str, smoothing: float, formula: str
) -> None:
    options = {**MODES[mode], "smoothing": smoothing, "subsample_formula": formula}
    assert_equals_the_reference(MIXED, **options)


@pytest.mark.parametrize("mode", ["skipgram", "skipgram-pair", "skipgram-block"])
def test_blocks_and_normalizer_go_on_over_the_grid_of_the_rate(mode: str) -> None:
    # 2,600 positions: several blocks of work of a thread, and steps of the rate.
    sentences = random_sentences(80, [1023, 1, 1024, 552], seed=4)
    options = {**MODES[mode], "normalizer": "learnt", "learning_rate": 0.1}
    options |= {"block_size": 100} if "block" in mode else {}
    assert_equals_the_reference(sentences, **options, window=2, dim=8, epochs=1)


# ------------------------------------------------------------------ gradients


def some_targets() -> Targets:
    offsets, weights = np.random.default_rng(5).uniform(0.2, 2, (2, 8))
    labels = np.array([1.0, 0, 0, 0, 0, 0, 0, 0])
    return Targets([4, 1, 0, 2, 4, 3, 1, 0], labels, offsets, weights)


@pytest.mark.parametrize("kind", ["skipgram", "mean", "sum"])
def test_reference_step_descends_the_gradient_of_rows_and_normalizer(kind: str) -> None:
    rng, targets, rate, contexts = np.random.default_rng(6), some_targets(), 1e-8, [0, 3, 2]
    start = Model(rng.normal(size=(4, 5)), rng.normal(size=(5, 5)), log_normalizer=0.3)
    after = Model(start.input.copy(), start.output.copy(), log_normalizer=0.3)
    if kind == "skipgram":
        reference_nce.skipgram_step(after, contexts, targets, rate, learns=True)
    else:
        reference_nce.cbow_step(after, contexts, targets, rate, True, kind)

    def loss(inputs: Floats, outputs: Floats, log_z: float) -> float:
        rows = inputs[contexts]
        if kind != "skipgram":
            rows = (rows.mean(0) if kind == "mean" else rows.sum(0))[None]
        return reference_nce.block_loss(rows, outputs[targets.outputs], targets, log_z)

    # word2vec.c does not divide the error of the mean by the number of contexts.
    undivided = len(contexts) if kind == "mean" else 1

    def by_input(rows: Floats) -> float:
        return loss(rows, start.output, 0.3)

    def by_output(rows: Floats) -> float:
        return loss(start.input, rows, 0.3)

    def by_log_z(z: Floats) -> float:
        return loss(start.input, start.output, z[0])

    for moved, expected in [
        (after.input - start.input, undivided * finite_differences(by_input, start.input)),
        (after.output - start.output, finite_differences(by_output, start.output)),
        (
            np.array([after.log_normalizer - 0.3]),
            finite_differences(by_log_z, np.array([0.3])),
        ),
    ]:
        np.testing.assert_allclose(moved / -rate, expected, atol=1e-6)
    assert after.loss == pytest.approx(loss(start.input, start.output, 0.3))


def test_shared_noise_has_the_expected_gradient_of_noise_of_its_own() -> None:
    # The mean step over many blocks against that over many windows, at the first centre.
    rng = np.random.default_rng(7)
    corpus = reference.Corpus(list("abcd"), [8, 4, 2, 2], [[0, 1, 2]])
    rows = rng.normal(size=(2, 4, 3))
    moved: dict[str, Floats] = {}
    for sharing in ("window", "block"):
        total, draws = np.zeros((2, 4, 3)), 2000
        for seed in range(draws):
            options = reference_nce.Options(
                negatives=3, seed=seed, negative_sharing=sharing, block_negatives=8
            )
            model = Model(*rows.copy())
            table = reference.alias_table(reference.noise_weights(corpus.counts, 0.75))
            window = reference.Window(0, 1, 1, [0, 2], [4, 6])
            offsets = reference_nce.word_offsets(corpus, options)
            reference_nce.train_window(model, window, options, 1e-3, table, offsets)
            total += np.stack([model.input, model.output]) - rows
        moved[sharing] = total / draws / 1e-3
    assert np.abs(moved["window"]).max() > 1
    np.testing.assert_allclose(moved["block"], moved["window"], atol=0.1)


# ------------------------------------------------------------------ optima

PLANTED: dict[str, Any] = {
    "dim": 16,
    "window": 1,
    "subsample": 0,
    "learning_rate": 0.1,
    "epochs": 30,
    "negatives": 3,
}


@pytest.mark.parametrize(
    ("mode", "bias"),
    [(mode, "unigram") for mode in MODES] + [("skipgram", "none"), ("cbow-block", "none")],
)
def test_full_rank_reaches_the_log_probabilities_and_normalises_itself(
    mode: str, bias: str
) -> None:
    sentences = planted.two_word_sentences(6, mean_count=300, seed=6)
    options = {**PLANTED, "loss": "nce", "bias": bias, **MODES[mode]}
    options |= {"block_size": 8, "block_negatives": 6} if "block" in mode else {}
    model = trained(sentences, **options)
    corpus = reference.encode(sentences)
    biases = reference_nce.word_biases(corpus, reference_nce.Options(**options))
    scores = reference_nce.scores(model, biases)
    log_p = np.log(reference_nce.conditional(corpus))
    assert log_p.std() > 0.6
    assert np.sqrt(np.mean((scores - log_p) ** 2)) < 0.06
    np.testing.assert_allclose(np.exp(scores).sum(1), 1, atol=0.06)


def test_a_learnt_normalizer_takes_up_what_the_rows_cannot() -> None:
    # The rows could take up log Z as well, and leave it where it is only at the optimum.
    sentences = planted.two_word_sentences(6, mean_count=300, seed=6)
    corpus = reference.encode(sentences)
    options = {**PLANTED, "loss": "nce", "normalizer": "learnt", "bias": "none"}
    model = trained(sentences, **options)
    scores = reference_nce.scores(model, np.zeros(6))
    log_z = model.provenance["normalizer"]["log"]
    assert abs(log_z) > 0.1
    log_p = np.log(reference_nce.conditional(corpus))
    assert np.sqrt(np.mean((scores - log_z - log_p) ** 2)) < 0.06
    np.testing.assert_allclose(np.exp(scores).sum(1) / np.exp(log_z), 1, atol=0.06)


def test_noise_equal_to_the_centre_stays_unlike_in_negative_sampling() -> None:
    # Of two words each is about half of the noise: dropped, the optimum would be another.
    sentences = planted.two_word_sentences(2, mean_count=300, seed=3)
    corpus = reference.encode(sentences)
    options = {**PLANTED, "loss": "nce", "bias": "none", "learning_rate": 0.03}
    model = trained(sentences, **options)
    probabilities = np.exp(reference_nce.scores(model, np.zeros(2)))
    conditional = reference_nce.conditional(corpus)
    np.testing.assert_allclose(probabilities, conditional, atol=0.02)
    dropped = np.exp(planted.optimal_logits(corpus, reference.Options(**PLANTED)))
    noise = np.array(reference.noise_weights(corpus.counts, 0.75))
    assert (
        np.abs(dropped * PLANTED["negatives"] * noise / noise.sum() - conditional).max() > 0.3
    )
