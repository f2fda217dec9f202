"""The CUDA kernels on the host: csrc/cuda/emulated.cpp, built once and called by ctypes."""

from __future__ import annotations

import ctypes
import functools
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests import reference, reference_nce
from tests.native import build

FLAGS = ("-std=c++17", "-O1", "-fPIC", "-Wall", "-Wextra", "-Wconversion", "-Werror")
SHARING = {"window": 0, "pair": 1, "block": 2}
MEASURE_ALL = 0


class Counters(ctypes.Structure):
    """``embkit::cuda::Counters``."""

    _fields_ = (
        ("loss", ctypes.c_double),
        ("log_normalizer", ctypes.c_double),
        ("measured_pairs", ctypes.c_uint64),
        ("pairs", ctypes.c_uint64),
        ("centers", ctypes.c_uint64),
        ("tokens", ctypes.c_uint64),
        ("next_chunk", ctypes.c_uint64),
    )


class TrainTask(ctypes.Structure):
    """``embkit::cuda::TrainTask``, field by field."""

    _fields_ = (
        ("ids", ctypes.c_void_p),
        ("ids_position", ctypes.c_int64),
        ("num_ids", ctypes.c_int64),
        ("begin", ctypes.c_int64),
        ("end", ctypes.c_int64),
        ("num_tokens", ctypes.c_int64),
        ("num_words", ctypes.c_uint32),
        ("keep_below", ctypes.c_void_p),
        ("noise", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("input", ctypes.c_void_p),
        ("output", ctypes.c_void_p),
        ("dim", ctypes.c_int),
        ("stride", ctypes.c_int),
        ("window", ctypes.c_int),
        ("dynamic_window", ctypes.c_bool),
        ("sum_contexts", ctypes.c_bool),
        ("negatives", ctypes.c_int),
        ("keeps_center", ctypes.c_bool),
        ("learn_normalizer", ctypes.c_bool),
        ("sharing", ctypes.c_int),
        ("block_size", ctypes.c_int),
        ("block_negatives", ctypes.c_int),
        ("updates", ctypes.c_int),
        ("learning_rate", ctypes.c_double),
        ("epoch", ctypes.c_int64),
        ("epochs", ctypes.c_int64),
        ("first_epoch", ctypes.c_int64),
        ("seed", ctypes.c_uint64),
        ("loss_mask", ctypes.c_uint64),
        ("max_warps", ctypes.c_int),
        ("shared_words", ctypes.c_uint32),
        ("prefetch", ctypes.c_bool),
        ("counters", ctypes.c_void_p),
        ("workspace", ctypes.c_void_p),
    )


def build_library(folder: Path, *flags: str, source: Path = build.ROOT / "csrc") -> ctypes.CDLL:
    """Compile the emulated launchers of a ``source`` folder, with more flags, and load them."""
    tools = build.Toolchain("g++", (*FLAGS, f"-I{source}", *flags), ("-shared",))
    sources = [str(source / "cuda/emulated.cpp"), "tests/native/cuda_emulated.cpp"]
    program = build.link(tools, build.compile_objects(tools, sources, folder), folder / "e.so")
    library = ctypes.CDLL(str(program))
    library.task_bytes.restype = ctypes.c_size_t
    assert library.task_bytes() == ctypes.sizeof(TrainTask)
    return library


@functools.cache
def library() -> ctypes.CDLL:
    """Return the emulated launchers, built on the first call."""
    with tempfile.TemporaryDirectory() as folder:
        return build_library(Path(folder))


@dataclass(frozen=True)
class Run:
    """What a run came to."""

    input: NDArray[np.float32]
    output: NDArray[np.float32]
    counters: Counters


@dataclass
class Session:
    """The arrays of one run, as a device would hold them."""

    corpus: reference.Corpus
    options: reference.Options
    native: ctypes.CDLL
    task: TrainTask
    arrays: list[NDArray[Any]]
    counters: Counters

    def call(self, name: str, *arguments: Any) -> int:
        """Call a launcher; raise ValueError with the message of an exception."""
        message = ctypes.create_string_buffer(500)
        status: int = getattr(self.native, name)(
            ctypes.byref(self.task),
            ctypes.c_bool(self.options.method == "cbow"),
            *(*arguments, message, ctypes.c_size_t(500)),
        )
        if status == -1:
            raise ValueError(message.value.decode())
        return status

    def train(self, begin: int, end: int, epoch: int) -> None:
        """Train the centres of a range of positions."""
        self.task.begin, self.task.end, self.task.epoch = begin, end, epoch
        assert self.call("train") == 0

    def give_needed_workspace(self) -> None:
        """Allocate what the task needs."""
        needed = ctypes.c_size_t()
        self.call("workspace", ctypes.byref(needed))
        self.give_workspace(needed.value)

    def give_workspace(self, size: int) -> None:
        """Allocate ``size`` bytes of workspace, filled with NaN."""
        workspace = np.full(size // 4 + 64, np.nan, np.float32)
        self.arrays.append(workspace)
        self.task.workspace = workspace.ctypes.data + -workspace.ctypes.data % 256

    def result(self) -> Run:
        """Return the matrices without their padding, which must still be zeros."""
        matrices = [array for array in self.arrays if array.dtype == np.float32][:2]
        for matrix in matrices:
            assert not matrix[:, self.options.dim :].any()
        input_rows, output_rows = (m[:, : self.options.dim].copy() for m in matrices)
        return Run(input_rows, output_rows, self.counters)


def mark_sentences(
    native: ctypes.CDLL, ids: NDArray[np.uint32], position: int, ends: NDArray[np.uint64]
) -> None:
    """Mark the first token of each sentence in ids that begin at a position of the corpus."""
    native.mark(
        *(ids.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(position)),
        *(ctypes.c_int64(len(ids)), ends.ctypes.data_as(ctypes.c_void_p)),
        ctypes.c_int64(len(ends)),
    )


def session(
    corpus: reference.Corpus, options: reference.Options, native: ctypes.CDLL | None = None
) -> Session:
    """Lay out a run's arrays and task, with the CPU trainer's initial rows."""
    num_words, stride = len(corpus.words), -(-options.dim // 8) * 8
    ids = np.array([word for s in corpus.sentences for word in s], np.uint32)
    ends = np.cumsum([0, *map(len, corpus.sentences)]).astype(np.uint64)
    table = reference.alias_table(reference.noise_weights(corpus.counts, options.smoothing))
    slots = np.stack([table.keep, table.alias], 1).astype(np.uint32)
    keep = reference.keep_probabilities(
        corpus.counts, options.subsample, options.subsample_formula
    )
    thresholds = np.ceil(np.minimum(keep, 1) * 2**24).astype(np.uint32)
    rows = np.zeros((2, num_words, stride), np.float32)
    rows[0, :, : options.dim] = reference.initial_rows(options.seed, num_words, options.dim)
    native = native or library()
    mark_sentences(native, ids, 0, ends)
    counters = Counters()
    task = TrainTask(
        num_ids=len(ids), num_tokens=len(ids), num_words=num_words,
        ids=ids.ctypes.data, keep_below=thresholds.ctypes.data, noise=slots.ctypes.data,
        input=rows[0].ctypes.data, output=rows[1].ctypes.data, dim=options.dim, stride=stride,
        window=options.window, dynamic_window=options.dynamic_window,
        sum_contexts=options.context_combination == "sum", negatives=options.negatives,
        sharing=SHARING[options.negative_sharing], learning_rate=options.learning_rate,
        epochs=options.epochs, seed=options.seed, loss_mask=MEASURE_ALL, max_warps=1,
        counters=ctypes.addressof(counters),
    )  # fmt: skip
    arrays: list[NDArray[Any]] = [rows[0], rows[1], ids, thresholds, slots]
    if isinstance(options, reference_nce.Options):
        offsets = reference_nce.word_offsets(corpus, options).astype(np.float32)
        arrays.append(offsets)
        task.offsets = offsets.ctypes.data
        task.keeps_center = options.loss == "nce"
        task.learn_normalizer = options.normalizer == "learnt"
        task.block_size, task.block_negatives = options.block_size, options.block_negatives
    made = Session(corpus, options, native, task, arrays, counters)
    made.give_needed_workspace()
    return made


def train(
    corpus: reference.Corpus,
    options: reference.Options,
    native: ctypes.CDLL | None = None,
    **changes: Any,
) -> Run:
    """Train all epochs, each in one launch; ``changes`` go into the task."""
    made = session(corpus, replace(options), native)
    for name, value in changes.items():
        setattr(made.task, name, value)
    for epoch in range(options.epochs):
        made.train(0, corpus.num_tokens, epoch)
    return made.result()
