"""What must not change a model, and what may not differ much."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit._native import core
from embkit.embeddings import Embeddings
from embkit.training import TrainingProgress
from tests import reference
from tests.models import (
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
