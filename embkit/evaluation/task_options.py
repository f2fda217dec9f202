"""Options of categorisation, outlier detection, bias and diagnostics, once for all faces."""

from __future__ import annotations

from dataclasses import dataclass

from embkit.checks import check_at_least, check_choice, check_range, check_seed
from embkit.device import parse_device
from embkit.evaluation.options import StatisticsOptions
from embkit.evaluation.spaces import CASES, Case


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """What the four have in common."""

    case: Case = "fallback"
    """How a word finds its row: as written (exact), in lower case, regardless of case with the
    first row winning (fold), or as written and else in other cases (fallback)."""
    restrict_vocab: int | None = None
    """Know only the first so many words."""
    resamples: int = 10_000
    """Bootstrap samples."""
    confidence: float = 0.95
    """Confidence of the intervals."""
    seed: int = 1
    """Seed of all that is drawn."""

    def __post_init__(self) -> None:
        check_choice("case", self.case, CASES)
        if self.restrict_vocab is not None:
            check_at_least("restrict_vocab", self.restrict_vocab, 1)
        check_range("resamples", self.resamples, 10)
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must be between 0 and 1, got {self.confidence}")
        check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class CategorizationOptions(TaskOptions):
    """Options of ``evaluate_categorization``."""

    restarts: int = 10
    """Runs of k-means from different starts; the tightest clustering counts."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("restarts", self.restarts, 1)


@dataclass(frozen=True, kw_only=True)
class OutlierOptions(TaskOptions):
    """Options of ``evaluate_outliers``."""


@dataclass(frozen=True, kw_only=True)
class BiasOptions(TaskOptions):
    """Options of ``evaluate_bias``."""

    permutations: int = 100_000
    """Splits of the targets that are drawn; where there are no more than that, all of them."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("permutations", self.permutations, 1)


@dataclass(frozen=True, kw_only=True)
class DiagnosticsOptions(TaskOptions):
    """Options of ``evaluate_diagnostics``."""

    restrict_vocab: int | None = 20_000
    """Look at the first so many words only."""
    neighbors: int = 10
    """Neighbours per word, k of N_k and of the overlap."""
    device: str = "cpu"
    """Where dense vectors' neighbours are searched: cpu, cuda or cuda:N (through CuPy), or
    auto, a GPU where one can be used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("neighbors", self.neighbors, 1)
        parse_device(self.device)


def resampling(options: TaskOptions) -> StatisticsOptions:
    """Return the options of the bootstrap."""
    return StatisticsOptions(
        resamples=options.resamples, confidence=options.confidence, seed=options.seed
    )
