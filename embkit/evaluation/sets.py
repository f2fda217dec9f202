"""What a data set holds, by kind; `embkit.evaluation.datasets` reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Doubles: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SimilaritySet:
    """Pairs of words with the similarity that people gave them."""

    name: str
    pairs: tuple[tuple[str, str], ...]
    scores: Doubles
    """Shape (num_pairs,); each set has its own scale."""
    path: str | None = None
    notes: tuple[str, ...] = ()
    """What is known to be wrong with it, as found when it was read."""

    def __len__(self) -> int:
        return len(self.pairs)


@dataclass(frozen=True, slots=True)
class AnalogyQuestion:
    """``a`` is to ``b`` as ``c`` is to any of ``answers``."""

    section: str
    a: str
    b: str
    c: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class AnalogySet:
    """Analogy questions in sections."""

    name: str
    questions: tuple[AnalogyQuestion, ...]
    path: str | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.questions)

    @property
    def sections(self) -> tuple[str, ...]:
        """The sections' names in the order of their first questions."""
        return tuple(dict.fromkeys(question.section for question in self.questions))


@dataclass(frozen=True)
class CategorizationSet:
    """Words with their gold categories."""

    name: str
    words: tuple[str, ...]
    categories: tuple[str, ...]
    """The category of each word."""
    path: str | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.words)


@dataclass(frozen=True)
class OutlierGroup:
    """A cluster of words and, one by one, outliers to be told from it."""

    name: str
    words: tuple[str, ...]
    outliers: tuple[str, ...]


@dataclass(frozen=True)
class OutlierSet:
    """Clusters with outliers, such as 8-8-8."""

    name: str
    groups: tuple[OutlierGroup, ...]
    path: str | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.groups)


@dataclass(frozen=True)
class WeatTest:
    """Two sets of target words (x, y) and two of attributes (a, b), with their names."""

    name: str
    x_name: str
    y_name: str
    a_name: str
    b_name: str
    x: tuple[str, ...]
    y: tuple[str, ...]
    a: tuple[str, ...]
    b: tuple[str, ...]


@dataclass(frozen=True)
class WeatSet:
    """Association tests."""

    name: str
    tests: tuple[WeatTest, ...]
    path: str | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.tests)


DataSet: TypeAlias = SimilaritySet | AnalogySet | CategorizationSet | OutlierSet | WeatSet
