"""Evaluation of embeddings, with its statistics."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embkit.evaluation.alignment_error import align_words, alignment_error_rate
    from embkit.evaluation.analogy import evaluate_analogies
    from embkit.evaluation.bias import evaluate_bias
    from embkit.evaluation.categorization import evaluate_categorization
    from embkit.evaluation.compare import compare_analogies, compare_similarity
    from embkit.evaluation.crosslingual_words import (
        evaluate_crosslingual_analogies,
        evaluate_crosslingual_similarity,
    )
    from embkit.evaluation.diagnostics import evaluate_diagnostics
    from embkit.evaluation.named import default_sets, open_set
    from embkit.evaluation.outliers import evaluate_outliers
    from embkit.evaluation.sentences import (
        evaluate_document_classification,
        evaluate_sentence_retrieval,
    )
    from embkit.evaluation.similarity import evaluate_similarity
    from embkit.evaluation.stability import compare_neighbors
    from embkit.evaluation.translation import TranslationOptions, evaluate_translation

__all__ = [
    "TranslationOptions",
    "align_words",
    "alignment_error_rate",
    "compare_analogies",
    "compare_neighbors",
    "compare_similarity",
    "default_sets",
    "evaluate_analogies",
    "evaluate_bias",
    "evaluate_categorization",
    "evaluate_crosslingual_analogies",
    "evaluate_crosslingual_similarity",
    "evaluate_diagnostics",
    "evaluate_document_classification",
    "evaluate_outliers",
    "evaluate_sentence_retrieval",
    "evaluate_similarity",
    "evaluate_translation",
    "open_set",
]

# Looked through at first use, so that importing one task does not import them all.
_HOMES = "similarity analogy categorization outliers bias diagnostics stability compare named"
_HOMES += " translation crosslingual_words sentences alignment_error"


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    if name in __all__:
        for home in _HOMES.split():
            module = import_module(f"embkit.evaluation.{home}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module 'embkit.evaluation' has no attribute {name!r}")
