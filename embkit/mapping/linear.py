"""The linear map of least squares (Mikolov, Le and Sutskever 2013)."""

from __future__ import annotations

import numpy as np

from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.errors import DivergenceError
from embkit.mapping.config import LinearConfig
from embkit.mapping.fit import Doubles, fit_linear, paired_rows
from embkit.mapping.spaces import (
    Fit,
    Report,
    Spaces,
    check_rank,
    fits_float32,
    identity_of,
    rows_of_pairs,
)


def fit(spaces: Spaces, pairs: SeedPairs, config: LinearConfig, report: Report) -> Fit:
    """Map the source onto the target, or the other way round, by least squares.

    Raises
    ------
    DivergenceError
        If the descent leaves the finite numbers.
    """
    x, z, weights = rows_of_pairs(spaces, pairs, config)
    rank = check_rank(x, z, spaces)
    if config.direction == "reverse":
        x, z = z, x
    if config.solver == "exact":
        matrix = fit_linear(x, z, ridge=config.ridge, weights=weights, device=config.device)
    else:
        matrix = descend(*paired_rows(x, z, weights), config, report)
    told = {"rank": rank, "mean_squared_error": float(((x @ matrix - z) ** 2).sum() / len(x))}
    if config.direction == "reverse":
        return Fit(identity_of(spaces.source), matrix, told)
    return Fit(matrix, identity_of(spaces.target), told)


def gradient(x: Doubles, z: Doubles, matrix: Doubles, ridge: float) -> Doubles:
    """Return the gradient of ``mean ||x w - z||² / 2 + ridge ||w||² / 2`` over the rows."""
    slope: Doubles = x.T @ (x @ matrix - z) / len(x) + ridge * matrix
    return slope


def descend(x: Doubles, z: Doubles, config: LinearConfig, report: Report) -> Doubles:
    """Find the map by stochastic gradient descent from zero, at a falling rate.

    The rate is in units of the inverse mean square length of the source rows, so that one
    default suits spaces of any scale.

    Raises
    ------
    DivergenceError
        If the map leaves the finite numbers of float32.
    """
    rng = np.random.default_rng(config.seed)
    matrix = np.zeros((x.shape[1], z.shape[1]))
    scale = float(np.einsum("ij,ij->", x, x) / len(x)) or 1.0
    per_epoch = -(-len(x) // config.batch)
    ridge = config.ridge / len(x)
    for epoch in range(config.epochs):
        order = rng.permutation(len(x))
        for i in range(per_epoch):
            left = 1 - (epoch * per_epoch + i) / (config.epochs * per_epoch)
            some = order[i * config.batch : (i + 1) * config.batch]
            rate = config.learning_rate * left / scale
            with np.errstate(over="ignore", invalid="ignore"):
                matrix -= rate * gradient(x[some], z[some], matrix, ridge)
        if not fits_float32(matrix, x):
            raise DivergenceError(
                f"the linear map diverged in epoch {epoch + 1}: choose a learning_rate "
                f"below {config.learning_rate}"
            )
        report(epoch + 1, config.epochs, {})
    return matrix
