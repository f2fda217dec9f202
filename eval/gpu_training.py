"""What eval/gpu.py measures of embkit itself: ceilings of row access, speed, quality."""

from __future__ import annotations

import lzma
import os
import shutil
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

Check = Callable[..., None]
"""Raises TimeoutError when no time is left; takes anything."""

MIN_COUNT = 5
SUBSAMPLES = (1e-4, 1e-3)
ROUNDS = 3
QUALITY = {"dim": 100, "window": 5, "negatives": 5, "subsample": 1e-3, "epochs": 5}


@dataclass(frozen=True)
class Settings:
    """What is measured on, and how much of it."""

    corpus: Path
    data: Path
    work: Path
    tokens: int
    seeds: int
    small: bool = False

    @property
    def dims(self) -> tuple[int, ...]:
        """Lengths of vectors whose speed is measured."""
        return (8, 12) if self.small else (100, 128, 300)

    @property
    def rows(self) -> tuple[int, ...]:
        """Sizes of the matrix that rows are read from, and added to."""
        return (72, 1000) if self.small else (72_000, 1_000_000)

    @property
    def row_accesses(self) -> int:
        """Rows of one pass."""
        return 1_000 if self.small else 20_000_000

    @cached_property
    def text(self) -> Path:
        """The corpus as plain text."""
        if self.corpus.suffix != ".xz":
            return self.corpus
        path = self.work / self.corpus.stem
        if not path.exists():
            part = path.with_name(path.name + ".part")
            with lzma.open(self.corpus) as packed, part.open("wb") as plain:
                shutil.copyfileobj(packed, plain)
            part.replace(path)
        return path


def encoded(settings: Settings, repeats: int = 1) -> Any:  # noqa: ANN401  (built after this is imported)
    """Encode the corpus so many times over, with the words of the corpus itself."""
    from embkit.config import VocabularyConfig
    from embkit.corpus import encode

    limits = VocabularyConfig(min_count=1 if settings.small else MIN_COUNT * repeats)
    return encode([settings.text] * repeats, config=limits)


def zipf_order(num_rows: int, count: int) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """Return rows in random order, each as often as Zipf's law has a word of its rank."""
    weights = np.cumsum(1 / np.arange(1, num_rows + 1))
    drawn = np.random.default_rng(1).random(count) * weights[-1]
    order: np.ndarray[Any, np.dtype[np.uint32]] = np.searchsorted(weights, drawn).astype("u4")
    return order


def measure_ceilings(settings: Settings, check: Check) -> dict[str, Any]:
    """Return what a GPU reads, and adds to with atomics, of rows in random order."""
    from embkit import _native

    cuda = _native.cuda()
    found = []
    for num_rows in settings.rows:
        order = zipf_order(num_rows, settings.row_accesses)
        for dim in settings.dims:
            check()
            gather, scatter = cuda.measure_rows(0, num_rows, dim, order, ROUNDS)
            rates = {
                "gather_gb_per_second": gather / 1e9,
                "scatter_gb_per_second": scatter / 1e9,
            }
            found.append({"rows": num_rows, "dim": dim, **rates})
    return {"ceilings": found}


def train(corpus: Any, check: Check, **options: Any) -> tuple[Any, float]:  # noqa: ANN401
    """Train; return the vectors, and the corpus's words per second of training alone."""
    import embkit

    last = [None]

    def keep(report: Any) -> None:  # noqa: ANN401
        last[0] = report
        check()

    vectors = embkit.train("sgns", corpus, progress=False, callback=keep, **options)
    report: Any = last[0]
    return vectors, report.tokens / report.seconds


def measure_speed(settings: Settings, check: Check) -> dict[str, Any]:
    """Return words a second on the corpus repeated to so many tokens, one epoch."""
    once = encoded(settings).num_tokens
    repeats = -(-settings.tokens // once)
    corpus = encoded(settings, repeats)
    found = []
    for dim in settings.dims:
        for subsample in SUBSAMPLES:
            options = {"dim": dim, "window": 5, "negatives": 5, "subsample": subsample}
            asked = {**options, "epochs": 1, "device": "cuda"}
            rates = [train(corpus, check, **asked)[1] for _ in range(ROUNDS)]
            found.append(
                {**options, "words_per_second": statistics.median(rates), "all": rates}
            )
    return {"tokens": corpus.num_tokens, "words": len(corpus.vocabulary), "speed": found}


def measure_quality(settings: Settings, check: Check) -> dict[str, Any]:
    """Score vectors of both trainers on the same words, for each seed."""
    from eval.scores import common_words, paired_interval, score_model

    corpus = encoded(settings)
    options = {**QUALITY, "dim": settings.dims[0], "epochs": 1 if settings.small else 5}
    runs: list[dict[str, Any]] = []
    for seed in range(1, settings.seeds + 1):
        asked = {**options, "seed": seed}
        gpu, gpu_rate = train(corpus, check, device="cuda", **asked)
        cpu, cpu_rate = train(corpus, check, threads=os.cpu_count(), **asked)
        words = common_words(gpu, cpu)
        both = [score_model(model, words, settings.data) for model in (gpu, cpu)]
        points = [{name: score.points for name, score in scores.items()} for scores in both]
        rates = {"gpu_words_per_second": gpu_rate, "cpu_words_per_second": cpu_rate}
        runs.append({"seed": seed, "gpu": points[0], "cpu": points[1], **rates})
    means = [float(np.mean([r["gpu"][n] - r["cpu"][n] for n in r["gpu"]])) for r in runs]
    mean, low, high = paired_interval(means)
    return {"runs": runs, "difference": {"mean": mean, "low": low, "high": high}}
