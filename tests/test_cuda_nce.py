"""The CUDA kernel's noise-contrastive estimation, emulated, against reference and CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests import cuda_emulated, reference, reference_nce
from tests.models import MIXED, MODES, SMALL, Sentences, output_of, random_sentences, trained

TOLERANCE = 1e-5
KERNELS = {name: mode for name, mode in MODES.items() if "hs" not in name}


def assert_equals_the_reference(sentences: Sentences, **options: Any) -> None:
    corpus = reference.encode(sentences)
    chosen = reference_nce.Options(**{**SMALL, **options})
    expected = reference_nce.train(corpus, chosen)
    start = reference.initial_rows(chosen.seed, len(corpus.words), chosen.dim)
    assert 0.01 < np.abs(expected.input - start).max() < 10

    run = cuda_emulated.train(corpus, chosen)
    assert np.abs(run.input - expected.input).max() < TOLERANCE
    assert np.abs(run.output - expected.output).max() < TOLERANCE
    assert run.counters.loss == pytest.approx(expected.loss, rel=1e-5)
    assert run.counters.pairs == expected.num_pairs
    assert run.counters.log_normalizer == pytest.approx(expected.log_normalizer, abs=TOLERANCE)
    assert (expected.log_normalizer != 0) == (chosen.normalizer == "learnt")


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("dim", [1, 100, 300, 1000])
def test_equals_the_reference_in_any_dim(mode: str, dim: int) -> None:
    options = {"bias": "none", "learning_rate": 0.1 if "sum" in mode else 0.3}
    assert_equals_the_reference(MIXED, dim=dim, **options, **KERNELS[mode])


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("normalizer", ["fixed", "learnt"])
@pytest.mark.parametrize("bias", ["unigram", "none"])
def test_equals_the_reference_with_any_normalizer_and_bias(
    mode: str, normalizer: str, bias: str
) -> None:
    assert_equals_the_reference(MIXED, normalizer=normalizer, bias=bias, **KERNELS[mode])


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("negatives", [1, 6, 32])
def test_equals_the_reference_with_any_number_of_negatives(mode: str, negatives: int) -> None:
    options = {"negatives": negatives, "learning_rate": 0.3, **KERNELS[mode]}
    assert_equals_the_reference(MIXED, normalizer="learnt", **options)


@pytest.mark.parametrize("mode", KERNELS)
def test_noise_that_is_the_centre_stays(mode: str) -> None:
    sentences = random_sentences(2, [10, 1, 25, 4], seed=2)
    options = {"subsample": 0, "learning_rate": 0.2, "bias": "none", **KERNELS[mode]}
    assert_equals_the_reference(sentences, **options)


@pytest.mark.parametrize("mode", KERNELS)
@pytest.mark.parametrize("normalizer", ["fixed", "learnt"])
def test_equals_the_trainer_of_the_cpu(mode: str, normalizer: str) -> None:
    sentences = random_sentences(60, [40, 7, 300, 1, 200], seed=6)
    options = {**SMALL, "dim": 100, "window": 5, "learning_rate": 0.1, **KERNELS[mode]}
    options = {**options, "loss": "nce", "normalizer": normalizer}
    model = trained(sentences, **options)
    corpus = reference.encode(sentences)
    run = cuda_emulated.train(corpus, reference_nce.Options(**options))
    assert np.abs(run.input - model.vectors).max() < TOLERANCE
    assert np.abs(run.output - output_of(model)).max() < TOLERANCE
    log_z = model.provenance["normalizer"]["log"]
    assert run.counters.log_normalizer == pytest.approx(log_z, abs=TOLERANCE)


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
@pytest.mark.parametrize("warps", [100, 4000])
def test_many_warps_learn_the_normalizer_that_one_does(method: str, warps: int) -> None:
    # Three chunks of text: all but as many of the warps have nothing to do.
    corpus = reference.encode(random_sentences(60, [100] * 30, seed=6))
    options = {"loss": "nce", "normalizer": "learnt", "bias": "none", "subsample": 0}
    options |= {"method": method, "dim": 8, "window": 5, "learning_rate": 0.05, "epochs": 1}
    chosen = reference_nce.Options(**{**SMALL, **options})
    one, many = (cuda_emulated.train(corpus, chosen, max_warps=n).counters for n in (1, warps))
    assert one.log_normalizer > 1
    assert many.log_normalizer == pytest.approx(one.log_normalizer, rel=0.05)
    assert many.loss == pytest.approx(one.loss, rel=0.01)
