"""Trainers that pause for a checkpoint after every few blocks.

So a run's system calls do not depend on time: reports are left out but for those at the ends of
epochs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import embkit.training.glove
import embkit.training.progress
import embkit.training.word2vec
from embkit.training.checkpoint import Checkpoints
from embkit.training.glove import GloveTrainer
from embkit.training.word2vec import Word2VecTrainer
from tests.interruptions import pausing

BLOCKS = 5


def pause_often(stop_after: int = 0) -> None:
    """Let both trainers of this process pause after `BLOCKS` blocks of work.

    The pause of number ``stop_after`` is a Ctrl-C.
    """
    left = stop_after

    def pause() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    embkit.training.progress.INTERVAL = 1e9
    embkit.training.glove.TILE_FLOATS = 1
    embkit.training.glove.CHUNK_CELLS = 300
    Checkpoints.is_due = lambda self: True  # type: ignore[method-assign]
    for trainer in (Word2VecTrainer, GloveTrainer):
        trainer.__init__ = pausing(BLOCKS, pause, trainer)  # type: ignore[method-assign]


def pause_and_count(counts: Path) -> None:
    """Pause often, and write down how many tokens (cells) a run trained and was to train."""
    pause_often()
    trainers: tuple[Any, ...] = (Word2VecTrainer, GloveTrainer)
    for trainer in trainers:
        trainer.finish = _counting(trainer.finish, counts)


def _counting(finish: Any, counts: Path) -> Any:
    def finish_and_count(self: Any, *rest: Any) -> Any:
        is_glove = isinstance(self, GloveTrainer)
        an_epoch = self.num_cells if is_glove else self.corpus.num_tokens
        counts.write_text(f"{self.model.progress()[0]} {an_epoch * self.config.epochs}")
        return finish(self, *rest)

    return finish_and_count
