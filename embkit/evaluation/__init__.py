"""Evaluation of embeddings, with its statistics."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embkit.evaluation.analogy import evaluate_analogies
    from embkit.evaluation.bias import evaluate_bias
    from embkit.evaluation.categorization import evaluate_categorization
    from embkit.evaluation.compare import compare_analogies, compare_similarity
    from embkit.evaluation.diagnostics import evaluate_diagnostics
    from embkit.evaluation.named import default_sets, open_set
    from embkit.evaluation.outliers import evaluate_outliers
    from embkit.evaluation.similarity import evaluate_similarity
    from embkit.evaluation.stability import compare_neighbors

__all__ = [
    "compare_analogies",
    "compare_neighbors",
    "compare_similarity",
    "default_sets",
    "evaluate_analogies",
    "evaluate_bias",
    "evaluate_categorization",
    "evaluate_diagnostics",
    "evaluate_outliers",
    "evaluate_similarity",
    "open_set",
]

# Looked through at first use, so that importing one task does not import them all.
_HOMES = "similarity analogy categorization outliers bias diagnostics stability compare named"


def __getattr__(name: str) -> object:
    if name in __all__:
        for home in _HOMES.split():
            module = import_module(f"embkit.evaluation.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module 'embkit.evaluation' has no attribute {name!r}")
