"""What a long run tells while it goes on: a bar, a log file, a callback."""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from embkit.errors import OutputError
from embkit.progress import open_bar
from embkit.streams import naming

INTERVAL = 0.5
"""Seconds between two reports."""


@dataclass(frozen=True)
class TrainingProgress:
    """The state of a run, as its log and its callback get it."""

    tokens: int
    """Tokens (GloVe: cells of the matrix) trained so far, of all epochs."""
    total_tokens: int
    """Tokens of the whole run."""
    epoch: int
    """The epoch under way, from 1."""
    seconds: float
    """Since training began, or went on."""
    words_per_second: float
    """Words (GloVe: cells) over the last interval."""
    loss: float | None
    """Mean loss per pair over the last interval; None where no pair was measured in it."""
    learning_rate: float
    """The rate now."""
    seconds_left: float | None
    """At the mean speed so far; None at the start."""
    epoch_loss: float | None = None
    """GloVe: mean loss of the epoch that this report ends; None in the midst of one."""
    normalizer: float | None = None
    """NCE: what the probabilities beside a context sum to, on average over some contexts; None
    but in the last report."""
    tokens_before: int = 0
    """Of ``tokens`` those that had been trained before an interruption, in other seconds."""


Callback = Callable[[TrainingProgress], object]


def try_log(log: str | Path) -> None:
    """Make sure that lines can be added to a log, before the work that it tells of.

    A pipe or a device is left alone: who reads it would take a first close for the end.

    Raises
    ------
    OSError
        If they cannot.
    """
    path = Path(log)
    if path.exists() and not (path.is_file() or path.is_dir()):
        return
    if not path.parent.is_dir():
        raise OutputError(errno.ENOENT, "the log's folder does not exist", str(path))
    target = Path(os.path.realpath(path))  # a link keeps its place, also one to no file
    is_new = not target.exists()
    path.open("a", encoding="utf-8").close()
    if is_new:
        target.unlink()


class Reporter:
    """Turns a trainer's running totals into reports; a context manager.

    Parameters
    ----------
    total_tokens, tokens_per_epoch : int
        Length of the run and of an epoch.
    progress : bool
        Show a bar on standard error.
    log : path, optional
        File to which each report is added as a line of JSON. Opened at once.
    callback : callable, optional
        Called with each `TrainingProgress`; an exception from it ends the run.
    unit : str
        What the bar counts.
    """

    def __init__(
        self,
        total_tokens: int,
        tokens_per_epoch: int,
        *,
        progress: bool = False,
        log: str | Path | None = None,
        callback: Callback | None = None,
        unit: str = "word",
    ) -> None:
        self._total = total_tokens
        self._per_epoch = tokens_per_epoch
        self._callback = callback
        self._log: IO[str] | None = None
        if log is not None:
            self._log = Path(log).open("a", encoding="utf-8")  # noqa: SIM115  (closed by exit)
        self._bar = _make_bar(total_tokens, unit) if progress else None
        self._began = self._last_time = time.monotonic()
        self._last = (0, 0.0, 0)
        self._first_tokens = 0
        self.last_loss: float | None = None

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
        if self._log is not None:
            with naming(self._log.name):
                self._log.close()

    def go_on_from(
        self, tokens: int, loss: float, num_pairs: int, _learning_rate: float
    ) -> None:
        """Take a trainer's totals as those of an earlier part of the run."""
        self._last = (tokens, loss, num_pairs)
        self._first_tokens = tokens
        if self._bar is not None:
            self._bar.initial = self._bar.n = self._bar.last_print_n = tokens

    def update(
        self,
        tokens: int,
        loss: float,
        num_pairs: int,
        learning_rate: float,
        *,
        last: bool = False,
        epoch_loss: float | None = None,
        normalizer: float | None = None,
    ) -> None:
        """Report the running totals of a trainer, unless the last report is too recent.

        The ``last`` report, and one with the mean loss of an epoch that has just ended, are
        never left out.
        """
        now = time.monotonic()
        interval = now - self._last_time
        if interval < INTERVAL and not last and epoch_loss is None:
            return
        last_tokens, last_loss, last_pairs = self._last
        pairs = num_pairs - last_pairs
        if pairs > 0:
            self.last_loss = (loss - last_loss) / pairs
        seconds = now - self._began
        done = tokens - self._first_tokens
        is_end = tokens == self._total or epoch_loss is not None
        report = TrainingProgress(
            tokens=tokens,
            total_tokens=self._total,
            epoch=max(tokens - is_end, 0) // self._per_epoch + 1,
            seconds=seconds,
            words_per_second=(tokens - last_tokens) / interval if interval > 0 else 0.0,
            loss=self.last_loss if pairs > 0 else None,
            learning_rate=learning_rate,
            seconds_left=seconds * (self._total - tokens) / done if done else None,
            epoch_loss=epoch_loss,
            normalizer=normalizer,
            tokens_before=self._first_tokens,
        )
        self._last = (tokens, loss, num_pairs)
        self._last_time = now
        self._emit(report)

    def _emit(self, report: TrainingProgress) -> None:
        if self._bar is not None:
            loss = "" if self.last_loss is None else f"loss {self.last_loss:.4f}, "
            self._bar.set_postfix_str(f"{loss}rate {report.learning_rate:.5f}", refresh=False)
            self._bar.update(report.tokens - self._bar.n)
        if self._log is not None:
            with naming(self._log.name):
                self._log.write(json.dumps(asdict(report)) + "\n")
                self._log.flush()
        if self._callback is not None:
            self._callback(report)


def _make_bar(total_tokens: int, unit: str) -> Any:  # noqa: ANN401  (tqdm's own type depends on the frontend)
    return open_bar(total=total_tokens, unit=unit, unit_scale=True, desc="training")
