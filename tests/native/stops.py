"""Ctrl-C, SIGTERM and SIGHUP at random moments of long commands: how soon they end, and how.

The inputs are of a size that users have: two million tokens of 30,000 words, vectors of 300 or
1000 numbers, so that a checkpoint takes up to 80 MB. A command that was stopped must have the
signal's exit code, tell it in one line, leave nothing but a whole output beside its run's
folder, and no torn checkpoint in that.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import embkit
import embkit.cli.app  # before a fork, which hears no signal while it imports that
from embkit.cli.signals import install_handlers
from tests.native.fault_cases import ROOM
from tests.native.forks import Ended, main_in_fork
from tests.native.rooms import torn_checkpoints

LONGEST = 1.0
"""Seconds within which a command is to end."""
EARLIEST = 0.1
"""Seconds after which a fork hears signals, as a process does that has been started."""
LATEST = 6.0
"""Seconds after the start of a command within which the signal comes, or before its end."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NUM_WORDS = 30_000
NUM_TOKENS = 2_000_000

OUTPUT = ("--output", f"{ROOM}/model")
RUN = (*OUTPUT, "--run", f"{ROOM}/run", "--min-count", "1", "--epochs", "1000")
PAIRS = (
    "--window",
    "10",
    "--negatives",
    "20",
    "--negative-sharing",
    "pair",
    "--subsample",
    "0",
)
STOPPED = {
    "skipgram": ("train", "sgns", "{large}", *RUN, "--dim", "300"),
    "skipgram-pairs": (
        *("train", "sgns", "{large}", *RUN, "--dim", "1000", "--max-vocab", "10000"),
        *PAIRS,
    ),
    "skipgram-hs": (
        *("train", "skipgram", "{large}", *RUN, "--dim", "300", "--loss", "hs"),
        *("--window", "15"),
    ),
    "cbow": ("train", "cbow", "{large}", *RUN, "--dim", "300"),
    "nce": ("train", "nce", "{large}", *RUN, "--dim", "300"),
    "glove": ("train", "glove", "{large}", *RUN, "--dim", "300"),
    "counts": ("cooccur", "{large}", *OUTPUT, "--min-count", "1", "--window", "15"),
    "svd": ("train", "svd", "{large}", *OUTPUT, "--min-count", "1", "--dim", "300"),
    "phrases": ("phrases", "learn", "{large}", *OUTPUT, "--min-count", "1"),
    "text": ("convert", "{wide}", f"{ROOM}/model.txt"),
    "map": ("map", "{wide}", "{wide}", "--method", "self-learning", *OUTPUT),
    "apply": (
        *("apply", "{unit_map}", "{wide}", "--side", "source"),
        *("--output", f"{ROOM}/model.txt"),
    ),
    "changes": ("changes", "{wide}", "{wide}", "--output", f"{ROOM}/changes"),
    "report": ("report", "{wide}", "--output", f"{ROOM}/report"),
    "lexicon": ("induce-dictionary", "{wide}", "{wide}", *OUTPUT),
    "diagnostics": ("eval", "diagnostics", "{wide}"),
}


@dataclass(frozen=True)
class Stop:
    """What became of a command that was told to stop."""

    ended: Ended
    has_begun: bool
    """Whether its run could go on."""
    is_kept: bool
    """Whether a checkpoint is there."""
    problem: str | None


def prepare(work: Path) -> None:
    """Make the large inputs."""
    rng = np.random.default_rng(1)
    words = np.array([f"w{i}" for i in range(NUM_WORDS)])
    weights = 1 / np.arange(1, NUM_WORDS + 1)
    drawn = rng.choice(words, NUM_TOKENS, p=weights / weights.sum()).reshape(-1, 20)
    text = "".join(" ".join(line) + "\n" for line in drawn.tolist())
    (work / "large").write_text(text, encoding="utf-8")
    rows = rng.standard_normal((NUM_WORDS, 300), dtype=np.float32)
    vectors = embkit.Embeddings.from_words(words.tolist(), rows)
    embkit.save(vectors, work / "wide.bin", overwrite=True)
    same = np.eye(300, dtype=np.float32)
    embkit.Mapping(same, same).save(work / "unit.map", overwrite=True)


def new_room(work: Path, name: str) -> Path:
    """Return an empty folder for a command's files."""
    room = work / "rooms" / f"{name}-stop"
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir(parents=True)
    return room


def stop(
    work: Path, name: str, number: signal.Signals, after: float, whole: Mapping[str, str]
) -> Stop:
    """Send a signal to a command, which writes ``whole``, some seconds after its start."""
    room = new_room(work, name)
    ended = main_in_fork(
        work, room, STOPPED[name], before=hear_signals, kill_after=after, by=number
    )
    run = room / "run"
    is_kept = any(run.glob("checkpoint-*"))
    problem = find_problem(room, ended, number, whole)
    found = Stop(ended, (run / "run.json").exists(), is_kept, problem)
    shutil.rmtree(room)
    return found


def hear_signals() -> None:
    """Hear signals, those too that a shell ignores for what it does not wait for."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    install_handlers()


def find_problem(
    room: Path, ended: Ended, number: signal.Signals, whole: Mapping[str, str]
) -> str | None:
    """Return what a command did wrong, None where it did not or had ended before.

    A signal between the last file's renaming and the end leaves the ``whole`` output.
    """
    if ended.code == 0:
        return None
    if ended.code != 128 + number:
        return f"exit code {ended.code}, not {128 + number}: {ended.errors[-1:]}"
    if len(ended.errors) != 1 or not ended.errors[0].startswith("embkit: error: "):
        return f"not one line of error: {ended.errors[-3:]}"
    left = {path: found for path, found in digests(room).items() if not path.startswith("run/")}
    if extra := [path for path, found in left.items() if whole.get(path) != found]:
        return f"files are left: {extra}"
    torn = torn_checkpoints(room / "run")
    return f"not whole: {torn}" if torn else None


def digests(room: Path) -> dict[str, str]:
    """Return a digest of each file in a folder."""
    files = [path for path in room.rglob("*") if path.is_file()]
    contents = {str(path.relative_to(room)): path.read_bytes() for path in files}
    return {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}


def undisturbed(work: Path, name: str) -> tuple[float, dict[str, str]]:
    """Return within how many seconds a command is to be stopped, and what it writes if not."""
    if "--run" in STOPPED[name]:  # which would take hours
        return LATEST, {}
    room, began = new_room(work, name), time.monotonic()
    ended = main_in_fork(work, room, STOPPED[name], before=lambda: None)
    if ended.code:
        raise RuntimeError(f"{name} fails undisturbed: {ended}")
    return min(LATEST, time.monotonic() - began), digests(room)


def stop_often(work: Path, name: str, points: int) -> dict[str, Any]:
    """Stop a command at so many moments; return how soon it ended, and what was wrong."""
    rng, (length, whole) = random.Random(name), undisturbed(work, name)
    moments = [(SIGNALS[i % 3], rng.uniform(EARLIEST, length)) for i in range(points)]
    stops = [stop(work, name, *moment, whole) for moment in moments]
    seconds = [each.ended.seconds for each in stops if each.ended.code != 0]
    wrong = [
        f"{name} {number.name} after {after:.3f} s: {each.problem}"
        for (number, after), each in zip(moments, stops, strict=True)
        if each.problem
    ]
    counts = {
        "points": points,
        "stopped": len(seconds),
        "late": sum(each > LONGEST for each in seconds),
        "runs": sum(each.has_begun for each in stops),
        "checkpoints": sum(each.is_kept for each in stops),
    }
    told = np.quantile(seconds or [0], [0.5, 0.99, 1]).round(3).tolist()
    return {
        **counts,
        "seconds": dict(zip(("median", "p99", "longest"), told, strict=True)),
        "wrong": wrong,
    }
