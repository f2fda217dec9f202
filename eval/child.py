"""One measurement in a process of its own: ``python -m eval.child NAME JSON`` prints JSON.

A fresh process per run, so that nothing is warm, ``EMBKIT_SIMD`` can be set, and memory is
that of one run alone.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from eval.peak import expected_pairs
from eval.peers import RATES, Task

PADDING = 16  # floats; rows are padded to whole cache lines while training


def anonymous_bytes() -> int:
    """Return the anonymous memory of this process (0 where the system does not tell)."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon"))


def watch_peak(stop: threading.Event, peak: list[int]) -> None:
    """Keep the largest anonymous memory seen in ``peak[0]`` until ``stop`` is set."""
    while not stop.wait(0.005):
        peak[0] = max(peak[0], anonymous_bytes())


def measure_embkit(
    corpus: str, output: str, task: dict[str, Any], options: dict[str, Any]
) -> dict[str, float]:
    """Encode, train and save; return the seconds of each and the memory used above idle."""
    import embkit

    idle = anonymous_bytes()
    peak, stop = [idle], threading.Event()
    watcher = threading.Thread(target=watch_peak, args=(stop, peak))
    watcher.start()
    try:
        start = time.perf_counter()
        from embkit.config import VocabularyConfig
        from embkit.corpus import encode

        limits = VocabularyConfig(min_count=task["min_count"])
        encoded = encode(corpus, config=limits, threads=task["threads"])
        ready, cpu = time.perf_counter(), time.process_time()
        vectors = embkit.train(task.pop("method"), encoded, **task, **options, progress=False)
        trained, cpu = time.perf_counter(), time.process_time() - cpu
        embkit.save(vectors, output, overwrite=True)
        saved = time.perf_counter()
    finally:
        stop.set()
        watcher.join()
    words = vectors.vocabulary
    assert words.counts is not None
    pairs = expected_pairs(
        *(encoded.ids, encoded.sentence_offsets, words.counts),
        *(task["subsample"], task["window"]),
    )
    matrix = len(words) * -(-vectors.dim // PADDING) * PADDING * 4
    vocabulary = words.data.nbytes + words.offsets.nbytes + 8 * len(words)
    return {
        "encode_seconds": ready - start,
        "training_seconds": trained - ready,
        "training_cpu_seconds": cpu,
        "save_seconds": saved - trained,
        "pairs_per_epoch": pairs,
        "memory_mib": (peak[0] - idle) / 2**20,
        "allowed_memory_mib": (vocabulary + 2 * matrix) / 2**20 + 64,
    }


def measure_gensim(corpus: str, task: dict[str, Any]) -> dict[str, float]:
    """Train with gensim from a text file; return the seconds of ``train`` alone."""
    from gensim.models import Word2Vec

    is_ns = task["loss"] == "ns"
    model = Word2Vec(
        sg=int(task["method"] == "skipgram"),
        hs=int(not is_ns),
        negative=task["negatives"] if is_ns else 0,
        vector_size=task["dim"],
        window=task["window"],
        sample=task["subsample"],
        min_count=task["min_count"],
        workers=task["threads"],
        alpha=RATES[task["method"]],
    )
    model.build_vocab(corpus_file=corpus)
    start, cpu = time.perf_counter(), time.process_time()
    model.train(
        corpus_file=corpus,
        total_words=model.corpus_total_words,
        total_examples=model.corpus_count,
        epochs=task["epochs"],
    )
    return {
        "training_seconds": time.perf_counter() - start,
        "training_cpu_seconds": time.process_time() - cpu,
    }


def measure_glove(counts: str, options: dict[str, Any]) -> dict[str, float]:
    """Train GloVe on counts that were saved; return the mean seconds of an epoch.

    The first epoch only warms up: laying out the cells is told apart.
    """
    from embkit.config import GloveConfig
    from embkit.counts.cooccurrence import Cooccurrence
    from embkit.training.glove_counts import train_on_counts

    made = Cooccurrence.open(counts)
    ends: list[tuple[float, float]] = []

    def note_end(report: Any) -> None:  # noqa: ANN401
        if report.epoch_loss is not None:
            ends.append((report.seconds, time.process_time()))

    vectors = train_on_counts(made, GloveConfig(**options), callback=note_end)
    (first, cpu_first), (last, cpu_last) = ends[0], ends[-1]
    seconds = (last - first) / (len(ends) - 1)
    return {
        "cells_per_second": made.num_entries / seconds,
        "cells_per_cpu_second": made.num_entries * (len(ends) - 1) / (cpu_last - cpu_first),
        "epoch_seconds": seconds,
        "layout_seconds": first - seconds,
        "first_cost": vectors.provenance["costs"][0],
    }


def measure_encode(corpus: str, threads: int) -> dict[str, float]:
    """Turn text into ids; return MB/s per thread."""
    from embkit.config import VocabularyConfig
    from embkit.corpus import encode

    config = VocabularyConfig(min_count=Task.min_count)
    start = time.perf_counter()
    encode(corpus, config=config, threads=threads)
    seconds = time.perf_counter() - start
    return {"mb_per_second_per_core": Path(corpus).stat().st_size / 1e6 / seconds / threads}


def measure_top_k(queries: int, rows: int, dim: int, k: int) -> dict[str, float]:
    """Find neighbours among random rows; return the seconds and those of the product alone."""
    from embkit.neighbors import top_k

    rng = np.random.default_rng(1)
    vectors = rng.standard_normal((rows, dim), np.float32)
    asked = rng.standard_normal((queries, dim), np.float32)
    product = np.ones((queries, rows), np.float32)  # its pages are there before the clock runs
    start = time.perf_counter()
    np.matmul(asked, vectors.T, out=product)
    multiplied = time.perf_counter()
    top_k(asked, vectors, k)
    seconds = time.perf_counter() - multiplied
    product_seconds = multiplied - start
    figures = {"top_k_seconds": seconds, "product_seconds": product_seconds}
    return {**figures, "over_product": seconds / product_seconds}


MEASUREMENTS: dict[str, Callable[..., dict[str, float]]] = {
    "embkit": measure_embkit,
    "gensim": measure_gensim,
    "encode": measure_encode,
    "glove": measure_glove,
    "top-k": measure_top_k,
}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](**json.loads(sys.argv[2]))))
