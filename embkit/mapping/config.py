"""Options of the mapping methods: names, defaults and limits, once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from embkit.backend import parse_device
from embkit.checks import check_at_least, check_at_most, check_choice, take_plain_values
from embkit.dictionaries.seed_dictionary import CASES, Case
from embkit.mapping.fit import Side, check_dewhitening
from embkit.mapping.normalize import parse_steps

MOST_RUNS = 16
"""Runs of an adversarial map where two in agreement are sought: of runs that succeed one in
three times, 16 are without two in one case of a hundred."""


@dataclass(frozen=True, kw_only=True)
class MappingConfig:
    """Options that all methods share."""

    normalization: str = "unit,center,unit"
    """Steps for both spaces, joined by commas: unit, center, iterative (Zhang et al. 2019),
    all-but-the-top (Mu et al. 2018), none."""

    def __post_init__(self) -> None:
        take_plain_values(self)
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
class DeviceConfig(DictionaryConfig):
    """Options of methods whose products a GPU can compute."""

    device: str = "cpu"
    """Where products are computed: cpu, cuda or cuda:N (through CuPy), or auto, a GPU where
    one can be used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_device(self.device)


@dataclass(frozen=True, kw_only=True)
class PairsConfig(DeviceConfig):
    """Options of methods that are fitted to a dictionary's pairs as they stand."""

    rare: float | None = 0.0
    """Let pairs of rare words count less, as their vectors are less certain: words that occur
    a and b times count n / (n + rare), n being ab / (a + b). Needs counts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rare is not None:
            check_at_least("rare", self.rare, 0)


@dataclass(frozen=True, kw_only=True)
class OrthogonalConfig(PairsConfig):
    """Options of ``map(method="orthogonal")``."""


@dataclass(frozen=True, kw_only=True)
class LinearConfig(PairsConfig):
    """Options of ``map(method="linear")``."""

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
        if self.solver == "sgd" and parse_device(self.device).kind == "cuda":
            raise ValueError(f"device must be cpu with solver sgd, got {self.device}")
        check_steps_of_descent(self.epochs, self.learning_rate, self.batch, self.seed)


@dataclass(frozen=True, kw_only=True)
class CcaConfig(PairsConfig):
    """Options of ``map(method="cca")``; the defaults are those of Faruqui and Dyer (2014)."""

    normalization: str = "unit,center"
    ratio: float = 0.8
    """Share of the dimensions to keep, those that correlate most."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.ratio <= 1:
            raise ValueError(f"ratio must be above 0 and at most 1, got {self.ratio}")


@dataclass(frozen=True, kw_only=True)
class FiveStepConfig(PairsConfig):
    """Options of ``map(method="five-step")``; the defaults are Artetxe et al. (2018)'s last."""

    whiten: bool = True
    """Decorrelate each side first."""
    shrinkage: float = 0.0
    """Add this share of the mean variance to that of every direction when whitening, so that
    directions which few pairs do not tell from noise are not blown up."""
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
    rounds: int = 0
    """Times that the dictionary is extended by mutual neighbours, as the map so far finds them
    by CSLS, and the map is fitted again; the dictionary's own pairs stay."""
    cutoff: int = 10_000
    """Most frequent words of each side that the dictionary is extended by."""
    neighborhood: int = 10
    """Neighbours of CSLS."""
    spelling: float = 0.0
    """Let words that are spelt alike find each other when the dictionary is extended: weight of
    the cosine of their letters' runs beside that of their vectors (after Riley and Gildea
    2018). For languages of one script; 0.25 suits related ones."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("source_reweight", "target_reweight", "shrinkage", "rounds", "spelling"):
            check_at_least(name, getattr(self, name), 0)
        if self.spelling > 0 and self.rounds == 0:
            raise ValueError(
                f"spelling must be 0 unless rounds extend the dictionary, got {self.spelling}"
            )
        for name in ("cutoff", "neighborhood"):
            check_at_least(name, getattr(self, name), 1)
        for name in ("source_dewhiten", "target_dewhiten"):
            check_choice(name, getattr(self, name), get_args(Side))
        if self.dim_reduction is not None:
            check_at_least("dim_reduction", self.dim_reduction, 1)
        check_dewhitening(self.whiten, self.source_dewhiten, self.target_dewhiten)


def check_steps_of_descent(epochs: int, learning_rate: float, batch: int, seed: int) -> None:
    """Raise ValueError unless the options of a gradient descent are within their limits."""
    check_at_least("epochs", epochs, 1)
    check_at_most("epochs", epochs, 1_000_000)
    check_at_least("batch", batch, 1)
    if not (math.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be positive, got {learning_rate}")
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be from 0 to 2^64 - 1, got {seed}")


@dataclass(frozen=True, kw_only=True)
class MultiCcaConfig(PairsConfig):
    """Options of ``map(method="multi-cca")`` (Ammar et al. 2016)."""

    normalization: str = "unit,center"


@dataclass(frozen=True, kw_only=True)
class RcslsConfig(PairsConfig):
    """Options of ``map(method="rcsls")`` (Joulin et al. 2018)."""

    rare: float | None = None
    """As for the other methods; when left out, 200 where both sides have counts."""
    start: Literal["five-step", "orthogonal"] = "five-step"
    """Map to begin with; a rotation where there are fewer pairs than dimensions."""
    shrinkage: float = 0.2
    """That of the five-step map to begin with."""
    neighbors: int = 10
    """Neighbours in the means of the retrieval criterion."""
    candidates: int | None = 200_000
    """Rows of each vocabulary, the first ones, among which neighbours are sought."""
    constraint: Literal["spectral", "none"] = "spectral"
    """Clip the map's singular values to [0, 1], or leave it free; free, the loss has no lower
    bound and only learning_rate times the steps holds the map back."""
    epochs: int = 3
    """Most steps of gradient descent; many fit the dictionary ever better and other words
    worse."""
    learning_rate: float = 2.0
    """Rate at the start; halved after each step that is undone."""
    held_out: float = 0.2
    """Share of the dictionary's source words on which the number of steps is chosen, none among
    the choices, before all pairs are fitted; 0 takes all steps."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("neighbors", self.neighbors, 1)
        if self.candidates is not None:
            check_at_least("candidates", self.candidates, 1)
        check_choice("start", self.start, ("five-step", "orthogonal"))
        check_choice("constraint", self.constraint, ("spectral", "none"))
        for name in ("held_out", "shrinkage"):
            check_at_least(name, getattr(self, name), 0)
        if self.held_out > 0.5:
            raise ValueError(f"held_out must be at most 0.5, got {self.held_out}")
        check_steps_of_descent(self.epochs, self.learning_rate, 1, 0)


@dataclass(frozen=True, kw_only=True)
class MaxMarginConfig(PairsConfig):
    """Options of ``map(method="max-margin")`` (Lazaridou et al. 2015)."""

    margin: float = 0.5
    """How much closer the translation must be than any other word, by the cosine."""
    negatives: int = 1
    """Other words per pair and step."""
    negative_choice: Literal["intruder", "random"] = "intruder"
    """Words close to the mapped vector and far from the translation, or any words."""
    candidates: int | None = None
    """Target rows, the first ones, among which other words are sought; all when left out."""
    epochs: int = 10
    """Passes over the pairs."""
    learning_rate: float = 2.0
    """Rate at the start; it falls linearly to 0."""
    batch: int = 128
    """Pairs per step."""
    seed: int = 1
    """Seed of every random draw."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("margin", self.margin, 0)
        check_at_least("negatives", self.negatives, 1)
        if self.candidates is not None:
            check_at_least("candidates", self.candidates, 2)
        check_choice("negative_choice", self.negative_choice, ("intruder", "random"))
        check_steps_of_descent(self.epochs, self.learning_rate, self.batch, self.seed)


@dataclass(frozen=True, kw_only=True)
class HybridConfig(PairsConfig):
    """Options of ``map(method="hybrid")`` (Vulic and Korhonen 2016)."""

    first: str | None = None
    """A saved map whose common space gives the seed pairs; an orthogonal map fitted to the
    dictionary when left out."""
    first_source: str | None = None
    """Vectors of the source language in a space that both languages share already."""
    first_target: str | None = None
    """Vectors of the target language in that space."""
    frequent: int = 5000
    """Source words, the first ones, that are translated in the first space."""
    threshold: float = 0.0
    """Keep a pair if its cosine exceeds that of the second nearest word by more than this."""
    ridge: float = 0.0
    """Penalty on the squares of the map's numbers."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("frequent", self.frequent, 1)
        check_at_least("threshold", self.threshold, 0)
        check_at_least("ridge", self.ridge, 0)
        if (self.first_source is None) != (self.first_target is None):
            raise ValueError("first_source and first_target must be given together")
        if self.first is not None and self.first_source is not None:
            raise ValueError("first must be left out where first_source is given")


@dataclass(frozen=True, kw_only=True)
class AlignmentConfig(DictionaryConfig):
    """Options of ``project_aligned`` (Guo et al. 2015)."""

    normalization: str = "none"
    distance: int = 1
    """Words without an alignment get the mean of aligned words within this edit distance."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("distance", self.distance, 0)
        check_at_most("distance", self.distance, 3)


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig(MappingConfig):
    """Options of ``map(method="adversarial")``.

    The defaults let several runs end in minutes without a GPU: a narrower discriminator, higher
    rates and fewer, larger steps than in Conneau et al. (2018), who have 2048 hidden, 5
    discriminator_steps, 0.001 orthogonality, 1,000,000 samples, 0.1 learning_rate and 32 batch.
    """

    form: Literal["orthogonal", "autoencoder"] = "orthogonal"
    """A map kept near the rotations (Conneau et al. 2018), or any map whose transpose must
    bring the source back (Barone 2016)."""
    reconstruction: float = 0.3
    """Weight of bringing the source back (autoencoder)."""
    frequent: int = 75_000
    """Rows of each vocabulary, the first ones, that the discriminator sees."""
    hidden: int = 256
    """Width of the discriminator's two hidden layers."""
    input_dropout: float = 0.1
    """Share of its input that the discriminator does not see."""
    smoothing: float = 0.1
    """How far the discriminator's labels lie from 0 and 1."""
    discriminator_steps: int = 2
    """Steps of the discriminator for each step of the map."""
    orthogonality: float = 0.01
    """Strength of the pull to the rotations after each step (orthogonal)."""
    samples: int = 100_000
    """Words of each side that the map sees in an epoch."""
    epochs: int = 5
    """Epochs; the map of the best one by its own neighbours' cosine is kept."""
    learning_rate: float = 1.0
    """Rate of the map and of the discriminator."""
    decay: float = 0.98
    """Factor on the map's rate after each epoch."""
    batch: int = 64
    """Words of each side per step."""
    restarts: int | None = None
    """Runs from different random rotations, of which the best by its own neighbours' cosine is
    kept; from two on their agreement makes the verdict. When left out, 3 and more, until the
    verdict is good, and 16 at most."""
    refinement: int = 5
    """Rounds of an orthogonal map fitted to mutual nearest neighbours at the end."""
    seed: int = 1
    """Seed of every random draw."""
    device: str = "cpu"
    """Where products are computed: cpu, cuda or cuda:N (through CuPy), or auto, a GPU where
    one can be used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("form", self.form, ("orthogonal", "autoencoder"))
        parse_device(self.device)
        for name in ("frequent", "hidden", "discriminator_steps", "samples"):
            check_at_least(name, getattr(self, name), 1)
        if self.restarts is not None:
            check_at_least("restarts", self.restarts, 1)
        for name in ("reconstruction", "orthogonality", "refinement"):
            check_at_least(name, getattr(self, name), 0)
        for name in ("input_dropout", "smoothing"):
            check_at_least(name, getattr(self, name), 0)
            if getattr(self, name) >= 0.5:
                raise ValueError(f"{name} must be below 0.5, got {getattr(self, name)}")
        if not 0 < self.decay <= 1:
            raise ValueError(f"decay must be above 0 and at most 1, got {self.decay}")
        check_steps_of_descent(self.epochs, self.learning_rate, self.batch, self.seed)
