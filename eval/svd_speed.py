r"""Measure embkit's truncated SVD against SciPy's: seconds, singular values, similarity scores.

The matrix is the PPMI of a corpus (window 2, smoothing 0.75, min_count 5); embkit's randomised
solver and ``scipy.sparse.linalg.svds`` (ARPACK, a fixed start vector) take turns on the same
matrix with as many threads. SciPy's answer is the truth that the singular values and the
similarity scores are compared with::

    python -m eval.svd_speed --corpus en.txt --data DATA [--rounds 3] \
        [--scipy-rounds 1] [--dim 300]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.record import run_record, save_record
from eval.scores import similarity_scores

LEAST_RATIO = 10.0
LIMITS = {"first 50": 1e-3, "all": 2e-2}
LIMIT_POINTS = 0.5
Factors = tuple[NDArray[Any], NDArray[Any]]  # left columns and their singular values, falling


def make_matrix(corpus: Path, threads: int) -> tuple[Any, list[str], dict[str, float]]:
    """Return the PPMI matrix, its words, and the seconds of counting and weighting."""
    from embkit.config import CooccurrenceConfig
    from embkit.counts.cooccurrence import cooccur
    from embkit.counts.ppmi import ppmi_matrix

    config = CooccurrenceConfig(window=2, weighting="flat", min_count=5, threads=threads)
    start = time.perf_counter()
    counts = cooccur(corpus, config)
    counted = time.perf_counter()
    matrix = ppmi_matrix(counts.matrix, smoothing=0.75)
    seconds = {"count": counted - start, "ppmi": time.perf_counter() - counted}
    return matrix, list(counts.vocabulary), seconds


def run_embkit(matrix: Any, dim: int, threads: int) -> tuple[Factors, dict[str, float]]:  # noqa: ANN401
    """Factorise with embkit; return the factors, the seconds and the residual."""
    from embkit.counts.svd import truncated_svd

    start, cpu = time.perf_counter(), time.process_time()
    found = truncated_svd(matrix, dim, threads=threads)
    figures = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    return (found.left, found.values), {**figures, "residual": found.residual}


def run_scipy(matrix: Any, dim: int, threads: int) -> tuple[Factors, dict[str, float]]:  # noqa: ANN401
    """Factorise with SciPy, its BLAS on as many threads; return the factors and the seconds."""
    from scipy.sparse.linalg import svds
    from threadpoolctl import threadpool_limits

    first = np.random.default_rng(1).standard_normal(min(matrix.shape)).astype(np.float32)
    with threadpool_limits(threads, "blas"):
        start, cpu = time.perf_counter(), time.process_time()
        left, values, _ = svds(matrix, k=dim, v0=first)
        figures = {"seconds": time.perf_counter() - start, "cpu": time.process_time() - cpu}
    order = np.argsort(-values)
    return (left[:, order], values[order].astype(np.float64)), figures


def scores_of(factors: Factors, words: list[str], data: Path) -> dict[str, float]:
    """Return Spearman's rho x 100 of the vectors U S^0.5 on each similarity set."""
    rows = np.asarray(factors[0] * np.sqrt(factors[1]), np.float32)
    vectors = dict(zip(words, rows, strict=True))
    return {label: score.points for label, score in similarity_scores(vectors, data).items()}


def compare(ours: Factors, truth: Factors, words: list[str], data: Path) -> dict[str, Any]:
    """Return the relative errors of the singular values and the scores of both."""
    errors = np.abs(ours[1] - truth[1]) / truth[1]
    scores = {"embkit": scores_of(ours, words, data), "scipy": scores_of(truth, words, data)}
    differences = [
        abs(scores["embkit"][name] - scores["scipy"][name]) for name in scores["scipy"]
    ]
    return {
        "error_first_50": float(errors[:50].max()),
        "error_all": float(errors.max()),
        "scores": scores,
        "largest_score_difference": max(differences),
    }


def rows_of(
    rounds: list[dict[str, Any]], found: dict[str, Any]
) -> list[tuple[str, float, str]]:
    """Return each line of the table: name, figure, and whether the demand on it is met."""
    ours = statistics.median(r["embkit"]["seconds"] for r in rounds)
    theirs = statistics.median(r["scipy"]["seconds"] for r in rounds if "scipy" in r)
    first, every = found["error_first_50"], found["error_all"]
    points = found["largest_score_difference"]
    rows = [
        ("SciPy's svds, s", theirs, None),
        ("embkit, s", ours, None),
        ("times faster", theirs / ours, theirs / ours >= LEAST_RATIO),
        ("residual", rounds[0]["embkit"]["residual"], None),
        ("largest relative error, first 50 values", first, first <= LIMITS["first 50"]),
        ("largest relative error, all values", every, every <= LIMITS["all"]),
        ("largest difference of a score, points", points, points <= LIMIT_POINTS),
    ]
    verdicts = {None: "", True: "pass", False: "FAIL"}
    return [(name, value, verdicts[met]) for name, value, met in rows]


def main() -> None:
    """Parse, measure in turn, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("corpus", "data"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name, default in (("rounds", 3), ("scipy-rounds", 1), ("dim", 300), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--output", type=Path, default=Path("eval/results/svd-speed.json"))
    given = parser.parse_args()
    matrix, words, made = make_matrix(given.corpus, given.threads)
    rounds: list[dict[str, Any]] = []
    truth = ours = None
    for number in range(max(given.rounds, given.scipy_rounds, 1)):
        ours, figures = run_embkit(matrix, given.dim, given.threads)
        rounds.append({"embkit": figures})
        if number < given.scipy_rounds:
            truth, rounds[-1]["scipy"] = run_scipy(matrix, given.dim, given.threads)
        print(f"round {number + 1}: {rounds[-1]}", file=sys.stderr, flush=True)
    if truth is None or ours is None:
        raise SystemExit("scipy-rounds must be at least 1: SciPy's answer is the truth")
    found = compare(ours, truth, words, given.data)
    rows = rows_of(rounds, found)
    for name, value, verdict in rows:
        print(f"{name:42}{value:12.4g}  {verdict}")
    config = {"corpus": given.corpus, "dim": given.dim, "threads": given.threads}
    config |= {"shape": matrix.shape, "entries": matrix.nnz, "window": 2, "smoothing": 0.75}
    table = [{"row": name, "value": value, "verdict": verdict} for name, value, verdict in rows]
    metrics = {"rows": table, "rounds": rounds, **found, "made_in_seconds": made}
    save_record(run_record(seed=1, config=config, metrics=metrics), given.output)


if __name__ == "__main__":
    main()
