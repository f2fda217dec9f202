"""Stanford's GloVe: its four programs, their command lines, and what they took.

Counts and shuffled counts of a corpus are some hundred megabytes; they are deleted when the
caller's ``with`` block ends.
"""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
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
    """What one run of ``glove`` took, and the mean cost of each epoch."""

    epoch_seconds: list[float]
    """Between the lines that it prints before the first epoch and at the end of each."""
    cpu_seconds: float
    """Processor time of the whole run."""
    costs: list[float]


def run(command: list[str], source: Path, target: Path) -> None:
    """Run a program with its input and output files.

    Raises
    ------
    RuntimeError
        If it fails.
    """
    with source.open("rb") as stdin, target.open("wb") as stdout:
        done = subprocess.run(
            command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, check=False
        )
    if done.returncode != 0:
        text = done.stderr.decode(errors="replace")[-400:]
        raise RuntimeError(f"{Path(command[0]).name} failed ({done.returncode}): {text}")


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
    """Train with ``glove`` and write ``output`` as text without a header, w + w~.

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
    command += ["-write-header", "0", "-binary", "0", "-model", "2"]
    marks, costs, text = [], [], b""
    cpu = children_seconds()
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            now, text = time.perf_counter(), (text + line)[-400:]
            found = COST.search(line.decode(errors="replace"))
            if found:
                costs.append(float(found[2]))
            if found or line.startswith(b"alpha:"):
                marks.append(now)
    if process.returncode != 0 or len(costs) != task.epochs:
        done = f"{len(costs)} of {task.epochs} epochs"
        raise RuntimeError(f"glove failed ({process.returncode}) after {done}: {text!r}")
    Path(f"{stem}.txt").replace(output)
    seconds = [after - before for before, after in pairwise(marks)]
    return StanfordRun(seconds, children_seconds() - cpu, costs)


def children_seconds() -> float:
    """Return the processor time of all programs that this process has run."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
