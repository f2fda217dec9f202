"""Word similarity and analogies, both models of a comparison on the same words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from embkit.evaluation.analogy import evaluate_analogies
from embkit.evaluation.datasets import read_analogies, read_similarity
from embkit.evaluation.intervals import summarize_seeds
from embkit.evaluation.options import AnalogyOptions, SimilarityOptions
from embkit.evaluation.similarity import evaluate_similarity

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.evaluation.sets import SimilaritySet
    from embkit.evaluation.spaces import Vectors

SIMILARITY_SETS = {"ws353": "WS-353", "simlex-999": "SimLex-999", "men": "MEN", "rw": "RW"}
ANALOGY_SET = "google"
ANALOGY_WORDS = 30_000


class Score(NamedTuple):
    """A figure in points (0 to 100) and the part of the test set behind it."""

    points: float
    used: int
    total: int


def common_words(first: Embeddings, second: Embeddings) -> list[str]:
    """Return the words that both models know, in the order of ``first``.

    Scored on these alone, both answer the same questions; word2vec.c's ``</s>`` goes too.
    """
    known = set(second.words)
    return [word for word in first.words if word in known]


def read_sets(data: Path) -> dict[str, SimilaritySet]:
    """Return the pairs of each similarity set under ``data``, by its label."""
    return {
        label: read_similarity(data / "similarity" / f"{name}.tsv")
        for name, label in SIMILARITY_SETS.items()
    }


def similarity_scores(vectors: Vectors, data: Path) -> dict[str, Score]:
    """Return Spearman's rho on each similarity set, in lower case, unknown pairs left out."""
    options = SimilarityOptions(case="lower", interval="analytic")
    scores = {}
    for label, pairs in read_sets(data).items():
        found = evaluate_similarity(vectors, pairs, options)
        scores[label] = _score(found.spearman.value, found.n_used, found.n_total)
    return scores


def score_model(model: Embeddings, words: Sequence[str], data: Path) -> dict[str, Score]:
    """Return the score of each test set under ``data``, using only ``words``, in lower case.

    Analogies are 3CosAdd's among the first 30,000 words.
    """
    space = type(model).from_words(words, model.lookup(words))
    asked = AnalogyOptions(
        method=("3CosAdd",), case="lower", restrict_vocab=ANALOGY_WORDS, interval="analytic"
    )
    questions = read_analogies(data / "analogy" / f"{ANALOGY_SET}.tsv")
    (answered,) = evaluate_analogies(space, questions, asked)
    accuracy = _score(answered.accuracy.value, answered.n_used, answered.n_total)
    return {**similarity_scores(space, data), "Google": accuracy}


def paired_interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and two-sided 95% t interval of paired differences, infinite for one."""
    summary = summarize_seeds(differences)
    if summary.interval is None:
        return summary.mean, float("-inf"), float("inf")
    return summary.mean, summary.interval.low, summary.interval.high


def _score(value: float | None, used: int, total: int) -> Score:
    return Score(float("nan") if value is None else 100 * value, used, total)
