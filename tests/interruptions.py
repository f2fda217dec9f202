"""Runs that stop where a test wants: after blocks, or by SIGKILL at a system call.

As a program, ``python -m tests.interruptions FOLDER N``, it trains in a run's folder and kills
itself before the N-th time that it touches the folder; with N = 0 it prints how many there are.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import embkit
from embkit.training.glove import GloveTrainer
from embkit.training.word2vec import Word2VecTrainer
from tests.models import random_sentences

TOUCHES = {"open", "os.mkdir", "os.rename", "os.link", "os.remove", "os.truncate"}
OPTIONS: dict[str, Any] = {"dim": 8, "min_count": 1, "epochs": 2, "threads": 1}
SENTENCES = random_sentences(60, [400] * 25, seed=11)


class PausingModel:
    """A native model that pauses after so many blocks, each time, and may fail then."""

    def __init__(self, model: Any, blocks: int, on_pause: Callable[[], None]) -> None:
        self._model, self._blocks, self._on_pause = model, blocks, on_pause

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def train(self, threads: int, report: Callable[[], object]) -> bool:
        done: bool = self._model.train(threads, report, self._blocks)
        if not done:
            self._on_pause()
        return done

    def train_epoch(self, threads: int, report: Callable[[], object]) -> bool:
        done: bool = self._model.train_epoch(threads, report, self._blocks)
        self._on_pause()
        return done


def pausing(
    blocks: int,
    on_pause: Callable[[], None] = lambda: None,
    trainer: type[Word2VecTrainer] | type[GloveTrainer] = Word2VecTrainer,
) -> Callable[..., None]:
    """Return an ``__init__`` for a trainer whose model is a `PausingModel`."""
    original = trainer.__init__

    def begin(self: Any, *arguments: Any) -> None:
        original(self, *arguments)
        self.model = PausingModel(self.model, blocks, on_pause)

    return begin


def main() -> None:
    folder, number = sys.argv[1], int(sys.argv[2])
    name = Path(folder).name
    touches = 0

    def touch() -> None:
        nonlocal touches
        touches += 1
        if touches == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in TOUCHES and name in str(arguments[0]):
            touch()

    sync = os.fsync

    def fsync(descriptor: int) -> None:
        touch()
        sync(descriptor)

    os.fsync = fsync  # type: ignore[assignment]
    sys.addaudithook(hook)
    Word2VecTrainer.__init__ = pausing(3)  # type: ignore[method-assign]
    embkit.train("sgns", SENTENCES, run=folder, **OPTIONS)
    sys.stdout.write(str(touches))


if __name__ == "__main__":
    main()
