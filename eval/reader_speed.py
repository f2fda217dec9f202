"""Measure how fast files of vectors load, beside gensim, and what the readers' checks cost.

    python -m eval.reader_speed --work DIR [--rows 400000] [--dim 300] [--rounds 3]
        [--text-rounds 1]

Makes a word2vec binary and a text file (six decimals) of random vectors in the work folder,
unless they are there, and reads each once before. embkit and gensim load them in turn, each in
a process of its own; then each reader of the core, on one thread, takes turns with a loop that
trusts the file and hands back the same: words, matrix and the index that finds a word's row
(`reader_cost.cpp` says what it leaves out). Memory is what the process grows by while it loads.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import embkit
from eval.process import peak_bytes
from eval.record import ROOT, run_record, save_record

LEAST_RATIOS = {"binary": 10.0, "text": 20.0}
LEAST_SHARE = 0.95
COST_ROUNDS = {"binary": 8, "text": 2}
"""For each of the others: the system's clearing of pages varies more than the checks cost."""
COST_SOURCES = (
    *("io/word2vec_binary", "io/word2vec_text", "io/text_rows", "io/parse_float"),
    *("io/word_vectors", "core/word_hash", "core/word_index"),
)


def make_files(work: Path, rows: int, dim: int) -> dict[str, Path]:
    """Write the same random words and vectors as binary and as text; return the paths."""
    paths = {form: work / f"{rows}x{dim}.{form}" for form in LEAST_RATIOS}
    if all(path.exists() for path in paths.values()):
        return paths
    work.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 9, rows)
    letters = rng.integers(ord("a"), ord("z") + 1, lengths.sum(), np.uint8).tobytes().decode()
    ends = np.cumsum(lengths)
    pairs = zip(lengths, ends, strict=True)
    words = [f"{letters[end - n : end]}{i}" for i, (n, end) in enumerate(pairs)]
    assert len(set(words)) == rows  # else the checking reader alone would move rows
    vectors = np.round(rng.standard_normal((rows, dim), np.float32) / 10, 6)
    made = embkit.Embeddings.from_words(words, vectors)
    for form, path in paths.items():
        embkit.save(made, path, format=f"word2vec-{form}", overwrite=True)
    return paths


def load(tool: str, form: str, path: str) -> dict[str, float]:
    """Load a file in this process; return seconds, CPU seconds and the memory's growth, MiB."""
    if tool == "gensim":
        from gensim.models import KeyedVectors

        def read() -> Any:  # noqa: ANN401
            return KeyedVectors.load_word2vec_format(path, binary=form == "binary")
    else:
        from embkit import formats  # what it imports is not measured, as of gensim

        def read() -> Any:  # noqa: ANN401
            return formats.load(path)

    before = peak_kib()
    start, cpu = time.perf_counter(), time.process_time()
    vectors = read()
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    assert len(vectors) > 0
    grown = (peak_kib() - before) / 1024
    return {"seconds": seconds, "cpu": cpu_seconds, "memory_mib": grown}


def peak_kib() -> int:
    """Return the most memory that this process has held (getrusage counts its parent's too)."""
    path = Path("/proc/self/status")
    if not path.exists():
        return peak_bytes(resource.getrusage(resource.RUSAGE_SELF)) >> 10
    status = path.read_text(encoding="utf-8").splitlines()
    return int(next(line for line in status if line.startswith("VmHWM")).split()[1])


def run_load(tool: str, form: str, path: Path) -> dict[str, float]:
    """Load a file in a process of its own."""
    command = [sys.executable, "-m", "eval.reader_speed", "--load", tool, form, str(path)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def check_cost(paths: dict[str, Path], work: Path, rounds: int) -> dict[str, list[list[float]]]:
    """Return CPU seconds of the checking and of the trusting reader, by form and round."""
    program = work / "reader_cost"
    sources = [f"csrc/{name}.cpp" for name in COST_SOURCES]
    flags = ("-std=c++17", "-O3", "-fno-math-errno", "-pthread", "-Icsrc")
    compiler = shlex.split(os.environ.get("CXX", "c++"))
    command = [*compiler, *flags, "eval/reader_cost.cpp", *sources, "-o", str(program)]
    subprocess.run(command, cwd=ROOT, check=True)
    costs = {}
    for form, path in paths.items():
        run = [str(program), form, str(path), str(rounds * COST_ROUNDS[form])]
        lines = subprocess.run(run, stdout=subprocess.PIPE, check=True).stdout.splitlines()
        costs[form] = [[float(value) for value in line.split()] for line in lines]
    return costs


def measure(given: argparse.Namespace, paths: dict[str, Path]) -> dict[str, list[Any]]:
    """Let both tools load both files in turn."""
    rounds: dict[str, list[Any]] = {}
    for form, path in paths.items():
        with path.open("rb") as stream:  # into the page cache
            while stream.read(1 << 24):
                pass
        for number in range(given.rounds):
            tools = ["embkit"]
            if form == "binary" or number < given.text_rounds:
                tools.append("gensim")
            rounds.setdefault(form, []).append(
                {tool: run_load(tool, form, path) for tool in tools}
            )
            print(form, rounds[form][-1], file=sys.stderr, flush=True)
    return rounds


def median(rounds: list[Any], tool: str, figure: str) -> float:
    """Return the median over the rounds in which a tool ran."""
    return float(statistics.median(r[tool][figure] for r in rounds if tool in r))


def table_of(
    rounds: dict[str, list[Any]], costs: dict[str, list[list[float]]], sizes: dict[str, float]
) -> list[tuple[str, float, bool | None]]:
    """Return name, figure and verdict of each line."""
    rows: list[tuple[str, float, bool | None]] = []
    for form, found in rounds.items():
        for figure, least in (("seconds", LEAST_RATIOS[form]), ("cpu", None)):
            ours, theirs = (median(found, tool, figure) for tool in ("embkit", "gensim"))
            rows.append((f"{form}, embkit, {figure}", ours, None))
            rows.append((f"{form}, gensim, {figure}", theirs, None))
            met = None if least is None else theirs / ours >= least
            rows.append((f"{form}, times faster, {figure}", theirs / ours, met))
        memory = median(found, "embkit", "memory_mib")
        rows.append((f"{form}, memory, MiB", memory, memory <= sizes[form]))
        share = statistics.median(trusting / checking for checking, trusting in costs[form])
        rows.append((f"{form}, speed with checks over without", share, share >= LEAST_SHARE))
    return rows


def main() -> None:
    """Parse, make the files, measure, print, record."""
    if sys.argv[1:2] == ["--load"]:
        print(json.dumps(load(*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, required=True)
    for name, default in (("rows", 400_000), ("dim", 300), ("rounds", 3), ("text-rounds", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--output", type=Path, default=ROOT / "eval/results/reader-speed.json")
    given = parser.parse_args()
    paths = make_files(given.work.resolve(), given.rows, given.dim)
    rounds = measure(given, paths)
    costs = check_cost(paths, given.work.resolve(), given.rounds)
    matrix = given.rows * given.dim * 4
    sizes = {form: (path.stat().st_size + matrix) / 2**20 for form, path in paths.items()}
    table = table_of(rounds, costs, sizes)
    verdicts = {None: "", True: "pass", False: "FAIL"}
    for name, value, met in table:
        print(f"{name:42}{value:10.3f}  {verdicts[met]}")
    config = {"rows": given.rows, "dim": given.dim, "allowed_memory_mib": sizes}
    metrics = {
        "rows": [{"row": n, "value": v, "verdict": verdicts[met]} for n, v, met in table],
        "rounds": rounds,
        "cpu_seconds_with_and_without_checks": costs,
    }
    save_record(run_record(seed=1, config=config, metrics=metrics), given.output)


if __name__ == "__main__":
    main()
