"""GloVe: vectors whose products are the logarithms of co-occurrence counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embkit._native import core
from embkit._version import __version__
from embkit.config import CooccurrenceConfig, GloveConfig, available_threads
from embkit.embeddings import Embeddings
from embkit.errors import CorpusError, DivergenceError, ResourceError
from embkit.training.glove_state import GloveState, load_state, save_state
from embkit.training.progress import Callback, Reporter
from embkit.vocabulary import Vocabulary

if TYPE_CHECKING:
    from scipy.sparse import csr_array

TILE_FLOATS = 1 << 18
"""Floats of one side's rows (values and squares) in a tile: a megabyte."""
CHUNK_CELLS = 1 << 16
"""Cells that a thread takes at a time, about."""


def train_glove(
    counts: csr_array,
    vocabulary: Vocabulary,
    config: GloveConfig,
    *,
    counted: Mapping[str, Any] | None = None,
    state: str | Path | None = None,
    state_every: int | None = None,
    init_from: str | Path | None = None,
    progress: bool = False,
    log: str | Path | None = None,
    callback: Callback | None = None,
    memory: int | None = None,
) -> Embeddings:
    """Train GloVe vectors from co-occurrence counts (Pennington, Socher and Manning 2014).

    AdaGrad on ``f(x) (w_i . c_j + b_i + b_j - log x)^2 / 2`` over the cells of the matrix, with
    ``f(x) = min(1, (x / x_max) ** exponent)``, as Stanford's tool does it: squared gradients
    start at 1 and are those of the scaled gradient, the rate of the biases is 1. The
    differences: numbers are float32; ``clip`` holds for the biases too; cells are shuffled
    anew for each epoch, by default within tiles (``order``); a cost that is not finite ends
    the run, where Stanford's tool leaves out the step; there is no vector for ``<unk>``.

    With one thread the same counts, options and SIMD level give the same bytes, also when the
    epochs are done in several runs, each from the ``state`` of the one before. Several threads
    update the rows without locks (Hogwild, Niu et al. 2011), so that runs differ.

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
    state : path, optional
        Write all rows and squared gradients to this file, to continue from; it is replaced.
    state_every : int, optional
        Write it after so many epochs each, not only after the last one.
    init_from : path, optional
        Continue from this state: ``config.epochs`` more epochs. Other options than ``dim``
        may differ from those of the run before; with the same ones it is as one run.
    progress : bool
        Show a bar on standard error.
    log : path, optional
        File that gets a line of JSON for each report; each epoch ends with one.
    callback : callable, optional
        Called about twice a second, and at the end of each epoch, with a `TrainingProgress`.
    memory : int, optional
        Bytes that the rows and the cells may take.

    Returns
    -------
    Embeddings
        Rows in the order of the vocabulary; the costs of all epochs are in the provenance.

    Raises
    ------
    CorpusError
        If the vocabulary has fewer than two words, or the matrix no cell.
    DivergenceError
        If a cost or a row stops being finite.
    FormatError
        If ``init_from`` is not the state of a GloVe run.
    ResourceError
        If more than ``memory`` would be needed.
    ValueError
        If the matrix is not square of the vocabulary's size, a value is not positive and
        finite, or the state has other words or another dim.

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
    if state_every is not None and state_every < 1:
        raise ValueError(f"state_every must be at least 1, got {state_every}")
    _check_memory(config, counts, memory, has_state=state is not None)
    threads = config.threads or available_threads()
    start = None if init_from is None else load_state(init_from)
    model = core.GloVe(
        _core_options(config),
        counts.indptr.astype(np.int64, copy=False),
        counts.indices.astype(np.int32, copy=False),
        counts.data.astype(np.float64, copy=False),
    )
    if start is not None:
        _check_state(start, vocabulary, config)
    epochs_before = 0 if start is None else start.epochs
    costs: list[float] = []
    with (
        Reporter(
            *(counts.nnz * config.epochs, counts.nnz),
            progress=progress,
            log=log,
            callback=callback,
            unit="cell",
        ) as reporter,
        _naming_the_rate(config),
    ):
        model.arrange(threads)
        if start is not None:
            start.restore(model)
        for done in range(1, config.epochs + 1):
            epoch = epochs_before + done - 1
            costs.append(_train_epoch(model, epoch, threads, counts.nnz, config, reporter))
            if done < config.epochs and (state_every is None or done % state_every > 0):
                continue
            if not model.rows_are_finite():
                raise DivergenceError("a row is not finite")
            if state is not None:
                save_state(GloveState.of_model(model, epoch + 1, vocabulary), state)
    provenance = {
        "method": "glove",
        "config": {**_told_options(config, counted or {}), "threads": threads},
        "corpus": (counted or {}).get("corpus", {}),
        "num_cells": counts.nnz,
        "simd": core.simd_level(),
        "epochs_before": epochs_before,
        "costs": costs,
        "final_loss": costs[-1],
        "embkit": __version__,
    }
    return _collect(model, vocabulary, config, provenance)


def memory_needed(
    config: GloveConfig, num_words: int, num_cells: int, *, has_state: bool = False
) -> int:
    """Return the bytes of a run: rows and squares, padded to 64 bytes; cells; copies of rows.

    At the end there is a copy of both sides' vectors; a state has their squares too.
    """
    row = 2 * ((config.dim + 2 + 15) // 16 * 64)
    copy = 4 * (config.dim + 1) * (2 if has_state else 1)
    return 2 * num_words * (row + copy) + 16 * num_cells


def _check_memory(
    config: GloveConfig, counts: csr_array, memory: int | None, *, has_state: bool
) -> None:
    num_words, num_cells = counts.shape[0], counts.nnz
    needed = memory_needed(config, num_words, num_cells, has_state=has_state)
    if memory is not None and needed > memory:
        raise ResourceError(
            f"GloVe of {num_words} words x {config.dim} on {num_cells} cells needs "
            f"{needed / 2**20:.0f} MiB, memory allows {memory / 2**20:.0f} MiB: lower dim or "
            f"max_vocab, or raise min_count"
        )


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


def _core_options(config: GloveConfig) -> dict[str, Any]:
    row_floats = 2 * (config.dim + 2)
    return {
        "dim": config.dim,
        "x_max": config.x_max,
        "exponent": config.exponent,
        "learning_rate": config.learning_rate,
        "clip": config.clip,
        "seed": config.seed,
        "tile_words": 2**31 if config.order == "full" else max(64, TILE_FLOATS // row_floats),
        "chunk_cells": CHUNK_CELLS,
    }


def _check_state(start: GloveState, vocabulary: Vocabulary, config: GloveConfig) -> None:
    dim = start.rows["input"][0].shape[1]
    if dim != config.dim:
        raise ValueError(f"dim must be {dim}, as that of the state, got {config.dim}")
    if not start.has_words_of(vocabulary):
        raise ValueError(
            f"the state of init_from must have the same words, got {len(start.vocabulary)} "
            f"words that differ from the {len(vocabulary)} of the counts"
        )


def _told_options(config: GloveConfig, counted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of training, and those of counting that the counts were made with."""
    counting = {option.name for option in fields(CooccurrenceConfig)} - {"threads", "seed"}
    made = counted.get("config", {})
    return {
        name: made[name] if name in counting else value
        for name, value in asdict(config).items()
        if name not in counting or name in made
    }


def _train_epoch(
    model: core.GloVe,
    epoch: int,
    threads: int,
    num_cells: int,
    config: GloveConfig,
    reporter: Reporter,
) -> float:
    """Train one epoch and return its mean cost."""

    def report(epoch_loss: float | None = None) -> None:
        cells, cost = model.progress()
        reporter.update(cells, cost, cells, config.learning_rate, epoch_loss=epoch_loss)

    mean = model.train_epoch(epoch, threads, report) / num_cells
    report(mean)
    return mean


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
