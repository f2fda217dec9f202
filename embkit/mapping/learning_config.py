"""Options of the methods that induce a dictionary: names, defaults and limits, once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from embkit.checks import check_at_least, check_choice
from embkit.mapping.config import DeviceConfig

Start = Literal["dictionary", "identical", "numerals", "distributions"]
Direction = Literal["union", "forward", "backward", "mutual"]


def check_growth(growth: float) -> None:
    """Raise ValueError if a dictionary cannot grow by a factor."""
    if not 1 < growth < float("inf"):
        raise ValueError(f"growth must be above 1 and finite, got {growth}")


@dataclass(frozen=True, kw_only=True)
class RefineConfig(DeviceConfig):
    """Options of ``map(method="refine")``; the defaults are MUSE's."""

    rounds: int = 5
    """Fits, each from the pairs that the one before found."""
    cutoff: int = 15_000
    """Most frequent words of each side that pairs are induced from."""
    neighborhood: int = 10
    """Neighbours of CSLS."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("rounds", "cutoff", "neighborhood"):
            check_at_least(name, getattr(self, name), 1)


@dataclass(frozen=True, kw_only=True)
class GrowingConfig(DeviceConfig):
    """Options of ``map(method="growing")``; the defaults are PROC-B's."""

    growth: float = 1.5
    """Factor by which the dictionary may grow in a round."""
    most_pairs: int = 10_000
    """Pairs at which it ends."""
    cutoff: int = 20_000
    """Most frequent words of each side that pairs are induced from."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("most_pairs", "cutoff"):
            check_at_least(name, getattr(self, name), 1)
        check_growth(self.growth)


@dataclass(frozen=True, kw_only=True)
class SelfLearningConfig(DeviceConfig):
    """Options of ``map(method="self-learning")``."""

    start: Start | None = None
    """Pairs to start from: the dictionary, identical words, numerals, or distributions (no
    pairs at all: words are matched by how their similarities are distributed). When left
    out, the dictionary where there is one, else identical words where the most frequent
    words hold a hundred beside numerals, else distributions."""
    cutoff: int = 20_000
    """Most frequent words of each side that pairs are induced from."""
    early_cutoff: int = 10_000
    """The same while pairs are dropped at random."""
    direction: Direction = "union"
    """Take each source word's best partner (forward), each target word's (backward), both
    (union), or the pairs that are both (mutual)."""
    neighborhood: int = 10
    """Neighbours of CSLS."""
    keep_probability: float = 0.1
    """Share of the pairs of words that may be induced at first. From a dictionary, identical
    words or numerals, it is also learned with all of them, and the better one is taken."""
    keep_growth: float = 2.0
    """Factor by which that share grows when the objective stops rising."""
    patience: int = 10
    """Iterations whose mean objective is compared with that of as many before."""
    threshold: float = 1e-6
    """Least rise of the objective per iteration."""
    iterations: int = 1000
    """At most so many, each time that it is learned."""
    initial_words: int = 2000
    """Most frequent words that a start from distributions matches."""
    final: Literal["five-step", "orthogonal"] = "five-step"
    """Map that the last dictionary is given to: whitened and re-weighted, or a rotation."""
    restarts: int = 1
    """Runs with seeds that follow each other; the one with the highest objective is taken,
    and how many succeeded and how far they agree is told."""
    attempts: int = 24
    """Most further runs, of few words and each from another start, until two agree that bring
    words clearly closer than the others do."""
    seed: int = 1
    """Seed of every random draw."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("attempts", self.attempts, 0)
        for name in ("cutoff", "early_cutoff", "neighborhood", "patience", "iterations"):
            check_at_least(name, getattr(self, name), 1)
        for name in ("initial_words", "restarts"):
            check_at_least(name, getattr(self, name), 1)
        check_choice("final", self.final, ("five-step", "orthogonal"))
        check_choice("direction", self.direction, get_args(Direction))
        if self.start is not None:
            check_choice("start", self.start, get_args(Start))
        if not 0 < self.keep_probability <= 1:
            raise ValueError(
                f"keep_probability must be above 0 and at most 1, got {self.keep_probability}"
            )
        if not self.keep_growth > 1:
            raise ValueError(f"keep_growth must be above 1, got {self.keep_growth}")
        check_at_least("threshold", self.threshold, 0)
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"seed must be from 0 to 2^64 - 1, got {self.seed}")
