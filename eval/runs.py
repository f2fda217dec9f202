"""One run of one tool, by its name ``tool/task/variant``, as figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from eval.peak import LEVELS, multiply_adds, peak_rate
from eval.peers import COMMANDS, Task, run_peer

Metrics = dict[str, float]
TASKS = {
    "sgns-100": Task(),
    "sgns-300": Task(dim=300),
    "skipgram-hs": Task(loss="hs"),
    "cbow-ns": Task("cbow"),
    "cbow-hs": Task("cbow", "hs"),
}


@dataclass(frozen=True)
class Corpus:
    """A text file and its own count of the words, the same for every tool."""

    path: Path
    tokens: int
    in_vocabulary: int
    lines: int


@dataclass(frozen=True)
class Settings:
    """What the command line chose."""

    corpus: Corpus
    work: Path
    binaries: Mapping[str, Path]
    epochs: int
    peer_epochs: int
    threads: int
    top_k_rows: int


def count_words(path: Path, min_count: int = Task.min_count) -> Corpus:
    """Count the tokens of a text file, and those whose word is frequent enough."""
    text = path.read_bytes()
    counts = Counter(text.split())
    kept = sum(count for count in counts.values() if count >= min_count)
    return Corpus(path, counts.total(), kept, text.count(b"\n"))


def run_child(name: str, simd: str = "", **options: Any) -> Metrics:  # noqa: ANN401
    """Run a measurement of eval/child.py in a process of its own.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails, for instance because the processor lacks the instruction set ``simd``.
    """
    environment = {**os.environ, **({"EMBKIT_SIMD": simd} if simd else {})}
    command = [sys.executable, "-m", "eval.child", name, json.dumps(options)]
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return {"seconds": time.perf_counter() - start, **json.loads(done.stdout)}


def rates(metrics: Metrics, corpus: Corpus, epochs: int) -> Metrics:
    """Add words/s of training, and epochs/s of everything from start to exit."""
    words = corpus.in_vocabulary * epochs
    return {
        **metrics,
        "words_per_second": words / metrics["training_seconds"],
        "words_per_cpu_second": words / max(metrics["training_cpu_seconds"], 1e-9),
    }


def run_embkit(task: Task, variant: str, settings: Settings) -> Metrics:
    """Train with embkit; a variant is an instruction set, or one of those named here."""
    if variant == "apart":
        return run_apart(task, settings)
    task = replace(task, threads=1 if variant == "1-thread" else task.threads)
    metrics = run_child(
        "embkit",
        simd="" if variant in ("pair", "1-thread") else variant,
        corpus=str(settings.corpus.path),
        output=str(settings.work / "speed-embkit.bin"),
        task=asdict(task),
        options={"negative_sharing": "pair"} if variant == "pair" else {},
    )
    metrics["memory_share"] = metrics["memory_mib"] / metrics["allowed_memory_mib"]
    metrics["whole_per_second"] = 1 / metrics["seconds"]
    if variant in LEVELS and (task.method, task.loss) == ("skipgram", "ns"):
        metrics |= peak_share(task, variant, settings.work, metrics)
    return rates(metrics, settings.corpus, task.epochs)


def run_apart(task: Task, settings: Settings) -> Metrics:
    """Train with as many processes of one thread as there are threads, all at the same time.

    They share nothing but the machine: what they reach together is what its cores, caches and
    memory bear, and no threads of one program can be expected to go beyond it.
    """
    one = asdict(replace(task, threads=1))

    def train(number: int) -> Metrics:
        output = str(settings.work / f"speed-embkit-{number}.bin")
        return run_child(
            "embkit", corpus=str(settings.corpus.path), output=output, task=one, options={}
        )

    with ThreadPoolExecutor(task.threads) as pool:
        done = list(pool.map(train, range(task.threads)))
    words = settings.corpus.in_vocabulary * task.epochs
    return {"words_per_second": sum(words / each["training_seconds"] for each in done)}


def peak_share(task: Task, level: str, folder: Path, metrics: Metrics) -> Metrics:
    """Return the cores' peak, measured now, and the share of it that a training run used."""
    peak = peak_rate(level, task.threads, folder)
    if peak is None:
        return {}
    done = multiply_adds(metrics["pairs_per_epoch"] * task.epochs, task.negatives, task.dim)
    # Over CPU seconds, of all threads together: other programs take no share then.
    rate = done / (metrics["training_cpu_seconds"] / task.threads)
    return {"peak_multiply_adds": peak, "peak_share": rate / peak}


def run_tool(tool: str, task: Task, settings: Settings) -> Metrics:
    """Train with another tool, with as many epochs as are chosen for these.

    ``whole_per_second`` is of a run with all epochs: the other epochs' training time, which
    was not run, is added.
    """
    corpus, chosen = settings.corpus, replace(task, epochs=settings.peer_epochs)
    if tool == "gensim":
        metrics = run_child(tool, corpus=str(corpus.path), task=asdict(chosen))
        return rates(metrics, corpus, chosen.epochs)
    output = settings.work / f"speed-{tool}.bin"
    took = run_peer(COMMANDS[tool](settings.binaries[tool], chosen, corpus.path, output))
    part = took.progress
    if tool == "fasttext":  # its epochs are as many kept tokens as the text has tokens
        part *= (corpus.tokens + corpus.lines) / (corpus.in_vocabulary + corpus.lines)
    whole = took.training_seconds / part
    metrics = {
        "seconds": took.seconds,
        "training_seconds": whole,
        "training_cpu_seconds": took.training_cpu_seconds / part,
        "whole_per_second": 1 / (took.seconds + whole * (task.epochs / chosen.epochs - 1)),
    }
    return rates(metrics, corpus, chosen.epochs)


def least_seconds(*command: str) -> float:
    """Return the least of five wall times of a command."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def measure(run: str, settings: Settings) -> Metrics:
    """Do the run ``tool/task/variant`` (or a single word: import, help, encode, top-k)."""
    tool, _, rest = run.partition("/")
    if tool == "import":
        programs = ("import embkit", "import numpy", "pass")
        ours, numpy, python = [least_seconds(sys.executable, "-c", code) for code in programs]
        # NumPy comes when it is first used, so over its import the figure may be below 0.
        over = {"seconds_over_numpy": ours - numpy, "seconds_over_python": ours - python}
        return {"seconds": ours, **over}
    if tool == "help":
        return {"seconds": least_seconds(sys.executable, "-m", "embkit", "--help")}
    if tool == "encode":
        return run_child(tool, corpus=str(settings.corpus.path), threads=1)
    if tool == "top-k":
        return run_child(tool, queries=1000, rows=settings.top_k_rows, dim=300, k=10)
    name, _, variant = rest.partition("/")
    task = replace(TASKS[name], epochs=settings.epochs, threads=settings.threads)
    if tool == "embkit":
        return run_embkit(task, variant, settings)
    return run_tool(tool, task, settings)
