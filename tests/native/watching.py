"""A watcher that opens the newest checkpoint again and again while a run goes on."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

from embkit.errors import FormatError
from embkit.training.checkpoint import read_checkpoint


class Watcher:
    """From the first checkpoint of a run on there is one to read, and it is whole."""

    def __init__(self, run: Path) -> None:
        self.opened = 0
        """How often a checkpoint was read whole."""
        self.problem: str | None = None
        """The first thing that was wrong."""
        self._run = run
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while self.problem is None and not self._ended.is_set():
            try:
                self.look()
            except Exception as error:  # a watcher that ended unseen would find nothing more
                self.problem = f"the watcher failed: {error!r}"

    def look(self) -> None:
        """Open the newest checkpoint once."""
        newest = self._newest()
        if newest is None:
            # A run that ends removes what says that it is one before its checkpoints.
            if self.opened and (self._run / "run.json").exists():
                self.problem = "no checkpoint is there any more"
            return
        try:
            read_checkpoint(newest)
            self.opened += 1
        except FileNotFoundError:
            pass  # newer ones have taken its place since
        except FormatError as error:
            self.problem = f"while the run went on: {error}"

    def _newest(self) -> Path | None:
        try:
            return max(self._run.glob("checkpoint-*.safetensors"), default=None)
        except FileNotFoundError:  # the run ends and has just removed its folder
            return None
