"""Data sets of the field: what they hold, and how they are read."""

from __future__ import annotations

from embkit.evaluation.analogy_files import read_analogies
from embkit.evaluation.named import default_sets, open_set
from embkit.evaluation.readers import (
    read_categorization,
    read_outliers,
    read_similarity,
    read_translations,
    read_weat,
)
from embkit.evaluation.sets import (
    AnalogyQuestion,
    AnalogySet,
    CategorizationSet,
    DataSet,
    OutlierGroup,
    OutlierSet,
    SimilaritySet,
    WeatSet,
    WeatTest,
)

__all__ = [
    "AnalogyQuestion",
    "AnalogySet",
    "CategorizationSet",
    "DataSet",
    "OutlierGroup",
    "OutlierSet",
    "SimilaritySet",
    "WeatSet",
    "WeatTest",
    "default_sets",
    "open_set",
    "read_analogies",
    "read_categorization",
    "read_outliers",
    "read_similarity",
    "read_translations",
    "read_weat",
]
