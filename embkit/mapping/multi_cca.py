"""Many languages into one pivot's space through canonical correlation (Ammar et al. 2016)."""

from __future__ import annotations

import logging

import numpy as np

from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.mapping.config import MultiCcaConfig
from embkit.mapping.fit import Doubles, fit_cca
from embkit.mapping.spaces import Fit, Report, Spaces, check_rank, identity_of, rows_of_pairs

_log = logging.getLogger("embkit")
_MOST_CONDITION = 1e6
_RIDGE = 1e-8


def fit(spaces: Spaces, pairs: SeedPairs, config: MultiCcaConfig, report: Report) -> Fit:
    """Map the source into the target, the pivot, which stays as it is.

    Raises
    ------
    ValueError
        If there are fewer pairs than dimensions.
    """
    x, z, weights = rows_of_pairs(spaces, pairs, config)
    source_map, target_map, correlations = fit_cca(x, z, weights=weights, device=config.device)
    told = {"rank": check_rank(x, z, spaces), "correlations": correlations.tolist()}
    return Fit(into_pivot(source_map, target_map), identity_of(spaces.target), told)


def into_pivot(source_map: Doubles, target_map: Doubles) -> Doubles:
    """Return the map of the source into the pivot's own space: ``A B^-1``, all directions kept.

    Parameters
    ----------
    source_map, target_map : array, shapes (source_dim, k), (target_dim, k)
        A and B, both maps into the common space; B is inverted, or pseudo-inverted where k
        is below the target's dim, with a ridge where it is close to singular.

    Examples
    --------
    >>> into_pivot(np.eye(2), np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    condition = float(np.linalg.cond(target_map))
    if target_map.shape[0] == target_map.shape[1] and condition <= _MOST_CONDITION:
        inverse = np.linalg.inv(target_map)
    elif condition <= _MOST_CONDITION:
        inverse = np.linalg.pinv(target_map)
    else:
        _log.warning("the pivot's map has condition %.1g: a ridge is added", condition)
        gram = target_map.T @ target_map
        ridge = _RIDGE * float(np.trace(gram)) / len(gram)
        inverse = np.linalg.solve(gram + ridge * np.eye(len(gram)), target_map.T)
    return np.asarray(source_map @ inverse, np.float64)
