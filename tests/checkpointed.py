"""What checkpoints are made of in tests, and a disk that keeps them late."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from embkit.training.checkpoint import State

ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


class Trainer:
    """Something with a state."""

    def __init__(self, block: int = 0, *, is_whole: bool = True) -> None:
        self.block = block
        self.is_whole = is_whole

    def state(self) -> State | None:
        return State({"block": self.block}, {"input": ROWS}) if self.is_whole else None

    def restore(self, state: State) -> None:
        self.block = state.counters["block"]


class SlowDisk:
    """A disk whose syncs end when they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self._wait)

    def _wait(self, descriptor: int) -> None:
        self.begun.set()
        assert self.goes_on.wait(timeout=60)
        self._sync(descriptor)
