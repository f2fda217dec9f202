"""Runs of noise-contrastive estimation: repeated, resumed, told of, asked for probabilities."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.cli import main as run_main
from embkit.errors import DivergenceError
from embkit.training import TrainingProgress
from embkit.training.nce import log_probabilities
from tests import planted, reference
from tests.interruptions import SENTENCES
from tests.models import FOUR_MODELS, MIXED, NCE_MODES, SMALL, random_sentences, trained
from tests.test_resume import InterruptError, bytes_of, interrupt_after

PLANTED: dict[str, Any] = {"dim": 16, "window": 1, "subsample": 0, "learning_rate": 0.1}


@pytest.mark.parametrize("mode", NCE_MODES)
def test_one_thread_gives_the_same_bytes_and_seeds_differ(mode: str) -> None:
    options = {**SMALL, **NCE_MODES[mode]}
    first, again = trained(MIXED, **options), trained(MIXED, **options)
    assert bytes_of(first) == bytes_of(again)
    assert bytes_of(first) != bytes_of(trained(MIXED, **options, seed=2))


@pytest.mark.parametrize("mode", NCE_MODES)
def test_resumed_run_has_the_bytes_of_the_uninterrupted_one(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**SMALL, **NCE_MODES[mode], "min_count": 1, "threads": 1, "keep_output": True}
    options["learning_rate"] = 0.1
    method = options.pop("method")
    oracle = embkit.train(method, SENTENCES, **options)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3)
        with pytest.raises(InterruptError):
            embkit.train(method, SENTENCES, run=tmp_path / "run", **options)
    resumed = embkit.resume(tmp_path / "run")
    assert bytes_of(resumed) == bytes_of(oracle)
    is_learnt = options.get("normalizer") == "learnt"
    assert resumed.provenance.get("normalizer", {"log": 0})["log"] != 0 or not is_learnt


@pytest.mark.parametrize("mode", NCE_MODES)
def test_several_threads_reach_the_loss_of_one(mode: str) -> None:
    sentences = random_sentences(200, [50] * 200, seed=5)
    options = {**NCE_MODES[mode], "dim": 16, "subsample": 0, "epochs": 3}
    one, *several = (
        trained(sentences, **options, threads=threads).provenance["final_loss"]
        for threads in (1, 3, 3, 3, 3, 3)
    )
    # A run takes some 30 ms, for most of which a busy system may hold one thread up. The median
    # run has no such thread.
    assert np.median(several) == pytest.approx(one, rel=0.01)


def test_nce_is_skipgram_with_its_loss() -> None:
    assert bytes_of(trained(MIXED, "nce")) == bytes_of(trained(MIXED, "skipgram", loss="nce"))
    message = r"^options of nce must be among .*, got loss, an option of skipgram, cbow$"
    with pytest.raises(ValueError, match=message):
        trained(MIXED, "nce", loss="ns")


@pytest.mark.parametrize("mode", FOUR_MODELS)
def test_no_other_loss_has_a_normalizer(mode: str) -> None:
    method, _, loss = mode.partition("-")
    assert "normalizer" not in trained(MIXED, method, loss=loss).provenance


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("nce", {"normalizer": "one"}, "normalizer must be one of fixed, learnt, got 'one'"),
        ("nce", {"bias": "learnt"}, "bias must be one of unigram, none, got 'learnt'"),
        ("nce", {"block_size": 0}, "block_size must be at least 1, got 0"),
        ("nce", {"block_negatives": 5000}, "block_negatives must be at most 4096, got 5000"),
        (
            "cbow",
            {"negative_sharing": "pair"},
            "negative_sharing must be one of window, block, got 'pair'",
        ),
        ("cbow", {"loss": "nec"}, "loss must be one of ns, hs, nce, got 'nec'"),
    ],
)
def test_wrong_options_are_refused_by_name(
    method: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=r"must be") as caught:
        trained(MIXED, method, **options)
    assert str(caught.value) == message


def test_divergence_names_the_rate() -> None:
    with pytest.raises(DivergenceError, match=r"learning_rate must be lower, got 1000"):
        trained(MIXED, "nce", learning_rate=1e3, epochs=50)


# ------------------------------------------------------------------ probabilities


@pytest.mark.parametrize("normalizer", ["fixed", "learnt"])
@pytest.mark.parametrize("bias", ["unigram", "none"])
def test_probabilities_of_a_loaded_model_are_those_of_the_text(
    normalizer: str, bias: str, tmp_path: Path
) -> None:
    sentences = planted.two_word_sentences(6, mean_count=200, seed=6)
    model = trained(
        sentences, "nce", **PLANTED, normalizer=normalizer, bias=bias, epochs=20, negatives=10
    )
    embkit.save(model, tmp_path / "model")
    corpus = reference.encode(sentences)
    pairs = planted.pair_counts(corpus)
    found = np.exp(log_probabilities(embkit.load(tmp_path / "model"), corpus.words))
    np.testing.assert_allclose(found, pairs / pairs.sum(1, keepdims=True), atol=0.03)
    assert model.provenance["normalizer"]["mean"] == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("mode", ["nce", "nce-learnt", "cbow-nce"])
def test_sums_are_those_of_the_whole_vocabulary(mode: str) -> None:
    options = {**NCE_MODES[mode], "subsample": 0.01, "dim": 8, "window": 1, "epochs": 1}
    model = trained(random_sentences(9000, [40_000], seed=1), **options)
    told = model.provenance["normalizer"]
    assert told["contexts"] >= 100
    if mode.startswith("cbow"):  # windows of one or two words, not words
        assert told["mean"] == pytest.approx(1, abs=0.5)
        return
    sums = np.exp(log_probabilities(model, model.words)).sum(1)
    assert model.counts is not None
    keep = np.minimum(reference.keep_probabilities(model.counts.tolist(), 0.01, "word2vec"), 1)
    mean = np.average(sums, weights=model.counts * keep)
    assert told["mean"] == pytest.approx(mean, rel=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "sgns"}, "vectors must be those of skip-gram with loss nce and combine w"),
        ({"method": "cbow", "loss": "nce"}, "vectors must be those of skip-gram"),
        ({"method": "nce", "combine": "w+c"}, "vectors must be those of skip-gram"),
        ({"method": "nce", "keep_output": False}, "vectors must have their output vectors"),
    ],
)
def test_vectors_without_probabilities_are_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        log_probabilities(trained(MIXED, **options), ["w0"])


def test_last_report_tells_the_normalizer(tmp_path: Path) -> None:
    reports: list[TrainingProgress] = []
    log = tmp_path / "log.jsonl"
    model = trained(MIXED, "nce", callback=reports.append, log=log)
    mean = model.provenance["normalizer"]["mean"]
    assert [report.normalizer for report in reports][-1] == mean
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line["normalizer"] for line in lines][-1] == mean
    assert all(line["normalizer"] is None for line in lines[:-1])


# ------------------------------------------------------------------ the command line


@pytest.mark.parametrize(
    "arguments",
    [
        ["nce"],
        ["skipgram", "--loss", "nce"],
        ["cbow", "--loss", "nce", "--normalizer", "learnt"],
    ],
)
def test_command_line_trains_and_tells_the_sum(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, output = tmp_path / "corpus.txt", tmp_path / "v.bin"
    corpus.write_text("\n".join(map(" ".join, MIXED)), encoding="utf-8")
    small = ["--dim", "4", "--min-count", "1", "--threads", "1"]
    assert run_main(["train", *arguments, str(corpus), "--output", str(output), *small]) == 0
    told = capsys.readouterr().err
    assert "probabilities sum to " in told
    assert embkit.load(output).dim == 4


def test_command_line_refuses_what_the_loss_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (
        ["nce", "--loss", "ns"],
        ["nce", "--normalizer", "one"],
        ["cbow", "--loss", "nce", "--negative-sharing", "pair"],
    ):
        output = ["--output", str(tmp_path / "v.bin")]
        assert run_main(["train", *arguments, "corpus.txt", *output]) == 2
        assert capsys.readouterr().err.count("\n") == 1
