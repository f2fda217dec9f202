"""What must not change a model, what may not differ much, and what is refused."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit._native import core
from embkit.config import SkipGramConfig, VocabularyConfig
from embkit.corpus import encode
from embkit.embeddings import Embeddings
from embkit.errors import DivergenceError, ResourceError
from embkit.training import TrainingProgress
from embkit.training.progress import Reporter
from embkit.training.word2vec import LOST, Word2VecTrainer, memory_needed
from tests import reference
from tests.models import (
    FOUR_MODELS,
    MIXED,
    MODES,
    SMALL,
    output_of,
    random_sentences,
    trained,
)

ROOT = Path(__file__).parents[1]


# ------------------------------------------------------------------ one thread


@pytest.mark.parametrize("mode", MODES)
def test_one_thread_and_one_seed_give_the_same_bytes(mode: str) -> None:
    options = {**SMALL, **MODES[mode]}
    first, again = trained(MIXED, **options), trained(MIXED, **options)
    other = trained(MIXED, **options, seed=2)
    assert first.vectors.tobytes() == again.vectors.tobytes() != other.vectors.tobytes()
    assert output_of(first).tobytes() == output_of(again).tobytes()


def test_file_list_and_generator_give_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(map(" ".join, MIXED)) + "\n")
    from_list, from_file, from_generator = (
        trained(source, **SMALL) for source in (MIXED, path, (sentence for sentence in MIXED))
    )
    assert from_list.vectors.tobytes() == from_file.vectors.tobytes()
    assert from_list.vectors.tobytes() == from_generator.vectors.tobytes()


def test_empty_sentences_change_nothing() -> None:
    gaps = [part for sentence in MIXED for part in ([], sentence, [])]
    assert trained(gaps, **SMALL).vectors.tobytes() == trained(MIXED, **SMALL).vectors.tobytes()


CORE_DEFAULTS: dict[str, Any] = {
    "is_cbow": False,
    "is_hierarchical": False,
    "is_noise_contrastive": False,
    "learn_normalizer": False,
    "unigram_bias": True,
    "block_size": 0,
    "block_negatives": 8,
    "share_negatives": True,
    "sum_contexts": False,
    "dynamic_window": True,
    "paper_subsampling": False,
    "smoothing": 0.75,
    "seed": 1,
    "first_epoch": 0,
    "copy_rows": None,
}
CORE_MODES: dict[str, dict[str, Any]] = {
    "skipgram-ns": {},
    "skipgram-ns-pair": {"share_negatives": False},
    "skipgram-hs": {"is_hierarchical": True},
    "skipgram-ns-block": {"block_size": 50},
    "skipgram-nce": {"is_noise_contrastive": True},
    "cbow-ns": {"is_cbow": True},
    "cbow-nce-block": {"is_cbow": True, "is_noise_contrastive": True, "block_size": 50},
    "cbow-hs-sum": {"is_cbow": True, "is_hierarchical": True, "sum_contexts": True},
}


def run_core(
    corpus: reference.Corpus, threads: int = 1, **options: Any
) -> tuple[bytes, tuple[int, float, int, float]]:
    """Train in the core itself; return the bytes of both matrices and the final progress."""
    ids = np.concatenate([np.array(sentence, np.uint32) for sentence in corpus.sentences])
    offsets = np.cumsum([0, *map(len, corpus.sentences)]).astype(np.uint64)
    model = core.Word2Vec(
        {**CORE_DEFAULTS, **SMALL, **options}, ids, offsets, np.array(corpus.counts)
    )
    model.train(threads, lambda: None)
    progress = model.progress()
    return model.take_input().tobytes() + model.take_output().tobytes(), progress


@pytest.mark.parametrize("mode", CORE_MODES)
def test_chunk_size_changes_nothing(mode: str) -> None:
    # Windows run across chunks: sentences of 900 tokens in chunks of 1, 7, 64...
    sentences = random_sentences(40, [900, 3, 1, 700, 30], seed=3)
    corpus = reference.encode(sentences)
    results = {
        run_core(corpus, block_tokens=size, **CORE_MODES[mode])[0]
        for size in (1, 7, 64, 1000, 1024, 10**6)
    }
    assert len(results) == 1


@pytest.mark.parametrize("mode", CORE_MODES)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_train_the_same_pairs(mode: str, threads: int) -> None:
    sentences = random_sentences(40, [900, 3, 1, 700, 30], seed=3)
    corpus = reference.encode(sentences)
    options = {"block_tokens": 100, "window": 4, "subsample": 0.01, **CORE_MODES[mode]}
    _, (tokens, _, num_pairs, _) = run_core(corpus, threads, **options)
    chosen = reference.Options(**{**SMALL, "window": 4, "subsample": 0.01})
    sizes = [
        len(window.contexts)
        for epoch in range(chosen.epochs)
        for window in reference.windows(corpus, chosen, epoch)
    ]
    assert tokens == chosen.epochs * corpus.num_tokens
    assert num_pairs == (len(sizes) if "cbow" in mode else sum(sizes))


PRINT_DIGEST = """
import hashlib, locale, sys
from embkit.training import train
locale.setlocale(locale.LC_ALL, "")
print(locale.localeconv()["decimal_point"])
with open(sys.argv[1], encoding="utf-8") as file:
    sentences = [line.split() for line in file]
for method in ("skipgram", "cbow"):
    for source in (sentences, sys.argv[1]):
        model = train(method, source, dim=20, min_count=1, threads=1)
        print(hashlib.sha256(model.vectors.tobytes()).hexdigest(), *map(ascii, model.words))
"""


def test_hash_seed_and_locale_change_nothing(
    tmp_path: Path, comma_locale: dict[str, str]
) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(map(" ".join, [*MIXED, ["é", "ß", "日本"]])), encoding="utf-8")
    points, digests = [], set()
    for hash_seed, variables in [("0", {"LC_ALL": "C"}), ("1", {}), ("4242", comma_locale)]:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, **variables}
        command = [sys.executable, "-c", PRINT_DIGEST, str(path)]
        run = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        point, *lines = run.stdout.splitlines()
        points.append(point)
        digests.add(tuple(lines))
    assert (points[0], points[-1]) == (".", ",")
    assert [len(lines) for lines in digests] == [4]


# ------------------------------------------------------------------ several threads


@pytest.mark.parametrize("mode", MODES)
def test_several_threads_train_as_well_as_one(mode: str) -> None:
    sentences = random_sentences(300, [20] * 600, seed=9)
    options = {**SMALL, **MODES[mode], "learning_rate": 0.05}
    corpus = reference.encode(sentences)
    one, many = trained(sentences, **options), trained(sentences, **options, threads=4)
    assert np.isfinite(many.vectors).all()
    assert np.isfinite(output_of(many)).all()
    losses = [mean_loss(corpus, model, options) for model in (one, many)]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def mean_loss(corpus: reference.Corpus, model: Embeddings, options: dict[str, Any]) -> float:
    """Return the mean loss per pair of a finished model on some windows of its corpus."""
    part = dataclasses.replace(corpus, sentences=corpus.sentences[:25])
    path = core.HuffmanTree(np.array(corpus.counts), corpus.first_positions).path
    frozen = reference.Model(
        model.vectors.astype(np.float64), output_of(model).astype(np.float64)
    )
    chosen = reference.Options(**options)
    table = reference.alias_table(reference.noise_weights(corpus.counts, chosen.smoothing))
    for window in reference.windows(part, chosen, epoch=0):
        reference.train_window(frozen, window, chosen, 0.0, table, path)
    return frozen.loss / frozen.num_pairs


# ------------------------------------------------------------------ the loss


@pytest.mark.parametrize("mode", MODES)
def test_reported_loss_is_the_reference_mean_loss_per_pair(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One report, over the whole run, however slow the machine.
    monkeypatch.setattr("embkit.training.progress.INTERVAL", 1e9)
    reports: list[TrainingProgress] = []
    options = {**SMALL, **MODES[mode]}
    trained(MIXED, **options, callback=reports.append)
    corpus = reference.encode(MIXED)
    path = core.HuffmanTree(np.array(corpus.counts), corpus.first_positions).path
    expected = reference.train(corpus, reference.Options(**options), path)
    last = reports[-1]
    assert len(reports) == 1
    assert last.loss == pytest.approx(expected.loss / expected.num_pairs, rel=1e-5)
    assert last.tokens == last.total_tokens == SMALL["epochs"] * corpus.num_tokens
    assert last.epoch == SMALL["epochs"]


def test_loss_of_an_untrained_model_is_that_of_fair_coins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embkit.training.progress.INTERVAL", 1e9)
    reports: list[TrainingProgress] = []
    options = {**SMALL, "learning_rate": 1e-30, "subsample": 0, "dynamic_window": False}
    sentences = random_sentences(500, [2000], seed=4)
    trained(sentences, **options, loss="hs", callback=reports.append)
    corpus = reference.encode(sentences)
    lengths = reference.huffman_lengths(corpus.counts)
    mean_length = np.average(lengths, weights=corpus.counts)
    assert reports[-1].loss == pytest.approx(mean_length * np.log(2), rel=5e-3)


def test_loss_of_a_long_run_is_measured_on_a_fair_sample() -> None:
    # Beyond four million tokens only some centres are measured. Untrained, a pair costs one
    # bit for each node on its centre's path.
    words = np.random.default_rng(5).choice(4, 70_000, p=[0.6, 0.2, 0.15, 0.05])
    counts = np.bincount(words).tolist()
    corpus = reference.Corpus(list("abcd"), counts, [words.tolist()])
    options: dict[str, Any] = {"is_hierarchical": True, "dim": 1, "window": 1, "subsample": 0}
    rates: dict[str, Any] = {"learning_rate": 1e-30, "epochs": 61, "block_tokens": 8192}
    _, (tokens, loss, num_pairs, _) = run_core(corpus, **options, **rates)
    lengths = np.array(reference.huffman_lengths(counts))
    assert tokens == 61 * 70_000
    assert 10_000 < num_pairs < 2 * tokens / 8
    spread = np.std(lengths[words]) / np.sqrt(num_pairs / 2)
    assert abs(loss / num_pairs / np.log(2) - np.mean(lengths[words])) < 5 * spread


# ------------------------------------------------------------------ errors

WRONG_OPTIONS = [
    ({"dim": 0}, "dim must be at least 1, got 0"),
    ({"window": 0}, "window must be at least 1, got 0"),
    ({"negatives": 0}, "negatives must be at least 1, got 0"),
    ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ({"epochs": -3}, "epochs must be at least 1, got -3"),
    ({"threads": 0}, "threads must be at least 1, got 0"),
    ({"min_count": 0}, "min_count must be at least 1, got 0"),
    ({"max_vocab": 0}, "max_vocab must be at least 1, got 0"),
    ({"subsample": -1e-3}, "subsample must be at least 0, got -0.001"),
    ({"subsample": float("nan")}, "subsample must be at least 0, got nan"),
    ({"smoothing": -1.0}, "smoothing must be at least 0, got -1.0"),
    ({"learning_rate": 0.0}, "learning_rate must be positive, got 0.0"),
    ({"learning_rate": float("nan")}, "learning_rate must be positive, got nan"),
    ({"learning_rate": float("inf")}, "learning_rate must be at most 1000, got inf"),
    ({"learning_rate": 1e30}, "learning_rate must be at most 1000, got 1e+30"),
    ({"subsample": float("inf")}, "subsample must be finite, got inf"),
    ({"smoothing": 1e30}, "smoothing must be at most 10, got 1e+30"),
    ({"min_count": 2**63}, f"min_count must be at most {2**63 - 1}, got {2**63}"),
    ({"max_vocab": 2**64}, f"max_vocab must be at most {2**32}, got {2**64}"),
    ({"seed": -1}, "seed must be from 0 to 2^64 - 1, got -1"),
    ({"seed": 2**64}, f"seed must be from 0 to 2^64 - 1, got {2**64}"),
    ({"seed": 1.5}, "seed must be a whole number, got 1.5"),
    ({"dim": 1.5}, "dim must be a whole number, got 1.5"),
    ({"dim": "10"}, "dim must be a whole number, got '10'"),
    ({"dim": True}, "dim must be a whole number, got True"),
    ({"window": None}, "window must be a whole number, got None"),
    ({"threads": 1.5}, "threads must be a whole number, got 1.5"),
    ({"min_count": 2.5}, "min_count must be a whole number, got 2.5"),
    ({"learning_rate": "fast"}, "learning_rate must be a number, got 'fast'"),
    ({"subsample": None}, "subsample must be a number, got None"),
    ({"dynamic_window": "no"}, "dynamic_window must be True or False, got 'no'"),
    ({"keep_output": 1}, "keep_output must be True or False, got 1"),
    ({"dim": 2**31}, "dim must be at most 65536, got 2147483648"),
    ({"window": 10**9}, "window must be at most 10000, got 1000000000"),
    ({"negatives": 10**9}, "negatives must be at most 1000, got 1000000000"),
    ({"epochs": 2**62}, f"epochs must be at most 1000000, got {2**62}"),
    ({"threads": 10**6}, "threads must be at most 1024, got 1000000"),
    ({"loss": "softmax"}, "loss must be one of ns, hs, nce, got 'softmax'"),
    (
        {"subsample_formula": "clean"},
        "subsample_formula must be one of word2vec, paper, got 'clean'",
    ),
    (
        {"negative_sharing": "batch"},
        "negative_sharing must be one of window, pair, block, got 'batch'",
    ),
    ({"combine": "c"}, "combine must be one of w, w+c, got 'c'"),
    ({"loss": "hs", "negatives": 9}, "negatives must be left out with loss hs, got 9"),
    (
        {"loss": "hs", "negative_sharing": "pair"},
        "negative_sharing must be left out with loss hs, got pair",
    ),
    ({"loss": "hs", "smoothing": 1}, "smoothing must be left out with loss hs, got 1.0"),
    ({"loss": "hs", "block_size": 9}, "block_size must be left out with loss hs, got 9"),
    (
        {"block_negatives": 9},
        "block_negatives must be left out with negative_sharing window, got 9",
    ),
    ({"normalizer": "learnt"}, "normalizer must be left out with loss ns, got learnt"),
    ({"loss": "hs", "bias": "none"}, "bias must be left out with loss hs, got none"),
]


@pytest.mark.parametrize(("options", "message"), WRONG_OPTIONS)
def test_wrong_options_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"must be") as caught:
        trained(MIXED, **options)
    assert str(caught.value) == message


def test_memory_needed_is_that_of_two_padded_matrices() -> None:
    for dim, padded in [(1, 16), (16, 16), (17, 32), (100, 112), (300, 304)]:
        config = SkipGramConfig(dim=dim)
        assert memory_needed(config, 1000) == 2 * 1000 * padded * 4
    num_words = len(reference.encode(MIXED).words)
    enough = 2 * num_words * 64
    with pytest.raises(ResourceError, match=rf"{num_words} words x 16 .* max_vocab must be"):
        trained(MIXED, dim=16, memory=enough - 1)
    assert trained(MIXED, dim=16, memory=enough).dim == 16


def test_numpy_numbers_are_options_too() -> None:
    options: dict[str, Any] = {
        "dim": np.int64(4),
        "learning_rate": np.float32(0.25),
        "seed": np.uint64(3),
    }
    model = trained(MIXED, **options)
    plain = trained(MIXED, dim=4, learning_rate=0.25, seed=3)
    assert model.vectors.tobytes() == plain.vectors.tobytes()
    assert json.loads(json.dumps(model.provenance)) == model.provenance == plain.provenance


def test_wrong_cbow_option_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^context_combination must be one of mean, sum, got"):
        trained(MIXED, "cbow", context_combination="max")


def test_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"^method must be one of .*skipgram.*, got 'glow'"):
        trained(MIXED, "glow")


@pytest.mark.parametrize("option", ["size", "alpha", "context_combination"])
def test_unknown_option_is_refused_by_name(option: str) -> None:
    with pytest.raises((TypeError, ValueError), match=option):
        trained(MIXED, "skipgram", **{option: 1})


@pytest.mark.parametrize("mode", FOUR_MODELS)
@pytest.mark.parametrize("threads", [1, 2])
def test_divergence_names_the_learning_rate(mode: str, threads: int) -> None:
    sentences = random_sentences(30, [40] * 20, seed=10)
    options = {**SMALL, **MODES[mode], "learning_rate": 1e3, "threads": threads}
    with pytest.raises(DivergenceError, match="learning_rate"):
        trained(sentences, **options)


@pytest.mark.parametrize(("mode", "rate"), [("skipgram-ns", 0.5), ("cbow-hs", 1.0)])
def test_finite_loss_beyond_all_bounds_is_a_divergence(mode: str, rate: float) -> None:
    sentences = random_sentences(30, [40] * 20, seed=10)
    message = rf"the mean loss of a pair is .*e\+.*learning_rate must be lower, got {rate}"
    with pytest.raises(DivergenceError, match=message):
        trained(sentences, **{**SMALL, **MODES[mode], "learning_rate": rate})


class LostOnce(Reporter):
    """Tells of a loss beyond all bounds after its first report but not after its last."""

    def update(self, tokens: int, *rest: Any, last: bool = False, **more: Any) -> None:
        super().update(tokens, *rest, last=last, **more)
        self.last_loss = 1.0 if last else 1e9


@pytest.mark.parametrize("is_given", [False, True])
def test_loss_beyond_all_bounds_ends_a_run_at_once_unless_it_began_so(is_given: bool) -> None:
    sentences = random_sentences(30, [40] * 2000, seed=10)
    corpus = encode(sentences, config=VocabularyConfig(min_count=1))
    config = SkipGramConfig(dim=100, epochs=10, subsample=0, threads=1)
    trainer = Word2VecTrainer(corpus, config)
    trainer.init_from = {} if is_given else None
    all_tokens = 10 * corpus.num_tokens
    with LostOnce(all_tokens, corpus.num_tokens) as reporter:
        if is_given:
            trainer.train(reporter)
        else:
            with pytest.raises(DivergenceError, match=r"mean loss of a pair is 1e\+09"):
                trainer.train(reporter)
    assert (trainer.model.progress()[0] == all_tokens) == is_given


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("options", [{}, {"negatives": 20}, {"window": 10, "epochs": 5}])
def test_sane_losses_are_far_below_what_is_a_divergence(
    mode: str, options: dict[str, Any]
) -> None:
    reports: list[TrainingProgress] = []
    options = {} if "hs" in mode and "negatives" in options else options
    chosen = {"learning_rate": 0.1, **MODES[mode], **options}
    trained(MIXED, **chosen, callback=reports.append)
    decisions = 5 if "hs" in mode else 1 + options.get("negatives", 5)
    losses = [report.loss for report in reports if report.loss is not None]
    assert losses
    assert max(losses) < LOST / 50 * decisions
