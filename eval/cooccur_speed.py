r"""Measure ``embkit cooccur`` against GloVe's ``cooccur`` and ``shuffle``, in time and memory.

Whole processes, from text to the file on disk, one run of each in turn, for several rounds; all
share the vocabulary of GloVe's ``vocab_count -min-count 5``, which is not timed. GloVe's need
both tools, since its trainer wants shuffled records; embkit's reads rows in any order. Each
round is kept in the work folder, where a run that was stopped goes on::

    python -m eval.cooccur_speed --corpus en.txt --work DIR --glove BUILD_FOLDER [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path
from typing import Any

import numpy as np

from eval.process import Metrics, run_measured
from eval.record import run_record, save_record

DEMAND = 5.0
MEMORY = {"4G": 4 << 30, "100M": 100 << 20}


def run_glove(given: argparse.Namespace) -> dict[str, Metrics]:
    """Run ``cooccur`` and ``shuffle`` with their own default memory."""
    work, window = given.work, str(given.window)
    counts = [given.glove / "cooccur", "-window-size", window, "-vocab-file", "vocab.txt"]
    mixed = [given.glove / "shuffle", "-verbose", "0", "-temp-file", "mixed"]
    tools = ([*counts, "-verbose", "0", "-overflow-file", "overflow"], mixed)
    steps = (
        ("cooccur", tools[0], given.corpus, work / "glove.bin"),
        ("shuffle", tools[1], work / "glove.bin", work / "glove.shuffled.bin"),
    )
    return {
        name: run_measured([str(part) for part in command], work, stdin, stdout)
        for name, command, stdin, stdout in steps
    }


def run_embkit(given: argparse.Namespace, memory: str) -> Metrics:
    """Run ``embkit cooccur`` with a limit of memory."""
    command = [sys.executable, "-m", "embkit", "cooccur", str(given.corpus.resolve()), "-q"]
    options = {
        "vocabulary": given.work / "vocab.txt",
        "window": given.window,
        "threads": given.threads,
        "memory": memory,
        "output": given.work / "embkit.counts",
    }
    command += [f"--{name}={value}" for name, value in options.items()] + ["--overwrite"]
    return run_measured(command, Path.cwd(), Path(os.devnull), Path(os.devnull))


def run_round(given: argparse.Namespace) -> dict[str, Metrics]:
    """Run every tool once."""
    done = run_glove(given)
    for memory in MEMORY:
        done[f"embkit {memory}"] = run_embkit(given, memory)
    return done


def compare(work: Path) -> Metrics:
    """Return how far embkit's counts are from GloVe's, which are sums of rounded doubles."""
    from embkit.counts.cooccurrence import Cooccurrence
    from embkit.counts.glove_records import read_glove

    ours = Cooccurrence.open(work / "embkit.counts", verify=True)
    theirs = read_glove(work / "glove.bin", ours.vocabulary)
    same = bool(np.array_equal(ours.columns, theirs.columns))
    same &= bool(np.array_equal(ours.row_begins, theirs.row_begins))
    difference = np.abs(ours.values / theirs.values - 1).max() if same else np.inf
    pairs = float(ours.num_entries)
    return {"pairs": pairs, "same_pairs": float(same), "largest_difference": float(difference)}


def summary(rounds: list[dict[str, Metrics]]) -> list[dict[str, Any]]:
    """Return the medians and ranges of GloVe's time over embkit's, and of the memory used."""
    lines = []
    for memory, allowed in MEMORY.items():
        name = f"embkit {memory}"
        ratios = [
            (run["cooccur"]["seconds"] + run["shuffle"]["seconds"]) / run[name]["seconds"]
            for run in rounds
        ]
        shares = [run[name]["anonymous_mib"] * 2**20 / allowed for run in rounds]
        for row, values in ((f"GloVe over {name}", ratios), (f"{name}: memory", shares)):
            middle = statistics.median(values)
            line = {"row": row, "median": middle, "range": [min(values), max(values)]}
            is_speed = values is ratios
            met = middle >= DEMAND if is_speed else middle <= 1
            demand = DEMAND if is_speed else 1.0
            lines.append({**line, "demand": demand, "verdict": "pass" if met else "FAIL"})
    return lines


def main() -> None:
    """Parse, measure round by round, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("corpus", "work", "glove"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name, default in (("rounds", 5), ("window", 10), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--output", type=Path, default=Path("eval/results/cooccur-speed.json"))
    given = parser.parse_args()
    given.work, given.glove = given.work.resolve(), given.glove.resolve()
    given.work.mkdir(parents=True, exist_ok=True)
    words = given.work / "vocab.txt"
    if not words.exists():
        tool = [str(given.glove / "vocab_count"), "-min-count", "5", "-verbose", "0"]
        run_measured(tool, given.work, given.corpus, words)
    kept = given.work / "rounds.json"
    rounds = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
    while len(rounds) < given.rounds:
        rounds.append(run_round(given))
        print(json.dumps(rounds[-1]), file=sys.stderr, flush=True)
        kept.write_text(json.dumps(rounds), encoding="utf-8")
    lines = summary(rounds)
    for line in lines:
        low, high = line["range"]
        figures = f"{line['median']:8.2f} [{low:.2f}, {high:.2f}]"
        print(f"{line['row']:28}{figures:28}{line['demand']:>5g} {line['verdict']}")
    agreement = compare(given.work)
    print(json.dumps(agreement))
    config = {name: getattr(given, name) for name in ("window", "threads", "rounds")}
    config |= {"corpus": given.corpus.name, "corpus_bytes": given.corpus.stat().st_size}
    metrics = {"rows": lines, "agreement": agreement, "rounds": rounds}
    save_record(run_record(seed=None, config=config, metrics=metrics), given.output)


if __name__ == "__main__":
    main()
