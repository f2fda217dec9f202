"""The models under test: every mode of the word2vec trainers, trained quietly."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import embkit
from embkit.embeddings import Embeddings

Sentences = list[list[str]]

MODES: dict[str, dict[str, Any]] = {
    "skipgram-ns": {"method": "skipgram"},
    "skipgram-ns-pair": {"method": "skipgram", "negative_sharing": "pair"},
    "skipgram-hs": {"method": "skipgram", "loss": "hs"},
    "cbow-ns": {"method": "cbow"},
    "cbow-ns-sum": {"method": "cbow", "context_combination": "sum"},
    "cbow-hs": {"method": "cbow", "loss": "hs"},
    "cbow-hs-sum": {"method": "cbow", "loss": "hs", "context_combination": "sum"},
}
NCE_MODES: dict[str, dict[str, Any]] = {
    "nce": {"method": "nce"},
    "nce-learnt": {"method": "nce", "normalizer": "learnt", "bias": "none"},
    "nce-pair-learnt": {
        **{"method": "skipgram", "loss": "nce"},
        **{"negative_sharing": "pair", "normalizer": "learnt"},
    },
    "nce-block": {"method": "nce", "negative_sharing": "block", "block_size": 20},
    "cbow-nce": {"method": "cbow", "loss": "nce", "normalizer": "learnt"},
    "ns-block": {"method": "sgns", "negative_sharing": "block", "block_size": 20},
}
FOUR_MODELS = ["skipgram-ns", "skipgram-hs", "cbow-ns", "cbow-hs"]

# Small and fast, at a rate that moves every row far.
SMALL: dict[str, Any] = {
    "dim": 16,
    "window": 3,
    "subsample": 0.02,
    "negatives": 4,
    "learning_rate": 0.3,
    "epochs": 2,
}


def trained(source: Any, method: str = "skipgram", **options: Any) -> Embeddings:
    """Train on one thread with every word and the output rows kept."""
    defaults = {"min_count": 1, "threads": 1, "keep_output": True}
    return embkit.train(method, source, **{**defaults, **without_noise(options)})


def without_noise(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options without SMALL's noise words, which hierarchical softmax has not."""
    is_meant = options.get("loss") == "hs" and options.get("negatives") == SMALL["negatives"]
    left_out = {"negatives"} if is_meant else set[str]()
    return {name: value for name, value in options.items() if name not in left_out}


def output_of(model: Embeddings) -> NDArray[np.float32]:
    """Return the output rows of a model that kept them."""
    assert model.output is not None
    return model.output


def random_sentences(num_words: int, lengths: list[int], seed: int) -> Sentences:
    """Return sentences of words whose frequencies fall as 1/rank."""
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, num_words + 1)
    drawn = rng.choice(num_words, sum(lengths), p=weights / weights.sum())
    words = [f"w{i}" for i in drawn]
    ends = np.cumsum(lengths)
    return [words[end - length : end] for end, length in zip(ends, lengths, strict=True)]


# Sentences of one word and of many, words twice in a window.
MIXED = random_sentences(30, [1, 7, 2, 40, 3, 1, 25, 60, 12], seed=1)
