"""Counts to train GloVe on, and GloVe trained quietly."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from embkit.config import GloveConfig
from embkit.embeddings import Embeddings
from embkit.training.glove import train_glove
from embkit.vocabulary import Vocabulary

RUN_OPTIONS = ("initial", "checkpoints", "log", "callback", "memory")


def words(count: int) -> Vocabulary:
    """Return words that only have a number."""
    return Vocabulary.from_words([f"w{i}" for i in range(count)])


def zipf_counts(num_words: int, seed: int = 1, share: float = 0.5) -> csr_array:
    """Return counts like a text's: frequent words meet often, others by chance."""
    rng = np.random.default_rng(seed)
    ranks = np.arange(1, num_words + 1)
    topics = rng.normal(size=(num_words, 5)) * 0.8
    mean = 40 * num_words / np.multiply.outer(ranks, ranks) * np.exp(topics @ topics.T / 2)
    dense = np.where(rng.random(mean.shape) < share, mean * rng.exponential(size=mean.shape), 0)
    return csr_array(np.where(dense > 0.01, dense, 0))


def trained(counts: csr_array, **options: Any) -> Embeddings:
    passed = {name: options.pop(name) for name in RUN_OPTIONS if name in options}
    chosen = {"dim": 10, "x_max": 10.0, "epochs": 3, "threads": 1, "combine": "w"}
    config = GloveConfig(**{**chosen, "keep_output": True, **options})
    return train_glove(counts, words(counts.shape[0]), config, **passed)


def costs_of(model: Embeddings) -> list[float]:
    costs: list[float] = model.provenance["costs"]
    return costs
