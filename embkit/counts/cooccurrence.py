"""Weighted counts of which words stand near which."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit._version import __version__
from embkit.config import CooccurrenceConfig, available_threads
from embkit.corpus import EncodedCorpus, encode
from embkit.corpus.encoded import CorpusSource, Invalid
from embkit.counts.plan import Task, plan_counting
from embkit.errors import CorpusError
from embkit.formats.limits import memory_limit
from embkit.progress import Update, work_bar
from embkit.vocabulary import Vocabulary

if TYPE_CHECKING:
    import scipy.sparse

PathLike = str | os.PathLike[str]
_UNIT = 2**32  # a weight of 1 in the core's whole numbers
_KEEP_ALL = np.uint32(1 << 24)
_DROPPED = np.uint32(2**32 - 1)


@dataclass(frozen=True, eq=False)
class Cooccurrence:
    """Co-occurrence counts: rows are centre words, columns context words.

    The entries of row ``i`` are those from ``row_begins[i]`` to ``row_begins[i + 1]``, its
    columns rising. What is opened from disk, or was just counted, is a read-only map of a file.
    """

    vocabulary: Vocabulary
    """The words of the rows, and of the columns."""
    row_begins: NDArray[np.int64]
    """Where each row begins, shape (num_words + 1,), from 0 to the number of entries."""
    columns: NDArray[np.int32] | NDArray[np.int64]
    """Column of each entry, 64 bits wide from 2^31 entries on."""
    values: NDArray[np.float64]
    """Weighted count of each entry, finite and above 0."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Corpus and options that they come from."""

    @property
    def num_entries(self) -> int:
        """Number of pairs that were seen."""
        return len(self.values)

    @cached_property
    def matrix(self) -> scipy.sparse.csr_array:
        """The counts for SciPy, shape (num_words, num_words); columns and values not copied."""
        import scipy.sparse

        num_words = len(self.vocabulary)
        matrix = scipy.sparse.csr_array(
            (self.values, self.columns, self.row_begins.astype(self.columns.dtype, copy=False)),
            shape=(num_words, num_words),
            copy=False,
        )
        matrix.has_sorted_indices = True
        matrix.has_canonical_format = True
        return matrix

    def save(self, path: PathLike, *, overwrite: bool = False) -> None:
        """Write everything to one file, which is replaced whole or not at all.

        Raises
        ------
        OutputExistsError
            If the file exists and ``overwrite`` is false.
        OSError
            If it cannot be written.
        """
        from embkit.counts.cooccurrence_file import write_file

        write_file(self, path, overwrite=overwrite)

    @classmethod
    def open(cls, path: PathLike, *, verify: bool = False) -> Cooccurrence:
        """Map a file that `save` wrote.

        Parameters
        ----------
        path : str or path
            The file.
        verify : bool
            Also compare the checksums of all arrays.

        Raises
        ------
        FormatError
            If it is not such a file, or is damaged.
        OSError
            If it cannot be read.
        """
        from embkit.counts.cooccurrence_file import read_file

        return read_file(path, verify=verify)


def cooccur(
    corpus: CorpusSource | EncodedCorpus,
    config: CooccurrenceConfig | None = None,
    *,
    invalid: Invalid = "error",
    cache: PathLike | None = None,
    memory: int | None = None,
    progress: bool = False,
) -> Cooccurrence:
    """Count how often words stand near each other, by weight.

    A pair of tokens counts once for each of the two as the centre (``sides="both"``), and never
    over the end of a sentence. Each weight is rounded to a multiple of 2^-32 and sums are of
    whole numbers, so that the result is the same for any number of threads and any memory; a
    sum is off by at most 1.2e-10 for each pair of tokens in it.

    Parameters
    ----------
    corpus : path, list of paths, folder, glob, "-", iterable of token lists, or EncodedCorpus
        The text; see `embkit.corpus.encode`.
    config : CooccurrenceConfig, optional
        Windows, weights, subsampling.
    invalid : {"error", "replace", "bytes"}
        What to do with bytes that are not UTF-8.
    cache : path, optional
        Where to keep the encoded corpus for further runs.
    memory : int, optional
        Bytes that counting may take; when left out, 80% of what is available. With less than
        the corpus needs, sorted runs go to temporary files and are merged.
    progress : bool
        Show bars on standard error.

    Returns
    -------
    Cooccurrence
        A map of temporary files, in the folder that ``TMPDIR`` names; they are gone when the
        arrays are.

    Raises
    ------
    CorpusError
        If there is nothing to count, or a count is 2^31 or more.
    FormatError
        If the text is malformed.
    ResourceError
        If ``memory`` is too small for the vocabulary.
    OSError
        If a file is refused, or the disk is full.
    ValueError
        If an option is not allowed.

    Examples
    --------
    >>> config = CooccurrenceConfig(window=2, min_count=1)
    >>> counts = cooccur([["a", "b", "c"], ["a", "b"]], config)
    >>> list(counts.vocabulary), counts.matrix.toarray().tolist()
    (['a', 'b', 'c'], [[0.0, 2.0, 0.5], [2.0, 0.0, 1.0], [0.5, 1.0, 0.0]])
    """
    config = config or CooccurrenceConfig()
    if not isinstance(corpus, EncodedCorpus):
        with work_bar(progress, "reading", "B") as report:
            corpus = encode(
                corpus,
                config=config.encoding(),
                invalid=invalid,
                threads=config.threads,
                cache=cache,
                progress=report,
            )
    with work_bar(progress, "counting", "word") as report:
        return _count(corpus, config, memory_limit() if memory is None else memory, report)


def _count(
    corpus: EncodedCorpus, config: CooccurrenceConfig, memory: int, progress: Update | None
) -> Cooccurrence:
    kept = _kept_words(corpus, config)
    vocabulary = _selected(corpus.vocabulary, kept)
    plan = plan_counting(
        Task(len(corpus.ids), len(kept), len(vocabulary), config.window),
        threads=config.threads or available_threads(),
        memory=memory,
    )
    options = {**asdict(plan), **_options(corpus, config, kept, vocabulary)}
    with ExitStack() as stack:
        values, columns, runs = (_temporary_file(stack) for _ in range(3))
        files = {
            "values": values.fileno(),
            "values_begin": 0,
            "columns": columns.fileno(),
            "columns_begin": 0,
            "runs": runs.fileno(),
            "folder": os.fsencode(tempfile.gettempdir()),
        }
        try:
            row_begins = core.count_cooccurrences(
                corpus.ids, corpus.sentence_offsets, options, files, progress=progress
            )
        except OverflowError as error:
            raise CorpusError(f"counts cannot be kept exactly: {error}") from None
        num_entries = int(row_begins[-1])
        if num_entries == 0:
            raise CorpusError(
                f"no two of the {len(vocabulary)} words stand near each other: nothing to count"
            )
        return Cooccurrence(
            vocabulary,
            row_begins,
            _mapped_columns(columns, num_entries, stack),
            np.memmap(values, np.float64, mode="r", shape=(num_entries,)),
            provenance={
                "method": "cooccurrence",
                "config": {**asdict(config), "threads": plan.threads},
                "corpus": corpus.provenance(),
                "embkit": __version__,
            },
        )


def _kept_words(corpus: EncodedCorpus, config: CooccurrenceConfig) -> NDArray[np.bool_]:
    """Return which words of the corpus become rows."""
    if config.rare_deletion == "after" and corpus.num_tokens < corpus.num_tokens_read:
        raise ValueError(
            "rare_deletion must be before for a corpus that was encoded without its rare words "
            "(encode with min_count=1), got after"
        )
    counts = corpus.vocabulary.counts
    assert counts is not None  # an encoded corpus always has them
    kept = counts >= config.min_count
    if config.max_vocab is not None:
        kept &= np.cumsum(kept) <= config.max_vocab
    if not kept.any():
        raise CorpusError(
            f"no word occurs min_count={config.min_count} times, the most frequent one "
            f"{counts.max()} times"
        )
    return kept


def _selected(vocabulary: Vocabulary, kept: NDArray[np.bool_]) -> Vocabulary:
    if kept.all():
        return vocabulary
    rows = np.flatnonzero(kept).tolist()
    assert vocabulary.counts is not None
    return Vocabulary.from_words(
        (vocabulary.bytes_of(row) for row in rows), vocabulary.counts[rows].tolist()
    )


def _options(
    corpus: EncodedCorpus,
    config: CooccurrenceConfig,
    kept: NDArray[np.bool_],
    vocabulary: Vocabulary,
) -> dict[str, Any]:
    rows = np.where(kept, np.cumsum(kept, dtype=np.uint32) - np.uint32(1), _DROPPED)
    assert vocabulary.counts is not None
    # Words that are deleted before windows go the way of subsampled ones: never kept.
    deleted = 0 if config.rare_deletion == "before" else _KEEP_ALL
    keep_below = np.full(len(kept), deleted, np.uint32)
    keep_below[kept] = core.keep_thresholds(
        vocabulary.counts, subsample=config.subsample, paper=config.subsample_formula == "paper"
    )
    weights = np.array(_weights(config), np.uint64)
    none = np.empty(0, np.uint64)
    return {
        "before": none if config.sides == "right" else weights,
        "after": none if config.sides == "left" else weights,
        "row_of": rows.astype(np.uint32),
        "keep_below": keep_below,
        "keeps_places": config.subsampling == "clean",
        "num_rows": len(vocabulary),
        "seed": config.seed,
    }


def _weights(config: CooccurrenceConfig) -> list[int]:
    """Return the weights of distances 1, 2, ... in units of 2^-32, rounded to nearest."""
    distances = range(1, config.window + 1)
    if config.weighting == "flat":
        return [_UNIT for _ in distances]
    if config.weighting == "harmonic":
        return [(2 * _UNIT + d) // (2 * d) for d in distances]
    window = config.window
    return [(2 * _UNIT * (window - d + 1) + window) // (2 * window) for d in distances]


def _temporary_file(stack: ExitStack) -> BinaryIO:
    return cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile(buffering=0)))


def _mapped_columns(
    file: BinaryIO, num_entries: int, stack: ExitStack
) -> NDArray[np.int32] | NDArray[np.int64]:
    """Map the columns, widened where SciPy wants them as wide as the number of entries."""
    narrow: NDArray[np.int32] = np.memmap(file, np.int32, mode="r", shape=(num_entries,))
    if num_entries < 2**31:
        return narrow
    wide = _temporary_file(stack)
    for block in _blocks(narrow):
        wide.write(block.astype(np.int64).data)
    return np.memmap(wide, np.int64, mode="r", shape=(num_entries,))


def _blocks(array: NDArray[Any], size: int = 1 << 22) -> Iterable[NDArray[Any]]:
    return (array[start : start + size] for start in range(0, len(array), size))
