"""Measure how long maps take to fit and to apply, and the memory that takes.

Two spaces of random rows, one a disturbed rotation of the other, already loaded; retrieval is
not counted. Each round is a process of its own, the methods in turn::

    python -m eval.mapping [--words 70000] [--dim 300] [--pairs 8000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import embkit
from eval.child import anonymous_bytes, watch_peak
from eval.record import run_record, save_record

METHODS = ("orthogonal", "linear", "cca", "five-step", "rcsls")


def make_spaces(folder: Path, words: int, dim: int) -> None:
    """Save two spaces, words ``s0``, ``s1``, ... and ``t0``, ``t1``, ... their translations."""
    rng = np.random.default_rng(1)
    source = rng.standard_normal((words, dim), dtype=np.float32)
    source *= np.linspace(2, 0.5, dim, dtype=np.float32)
    turn = np.linalg.qr(rng.standard_normal((dim, dim)))[0].astype(np.float32)
    target = source @ turn + 0.5 * rng.standard_normal((words, dim), dtype=np.float32)
    for side, rows in (("s", source), ("t", target)):
        names = [f"{side}{i}" for i in range(words)]
        embkit.save(embkit.Embeddings.from_words(names, rows), folder / side)


def measure(folder: Path, method: str, pairs: int) -> dict[str, float]:
    """Fit and apply one map; return seconds of each and the memory above the loaded spaces."""
    source, target = embkit.load(folder / "s"), embkit.load(folder / "t")
    words = (source.words, target.words)
    touched = [float(space.vectors.sum()) for space in (source, target)]  # now it is loaded
    dictionary = [(words[0][i], words[1][i]) for i in range(pairs)]
    idle = anonymous_bytes()
    peak, stop = [idle], threading.Event()
    watcher = threading.Thread(target=watch_peak, args=(stop, peak))
    watcher.start()
    try:
        start, cpu = time.perf_counter(), time.process_time()
        mapping = embkit.map(source, target, method=method, dictionary=dictionary)
        fitted = time.perf_counter()
        mapped = mapping.map_source(source.vectors), mapping.map_target(target.vectors)
        end, cpu = time.perf_counter(), time.process_time() - cpu
    finally:
        stop.set()
        watcher.join()
    near = (mapped[0][:1000] * mapped[1][:1000]).sum(1)
    lengths = np.linalg.norm(mapped[0][:1000], axis=1) * np.linalg.norm(
        mapped[1][:1000], axis=1
    )
    return {
        "fit_s": fitted - start,
        "apply_s": end - fitted,
        "total_s": end - start,
        "cpu_s": cpu,
        "peak_mb": (peak[0] - idle) / 1e6,
        "mean_cosine": float((near / lengths).mean()),
        "checksum": sum(touched),
    }


def in_a_process(folder: Path, method: str, pairs: int) -> dict[str, float]:
    """Run ``measure`` in a fresh process."""
    command = [sys.executable, "-m", "eval.mapping", "--child", str(folder), method, str(pairs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure, print medians and ranges, write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("words", 70_000), ("dim", 300), ("pairs", 8000), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--slow-rounds", type=int, default=1, help="rounds of rcsls")
    parser.add_argument("--output", type=Path, default=Path("eval/results/mapping.json"))
    options = parser.parse_args(arguments)
    rounds: dict[str, list[dict[str, float]]] = {method: [] for method in options.methods}
    with tempfile.TemporaryDirectory() as folder:
        make_spaces(Path(folder), options.words, options.dim)
        for i in range(options.rounds):
            for method in options.methods:
                if method != "rcsls" or i < options.slow_rounds:
                    found = in_a_process(Path(folder), method, options.pairs)
                    rounds[method].append(found)
    medians = {
        method: {name: statistics.median(r[name] for r in some) for name in some[0]}
        for method, some in rounds.items()
    }
    print(
        f"{'method':12} {'total s':>8} {'slowest':>8} {'fit s':>8} {'cpu s':>8} {'peak MB':>8}"
    )
    for method, median in medians.items():
        slowest = max(r["total_s"] for r in rounds[method])
        cells = (
            median["total_s"],
            slowest,
            median["fit_s"],
            median["cpu_s"],
            median["peak_mb"],
        )
        print(f"{method:12} {' '.join(f'{cell:8.2f}' for cell in cells)}")
    record = run_record(
        seed=1, config=vars(options), metrics={"median": medians, "rounds": rounds}
    )
    save_record(record, options.output)
    return record


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(measure(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))))
    else:
        main()
