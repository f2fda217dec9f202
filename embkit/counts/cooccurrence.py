"""Weighted counts of which words stand near which."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit._version import __version__
from embkit.config import CooccurrenceConfig
from embkit.corpus import EncodedCorpus, encode
from embkit.corpus.cache import digest_of_words
from embkit.corpus.encoded import CorpusSource, Invalid
from embkit.counts.cooccurrence_file import FileLayout, read_file, write_file
from embkit.counts.plan import Task, plan_counting
from embkit.counts.temporary import (
    map_columns,
    map_temporary,
    temporary_file,
)
from embkit.counts.windows import choose_rows, core_options
from embkit.device import available_threads
from embkit.errors import CorpusError
from embkit.memory import memory_limit
from embkit.output import OutputFile, temporary_folder
from embkit.progress import Update, work_bar
from embkit.vocabulary import Vocabulary

if TYPE_CHECKING:
    import scipy.sparse

PathLike = str | os.PathLike[str]


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
    def digest(self) -> str:
        """128 bits of the words and entries, in hexadecimal; fast rather than cryptographic."""
        words = self.vocabulary.data, self.vocabulary.offsets
        arrays = (*words, self.row_begins, self.columns, self.values)
        digests = "".join(core.digest(array, threads=available_threads()) for array in arrays)
        return core.digest(np.frombuffer(digests.encode(), np.uint8), threads=1)

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
        with OutputFile(path, overwrite=overwrite) as stream:
            write_file(
                *(stream, self.vocabulary, self.row_begins, self.columns, self.values),
                provenance=self.provenance,
            )

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
        return cls(**read_file(path, verify=verify))


def cooccur(
    corpus: CorpusSource | EncodedCorpus,
    config: CooccurrenceConfig | None = None,
    *,
    vocabulary: Vocabulary | None = None,
    output: PathLike | None = None,
    overwrite: bool = False,
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
    vocabulary : Vocabulary, optional
        The words of the rows, in this order, whatever ``min_count`` says; their counts are
        those by which tokens are subsampled. See `embkit.formats.load_vocabulary`.
    output : path, optional
        File that gets what `Cooccurrence.save` would write; the result is a map of it.
    overwrite : bool
        Replace an existing ``output``.
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
        A map of ``output`` or of temporary files, in the folder that ``TMPDIR`` names, which
        are gone when the arrays are.

    Raises
    ------
    CorpusError
        If there is nothing to count, or a count is 2^31 or more.
    FormatError
        If the text is malformed.
    OutputExistsError
        If ``output`` exists and ``overwrite`` is false.
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
                vocabulary=vocabulary if config.rare_deletion == "before" else None,
                invalid=invalid,
                threads=config.threads,
                cache=cache,
                progress=report,
            )
    if vocabulary is not None:
        corpus = replace(corpus, given_vocabulary=digest_of_words(vocabulary))
    counting = _Counting(corpus, config, vocabulary, memory_limit(memory))
    with work_bar(progress, "counting", "word") as report:
        if output is None:
            return counting.into_temporary_files(report)
        counting.into_file(output, report, overwrite=overwrite)
    return Cooccurrence(**read_file(output, verify=False, check=False))


class _Counting:
    """One count, up to where its result goes."""

    def __init__(
        self,
        corpus: EncodedCorpus,
        config: CooccurrenceConfig,
        vocabulary: Vocabulary | None,
        memory: int,
    ) -> None:
        rows, self.vocabulary = choose_rows(corpus, config, vocabulary)
        plan = plan_counting(
            Task(len(corpus.ids), len(rows), len(self.vocabulary), config.window),
            threads=config.threads or available_threads(),
            memory=memory,
        )
        self.corpus = corpus
        self.options = {**asdict(plan), **core_options(config, rows, self.vocabulary)}
        self.provenance = {
            "method": "cooccurrence",
            # Threads change nothing, so that they would only tell equal results apart.
            "config": {k: v for k, v in asdict(config).items() if k != "threads"},
            "corpus": corpus.provenance(),
            "embkit": __version__,
        }

    def into_temporary_files(self, progress: Update | None) -> Cooccurrence:
        with ExitStack() as stack:
            values, columns = temporary_file(stack), temporary_file(stack)
            place = (values.fileno(), 0, temporary_folder())
            row_begins = self._count(place, columns.fileno(), progress)
            return Cooccurrence(
                self.vocabulary,
                row_begins,
                map_columns(columns, int(row_begins[-1]), stack),
                map_temporary(values, np.float64, int(row_begins[-1])),
                provenance=self.provenance,
            )

    def into_file(self, path: PathLike, progress: Update | None, *, overwrite: bool) -> None:
        layout = FileLayout(self.vocabulary, self.provenance)
        file = OutputFile(path, overwrite=overwrite)
        with file as stream, ExitStack() as stack:
            if file.is_streamed:
                raise ValueError(f"output must be a file, got {os.fspath(path)}")
            columns = temporary_file(stack)
            place = (stream.fileno(), layout.values_begin, file.path)
            row_begins = self._count(place, columns.fileno(), progress)
            mapped = map_columns(columns, int(row_begins[-1]), stack)
            layout.finish(stream, file.path, row_begins, mapped)

    def _count(
        self, values: tuple[int, int, str], columns: int, progress: Update | None
    ) -> NDArray[np.int64]:
        """Count into open files; of the values' come descriptor, beginning and name."""
        with ExitStack() as stack:
            files = {
                "values": values[0],
                "values_begin": values[1],
                "values_name": os.fsencode(values[2]),
                "columns": columns,
                "columns_begin": 0,
                "runs": temporary_file(stack).fileno(),
                "folder": os.fsencode(temporary_folder()),
            }
            corpus = self.corpus
            try:
                row_begins = core.count_cooccurrences(
                    corpus.ids, corpus.sentence_offsets, self.options, files, progress=progress
                )
            except OverflowError as error:
                raise CorpusError(f"counts cannot be kept exactly: {error}") from None
        if row_begins[-1] == 0:
            raise CorpusError(
                f"no two of the {len(self.vocabulary)} words stand near each other: nothing to "
                "count"
            )
        return row_begins
