"""Options and runs that training refuses: wrong values, too little memory, divergence."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from embkit.config import SkipGramConfig, VocabularyConfig
from embkit.corpus import encode
from embkit.errors import DivergenceError, ResourceError
from embkit.training import TrainingProgress
from embkit.training.progress import Reporter
from embkit.training.word2vec import LOST, Word2VecTrainer, memory_needed
from tests import reference
from tests.models import FOUR_MODELS, MIXED, MODES, SMALL, random_sentences, trained

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
    ({"dim": 2**31}, "dim must be at most 1000000, got 2147483648"),
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
