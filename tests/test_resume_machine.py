"""Training, stopping, resuming, saving and loading in any order end in the same model."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

import embkit
from embkit.embeddings import Embeddings
from embkit.training.word2vec import Word2VecTrainer
from tests.examples import examples
from tests.interruptions import OPTIONS, SENTENCES, pausing


class StopError(Exception):
    """What ends a run in these tests."""


@cache
def uninterrupted(method: str) -> bytes:
    model = embkit.train(method, SENTENCES, **OPTIONS, progress=False)
    return model.vectors.tobytes()


class Machine(RuleBasedStateMachine):
    """A run's folder: what it must hold is known at every step."""

    compared = 0  # finished models that were held against the uninterrupted run's

    @initialize(method=st.sampled_from(["sgns", "cbow"]), pauses=st.integers(1, 9))
    def begin(self, method: str, pauses: int) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.run = self.folder / "model.run"
        self.method = method
        self.result: Embeddings | None = None
        self._go(
            pauses,
            lambda: embkit.train(method, SENTENCES, run=self.run, **OPTIONS, progress=False),
        )

    def _go(self, pauses: int, work: Any) -> None:
        left = pauses

        def pause() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise StopError

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Word2VecTrainer, "__init__", pausing(2, pause))
            try:
                self.result = work()
            except StopError:
                assert list(self.run.glob("checkpoint-*"))

    @precondition(lambda self: self.result is None)
    @rule(pauses=st.integers(1, 40))
    def resume(self, pauses: int) -> None:
        self._go(pauses, lambda: embkit.resume(self.run, progress=False))

    @precondition(lambda self: self.result is None)
    @rule()
    def lose_the_last_checkpoint(self) -> None:
        files = sorted(self.run.glob("checkpoint-*"))
        if len(files) > 1:
            files[-1].write_bytes(files[-1].read_bytes()[:-1])

    @precondition(lambda self: self.result is not None)
    @rule(format=st.sampled_from(["word2vec-binary", "word2vec-text", "npz", "directory"]))
    def save_and_load(self, format: str) -> None:
        assert self.result is not None
        path = self.folder / format
        embkit.save(self.result, path, format=format, overwrite=True)
        self.result = embkit.load(path)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            if self.result is not None:
                assert self.result.vectors.tobytes() == uninterrupted(self.method)
                Machine.compared += 1
            shutil.rmtree(self.folder)


@pytest.mark.hypothesis  # as the properties have it that are no machines
def test_any_order_of_stops_and_resumes_ends_in_the_same_bytes() -> None:
    chosen = settings(max_examples=examples(10), stateful_step_count=10)
    run_machine(Machine, settings=chosen)
    assert Machine.compared > 0
