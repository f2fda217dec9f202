"""Stanford's GloVe: its four programs, their command lines, and what they took.

Counts and shuffled counts of a corpus are some hundred megabytes; they are deleted when the
caller's ``with`` block ends.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

COST = re.compile(r"iter: (\d+), cost: ([-+.\w]+)")


@dataclass(frozen=True)
class GloveTask:
    """One GloVe model to train; every tool is told the same."""

    dim: int = 100
    epochs: int = 15
    threads: int = 2
    window: int = 10
    x_max: float = 10.0
    min_count: int = 5


@dataclass(frozen=True)
class StanfordCounts:
    """The files that ``glove`` trains from, and what making them took, in seconds."""

    vocabulary: Path
    records: Path
    """Shuffled records of 16 bytes: two word ids from 1, and a double."""
    counting_seconds: float


@dataclass(frozen=True)
class StanfordRun:
    """What one run of ``glove`` took, in seconds, and the mean cost of each epoch."""

    seconds: float
    costs: list[float]


def run(command: list[str], source: Path | None = None, target: Path | None = None) -> str:
    """Run a program with its input and output files; return what it wrote to stderr.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    stdin = source.open("rb") if source else None
    stdout = target.open("wb") if target else None
    try:
        done = subprocess.run(
            command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, check=False
        )
    finally:
        for stream in (stdin, stdout):
            if stream:
                stream.close()
    text = done.stderr.decode(errors="replace")
    if done.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} failed ({done.returncode}): {text[-400:]}")
    return text


@contextmanager
def stanford_counts(
    binaries: Path, task: GloveTask, corpus: Path, folder: Path, seed: int
) -> Iterator[StanfordCounts]:
    """Count and shuffle the co-occurrences of ``corpus``; delete them afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    words, raw, records = (folder / name for name in ("vocab.txt", "raw.bin", "shuffled.bin"))
    quiet = ("-verbose", "0", "-memory", "4.0")
    try:
        start = time.perf_counter()
        counts = [str(binaries / "vocab_count"), "-min-count", str(task.min_count)]
        run([*counts, "-verbose", "0"], corpus, words)
        window = ("-vocab-file", str(words), "-window-size", str(task.window))
        overflow = ("-overflow-file", str(folder / "overflow"))
        run([str(binaries / "cooccur"), *quiet, *window, *overflow], corpus, raw)
        shuffled = ("-temp-file", str(folder / "temp"), "-seed", str(seed))
        run([str(binaries / "shuffle"), *quiet, *shuffled], raw, records)
        raw.unlink()
        yield StanfordCounts(words, records, time.perf_counter() - start)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stanford_glove(
    binaries: Path, task: GloveTask, counts: StanfordCounts, output: Path, seed: int
) -> StanfordRun:
    """Train with ``glove`` and write ``output`` as text with a header, w + w~.

    Raises
    ------
    RuntimeError
        If the program fails, or did not report every epoch.
    """
    stem = output.with_name(f"part-{output.name}")
    command = [str(binaries / "glove"), "-input-file", str(counts.records), "-seed", str(seed)]
    command += ["-vocab-file", str(counts.vocabulary), "-save-file", str(stem)]
    command += ["-vector-size", str(task.dim), "-iter", str(task.epochs)]
    command += ["-x-max", str(task.x_max), "-threads", str(task.threads)]
    start = time.perf_counter()
    text = run([*command, "-write-header", "0", "-binary", "0", "-model", "2"])
    seconds = time.perf_counter() - start
    costs = [float(cost) for _, cost in COST.findall(text)]
    if len(costs) != task.epochs:
        raise RuntimeError(f"glove reported {len(costs)} of {task.epochs} epochs")
    Path(f"{stem}.txt").replace(output)
    return StanfordRun(seconds, costs)
