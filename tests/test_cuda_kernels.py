"""The CUDA training kernel, run one emulated warp at a time, against reference and CPU."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests import cuda_emulated, reference
from tests.models import MIXED, MODES, SMALL, Sentences, output_of, random_sentences, trained

TOLERANCE = 1e-5
KERNELS = {name: mode for name, mode in MODES.items() if "hs" not in name}


def assert_equals_the_reference(
    sentences: Sentences, tolerance: float = TOLERANCE, **options: Any
) -> None:
    corpus = reference.encode(sentences)
    chosen = reference.Options(**options)
    expected = reference.train(corpus, chosen)
    start = reference.initial_rows(chosen.seed, len(corpus.words), chosen.dim)
    assert 0.02 < np.abs(expected.input - start).max() < 10

    run = cuda_emulated.train(corpus, chosen)
    assert np.abs(run.input - expected.input).max() < tolerance
    assert np.abs(run.output - expected.output).max() < tolerance
    assert run.counters.loss == pytest.approx(expected.loss, rel=1e-5)
    assert run.counters.pairs == run.counters.measured_pairs == expected.num_pairs
    assert run.counters.tokens == corpus.num_tokens * chosen.epochs


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("dim", [1, 7, 100, 130, 300, 512, 1024])
def test_equals_the_reference_in_any_dim(mode: str, dim: int) -> None:
    assert_equals_the_reference(MIXED, **{**SMALL, "dim": dim}, **KERNELS[mode])


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("window", [1, 5, 15])
@pytest.mark.parametrize("dynamic", [True, False], ids=["dynamic", "fixed"])
def test_equals_the_reference_with_any_window(mode: str, window: int, dynamic: bool) -> None:
    options = {**SMALL, "window": window, "dynamic_window": dynamic}
    mean = mode == "cbow-ns"
    options["learning_rate"] = 0.4 if mean else 0.6 / (1 + window)
    assert_equals_the_reference(MIXED, **options, **KERNELS[mode])


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("negatives", [1, 5, 6, 32])
def test_equals_the_reference_with_any_number_of_negatives(mode: str, negatives: int) -> None:
    options = {**SMALL, "negatives": negatives, "learning_rate": 0.6 / (1 + negatives)}
    assert_equals_the_reference(MIXED, **options, **KERNELS[mode])


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("num_words", [2, 5])
def test_equals_the_reference_where_words_and_negatives_repeat(
    mode: str, num_words: int
) -> None:
    sentences = random_sentences(num_words, [10, 25, 4, 1, 60], seed=2)
    for negatives in (3, 8):
        rate = 0.3 / (1 + negatives)
        options = {**SMALL, "subsample": 0, "negatives": negatives, "learning_rate": rate}
        assert_equals_the_reference(sentences, **options, **KERNELS[mode])


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize(("subsample", "formula"), [(0.0, "paper"), (1e-3, "word2vec")])
def test_equals_the_reference_with_any_subsampling(
    mode: str, subsample: float, formula: str
) -> None:
    sentences = random_sentences(30, [60, 90, 50], seed=3)
    rate = 0.05 if "sum" in mode and subsample != 1e-3 else 0.3
    options = {**SMALL, "subsample": subsample, "subsample_formula": formula}
    assert_equals_the_reference(
        sentences, **{**options, "learning_rate": rate}, **KERNELS[mode]
    )


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize(
    "lengths",
    [[1] * 30 + [40], [2] * 40, [0, 3, 0, 0, 40, 0, 1, 0], [31, 32, 33, 64], [65, 1, 127]],
    ids=["ones", "pairs", "empty", "around-a-warp", "long"],
)
def test_contexts_never_cross_the_border_of_a_sentence(mode: str, lengths: list[int]) -> None:
    sentences = random_sentences(12, lengths, seed=5)
    options = {**SMALL, "window": 5, "subsample": 0.1, "learning_rate": 0.1}
    assert_equals_the_reference(sentences, **options, **KERNELS[mode])


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("lengths", [[1300], [1023, 1, 1024, 52]], ids=["one", "several"])
def test_equals_the_trainer_of_the_cpu_over_several_chunks(
    mode: str, lengths: list[int]
) -> None:
    # A sentence goes on over the ends of chunks; the learning rate changes with each.
    sentences = random_sentences(80, lengths, seed=4)
    options = {**SMALL, "window": 5, "learning_rate": 0.1, "epochs": 1, **KERNELS[mode]}
    model = trained(sentences, **options)
    run = cuda_emulated.train(reference.encode(sentences), reference.Options(**options))
    assert np.abs(run.input - model.vectors).max() < TOLERANCE
    assert np.abs(run.output - output_of(model)).max() < TOLERANCE


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("cuts", [[1], [700, 1024, 1025], list(range(0, 1200, 97))])
def test_ranges_of_positions_add_up_to_the_whole(mode: str, cuts: list[int]) -> None:
    sentences = random_sentences(80, [30, 1000, 170], seed=7)
    corpus = reference.encode(sentences)
    options = reference.Options(**{**SMALL, "epochs": 1}, **KERNELS[mode])
    whole = cuda_emulated.train(corpus, options)
    parts = cuda_emulated.session(corpus, options)
    bounds = [0, *cuts, corpus.num_tokens]
    for begin, end in itertools.pairwise(bounds):
        parts.train(begin, end, 0)
    assert np.abs(parts.result().input - whole.input).max() < TOLERANCE
    assert parts.counters.pairs == whole.counters.pairs
    assert parts.counters.loss == pytest.approx(whole.counters.loss)


@pytest.mark.parametrize("mode", KERNELS)
def test_segments_of_the_text_add_up_to_the_whole(mode: str) -> None:
    # A text that is larger than the device comes in parts, cut between sentences.
    corpus = reference.encode(random_sentences(40, [130, 1, 200, 60], seed=8))
    options = reference.Options(**{**SMALL, "epochs": 1}, **KERNELS[mode])
    whole = cuda_emulated.train(corpus, options)
    parts = cuda_emulated.session(corpus, options)
    ids = np.array([word for sentence in corpus.sentences for word in sentence], np.uint32)
    offsets = np.cumsum([0, *map(len, corpus.sentences)]).astype(np.uint64)
    for begin, end in itertools.pairwise([0, 131, 331, 391]):
        segment = ids[begin:end].copy()
        cuda_emulated.mark_sentences(parts.native, segment, begin, offsets)
        parts.task.ids, parts.task.ids_position = segment.ctypes.data, begin
        parts.task.num_ids = end - begin
        parts.train(begin, end, 0)
    assert np.abs(parts.result().input - whole.input).max() < TOLERANCE
    assert parts.counters.pairs == whole.counters.pairs


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("prefetch", [False, True], ids=["late", "early"])
def test_rows_that_are_written_back_after_each_centre_are_the_same_to_one_warp(
    mode: str, prefetch: bool
) -> None:
    corpus = reference.encode(random_sentences(60, [1, 2, 40, 1200, 16], seed=9))
    options = reference.Options(
        **{**SMALL, "epochs": 1, "learning_rate": 0.05}, **KERNELS[mode]
    )
    sharing = cuda_emulated.session(corpus, options)
    sharing.task.shared_words, sharing.task.prefetch = 20, prefetch
    sharing.give_needed_workspace()
    sharing.train(0, corpus.num_tokens, 0)
    expected = cuda_emulated.train(corpus, options)
    assert np.abs(sharing.result().input - expected.input).max() < TOLERANCE
    assert np.abs(sharing.result().output - expected.output).max() < TOLERANCE


def check_prefetch(corpus: reference.Corpus, options: reference.Options) -> None:
    """Train with rows that are asked for early, and compare every bit."""
    early = cuda_emulated.session(corpus, options)
    early.task.prefetch = True
    early.give_needed_workspace()
    early.train(0, corpus.num_tokens, 0)
    result = early.result()
    expected = cuda_emulated.train(corpus, options)
    np.testing.assert_array_equal(result.input, expected.input)
    np.testing.assert_array_equal(result.output, expected.output)


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize(("dim", "window"), [(20, 1), (130, 5), (600, 15)])
@pytest.mark.parametrize("lengths", [[1, 2, 40, 1200, 16], [3]], ids=["chunks", "few"])
def test_rows_that_are_asked_for_early_are_the_same(
    mode: str, dim: int, window: int, lengths: list[int]
) -> None:
    corpus = reference.encode(random_sentences(60, lengths, seed=9))
    options = {**SMALL, "dim": dim, "window": window, "epochs": 1, "learning_rate": 0.05}
    check_prefetch(corpus, reference.Options(**options, **KERNELS[mode]))


@pytest.mark.parametrize("mode", KERNELS)
def test_a_row_arrives_in_time_though_the_next_word_is_there_already(mode: str) -> None:
    corpus = reference.encode([["a", "b"] * 20])
    changes = {"window": 1, "subsample": 0, "epochs": 1, "learning_rate": 0.05}
    check_prefetch(corpus, reference.Options(**{**SMALL, **changes}, **KERNELS[mode]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dim": 0}, "dim must be from 1 to 1024, got 0"),
        ({"dim": 9}, "stride must be from 9 to 1024, got 8"),
        ({"dim": 8, "stride": 12}, "stride must be a multiple of 8, got 12"),
        ({"window": 16}, "window must be from 1 to 15, got 16"),
        ({"negatives": 33}, "negatives must be from 1 to 32, got 33"),
        ({"num_words": 0}, "num_words must be from 1 to 2147483647, got 0"),
        ({"workspace": None}, "workspace must have .* bytes, got none"),
    ],
)
def test_refuses_what_no_kernel_serves(change: dict[str, Any], message: str) -> None:
    corpus = reference.encode(MIXED)
    with pytest.raises(ValueError, match=message):
        cuda_emulated.train(corpus, reference.Options(**{**SMALL, "dim": 8}), **change)
