"""The slow, obvious versions of PPMI, its search and its decomposition."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]


def dense_ppmi(counts: Doubles, smoothing: float = 1.0, negatives: int = 1) -> Doubles:
    """Return max(0, PMI - log k) by its definition in probabilities, dense."""
    joint = counts / counts.sum()
    words = joint.sum(1, keepdims=True)
    contexts = counts.sum(0, keepdims=True) ** smoothing
    contexts = contexts / contexts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        shifted = np.log(joint / (words * contexts)) - np.log(negatives)
    return np.where(counts > 0, np.maximum(shifted, 0), 0)


def random_counts(num_words: int, density: float, seed: int) -> Any:
    """Return a csr_array of skewed whole counts, some rows and columns empty."""
    from scipy.sparse import csr_array

    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, num_words + 1)
    dense = rng.poisson(40 * num_words * density * np.outer(weights, weights)).astype(float)
    dense[num_words // 2] = 0
    dense[:, num_words // 3] = 0
    return csr_array(dense)


def unit(vector: Doubles) -> Doubles:
    """Return a vector at length 1, zeros as they are."""
    length = np.linalg.norm(vector)
    return vector / length if length else vector
