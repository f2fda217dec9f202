"""The share of the processor's peak: its two halves against what can be counted."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from embkit.config import VocabularyConfig
from embkit.corpus import encode
from embkit.training import make_config
from embkit.training.progress import Reporter
from embkit.training.word2vec import Word2VecTrainer
from eval.peak import LEVELS, expected_pairs, multiply_adds, peak_rate
from tests.models import random_sentences


@pytest.mark.parametrize("subsample", [1e-2, 1.0])
@pytest.mark.parametrize("window", [1, 5])
def test_expected_pairs_are_those_that_are_trained(subsample: float, window: int) -> None:
    sentences = random_sentences(200, [1, 2, 3, 40, 7] * 400, seed=2)
    corpus = encode(sentences, config=VocabularyConfig(min_count=1))
    counts = corpus.vocabulary.counts
    assert counts is not None
    options = {"min_count": 1, "dim": 4, "epochs": 3, "subsample": subsample, "window": window}
    trainer = Word2VecTrainer(corpus, make_config("sgns", options))  # type: ignore[arg-type]
    total = 3 * corpus.num_tokens
    with Reporter(total, corpus.num_tokens) as reporter:
        trainer.train(reporter)
    trained = trainer.model.counters()["num_pairs"] / 3
    expected = expected_pairs(corpus.ids, corpus.sentence_offsets, counts, subsample, window)
    assert expected == pytest.approx(trained, rel=0.02)


def test_pairs_of_a_sentence_by_hand() -> None:
    # Four tokens, all kept: 6 pairs at distance 1, half of the 4 at distance 2.
    ids, offsets = np.zeros(4, np.uint32), np.array([0, 4], np.uint64)
    assert expected_pairs(ids, offsets, np.array([4]), 1.0, 2) == 6 + 4 / 2
    assert multiply_adds(8, negatives=5, dim=100) == 8 * 6 * 300


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler named cc")
def test_the_peak_is_that_of_some_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "cc")
    rate = peak_rate("baseline", 1, tmp_path)
    assert rate is not None
    assert 1e9 < rate < 1e12
    assert set(LEVELS) == {"avx512", "avx2", "baseline", "neon"}
