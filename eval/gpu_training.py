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
Put = Callable[..., None]
"""Keeps what was found so far, by name."""

MIN_COUNT = 5
ROUNDS = 3
QUALITY = {"window": 5, "negatives": 5, "subsample": 1e-3, "epochs": 5}


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
        """Lengths of vectors whose speed is measured, the most telling first."""
        return (12, 8) if self.small else (128, 100, 300)

    @property
    def concurrency(self) -> tuple[tuple[int, int], ...]:
        """Most warps at a time (0: all), and words whose rows go back after each centre."""
        if self.small:
            return (0, 0), (1, 300)
        return (0, 300), (0, 0), (0, 100), (0, 1000), (0, 10_000), (1024, 300), (256, 300)

    @property
    def rounds(self) -> int:
        """How often the speed of each cell is measured."""
        return 1 if self.small else ROUNDS

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


def measure_ceilings(settings: Settings, check: Check, put: Put) -> None:
    """Find what a GPU reads, and adds to with atomics, of rows in random order."""
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
            put(ceilings=found)


def train(
    corpus: Any,  # noqa: ANN401
    check: Check,
    method: str = "sgns",
    **options: Any,  # noqa: ANN401
) -> tuple[Any, dict[str, float | None]]:
    """Train; return the vectors, and the corpus's words per second of training alone.

    The steady rate is that of the kernels: it leaves out the text's and the model's way to the
    device and back, the first slice, which loads the kernels, and what is summed up at the end.
    None where all was one slice.
    """
    import embkit
    from embkit.training import progress

    reports: list[Any] = []

    def keep(report: Any) -> None:  # noqa: ANN401
        reports.append(report)
        check()

    progress.INTERVAL = 0  # after every slice: a fast card needs few
    vectors = embkit.train(method, corpus, progress=False, callback=keep, **options)
    whole = reports[-1]
    first = next(report for report in reports if report.tokens > 0)
    last = next(report for report in reports if report.tokens == whole.tokens)
    seconds = last.seconds - first.seconds
    steady = (last.tokens - first.tokens) / seconds if seconds > 0 else None
    return vectors, {"words_per_second": whole.tokens / whole.seconds, "steady": steady}


def speed_cells(settings: Settings) -> list[dict[str, Any]]:
    """Return what speed is measured of, the most telling first."""
    plain = [
        {"method": "sgns", "dim": dim, "subsample": subsample}
        for dim in settings.dims
        for subsample in (1e-3, 1e-4)
    ]
    first = plain[0]
    ways = [
        {**first, "prefetch": True},
        {**first, "negative_sharing": "block"},
        {**first, "method": "nce"},
        {**first, "method": "cbow"},
    ]
    return [*plain[:2], *ways, *plain[2:]]


def measure_speed(settings: Settings, check: Check, put: Put) -> None:
    """Find words a second on the corpus repeated to so many tokens: every cell, then again.

    A cell that fails is recorded, and stops no other.

    Raises
    ------
    RuntimeError
        At the end, if cells have failed.
    """
    from embkit.training import cuda

    once = encoded(settings).num_tokens
    corpus = encoded(settings, -(-settings.tokens // once))
    cells = speed_cells(settings)
    put(tokens=corpus.num_tokens, words=len(corpus.vocabulary))
    runs: list[list[dict[str, float | None]]] = [[] for _ in cells]
    failed: dict[str, str] = {}
    for _ in range(settings.rounds):
        for cell, done in zip(cells, runs, strict=True):
            check()
            asked = {"window": 5, "negatives": 5, "epochs": 1, "device": "cuda", **cell}
            cuda.PREFETCH = asked.pop("prefetch", False)
            try:
                done.append(train(corpus, check, **asked)[1])
            except TimeoutError:
                raise
            except Exception as error:
                failed[str(cell)] = f"{type(error).__name__}: {error}"
                put(failed=failed)
            put(speed=[_median(*pair) for pair in zip(cells, runs, strict=True) if pair[1]])
    if failed:
        raise RuntimeError(f"{len(failed)} cells failed")


def _median(cell: dict[str, Any], runs: list[dict[str, float | None]]) -> dict[str, Any]:
    def median(name: str) -> float | None:
        known = [rate for run in runs if (rate := run[name]) is not None]
        return statistics.median(known) if known else None

    return {**cell, **{name: median(name) for name in runs[0]}, "runs": runs}


def measure_quality(settings: Settings, check: Check, put: Put) -> None:
    """Score vectors of both trainers on the same words, for each seed."""
    from eval.scores import paired_interval

    corpus = encoded(settings)
    options = {**QUALITY, "dim": settings.dims[0], "epochs": 1 if settings.small else 5}
    runs: list[dict[str, Any]] = []
    for seed in range(1, settings.seeds + 1):
        asked: dict[str, Any] = {**options, "seed": seed}
        gpu, gpu_rate = train(corpus, check, device="cuda", **asked)
        cpu, cpu_rate = train(corpus, check, threads=os.cpu_count(), **asked)
        points = scores_of(settings, {"gpu": gpu, "cpu": cpu})
        runs.append({"seed": seed, **points, "gpu_rate": gpu_rate, "cpu_rate": cpu_rate})
        put(runs=runs)
    means = [float(np.mean([r["gpu"][n] - r["cpu"][n] for n in r["gpu"]])) for r in runs]
    mean, low, high = paired_interval(means)
    put(difference={"mean": mean, "low": low, "high": high})


def measure_concurrency(settings: Settings, check: Check, put: Put) -> None:
    """Score vectors, and time their training, with fewer warps and more rows given back early.

    A warp sees what others do to a row once its copy has left the window: with many of them,
    frequent words get more updates at a time than one learning rate is meant for.
    """
    from embkit.training import cuda

    corpus = encoded(settings)
    options = {**QUALITY, "dim": settings.dims[0], "epochs": 1 if settings.small else 5}
    found: list[dict[str, Any]] = []
    for warps, shared in settings.concurrency:
        cuda.MAX_WARPS, cuda.SHARED_WORDS = warps, shared
        asked: dict[str, Any] = {**options, "seed": 1, "device": "cuda"}
        vectors, rate = train(corpus, check, **asked)
        how = {"max_warps": warps, "shared_words": shared}
        found.append({**how, **rate, **scores_of(settings, {"points": vectors})})
        put(concurrency=found)


def scores_of(settings: Settings, models: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the points of a model or two in each test set, on the words that they know."""
    from eval.scores import common_words, score_model

    each = list(models.values())
    words = common_words(each[0], each[-1])
    return {
        name: {test: score.points for test, score in found.items()}
        for name, model in models.items()
        if (found := score_model(model, words, settings.data))
    }
