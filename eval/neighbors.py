"""Measure exact top-k against the bare matrix product, one of each in turn.

The product is that of the same queries and rows in the same blocks, its result thrown away::

    python -m eval.neighbors [--words 400000] [--dim 300] [--queries 1000] [--rounds 5]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.neighbors import row_norms, top_k
from eval.process import peak_bytes
from eval.record import run_record, save_record

BLOCK_ROWS = 8192
Matrix = NDArray[np.float32]


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Return wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def product(queries: Matrix, vectors: Matrix) -> None:
    """Multiply queries with all rows, block by block, into one buffer."""
    buffer = np.empty(len(queries) * BLOCK_ROWS, np.float32)
    for first in range(0, len(vectors), BLOCK_ROWS):
        block = vectors[first : first + BLOCK_ROWS]
        out = buffer[: len(queries) * len(block)].reshape(len(queries), len(block))
        np.matmul(queries, block.T, out=out)


def peak_megabytes() -> float:
    """Return the largest resident memory so far."""
    return peak_bytes(resource.getrusage(resource.RUSAGE_SELF)) / 1e6


def measure(queries: Matrix, vectors: Matrix, topn: int, rounds: int) -> list[dict[str, float]]:
    """Return the figures of each round."""
    norms = row_norms(vectors)
    results = []
    for _ in range(rounds):
        figures: dict[str, float] = {}
        runs: dict[str, Callable[[], object]] = {
            "product": lambda: product(queries, vectors),
            "top_k": lambda: top_k(queries, vectors, topn, norms=norms),
            "norms": lambda: row_norms(vectors),
            "single_product": lambda: vectors @ queries[0],
            "single_top_k": lambda: top_k(queries[:1], vectors, topn, norms=norms),
        }
        for name, run in runs.items():
            figures[f"{name}_s"], figures[f"{name}_cpu_s"] = seconds(run)
        figures["ratio"] = figures["top_k_s"] / figures["product_s"]
        figures["cpu_ratio"] = figures["top_k_cpu_s"] / figures["product_cpu_s"]
        figures["single_ratio"] = figures["single_top_k_s"] / figures["single_product_s"]
        results.append(figures)
    return results


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Measure, print the medians and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("words", 400_000), ("dim", 300), ("queries", 1000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--topn", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("eval/results/neighbors.json"))
    options = parser.parse_args(arguments)
    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((options.words, options.dim), dtype=np.float32)
    vectors *= rng.gamma(4, 0.25, (options.words, 1)).astype(np.float32)
    queries = rng.standard_normal((options.queries, options.dim), dtype=np.float32)
    before = peak_megabytes()
    rounds = measure(queries, vectors, options.topn, options.rounds)
    medians = {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}
    for name, value in medians.items():
        values = [r[name] for r in rounds]
        print(f"{name:22} {value:9.4f}  ({min(values):.4f} to {max(values):.4f})")
    metrics = {"median": medians, "rounds": rounds, "peak_growth_mb": peak_megabytes() - before}
    print(f"memory above the matrices, MB: {metrics['peak_growth_mb']:.0f}")
    record = run_record(seed=1, config=vars(options), metrics=metrics)
    save_record(record, options.output)
    return record


if __name__ == "__main__":
    main()
