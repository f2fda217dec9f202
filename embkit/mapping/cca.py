"""Canonical correlation analysis as a method (Faruqui and Dyer 2014)."""

from __future__ import annotations

import math

from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.mapping.config import CcaConfig
from embkit.mapping.fit import fit_cca
from embkit.mapping.spaces import Fit, Report, Spaces, check_rank, rows_of_pairs


def fit(spaces: Spaces, pairs: SeedPairs, config: CcaConfig, report: Report) -> Fit:
    """Project both sides on the directions that correlate most.

    Raises
    ------
    ValueError
        If there are fewer pairs than dimensions.
    """
    x, z, weights = rows_of_pairs(spaces, pairs, config)
    dim = num_directions(config.ratio, min(x.shape[1], z.shape[1]))
    source_map, target_map, correlations = fit_cca(
        x, z, dim=dim, weights=weights, device=config.device
    )
    told = {"rank": check_rank(x, z, spaces), "correlations": correlations.tolist()}
    return Fit(source_map, target_map, told)


def num_directions(ratio: float, dim: int) -> int:
    """Return the share of the dim, rounded up but for an error of the product.

    Examples
    --------
    >>> num_directions(0.55, 100), num_directions(0.551, 100)
    (55, 56)
    """
    return max(1, math.ceil(ratio * dim - 1e-9))
