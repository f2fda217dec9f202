"""GloVe: vectors whose products are the logarithms of co-occurrence counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit._version import __version__
from embkit.config import CooccurrenceConfig, GloveConfig
from embkit.device import available_threads
from embkit.embeddings import Embeddings
from embkit.errors import CorpusError, DivergenceError
from embkit.training.checkpoint import Checkpoints, State, saving_at_the_end
from embkit.training.estimate import refuse_too_large
from embkit.training.initial import InitialRows
from embkit.training.progress import Callback, Reporter
from embkit.vocabulary import Vocabulary

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TILE_FLOATS = 1 << 18
"""Floats of one side's rows (values and squares) in a tile: a megabyte."""
CHUNK_CELLS = 1 << 16
"""Cells that a thread takes at a time, about; fewer where rows are long."""
CHUNK_FLOATS = 1 << 28
"""Floats of the rows of a chunk's cells at most, about: an interruption waits for its end."""

LOST = 100
"""Times the cost of rows of zeros that only a run that has diverged comes to."""


def train_glove(
    counts: csr_array,
    vocabulary: Vocabulary,
    config: GloveConfig,
    *,
    counted: Mapping[str, Any] | None = None,
    progress: bool = False,
    log: str | Path | None = None,
    callback: Callback | None = None,
    memory: int | None = None,
    initial: InitialRows | None = None,
    checkpoints: Checkpoints | None = None,
) -> Embeddings:
    """Train GloVe vectors from co-occurrence counts (Pennington, Socher and Manning 2014).

    AdaGrad on ``f(x) (w_i . c_j + b_i + b_j - log x)^2 / 2`` over the cells of the matrix, with
    ``f(x) = min(1, (x / x_max) ** exponent)``, as Stanford's tool does it: squared gradients
    start at 1 and are those of the scaled gradient, the rate of the biases is 1. The
    differences: numbers are float32; ``clip`` holds for the biases too; cells are shuffled
    anew for each epoch, by default within tiles (``order``); a cost that is not finite ends
    the run, where Stanford's tool leaves out the step; there is no vector for ``<unk>``.

    With one thread the same counts, options and SIMD level give the same bytes, also when the
    run was interrupted. Several threads update the rows without locks (Hogwild, Niu et al.
    2011), so that runs differ.

    Parameters
    ----------
    counts : scipy.sparse.csr_array of float64, shape (num_words, num_words)
        Rows are words, columns are contexts; every stored value is positive.
    vocabulary : Vocabulary
        The words in row order.
    config : GloveConfig
        The options; those of counting are not used.
    counted : mapping, optional
        What is known of the counts, for the provenance: their ``config`` and ``corpus``.
    progress : bool
        Show a bar on standard error.
    log : path, optional
        File that gets a line of JSON for each report; each epoch ends with one.
    callback : callable, optional
        Called about twice a second, and at the end of each epoch, with a `TrainingProgress`.
    memory : int, optional
        Bytes that the rows and the cells may take; 80% of what is available when left out.
    initial : InitialRows, optional
        Vectors to begin with; biases and squared gradients begin as always.
    checkpoints : Checkpoints, optional
        Where to go on from, and where to keep what is needed to go on.

    Returns
    -------
    Embeddings
        Rows in the order of the vocabulary; the costs of all epochs are in the provenance.

    Raises
    ------
    CorpusError
        If the vocabulary has fewer than two words, or the matrix no cell.
    DivergenceError
        If a cost or a row stops being finite, or an epoch's cost is a hundred times that of
        rows of zeros.
    ResourceError
        If more than ``memory`` would be needed.
    ValueError
        If the matrix is not square of the vocabulary's size, or a value is not positive and
        finite.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> words = Vocabulary.from_words(["ice", "steam", "water"])
    >>> counts = csr_array([[0, 1.0, 8], [1, 0, 9], [8, 9, 2]])
    >>> v = train_glove(counts, words, GloveConfig(dim=4, epochs=5, threads=1))
    >>> v.vectors.shape, len(v.provenance["costs"])
    ((3, 4), 5)
    """
    _check_counts(counts, vocabulary)
    refuse_too_large(
        f"GloVe of {len(vocabulary)} words x {config.dim} on {counts.nnz} cells",
        config,
        vocabulary,
        lambda chosen, num_words: memory_needed(chosen, num_words, counts.nnz),
        memory,
    )
    trainer = GloveTrainer(counts, vocabulary, config, initial)
    if checkpoints is not None:
        checkpoints.restore(trainer)
    reporter = Reporter(
        *(counts.nnz * config.epochs, counts.nnz),
        progress=progress,
        log=log,
        callback=callback,
        unit="cell",
    )
    with reporter, _naming_the_rate(config):
        reporter.go_on_from(*trainer.progress())
        trainer.train(reporter, checkpoints)
    return trainer.finish(counted or {})


class GloveTrainer:
    """A run of GloVe that can be interrupted between chunks of cells."""

    def __init__(
        self,
        counts: csr_array,
        vocabulary: Vocabulary,
        config: GloveConfig,
        initial: InitialRows | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.config = config
        self.threads = config.threads or available_threads()
        self.num_cells = counts.nnz
        self.values = counts.data
        self.init_from: dict[str, Any] | None = None
        self.model = core.GloVe(
            _core_options(config, initial),
            counts.indptr.astype(np.int64, copy=False),
            counts.indices.astype(np.int32, copy=False),
            counts.data.astype(np.float64, copy=False),
        )
        self.model.arrange(self.threads)
        if initial is not None:
            sides = self.model.view(False), self.model.view(True)
            self.init_from = initial.put_into(vocabulary, *sides)

    def progress(self) -> tuple[int, float, int, float]:
        """Return cells, summed cost, cells again and the rate, as a `Reporter` takes them."""
        cells, cost = self.model.progress()
        return cells, cost, cells, self.config.learning_rate

    def state(self) -> State | None:
        """Return the state; its rows are those that training goes on to change."""
        if not self.model.is_consistent():
            return None
        return State(self.model.counters(), self._sides())

    def restore(self, state: State) -> None:
        """Go on from a state of a run with the same counts, options and SIMD level.

        Raises
        ------
        ValueError
            If it cannot be such a state.
        """
        state.copy_into(self._sides(), self.model.counters())
        self.model.restore(dict(state.counters))

    def _sides(self) -> dict[str, NDArray[Any]]:
        return {"input": self.model.view(False), "output": self.model.view(True)}

    def train(self, reporter: Reporter, checkpoints: Checkpoints | None = None) -> None:
        """Train to the end, with checkpoints on the way and at an interruption."""

        def report() -> bool:
            reporter.update(*self.progress())
            return checkpoints is not None and checkpoints.is_due()

        with saving_at_the_end(checkpoints, self):
            while self.epochs_done < self.config.epochs:
                if self.model.train_epoch(self.threads, report):
                    mean = self.costs()[-1]
                    reporter.update(*self.progress(), epoch_loss=mean)
                    self._refuse_lost(mean)
                if checkpoints is not None and checkpoints.is_due():
                    self._refuse_infinite_rows()
                    checkpoints.begin_save(self)
            self._refuse_infinite_rows()

    def _refuse_lost(self, cost: float) -> None:
        """Raise if steps were too long ever to come back; vectors given may begin so."""
        may_come_back = self.init_from is not None and self.epochs_done < self.config.epochs
        if not may_come_back and cost > LOST * cost_of_zeros(self.values, self.config):
            raise DivergenceError(f"the cost of an epoch is {cost:.3g}")

    def _refuse_infinite_rows(self) -> None:
        if not self.model.rows_are_finite():
            raise DivergenceError("a row is not finite")

    @property
    def epochs_done(self) -> int:
        """Epochs that have ended."""
        return len(self.model.counters()["costs"])

    def costs(self) -> list[float]:
        """Return the mean cost of each epoch done."""
        return [cost / self.num_cells for cost in self.model.counters()["costs"]]

    def finish(self, counted: Mapping[str, Any]) -> Embeddings:
        """Return the vectors."""
        costs = self.costs()
        provenance = {
            "method": "glove",
            "config": {**_told_options(self.config, counted), "threads": self.threads},
            "corpus": counted.get("corpus", {}),
            "num_cells": self.num_cells,
            "simd": core.simd_level(),
            **({} if self.init_from is None else {"init_from": self.init_from}),
            "costs": costs,
            "final_loss": costs[-1],
            "embkit": __version__,
        }
        return _collect(self.model, self.vocabulary, self.config, provenance)


def memory_needed(config: GloveConfig, num_words: int, num_cells: int) -> int:
    """Return the bytes of a run: rows and squares, padded to 64 bytes; cells; copies of rows.

    At the end there is a copy of both sides' vectors.
    """
    row = 2 * ((config.dim + 2 + 15) // 16 * 64)
    return 2 * num_words * (row + 4 * (config.dim + 1)) + 16 * num_cells


def cost_of_zeros(values: NDArray[np.float64], config: GloveConfig) -> float:
    """Return about the mean cost of rows of zeros, a logarithm of 1 taken for the least.

    Of many cells every so many are looked at. Vectors that fit the counts cost less, and where
    no logarithm is above 1, those that no epoch has fitted yet hardly more.
    """
    some = values[:: max(1, len(values) >> 20)]
    weights = np.minimum(1, (some / config.x_max) ** config.exponent)
    return float(np.mean(weights * np.maximum(np.log(some) ** 2, 1)) / 2)


def _check_counts(counts: csr_array, vocabulary: Vocabulary) -> None:
    num_words = len(vocabulary)
    if num_words < 2:
        raise CorpusError(f"training needs at least 2 words, the vocabulary has {num_words}")
    if counts.shape != (num_words, num_words):
        rows, columns = counts.shape
        raise ValueError(
            f"counts must have a row and a column for each of {num_words} words, "
            f"got {rows} x {columns}"
        )
    if counts.nnz < 1:
        raise CorpusError("counts must have at least one cell, got an empty matrix")


def _core_options(config: GloveConfig, initial: InitialRows | None) -> dict[str, Any]:
    row_floats = 2 * (config.dim + 2)
    return {
        "dim": config.dim,
        "x_max": config.x_max,
        "exponent": config.exponent,
        "learning_rate": config.learning_rate,
        "clip": config.clip,
        "seed": config.seed,
        "first_epoch": 0 if initial is None else initial.facts.epochs_before,
        "tile_words": 2**31 if config.order == "full" else max(64, TILE_FLOATS // row_floats),
        "chunk_cells": max(1, min(CHUNK_CELLS, CHUNK_FLOATS // (2 * row_floats))),
    }


def _told_options(config: GloveConfig, counted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of training, and those of counting that the counts were made with."""
    counting = {option.name for option in fields(CooccurrenceConfig)} - {"threads", "seed"}
    made = counted.get("config", {})
    return {
        name: made[name] if name in counting else value
        for name, value in asdict(config).items()
        if name not in counting or name in made
    }


@contextmanager
def _naming_the_rate(config: GloveConfig) -> Iterator[None]:
    """Tell of a divergence which option to change."""
    try:
        yield
    except DivergenceError as error:
        raise DivergenceError(
            f"training diverged ({error}): learning_rate must be lower, "
            f"got {config.learning_rate}"
        ) from None


def _collect(
    model: core.GloVe, vocabulary: Vocabulary, config: GloveConfig, provenance: dict[str, Any]
) -> Embeddings:
    output = None
    if config.keep_output or config.combine != "w":
        output = model.rows(True, False)[0]
    vectors = output if config.combine == "c" else model.rows(False, False)[0]
    assert vectors is not None
    if config.combine == "w+c" and output is not None:
        vectors += output
    return Embeddings(
        vocabulary,
        vectors,
        output=output if config.keep_output else None,
        provenance=provenance,
    )
