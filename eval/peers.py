"""The other tools: their command lines, and how much of their time is training.

All three print ``Progress: x%`` while they train, of ``epochs`` passes over the corpus. The
rate is taken between the first and the last of these lines, so reading the vocabulary,
allocating and saving are not counted; the last one also proves that every epoch was done
(word2vec.c skips epochs when a thread has met the end of the file once).
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

LEAST_PROGRESS = 98.0
PROGRESS = re.compile(rb"Progress:\s*([0-9.]+)%")
RATES = {"skipgram": 0.025, "cbow": 0.05}


@dataclass(frozen=True)
class Task:
    """One model to train; every tool is told the same."""

    method: str = "skipgram"
    loss: str = "ns"
    dim: int = 100
    epochs: int = 5
    threads: int = 2
    window: int = 5
    negatives: int = 5
    subsample: float = 1e-4
    min_count: int = 5


@dataclass(frozen=True)
class Run:
    """What one run of a program took, in seconds."""

    seconds: float
    """From start to exit."""
    training_seconds: float
    """Between the first and the last progress line."""
    training_cpu_seconds: float
    """Processor time between the same (0 where the system does not tell)."""
    progress: float
    """Part of all epochs (0 to 1) that was trained between these lines."""


def word2vec_command(binary: Path, task: Task, corpus: Path, output: Path) -> list[str]:
    """Return the command line of word2vec.c; the rates are its own defaults."""
    by_loss = {"ns": ("-negative", str(task.negatives), "-hs", "0"),
               "hs": ("-negative", "0", "-hs", "1")}  # fmt: skip
    return [
        *(str(binary), "-train", str(corpus), "-output", str(output), "-binary", "1"),
        *("-cbow", str(int(task.method == "cbow")), "-alpha", str(RATES[task.method])),
        *by_loss[task.loss],
        *("-size", str(task.dim), "-window", str(task.window), "-sample", str(task.subsample)),
        *("-iter", str(task.epochs), "-min-count", str(task.min_count)),
        *("-threads", str(task.threads), "-debug", "2"),
    ]


def pword2vec_command(binary: Path, task: Task, corpus: Path, output: Path) -> list[str]:
    """Return the command line of pWord2Vec, which has only skip-gram NS."""
    command = word2vec_command(binary, task, corpus, output)
    for flag in ("-cbow", "-hs"):
        del command[command.index(flag) : command.index(flag) + 2]
    return command


def fasttext_command(binary: Path, task: Task, corpus: Path, output: Path) -> list[str]:
    """Return the command line of fastText without subwords."""
    return [
        *(str(binary), task.method, "-input", str(corpus), "-output", str(output)),
        *("-minn", "0", "-maxn", "0", "-lr", str(RATES[task.method]), "-loss", task.loss),
        *("-neg", str(task.negatives), "-dim", str(task.dim), "-ws", str(task.window)),
        *("-t", str(task.subsample), "-epoch", str(task.epochs), "-verbose", "2"),
        *("-minCount", str(task.min_count), "-thread", str(task.threads)),
    ]


COMMANDS = {
    "word2vec": word2vec_command,
    "pword2vec": pword2vec_command,
    "fasttext": fasttext_command,
}


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used so far (0 where unknown)."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_peer(command: list[str]) -> Run:
    """Run a program to its end, reading its progress as it comes.

    Raises
    ------
    RuntimeError
        If the program fails, or skipped a part of its epochs.
    """
    start = time.perf_counter()
    marks: list[tuple[float, float, float]] = []  # progress, time, processor time
    tail = b""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        while block := os.read(process.stdout.fileno(), 1 << 16):
            tail = tail[-400:] + block
            found = PROGRESS.findall(tail)
            if found and (not marks or float(found[-1]) > marks[-1][0]):
                now, cpu = time.perf_counter(), processor_seconds(process.pid)
                marks.append((float(found[-1]), now, cpu))
    seconds = time.perf_counter() - start
    name = Path(command[0]).name
    if process.returncode != 0 or not marks:
        raise RuntimeError(f"{name} failed ({process.returncode}): {tail[-400:]!r}")
    first, last = marks[0], marks[-1]
    if last[0] < LEAST_PROGRESS:
        raise RuntimeError(
            f"{name} trained only {last[0]}% of its epochs: word2vec.c must reset its "
            f"end-of-file flag before each epoch's fseek (eof = 0)"
        )
    return Run(seconds, last[1] - first[1], last[2] - first[2], (last[0] - first[0]) / 100)
