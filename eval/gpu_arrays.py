"""Measure searches, analogies, CSLS, self-learning and SVD on a GPU beside the processor.

Each cell is run on both devices, the GPU through CuPy, on the same input; told are seconds, the
quotient, and whether the results agree: searches and answers to the bit, a pass of induction in
its pairs, the rest within the tolerance of float32. Without a GPU only the processor's side is
measured::

    python -m eval.gpu_arrays [--words 70000] [--dim 300] [--device cuda] [--rounds 3]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array, random

from embkit.backend import open_backend
from embkit.counts.svd import truncated_svd
from embkit.embeddings import Embeddings
from embkit.evaluation.analogy import evaluate_analogies
from embkit.evaluation.options import QUESTION_METHODS, AnalogyOptions
from embkit.evaluation.sets import AnalogyQuestion, AnalogySet
from embkit.mapping.induction import induce
from embkit.neighbors import top_k
from embkit.retrieval import Retriever
from eval.record import run_record, save_record

QUERIES = 2000
Cell = Callable[[str], list[np.ndarray[Any, Any]]]


def cells(words: int, dim: int) -> dict[str, tuple[Cell, float]]:
    """Return what is measured, each with the tolerance that its results are held to."""
    rng = np.random.default_rng(1)
    source = rng.standard_normal((words, dim), np.float32) * np.linspace(2, 0.5, dim)
    source = (source / np.linalg.norm(source, axis=1, keepdims=True)).astype(np.float32)
    target = source + 0.05 * rng.standard_normal((words, dim), np.float32)
    target /= np.linalg.norm(target, axis=1, keepdims=True)
    queries, frequent = source[:QUERIES], min(words, 20_000)
    vectors = Embeddings.from_words([f"w{i}" for i in range(words)], target)
    drawn = rng.integers(0, min(words, 1000), (QUERIES, 4))
    named = ((f"w{a}", f"w{b}", f"w{c}", (f"w{d}",)) for a, b, c, d in drawn.tolist())
    asked = AnalogySet("drawn", tuple(AnalogyQuestion("all", *words) for words in named))
    entries: Any = random(words, words, 300 / words, "csr", np.float32, rng)
    counts = csr_array(entries)

    def search(device: str) -> list[np.ndarray[Any, Any]]:
        found = top_k(queries, target, 10, device=device)
        return [found.rows, found.scores]

    def csls(device: str) -> list[np.ndarray[Any, Any]]:
        found = Retriever(source[:frequent], target, device=device).search(queries, 10)
        return [found.rows, found.scores]

    def analogies(device: str) -> list[np.ndarray[Any, Any]]:
        options = AnalogyOptions(method=QUESTION_METHODS, resamples=10, device=device)
        scores = evaluate_analogies(vectors, asked, options)
        return [np.array(score.predicted) for score in scores]

    def induction(device: str) -> list[np.ndarray[Any, Any]]:
        sides = induce(
            source[:frequent], target[:frequent], keep_probability=0.2, device=device
        )
        return [side.means for side in sides]

    def svd(device: str) -> list[np.ndarray[Any, Any]]:
        return [truncated_svd(counts, min(dim, words // 4), device=device).values]

    return {
        "top-k of 2,000 queries": (search, 0.0),
        "2,000 analogies by four methods": (analogies, 0.0),
        "CSLS of 2,000 queries, 20,000 sources": (csls, 0.0),
        "a pass of self-learning, 20,000 words": (induction, 1e-4),
        "SVD": (svd, 1e-3),
    }


def measure(cell: Cell, device: str, rounds: int) -> tuple[float, list[np.ndarray[Any, Any]]]:
    """Return the median seconds, after one round that warms up, and the result."""
    found, seconds = cell(device), []
    for _ in range(rounds):
        start = time.perf_counter()
        found = cell(device)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), found


def agree(
    ours: list[np.ndarray[Any, Any]], theirs: list[np.ndarray[Any, Any]], tolerance: float
) -> bool:
    """Tell whether two results are the same, up to a relative tolerance."""
    pairs = zip(ours, theirs, strict=True)
    if tolerance == 0:
        return all(np.array_equal(a, b) for a, b in pairs)
    return all(np.allclose(b, a, rtol=tolerance, atol=0) for a, b in pairs)


def main(tokens: list[str] | None = None) -> dict[str, Any]:
    """Measure, print a line for each cell, write the record; fail where results differ."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--words", type=int, default=70_000)
    parser.add_argument("--dim", type=int, default=300)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("eval/results/gpu-arrays.json"))
    arguments = parser.parse_args(tokens)
    backend, found = open_backend(arguments.device), {}
    for name, (cell, tolerance) in cells(arguments.words, arguments.dim).items():
        seconds, expected = measure(cell, "cpu", arguments.rounds)
        told: dict[str, Any] = {"cpu_seconds": seconds}
        if backend.is_gpu:
            seconds, other = measure(cell, str(backend.device), arguments.rounds)
            told["gpu_seconds"] = seconds
            told["times_faster"] = told["cpu_seconds"] / seconds
            told["agree"] = agree(expected, other, tolerance)
        found[name] = told
        print(name, *(f"{k} {v:.4g}" for k, v in told.items()), flush=True)
    config = {**vars(arguments), "device": str(backend.device)}
    record = run_record(seed=1, config=config, metrics=found)
    save_record(record, arguments.output)
    if not all(told.get("agree", True) for told in found.values()):
        raise SystemExit("the devices' results differ")
    return record


if __name__ == "__main__":
    main()
