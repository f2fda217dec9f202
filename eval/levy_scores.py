"""The test sets of Levy et al. (2015), and the scores of one model on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SIMILARITY = {
    "ws353-sim": "WSs",
    "ws353-rel": "WSr",
    "men": "MEN",
    "mturk-287": "MTurk",
    "rw": "RW",
    "simlex-999": "SimLex",
}
ANALOGIES = {"google": "Google", "msr": "MSR"}
METHODS = {"3CosAdd": "Add", "3CosMul": "Mul"}


def score(vectors: Any, data: Path, words: int, epsilon: float) -> dict[str, float]:  # noqa: ANN401
    """Return Spearman's rho and accuracy, x 100, of all test sets."""
    from embkit.evaluation.analogy import evaluate_analogies
    from embkit.evaluation.analogy_files import read_analogies
    from embkit.evaluation.options import AnalogyOptions, SimilarityOptions
    from embkit.evaluation.readers import read_similarity
    from embkit.evaluation.similarity import evaluate_similarity

    points: dict[str, float] = {}
    plain = SimilarityOptions(interval="analytic", case="lower")
    for name, label in SIMILARITY.items():
        found = evaluate_similarity(
            vectors, read_similarity(data / "similarity" / f"{name}.tsv"), plain
        )
        points[label] = 100 * _figure(found.spearman.value, name)
    options = AnalogyOptions(
        method=("3CosAdd", "3CosMul"),
        interval="analytic",
        case="lower",
        restrict_vocab=words,
        epsilon=epsilon,
    )
    for name, label in ANALOGIES.items():
        questions = read_analogies(data / "analogy" / f"{name}.tsv")
        for answered in evaluate_analogies(vectors, questions, options):
            accuracy = _figure(answered.accuracy.value, name)
            points[f"{label} {METHODS[answered.method]}"] = 100 * accuracy
    return points


def _figure(value: float | None, name: str) -> float:
    if value is None:
        raise SystemExit(f"{name}: the corpus has too few of its words for a score")
    return value
