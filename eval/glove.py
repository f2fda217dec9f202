r"""Measure GloVe against Stanford's tool: seconds an epoch, and what the vectors know.

Quality: run i of both tools trains on line shuffle i of the corpus with seed i, and both are
scored on the words both know. Speed: an epoch of each in turn on the same counts, at 100 and
300 dimensions. Vectors are kept in the work folder, so a stopped run goes on::

    python -m eval.glove --corpus en.txt --data DATA --work DIR \
        --glove FOLDER [--runs 5] [--rounds 5] [--parts quality,speed]
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from eval.quality import compare, print_table
from eval.record import run_record, save_record
from eval.runs import Metrics, run_child
from eval.shuffle import shuffle_lines
from eval.speed import Row, summary
from eval.stanford import GloveTask, StanfordCounts, stanford_counts, stanford_glove

RATE = "cells_per_second"
ROWS = [
    Row(f"GloVe, dim {dim}, over Stanford's", f"embkit/{dim}", RATE, 15, f"stanford/{dim}")
    for dim in (100, 300)
]


def vectors_of(name: str, run: int, arguments: argparse.Namespace) -> Path:
    """Return the vectors of a tool for a run, trained if they are not there yet."""
    output: Path = arguments.work / f"{name}-{run}.{'txt' if name == 'stanford' else 'bin'}"
    if output.exists():
        return output
    corpus = shuffle_lines(arguments.corpus, arguments.work / f"shuffle-{run}.txt", run)
    task = GloveTask(epochs=arguments.epochs, threads=arguments.threads)
    if name == "stanford":
        folder = arguments.work / f"counts-{run}"
        with stanford_counts(arguments.glove, task, corpus, folder, run) as counts:
            costs = stanford_glove(arguments.glove, task, counts, output, run).costs
    else:
        costs = train_embkit(task, run, corpus, output)
    output.with_suffix(".json").write_text(json.dumps({"costs": costs}), encoding="utf-8")
    return output


def train_embkit(task: GloveTask, seed: int, corpus: Path, output: Path) -> list[float]:
    """Train one model with embkit, save it, and return the costs of its epochs."""
    import embkit

    vectors = embkit.train("glove", corpus, **asdict(task), seed=seed)
    partial = output.with_name(f"part-{output.name}")
    embkit.save(vectors, partial, overwrite=True)
    partial.replace(output)
    costs: list[float] = vectors.provenance["costs"]
    return costs


def measure_quality(arguments: argparse.Namespace) -> dict[str, Any]:
    """Print and return the comparison, with the costs of every run's epochs."""
    row = compare("embkit", "stanford", vectors_of, arguments)
    print_table([row])
    costs = {
        tool: [
            json.loads((arguments.work / f"{tool}-{run}.json").read_text())["costs"]
            for run in range(1, arguments.runs + 1)
        ]
        for tool in ("embkit", "stanford")
    }
    last = {tool: sum(cost[-1] for cost in all_) / len(all_) for tool, all_ in costs.items()}
    print(
        f"mean cost, last epoch: embkit {last['embkit']:.5f}, stanford {last['stanford']:.5f}"
    )
    return {**row, "costs": costs}


def run_round(
    embkit_counts: Path, counts: StanfordCounts, arguments: argparse.Namespace
) -> dict[str, Metrics]:
    """Train with each tool at each length of vectors, in turn."""
    done: dict[str, Metrics] = {}
    num_cells = counts.records.stat().st_size / 16
    for dim in (100, 300):
        task = GloveTask(dim=dim, epochs=1, threads=arguments.threads)
        output = arguments.work / "speed.txt"
        took = stanford_glove(arguments.glove, task, counts, output, 1)
        (seconds,) = took.epoch_seconds
        done[f"stanford/{dim}"] = {
            RATE: num_cells / seconds,
            "epoch_seconds": seconds,
            "first_cost": took.costs[0],
        }
        options = asdict(replace(task, epochs=1 + arguments.embkit_epochs))
        done[f"embkit/{dim}"] = run_child("glove", counts=str(embkit_counts), options=options)
        output.unlink()
        for tool in ("stanford", "embkit"):
            rate = done[f"{tool}/{dim}"][RATE] / 1e6
            print(f"{tool}, dim {dim}: {rate:.2f} million cells/s", file=sys.stderr, flush=True)
    return done


def measure_speed(arguments: argparse.Namespace) -> dict[str, Any]:
    """Print and return the ratios of all rounds."""
    from embkit.config import CooccurrenceConfig
    from embkit.counts.cooccurrence import cooccur

    task = GloveTask()
    counting = CooccurrenceConfig(window=task.window, min_count=task.min_count)
    saved = arguments.work / "speed-counts"
    cooccur(arguments.corpus, counting).save(saved, overwrite=True)
    folder = arguments.work / "counts-speed"
    with stanford_counts(arguments.glove, task, arguments.corpus, folder, 1) as counts:
        rounds = [run_round(saved, counts, arguments) for _ in range(arguments.rounds)]
    saved.unlink()
    lines = summary(ROWS, rounds)
    for line in lines:
        low, high = line["range"]
        figures = f"{line['median']:8.2f} [{low:.2f}, {high:.2f}]"
        print(f"{line['row']:42}{figures:28}{line['demand']:>6} {line['verdict']}")
    return {"rows": lines, "rounds": rounds}


def main() -> None:
    """Parse, measure, print the tables, write the record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("corpus", "work", "glove"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="folder of the test sets, for quality")
    parser.add_argument("--parts", default="quality,speed")
    options = {"runs": 5, "epochs": 15, "threads": 2, "rounds": 5, "embkit-epochs": 5}
    for name, default in options.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--output", type=Path, default=Path("eval/results/glove.json"))
    arguments = parser.parse_args()
    parts = arguments.parts.split(",")
    if "quality" in parts and arguments.data is None:
        parser.error("--data must be given for the part quality")
    arguments.work.mkdir(parents=True, exist_ok=True)
    measures = {"quality": measure_quality, "speed": measure_speed}
    metrics = {part: measures[part](arguments) for part in parts}
    config = {"corpus": arguments.corpus, **asdict(GloveTask(epochs=arguments.epochs))}
    config |= {"runs": arguments.runs, "rounds": arguments.rounds, "parts": arguments.parts}
    save_record(run_record(seed=None, config=config, metrics=metrics), arguments.output)


if __name__ == "__main__":
    main()
