r"""Measure whether embkit learns as much as word2vec.c: five runs of each, five test sets.

Run i of every tool trains on line shuffle i of the corpus (word2vec.c has no seed; embkit
also takes seed i). Vectors are kept in the work folder, so a stopped run goes on::

    python -m eval.quality --corpus en.txt --data DATA --work DIR \
        --word2vec BIN [--runs 5] [--models skipgram-ns,cbow-hs,...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eval.peers import Task, run_peer, word2vec_command
from eval.record import run_record, save_record
from eval.scores import common_words, paired_interval, score_model
from eval.shuffle import shuffle_lines

MODELS = ("skipgram-ns", "skipgram-hs", "cbow-ns", "cbow-hs", "skipgram-ns-pair")
# Each row of the table: candidate and reference as tool:model, or tool:model@learning-rate.
COMPARISONS = [(f"embkit:{model}", f"word2vec:{model}") for model in MODELS[:4]] + [
    ("embkit:skipgram-ns", "embkit:skipgram-ns-pair"),
    ("embkit:skipgram-ns-pair", "word2vec:skipgram-ns"),
    # Those of the losses and of the sharing that word2vec.c lacks; named by --models alone.
    ("embkit:skipgram-nce", "embkit:skipgram-ns"),
    ("embkit:cbow-nce", "embkit:cbow-ns"),
    ("embkit:cbow-nce@0.075", "embkit:cbow-ns"),
    ("embkit:cbow-ns@0.075", "embkit:cbow-ns"),
    ("embkit:skipgram-ns-block", "embkit:skipgram-ns"),
    ("embkit:skipgram-nce-block", "embkit:skipgram-ns"),
]
LEAST_LOWER_BOUND = -1.0
LEAST_SET_DIFFERENCE = -2.0


def train_word2vec(binary: Path, task: Task, corpus: Path, output: Path) -> None:
    """Train one model with word2vec.c."""
    run_peer(word2vec_command(binary, task, corpus, output))


def train_embkit(
    task: Task, sharing: str, rate: str, seed: int, corpus: Path, output: Path
) -> None:
    """Train one model with embkit, at its own rate where none is given; save it as binary."""
    import embkit

    given: dict[str, Any] = {"learning_rate": float(rate)} if rate else {}
    vectors = embkit.train(
        task.method,
        corpus,
        loss=task.loss,
        dim=task.dim,
        window=task.window,
        negatives=task.negatives,
        subsample=task.subsample,
        min_count=task.min_count,
        epochs=task.epochs,
        threads=task.threads,
        seed=seed,
        negative_sharing=sharing,
        **given,
        progress=False,
    )
    embkit.save(vectors, output, overwrite=True)


def vectors_of(name: str, run: int, arguments: argparse.Namespace) -> Path:
    """Return the vectors of ``tool:model`` for a run, trained if they are not there yet."""
    tool, _, model = name.partition(":")
    output: Path = arguments.work / f"{tool}-{model}-{run}.bin"
    if output.exists():
        return output
    corpus = shuffle_lines(arguments.corpus, arguments.work / f"shuffle-{run}.txt", run)
    kind, _, rate = model.partition("@")
    method, loss, *sharing = kind.split("-")
    task = Task(method, loss, epochs=arguments.epochs, threads=arguments.threads)
    partial = output.with_name(f"part-{output.name}")
    if tool == "embkit":
        chosen = sharing[0] if sharing else "window"
        train_embkit(task, chosen, rate, run, corpus, partial)
    else:
        train_word2vec(arguments.word2vec, task, corpus, partial)
    return partial.replace(output)


def compare(
    candidate: str,
    reference: str,
    vectors: Callable[[str, int, argparse.Namespace], Path],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Score both on each run's common words; return means, differences and the verdict.

    ``vectors(name, run, arguments)`` is the file of one run, trained if it is not there yet.
    """
    import embkit

    points: list[list[list[float]]] = []
    coverage: dict[str, str] = {}
    for run in range(1, arguments.runs + 1):
        both = [embkit.load(vectors(name, run, arguments)) for name in (candidate, reference)]
        words = common_words(*both)
        scores = [score_model(model, words, arguments.data) for model in both]
        coverage = {label: f"{score.used}/{score.total}" for label, score in scores[0].items()}
        points.append([[score.points for score in by_set.values()] for by_set in scores])
    values = np.array(points)  # [run, tool, set]
    differences = values[:, 0] - values[:, 1]
    mean, low, high = paired_interval([float(x) for x in differences.mean(axis=1)])
    by_set = dict(zip(coverage, (float(x) for x in differences.mean(axis=0)), strict=True))
    return {
        "candidate": candidate,
        "reference": reference,
        "sets": coverage,
        "candidate_points": values[:, 0].round(2).tolist(),
        "reference_points": values[:, 1].round(2).tolist(),
        "difference_by_set": by_set,
        "difference": {"mean": mean, "low": low, "high": high},
        "passed": low > LEAST_LOWER_BOUND and min(by_set.values()) >= LEAST_SET_DIFFERENCE,
    }


def print_table(rows: Sequence[dict[str, Any]], write: Callable[[str], None] = print) -> None:
    """Print, per comparison: means of both, their difference per set, and its interval."""
    for row in rows:
        write(f"\n{row['candidate']} against {row['reference']}")
        write(f"{'':12}" + "".join(f"{name:>12}" for name in [*row["sets"], "average"]))
        for label in ("candidate", "reference"):
            means = np.array(row[f"{label}_points"]).mean(axis=0)
            write(f"{label:12}" + "".join(f"{x:12.2f}" for x in [*means, means.mean()]))
        difference = row["difference"]
        each = [*row["difference_by_set"].values(), difference["mean"]]
        write(f"{'difference':12}" + "".join(f"{x:+12.2f}" for x in each))
        write(
            f"average difference {difference['mean']:+.2f}, 95% t interval "
            f"[{difference['low']:+.2f}, {difference['high']:+.2f}]; "
            f"{'pass' if row['passed'] else 'FAIL'} (lower bound > {LEAST_LOWER_BOUND:g}, "
            f"no set below {LEAST_SET_DIFFERENCE:g})"
        )


def main() -> None:
    """Parse, train what is missing, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("corpus", "data", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--word2vec", type=Path, help="binary of word2vec.c")
    parser.add_argument("--models", default=",".join(MODELS), help="of the candidates")
    for name, default in (("runs", 5), ("epochs", 5), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--output", type=Path, default=Path("eval/results/quality.json"))
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    chosen = [f"embkit:{model}" for model in arguments.models.split(",")]
    rows = [compare(a, b, vectors_of, arguments) for a, b in COMPARISONS if a in chosen]
    print_table(rows)
    config = {"corpus": arguments.corpus, **vars(Task(epochs=arguments.epochs))}
    config.update(runs=arguments.runs, threads=arguments.threads, shuffles="line shuffle i")
    save_record(run_record(seed=None, config=config, metrics={"rows": rows}), arguments.output)


if __name__ == "__main__":
    main()
