"""The general five-step map as a method (Artetxe et al. 2018), with a growing dictionary."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.mapping.config import FiveStepConfig
from embkit.mapping.fit import Doubles, fit_five_step
from embkit.mapping.growing import mutual_pairs
from embkit.mapping.initial import Pairs
from embkit.mapping.normalize import Matrix, bring_to_unit_length
from embkit.mapping.spaces import (
    Fit,
    Report,
    Spaces,
    certainty,
    check_rank,
    rows_of_pairs,
)
from embkit.mapping.spelling import Spelling

Fitted = tuple[Doubles, Doubles, Doubles]
"""Both maps, and the components' similarity."""


def fit(spaces: Spaces, pairs: SeedPairs, config: FiveStepConfig, report: Report) -> Fit:
    """Whiten, rotate, re-weight, de-whiten and cut; extend the dictionary and repeat.

    Raises
    ------
    ValueError
        If there are fewer pairs than dimensions to whiten.
    """
    x, z, weights = rows_of_pairs(spaces, pairs, config)
    found = _fit(x, z, weights, config)
    told: dict[str, Any] = {"rank": check_rank(x, z, spaces)}
    if config.rounds > 0:
        found, told["dictionary_sizes"] = _extend(spaces, pairs, found, config, report)
    return Fit(found[0], found[1], {**told, "singular_values": found[2].tolist()})


def _extend(
    spaces: Spaces, pairs: SeedPairs, found: Fitted, config: FiveStepConfig, report: Report
) -> tuple[Fitted, list[int]]:
    """Fit again to the dictionary and what the map finds; return the dictionaries' sizes."""
    x, z, weights = rows_of_pairs(spaces, pairs, config)
    source, target = spaces.source_matrix(config.cutoff), spaces.target_matrix(config.cutoff)
    spelling = _spelling(spaces, config)
    sizes: list[int] = []
    for done in range(1, config.rounds + 1):
        mapped = _mapped(source, found[0]), _mapped(target, found[1])
        mutual = mutual_pairs(
            *mapped,
            neighborhood=config.neighborhood,
            device=config.device,
            spelling=spelling,
        )
        new = new_pairs(mutual, pairs)
        counts = None
        if weights is not None:
            certain = certainty(spaces.source, spaces.target, new, config.rare or 0.0)
            added = np.ones(len(new[0])) if certain is None else certain
            counts = np.concatenate([weights, added])
        rows = np.concatenate([x, source[new[0]]]), np.concatenate([z, target[new[1]]])
        found = _fit(*rows, counts, config)
        sizes.append(len(pairs) + len(new[0]))
        report(done, config.rounds, {"pairs": sizes[-1]})
    return found, sizes


def new_pairs(found: Pairs, seeds: SeedPairs) -> Pairs:
    """Return those of the found pairs whose source word the dictionary does not have.

    What the dictionary says of a word goes before what a map finds.
    """
    is_new = ~np.isin(found[0], seeds.source)
    return found[0][is_new], found[1][is_new]


def _spelling(spaces: Spaces, config: FiveStepConfig) -> Spelling | None:
    if config.spelling == 0:
        return None
    words = spaces.source.words[: config.cutoff], spaces.target.words[: config.cutoff]
    return Spelling(words[0], words[1], weight=config.spelling)


def _mapped(rows: Matrix, matrix: Doubles) -> Matrix:
    mapped: Matrix = rows @ matrix.astype(np.float32)
    bring_to_unit_length(mapped)
    return mapped


def _fit(
    x: NDArray[np.floating],
    z: NDArray[np.floating],
    weights: Doubles | None,
    config: FiveStepConfig,
) -> Fitted:
    return fit_five_step(
        x,
        z,
        whiten=config.whiten,
        shrinkage=config.shrinkage,
        source_reweight=config.source_reweight,
        target_reweight=config.target_reweight,
        source_dewhiten=config.source_dewhiten,
        target_dewhiten=config.target_dewhiten,
        dim_reduction=config.dim_reduction,
        weights=weights,
        device=config.device,
    )
