r"""Measure how fast embkit is, alone and against the other tools.

One run of each in turn, for several rounds; ratios are taken within a round, since a
machine's speed drifts. Training words/s = words of the corpus that are in the vocabulary x
epochs / training time alone (for the other tools see eval/peers.py)::

    python -m eval.speed --corpus en.txt --work DIR [--word2vec BIN] [--fasttext BIN] \
        [--pword2vec BIN] [--gensim] [--rounds 5] [--epochs 5] [--rows TEXT,TEXT]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embkit._native import core
from eval.peers import COMMANDS, Task
from eval.record import run_record, save_record
from eval.runs import Metrics, Settings, count_words, measure

RATE = "words_per_second"


@dataclass(frozen=True)
class Row:
    """One line of the table: a figure of a run, over the same figure of another if given."""

    name: str
    run: str
    metric: str
    demand: float | None = None
    against: str | None = None
    less_is_better: bool = False

    def value(self, runs: dict[str, Metrics]) -> float | None:
        """Return the figure of one round, None if it was not measured."""
        if self.run not in runs or (self.against and self.against not in runs):
            return None
        if self.metric not in runs[self.run]:
            return None
        figure = runs[self.run][self.metric]
        return figure / runs[self.against][self.metric] if self.against else figure

    def verdict(self, value: float) -> str:
        """Return whether the demand is met, nothing if there is none."""
        if self.demand is None:
            return ""
        met = value <= self.demand if self.less_is_better else value >= self.demand
        return "pass" if met else "FAIL"


HS = "word2vec/skipgram-hs"
BEST = "embkit/sgns-100/"
BASELINE = "embkit/sgns-100/baseline"
AVX512 = "embkit/sgns-100/avx512"
ONE, APART = "embkit/sgns-100/1-thread", "embkit/sgns-100/apart"
WORD2VEC = "word2vec/sgns-100"
ROWS = [
    Row("skip-gram NS, avx512, over word2vec.c", AVX512, RATE, 16, WORD2VEC),
    Row("skip-gram NS, avx512, over gensim", AVX512, RATE, 25, "gensim/sgns-100"),
    Row("skip-gram NS, avx512, over pWord2Vec", AVX512, RATE, 5, "pword2vec/sgns-100"),
    Row("skip-gram NS, avx512, over fastText", AVX512, RATE, None, "fasttext/sgns-100"),
    Row("skip-gram NS, avx512, share of FMA peak", AVX512, "peak_share"),
    Row("skip-gram NS, avx2, over word2vec.c", "embkit/sgns-100/avx2", RATE, 12, WORD2VEC),
    Row("skip-gram NS, baseline, over word2vec.c", BASELINE, RATE, 6, WORD2VEC),
    Row("skip-gram NS, per pair, over word2vec.c", "embkit/sgns-100/pair", RATE, 5, WORD2VEC),
    Row("text to saved vectors, over word2vec.c", BEST, "whole_per_second", 15, WORD2VEC),
    Row("2 threads over 1", BEST, RATE, 1.8, ONE),
    Row("2 processes of 1 thread over one alone", APART, RATE, None, ONE),
    Row("2 threads over 2 processes of 1 thread", BEST, RATE, None, APART),
    Row("peak memory over what is allowed", BEST, "memory_share", 1, None, True),
    Row("skip-gram NS 300, over word2vec.c", "embkit/sgns-300/", RATE, 16, "word2vec/sgns-300"),
    Row("skip-gram HS, over word2vec.c", "embkit/skipgram-hs/", RATE, 4, HS),
    Row("CBOW NS, over word2vec.c", "embkit/cbow-ns/", RATE, 8, "word2vec/cbow-ns"),
    Row("CBOW HS, over word2vec.c", "embkit/cbow-hs/", RATE, 5, "word2vec/cbow-hs"),
    Row("text to ids, MB/s per core", "encode", "mb_per_second_per_core", 150),
    Row("top-k over the matrix product alone", "top-k", "over_product", 1.5, None, True),
    Row("import embkit, s over import numpy", "import", "seconds_over_numpy", 0.15, None, True),
    Row("import embkit, s over Python alone", "import", "seconds_over_python"),
    Row("embkit --help, s", "help", "seconds", 0.4, None, True),
]  # fmt: skip


def runs_of(rows: list[Row], tools: set[str]) -> list[str]:
    """Return the runs that the rows need, once each, in the order of first need."""
    runs = [run for row in rows for run in (row.against, row.run) if run]
    known = {*tools, "embkit", "encode", "top-k", "import", "help"}
    return [run for run in dict.fromkeys(runs) if run.partition("/")[0] in known]


def run_round(runs: list[str], settings: Settings) -> dict[str, Metrics]:
    """Do each run once; one that this machine cannot do is named and left out."""
    done: dict[str, Metrics] = {}
    for run in runs:
        apart = core.line_transfer_ns(settings.threads)  # 0 where that cannot be told
        try:
            done[run] = {**measure(run, settings), "ns_between_cores": apart}
        except subprocess.CalledProcessError as error:
            print(f"{run}: left out, exit code {error.returncode}", file=sys.stderr)
            continue
        figures = ", ".join(f"{name} {value:.4g}" for name, value in done[run].items())
        print(f"{run}: {figures}", file=sys.stderr, flush=True)
    return done


def summary(rows: list[Row], rounds: list[dict[str, Metrics]]) -> list[dict[str, Any]]:
    """Return median, least and greatest value over the rounds of every row measured."""
    lines = []
    for row in rows:
        values = [value for runs in rounds if (value := row.value(runs)) is not None]
        if values:
            median = statistics.median(values)
            line = {"row": row.name, "median": median, "range": [min(values), max(values)]}
            lines.append({**line, "demand": row.demand, "verdict": row.verdict(median)})
    return lines


def main() -> None:
    """Parse, measure round by round, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("corpus", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in COMMANDS:
        parser.add_argument(f"--{name}", type=Path, help=f"binary of {name}")
    parser.add_argument("--gensim", action="store_true", help="measure the installed gensim")
    parser.add_argument("--rows", default="", help="only rows whose names contain one of these")
    for name, default in (
        ("rounds", 5),
        ("epochs", 5),
        ("threads", 2),
        ("top-k-rows", 400_000),
    ):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--peer-epochs", type=int, help="of the other tools, if fewer")
    parser.add_argument("--output", type=Path, default=Path("eval/results/speed.json"))
    given = parser.parse_args()
    binaries = {name: getattr(given, name) for name in COMMANDS if getattr(given, name)}
    given.work.mkdir(parents=True, exist_ok=True)
    corpus = count_words(given.corpus)
    settings = Settings(
        *(corpus, given.work, binaries, given.epochs, given.peer_epochs or given.epochs),
        *(given.threads, given.top_k_rows),
    )
    rows = [row for row in ROWS if any(text in row.name for text in given.rows.split(","))]
    tools = {*binaries, *(["gensim"] if given.gensim else [])}
    runs = runs_of(rows, tools)
    rounds = [run_round(runs, settings) for _ in range(given.rounds)]
    lines = summary(rows, rounds)
    for line in lines:
        low, high = line["range"]
        demand = "" if line["demand"] is None else f"{line['demand']:g}"
        figures = f"{line['median']:8.2f} [{low:.2f}, {high:.2f}]"
        print(f"{line['row']:42}{figures:28}{demand:>6} {line['verdict']}")
    config = {**vars(Task(epochs=given.epochs, threads=given.threads)), "rounds": given.rounds}
    config |= {"peer_epochs": settings.peer_epochs, "corpus": vars(corpus), "tools": binaries}
    metrics = {"rows": lines, "rounds": rounds}
    save_record(run_record(seed=None, config=config, metrics=metrics), given.output)


if __name__ == "__main__":
    main()
