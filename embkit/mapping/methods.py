"""Mapping methods: one table from a method's name to its options and its function."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from embkit.checks import check_choice, option_hint
from embkit.mapping import (
    adversarial,
    alignment,
    cca,
    five_step,
    hybrid,
    learning,
    linear,
    max_margin,
    multi_cca,
    orthogonal,
    rcsls,
)
from embkit.mapping.config import (
    AdversarialConfig,
    AlignmentConfig,
    CcaConfig,
    FiveStepConfig,
    HybridConfig,
    LinearConfig,
    MappingConfig,
    MaxMarginConfig,
    MultiCcaConfig,
    OrthogonalConfig,
    RcslsConfig,
)
from embkit.mapping.learning_config import GrowingConfig, RefineConfig, SelfLearningConfig
from embkit.mapping.spaces import Fit

Supervision = Literal["dictionary", "optional dictionary", "none"]


@dataclass(frozen=True)
class Method:
    """A method as `map` and the command line know it.

    ``fit(spaces, pairs, config, report)`` gets the normalised spaces, the dictionary's pairs
    as rows (None where there is no dictionary), the options and a function to call with the
    steps done.
    """

    summary: str
    config: type[MappingConfig]
    fit: Callable[..., Fit]
    supervision: Supervision = "dictionary"


METHODS: dict[str, Method] = {
    "orthogonal": Method(
        "Rotation (Xing 2015, Artetxe 2016).", OrthogonalConfig, orthogonal.fit
    ),
    "linear": Method("Least squares (Mikolov 2013).", LinearConfig, linear.fit),
    "cca": Method("Canonical correlation (Faruqui and Dyer 2014).", CcaConfig, cca.fit),
    "five-step": Method(
        "Whiten, rotate, re-weight, de-whiten (Artetxe 2018).", FiveStepConfig, five_step.fit
    ),
    "rcsls": Method("Relaxed CSLS as the loss (Joulin 2018).", RcslsConfig, rcsls.fit),
    "max-margin": Method(
        "Rank translations above intruders (Lazaridou 2015).", MaxMarginConfig, max_margin.fit
    ),
    "multi-cca": Method(
        "Canonical correlation into a pivot (Ammar 2016).", MultiCcaConfig, multi_cca.fit
    ),
    "hybrid": Method(
        "Least squares on mutual neighbours of a first space (Vulic and Korhonen 2016).",
        HybridConfig,
        hybrid.fit,
        "optional dictionary",
    ),
    "adversarial": Method(
        "Against a discriminator, without a dictionary (Barone 2016, Conneau 2018).",
        AdversarialConfig,
        adversarial.fit,
        "none",
    ),
    "alignment": Method(
        "Means of aligned words' vectors (Guo 2015).", AlignmentConfig, alignment.fit
    ),
    "refine": Method(
        "Rotations by mutual neighbours (Conneau 2018).", RefineConfig, learning.fit_refine
    ),
    "growing": Method(
        "A dictionary grown in both directions (Glavas 2019).",
        GrowingConfig,
        learning.fit_growing,
    ),
    "self-learning": Method(
        "From few pairs or none (Artetxe 2018).",
        SelfLearningConfig,
        learning.fit_self_learning,
        "optional dictionary",
    ),
}


def copied_rows(config: MappingConfig) -> int | None:
    """Return how many normalised rows of each side a method holds beside the spaces.

    None stands for all.

    Examples
    --------
    >>> copied_rows(OrthogonalConfig()), copied_rows(RcslsConfig(candidates=500))
    (0, 500)
    """
    if isinstance(config, HybridConfig | RefineConfig | GrowingConfig):
        return None
    if isinstance(config, RcslsConfig | MaxMarginConfig):
        return config.candidates
    if isinstance(config, AdversarialConfig):
        return config.frequent
    if isinstance(config, SelfLearningConfig):
        return max(config.cutoff, config.initial_words)
    if isinstance(config, FiveStepConfig) and config.rounds > 0:
        return 2 * config.cutoff  # as they are, and mapped
    return 0


def learned_pairs(config: MappingConfig) -> int:
    """Return how many pairs a method learns at most, beside a dictionary's.

    Examples
    --------
    >>> learned_pairs(OrthogonalConfig()), learned_pairs(SelfLearningConfig(cutoff=500))
    (0, 1000)
    """
    if isinstance(config, SelfLearningConfig):
        return 2 * config.cutoff
    if isinstance(config, RefineConfig):
        return config.cutoff
    if isinstance(config, GrowingConfig):
        return config.most_pairs
    if isinstance(config, HybridConfig):
        return config.frequent
    if isinstance(config, FiveStepConfig) and config.rounds > 0:
        return config.cutoff
    return 0


def make_config(
    method: str, options: dict[str, Any], arguments: Iterable[str] = ()
) -> MappingConfig:
    """Build the configuration of a method, refusing options that it does not have.

    ``arguments`` are those of the caller, one of which may have been meant.

    Raises
    ------
    ValueError
        If the method, an option or a value is not allowed.

    Examples
    --------
    >>> make_config("cca", {"ratio": 0.5}).ratio
    0.5
    """
    check_choice("method", method, tuple(METHODS))
    options_of = {
        name: [option.name for option in dataclasses.fields(known.config)]
        for name, known in METHODS.items()
    }
    for name in options:
        if name not in options_of[method]:
            raise ValueError(
                f"options of {method} must be among {', '.join(options_of[method])}, got {name}"
                f"{option_hint(name, method, options_of, arguments)}"
            )
    return METHODS[method].config(**options)
