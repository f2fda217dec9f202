"""Unrelated spaces: how often self-learning from nothing tells what it finds there as good."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

import embkit

DIMS = (6, 10, 20, 40)
_CLUSTERS = 25


def clustered(dim: int, seed: int, prefix: str, words: int = 400) -> embkit.Embeddings:
    """Return words in clusters of uneven size along uneven axes, as real spaces have them."""
    rng = np.random.default_rng([dim, seed])
    centers = rng.standard_normal((_CLUSTERS, dim)) * np.linspace(1.5, 0.3, dim)
    sizes = np.arange(1, _CLUSTERS + 1)
    member = rng.choice(_CLUSTERS, words, p=sizes / sizes.sum())
    noise = rng.standard_normal((words, dim)) * np.linspace(1, 0.2, dim)
    names = [f"{prefix}{i}" for i in range(words)]
    return embkit.Embeddings.from_words(names, (centers[member] + noise).astype(np.float32))


def map_unrelated(dim: int, seed: int) -> dict[str, Any]:
    """Map two spaces that have nothing in common; return the verdict and what it cost."""
    source, target = clustered(dim, 2 * seed, "s"), clustered(dim, 2 * seed + 1, "t")
    start = time.perf_counter()
    told = embkit.map(source, target, method="self-learning", seed=seed).statistics
    return {
        "seconds": time.perf_counter() - start,
        "iterations": told["iterations"],
        "verdict": told["verdict"]["judgement"],
        "attempts": told["restarts"]["attempts"],
        "repeated": told["verdict"]["figures"]["repeated"],
    }
