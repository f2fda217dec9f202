"""The orthogonal map (Xing et al. 2015; centred, Artetxe et al. 2016)."""

from __future__ import annotations

from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.mapping.config import OrthogonalConfig
from embkit.mapping.fit import fit_orthogonal
from embkit.mapping.spaces import Fit, Report, Spaces, check_rank, identity_of, rows_of_pairs


def fit(spaces: Spaces, pairs: SeedPairs, config: OrthogonalConfig, report: Report) -> Fit:
    """Rotate the source onto the target.

    Raises
    ------
    ValueError
        If the dims differ.
    """
    x, z, weights = rows_of_pairs(spaces, pairs, config)
    rotation = fit_orthogonal(x, z, weights=weights, device=config.device)
    return Fit(rotation, identity_of(spaces.target), {"rank": check_rank(x, z, spaces)})
