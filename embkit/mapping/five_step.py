"""The general five-step map as a method (Artetxe et al. 2018)."""

from __future__ import annotations

from embkit.mapping.config import FiveStepConfig
from embkit.mapping.dictionary import SeedPairs
from embkit.mapping.fit import fit_five_step
from embkit.mapping.spaces import Fit, Report, Spaces, check_rank, rows_of_pairs


def fit(spaces: Spaces, pairs: SeedPairs, config: FiveStepConfig, report: Report) -> Fit:
    """Whiten, rotate, re-weight, de-whiten and cut.

    Raises
    ------
    ValueError
        If there are fewer pairs than dimensions to whiten.
    """
    x, z, weights = rows_of_pairs(spaces, pairs, weighted=config.weights)
    source_map, target_map, values = fit_five_step(
        x,
        z,
        whiten=config.whiten,
        source_reweight=config.source_reweight,
        target_reweight=config.target_reweight,
        source_dewhiten=config.source_dewhiten,
        target_dewhiten=config.target_dewhiten,
        dim_reduction=config.dim_reduction,
        weights=weights,
        device=config.device,
    )
    told = {"rank": check_rank(x, z, spaces), "singular_values": values.tolist()}
    return Fit(source_map, target_map, told)
