"""Options of the evaluations: names, defaults and limits, once, for Python and the flags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from embkit.checks import (
    check_at_least,
    check_choice,
    check_positive,
    check_range,
    check_seed,
    check_threads,
    take_plain_values,
)
from embkit.device import parse_device
from embkit.evaluation.spaces import CASES, Case

UnknownWords: TypeAlias = Literal["skip", "zero", "mean", "backoff"]
SimilarityConvention: TypeAlias = Literal[
    "embkit", "gensim", "hyperwords", "vecmap", "muse", "web", "vecto"
]
AnalogyConvention: TypeAlias = Literal[
    "embkit", "word2vec", "gensim", "hyperwords", "vecmap", "muse", "web"
]
AnalogyMethod: TypeAlias = Literal[
    "3CosAdd", "3CosMul", "PairDirection", "only-b", "3CosAvg", "LRCos"
]
QUESTION_METHODS: tuple[AnalogyMethod, ...] = ("3CosAdd", "3CosMul", "PairDirection", "only-b")
"""Methods that answer each question by itself."""
PAIR_METHODS: tuple[AnalogyMethod, ...] = ("3CosAvg", "LRCos")
"""Methods that learn a relation from all other pairs of the section."""


@dataclass(frozen=True, kw_only=True)
class StatisticsOptions:
    """How uncertainty is computed."""

    interval: Literal["bootstrap", "analytic"] = "bootstrap"
    """Resample the items (pairs; of analogies a section's word pairs), or use a formula."""
    resamples: int = 10_000
    """Bootstrap samples."""
    confidence: float = 0.95
    """Confidence of the intervals."""
    seed: int = 1
    """Seed of the resampling."""
    threads: int | None = None
    """Worker threads; all cores the process may use when left out."""

    def __post_init__(self) -> None:
        take_plain_values(self)
        check_choice("interval", self.interval, ("bootstrap", "analytic"))
        check_range("resamples", self.resamples, 10)
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence must be between 0 and 1, got {self.confidence}")
        check_seed(self.seed)
        check_threads(self.threads)


@dataclass(frozen=True, kw_only=True)
class SimilarityOptions(StatisticsOptions):
    """Options of ``evaluate_similarity``."""

    convention: SimilarityConvention = "embkit"
    """Whose rules to follow where the options below are left out."""
    oov: UnknownWords | None = None
    """Pairs with an unknown word: leave out, score 0, give the word the mean vector, or look
    for another case of it, then its subwords; skip when left out."""
    oov_score: float | None = None
    """The score of a pair that ``backoff`` leaves unknown; left out when not given."""
    case: Case | None = None
    """How a word finds its row: as written (exact), in lower case, regardless of case with
    the first row winning (fold), or as written and else in other cases (fallback, the
    default)."""
    restrict_vocab: int | None = None
    """Know only the first so many words."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.oov is not None:
            check_choice("oov", self.oov, ("skip", "zero", "mean", "backoff"))
        if self.oov_score is not None and self.oov != "backoff":
            raise ValueError(
                f"oov_score must be left out unless oov is backoff, got {self.oov}"
            )
        _check_vocabulary(self.case, self.restrict_vocab)


@dataclass(frozen=True, kw_only=True)
class AnalogyOptions(StatisticsOptions):
    """Options of ``evaluate_analogies``."""

    convention: AnalogyConvention = "embkit"
    """Whose rules to follow where the options below are left out."""
    method: tuple[AnalogyMethod, ...] = ("3CosAdd", "3CosMul")
    """How an answer is chosen; several are scored in one pass."""
    exclude_queries: bool = True
    """Leave the words of the question out of its answers."""
    epsilon: float | None = None
    """Added to the denominator of 3CosMul; 0.001 when left out."""
    oov: Literal["skip", "wrong"] | None = None
    """Questions with an unknown word: leave out (the default) or count as wrong."""
    case: Case | None = None
    """How a word finds its row, as for similarity."""
    restrict_vocab: int | None = None
    """Know only the first so many words: of questions, answers and candidates."""
    device: str = "cpu"
    """Where dense vectors' answers are searched, but for LRCos: cpu, cuda or cuda:N (through
    CuPy), or auto, a GPU where one can be used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.method:
            raise ValueError("method must have at least one name, got none")
        for name in self.method:
            check_choice("method", name, (*QUESTION_METHODS, *PAIR_METHODS))
        if self.epsilon is not None:
            check_positive("epsilon", self.epsilon)
        if self.oov is not None:
            check_choice("oov", self.oov, ("skip", "wrong"))
        _check_vocabulary(self.case, self.restrict_vocab)
        parse_device(self.device)


def _check_vocabulary(case: Case | None, restrict_vocab: int | None) -> None:
    if case is not None:
        check_choice("case", case, CASES)
    if restrict_vocab is not None:
        check_at_least("restrict_vocab", restrict_vocab, 1)
