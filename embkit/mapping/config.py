"""Options of the mapping methods: names, defaults and limits, once."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal, get_args

from embkit.config import check_at_least, check_at_most, check_choice, plain_value
from embkit.mapping.dictionary import CASES, Case
from embkit.mapping.fit import Side
from embkit.mapping.normalize import parse_steps


@dataclass(frozen=True, kw_only=True)
class MappingConfig:
    """Options that all methods share."""

    normalization: str = "unit,center,unit"
    """Steps for both spaces, joined by commas: unit, center, iterative (Zhang et al. 2019),
    all-but-the-top (Mu et al. 2018), none."""

    def __post_init__(self) -> None:
        for option in fields(self):
            value = plain_value(option.name, str(option.type), getattr(self, option.name))
            object.__setattr__(self, option.name, value)
        parse_steps(self.normalization)


@dataclass(frozen=True, kw_only=True)
class DictionaryConfig(MappingConfig):
    """Options of methods that learn from a dictionary."""

    case: Case = "exact"
    """Look for a dictionary's words as they stand (exact), in lower case (lower), or as they
    stand, then in lower case, with a capital, in capitals (any)."""
    unicode: bool = True
    """Look for composed and decomposed forms (NFC, NFD) of words that are not found."""
    weights: bool = False
    """Let pairs count by the weights that the dictionary gives them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("case", self.case, CASES)


@dataclass(frozen=True, kw_only=True)
class OrthogonalConfig(DictionaryConfig):
    """Options of ``map(method="orthogonal")``."""


@dataclass(frozen=True, kw_only=True)
class LinearConfig(DictionaryConfig):
    """Options of ``map(method="linear")``."""

    normalization: str = "unit,center,unit"
    """Steps for both spaces, joined by commas: unit, center, iterative (Zhang et al. 2019),
    all-but-the-top (Mu et al. 2018), none."""
    ridge: float = 0.0
    """Penalty on the squares of the map's numbers."""
    direction: Literal["forward", "reverse"] = "forward"
    """Map the source onto the target, or the target onto the source, which makes fewer hubs
    (Shigeto et al. 2015)."""
    solver: Literal["exact", "sgd"] = "exact"
    """Closed form, or stochastic gradient descent as Mikolov et al. (2013)."""
    epochs: int = 100
    """Passes over the pairs (sgd)."""
    learning_rate: float = 0.5
    """Rate at the start; it falls linearly to 0 (sgd)."""
    batch: int = 64
    """Pairs per step (sgd)."""
    seed: int = 1
    """Seed of every random draw."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("ridge", self.ridge, 0)
        check_choice("direction", self.direction, ("forward", "reverse"))
        check_choice("solver", self.solver, ("exact", "sgd"))
        check_steps_of_descent(self.epochs, self.learning_rate, self.batch, self.seed)


@dataclass(frozen=True, kw_only=True)
class CcaConfig(DictionaryConfig):
    """Options of ``map(method="cca")``; the defaults are those of Faruqui and Dyer (2014)."""

    normalization: str = "unit,center"
    """Steps for both spaces, joined by commas: unit, center, iterative (Zhang et al. 2019),
    all-but-the-top (Mu et al. 2018), none."""
    ratio: float = 0.8
    """Share of the dimensions to keep, those that correlate most."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.ratio <= 1:
            raise ValueError(f"ratio must be above 0 and at most 1, got {self.ratio}")


@dataclass(frozen=True, kw_only=True)
class FiveStepConfig(DictionaryConfig):
    """Options of ``map(method="five-step")``; the defaults are Artetxe et al. (2018)'s last."""

    whiten: bool = True
    """Decorrelate each side first."""
    source_reweight: float = 0.5
    """Exponent of the singular values by which source components are multiplied."""
    target_reweight: float = 0.5
    """Exponent of the singular values by which target components are multiplied."""
    source_dewhiten: Literal["none", "source", "target"] = "source"
    """Side whose variances and correlations the source gets back."""
    target_dewhiten: Literal["none", "source", "target"] = "target"
    """Side whose variances and correlations the target gets back."""
    dim_reduction: int | None = None
    """Keep only this many components, the most similar ones."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("source_reweight", "target_reweight"):
            check_at_least(name, getattr(self, name), 0)
        for name in ("source_dewhiten", "target_dewhiten"):
            check_choice(name, getattr(self, name), get_args(Side))
        if self.dim_reduction is not None:
            check_at_least("dim_reduction", self.dim_reduction, 1)


def check_steps_of_descent(epochs: int, learning_rate: float, batch: int, seed: int) -> None:
    """Raise ValueError unless the options of a gradient descent are within their limits."""
    check_at_least("epochs", epochs, 1)
    check_at_most("epochs", epochs, 1_000_000)
    check_at_least("batch", batch, 1)
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be positive, got {learning_rate}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be from 0 to 2^64 - 1, got {seed}")
