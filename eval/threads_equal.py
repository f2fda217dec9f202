r"""Test that training with several threads equals training with one: TOST over ten seeds.

Several threads write to the shared rows without locks, so their vectors differ from those of
one thread. Whether that matters is tested by two one-sided t tests (Schuirmann 1987) on the
differences of runs with the same seed: equal, if mean similarity differs by less than a point
and the loss of the last epoch by less than 1%, both at the 5% level. Each run's figures are
kept in the work folder, so a stopped program goes on; a folder is for one commit::

    python -m eval.threads_equal --corpus en.txt --data DATA --work DIR \
        [--method cbow|glove] [--loss hs] [--minutes 4] [--copy-rows]

GloVe is trained on counts that are made once. With ``--copy-rows`` threads keep copies of
frequent words' rows even where cores are near.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import embkit
from embkit.config import GloveConfig, VocabularyConfig
from embkit.corpus import encode
from embkit.counts.cooccurrence import cooccur
from embkit.training import word2vec
from eval.record import ROOT, run_record, save_record
from eval.scores import read_sets, similarity_scores

SETS = ("WS-353", "MEN", "SimLex-999")
WORD2VEC: dict[str, Any] = {"dim": 100, "epochs": 5, "subsample": 1e-4}
GLOVE: dict[str, Any] = {"dim": 100, "epochs": 15}
LEVEL = 0.05
MARGINS = {"similarity": 1.0, "loss": 1.0}
"""Points of the mean of the sets' Spearman x 100, and per cent."""

Run = tuple[int, int]
"""Threads and seed."""


class Equivalence(NamedTuple):
    """The outcome of two one-sided tests on paired differences."""

    mean: float
    low: float
    high: float
    """Ends of the interval that must lie within the margins: 90% for a level of 5%."""
    p_value: float
    equal: bool


def two_one_sided_tests(differences: Sequence[float], margin: float) -> Equivalence:
    """Test whether the mean of ``differences`` lies within ``margin`` of zero."""
    from scipy import stats

    values = np.asarray(differences, np.float64)
    above = stats.ttest_1samp(values, -margin, alternative="greater").pvalue
    below = stats.ttest_1samp(values, margin, alternative="less").pvalue
    error = stats.sem(values) * stats.t.ppf(1 - LEVEL, len(values) - 1)
    mean, p_value = float(values.mean()), float(max(above, below))
    return Equivalence(mean, float(mean - error), float(mean + error), p_value, p_value < LEVEL)


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return what all runs of a method are told."""
    return GLOVE if given.method == "glove" else {**WORD2VEC, "loss": given.loss}


def read_corpus(given: argparse.Namespace) -> Any:  # noqa: ANN401
    """Return what is trained on: the encoded text, or its counts."""
    if given.method == "glove":
        return cooccur(given.corpus, GloveConfig().counting())
    return encode(given.corpus, config=VocabularyConfig())


def train(corpus: Any, given: argparse.Namespace, run: Run) -> dict[str, float]:  # noqa: ANN401
    """Train once; return the scores, their mean, the loss of the last epoch, the seconds."""
    threads, seed = run
    options = {**options_of(given), "threads": threads, "seed": seed}
    start = time.perf_counter()
    vectors = embkit.train(given.method, corpus, **options, progress=False)
    seconds = time.perf_counter() - start
    scores = similarity_scores(vectors, given.data)
    points = {name: scores[name].points for name in SETS}
    loss = vectors.provenance["final_loss"]
    similarity = sum(points.values()) / len(points)
    return {**points, "similarity": similarity, "loss": loss, "seconds": seconds}


def differences(
    found: Mapping[Run, Mapping[str, float]], threads: int, seeds: Sequence[int]
) -> dict[str, list[float]]:
    """Return for each seed how far a run is from that with one thread: points and per cent."""
    pairs = [(found[threads, seed], found[1, seed]) for seed in seeds]
    return {
        "similarity": [many["similarity"] - one["similarity"] for many, one in pairs],
        "loss": [100 * (many["loss"] / one["loss"] - 1) for many, one in pairs],
    }


def run_all(given: argparse.Namespace, runs: Sequence[Run]) -> dict[Run, dict[str, float]]:
    """Train what is not in the work folder yet, until the time is over; return what is."""
    given.work.mkdir(parents=True, exist_ok=True)
    paths = {run: given.work / f"threads-{run[0]}-seed-{run[1]}.json" for run in runs}
    left = [run for run in runs if not paths[run].exists()]
    end = time.monotonic() + 60 * given.minutes
    corpus = read_corpus(given) if left else None
    for run in left:
        if time.monotonic() > end:
            break
        found = train(corpus, given, run)
        partial = paths[run].with_suffix(".part")
        partial.write_text(json.dumps(found), encoding="utf-8")
        partial.replace(paths[run])
        print(f"threads {run[0]}, seed {run[1]}: {found}", file=sys.stderr, flush=True)
    return {
        run: json.loads(path.read_text("utf-8")) for run, path in paths.items() if path.exists()
    }


def main() -> int:
    """Run what is left, then test, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("corpus", "data", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--method", choices=["skipgram", "cbow", "glove"], default="skipgram")
    parser.add_argument("--loss", choices=["ns", "hs"], default="ns")
    parser.add_argument("--threads", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument(
        "--minutes", type=float, default=1e9, help="stop after, and go on later"
    )
    parser.add_argument("--copy-rows", action="store_true", help="on near cores too")
    parser.add_argument("--output", type=Path, default=ROOT / "eval/results/threads-equal.json")
    given = parser.parse_args()
    if given.copy_rows:
        word2vec.COPY_ROWS = True
    seeds = range(1, given.seeds + 1)
    runs = [(threads, seed) for seed, threads in product(seeds, [1, *given.threads])]
    read_sets(given.data)  # what is missing there is told before the training
    found = run_all(given, runs)
    if len(found) < len(runs):
        print(f"{len(found)} of {len(runs)} runs are done: start again to go on")
        return 3
    tests: dict[str, dict[str, Any]] = {}
    for threads in given.threads:
        for name, values in differences(found, threads, seeds).items():
            result = two_one_sided_tests(values, MARGINS[name])
            tests.setdefault(f"{threads} threads", {})[name] = result._asdict()
            verdict = "equal" if result.equal else "NOT SHOWN EQUAL"
            print(
                f"{threads} threads, {name:10} {result.mean:+.3f} "
                f"[{result.low:+.3f}, {result.high:+.3f}], p = {result.p_value:.2g}: {verdict}"
            )
    config = {
        **options_of(given),
        "method": given.method,
        "corpus": given.corpus,
        "level": LEVEL,
        "margins": MARGINS,
    }
    config["copy_rows"] = word2vec.COPY_ROWS
    rows = {f"{threads} threads, seed {seed}": found[threads, seed] for threads, seed in runs}
    record = run_record(seed=None, config=config, metrics={"tests": tests, "runs": rows})
    save_record(record, given.output)
    return int(not all(test["equal"] for row in tests.values() for test in row.values()))


if __name__ == "__main__":
    sys.exit(main())
