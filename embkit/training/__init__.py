"""Training: from text or counts to vectors, in one go or gone on with after an interruption."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from embkit.checks import check_function, check_path, check_whole, plain_value
from embkit.config import CooccurrenceConfig, GloveConfig, VocabularyConfig, Word2VecConfig
from embkit.corpus import EncodedCorpus, encode
from embkit.counts.cooccurrence import Cooccurrence, cooccur
from embkit.embeddings import Embeddings
from embkit.progress import work_bar
from embkit.training.cuda import settle_device
from embkit.training.initial import check_initial, find_initial_rows
from embkit.training.methods import METHODS, Method, make_config
from embkit.training.progress import Callback, TrainingProgress, try_log
from embkit.training.run import EVERY, RunFolder, read_run
from embkit.training.work import Work, open_run
from embkit.vocabulary import Vocabulary

__all__ = [
    "METHODS",
    "Method",
    "RunFolder",
    "TrainingProgress",
    "make_config",
    "open_run",
    "resume",
    "train",
]

Source = (
    str | Path | Sequence[str | Path] | Iterable[Sequence[str]] | EncodedCorpus | Cooccurrence
)


def train(
    method: str,
    corpus: Source,
    *,
    vocabulary: Vocabulary | None = None,
    invalid: Literal["error", "replace", "bytes"] = "error",
    cache: str | Path | None = None,
    progress: bool = False,
    log: str | Path | None = None,
    callback: Callback | None = None,
    memory: int | None = None,
    init_from: str | Path | Embeddings | None = None,
    run: str | Path | RunFolder | None = None,
    checkpoint_every: float | None = None,
    keep_run: bool = False,
    ready: Callable[[int, int], object] | None = None,
    **options: Any,  # noqa: ANN401  (the fields of the method's configuration)
) -> Embeddings:
    """Train word embeddings from text.

    With one thread the same text, options and SIMD level give the same bytes. Several threads
    update the vectors of skip-gram, CBOW and glove without locks (Hogwild, Niu et al. 2011), so
    that runs differ; the learning rate of skip-gram and CBOW then falls with what all of them
    have trained, not with a thread's own position.

    Parameters
    ----------
    method : {"sgns", "nce", "skipgram", "cbow", "glove", "ppmi", "svd"}
        The model; ``sgns`` is ``skipgram`` with ``loss="ns"``, ``nce`` with ``loss="nce"``.
    corpus : path, list of paths, folder, glob, "-", iterable of token lists, or EncodedCorpus
        The text, one sentence a line, tokens separated by blanks; see `embkit.corpus.encode`.
        An iterable is read once, so a generator will do. For glove, ppmi and svd also
        `Cooccurrence`.
    vocabulary : Vocabulary, optional
        Train vectors of these words, in this order and with these counts, whatever
        ``min_count`` says; see `embkit.formats.load_vocabulary`.
    invalid : {"error", "replace", "bytes"}
        What to do with bytes that are not UTF-8.
    cache : path, optional
        Where to keep the encoded corpus for further runs.
    progress : bool
        Show bars on standard error, for reading and for training.
    log : path, optional
        File that gets a line of JSON for each report.
    callback : callable, optional
        Called about twice a second with a `TrainingProgress`; an exception ends the run.
        (Not for ppmi and svd, whose log gets one line at the end.)
    memory : int, optional
        Bytes that the model may take; where counts are made, that counting may take too.
    init_from : path or Embeddings, optional
        For skip-gram, CBOW and glove: begin with these vectors (a file of any format) for the
        words that they have, and with their output vectors where they have them; other words
        begin as usual. The learning rate falls over ``epochs`` as in any other run, and random
        draws are numbered after the epochs that embkit trained the vectors for, none of which
        is repeated. The provenance's ``init_from`` tells how many words were found.
    run : path, optional
        For skip-gram, CBOW and glove: a folder that gets all that is needed to go on after an
        interruption, see `resume`. If it holds the same run already, that goes on.
    checkpoint_every : float, optional
        Seconds between two checkpoints in ``run``, 600 when left out. One is also made when
        an exception ends the training, such as KeyboardInterrupt.
    keep_run : bool
        Keep the folder after success.
    ready : callable, optional
        Called with the number of words that the text has and ``dim`` before the training, with
        ``dim`` 0 where the vectors have none; an exception ends the run.
    **options
        The fields of the method's configuration in `embkit.config`: `SkipGramConfig`,
        `CbowConfig`, `GloveConfig`, `PpmiConfig` or `SvdConfig`.

    Returns
    -------
    Embeddings
        Words by falling count, with counts and provenance; `SparseEmbeddings` from ppmi.

    Raises
    ------
    ValueError
        If an option is not allowed, or ``run`` holds a run that differs.
    LockedError
        If another process is at the run.
    CorpusError
        If there is nothing to train on.
    CudaError
        If a GPU was asked for and cannot be used, or refuses something.
    FormatError
        If the text is malformed.
    DivergenceError
        If training stops being finite.

    Examples
    --------
    >>> text = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 100
    >>> v = train("sgns", text, dim=20, epochs=3, min_count=1, threads=1)
    >>> sorted(v.words)
    ['cat', 'dog', 'sat', 'the']
    """
    config = make_config(method, options, train.__kwdefaults__ or ())
    if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
        raise ValueError(f"vocabulary must be a Vocabulary, got {type(vocabulary).__name__}")
    _check_arguments(
        memory,
        flags={"progress": progress, "keep_run": keep_run},
        paths={"cache": cache, "log": log, "run": run},
        functions={"callback": callback, "ready": ready},
    )
    if log is not None:
        try_log(log)
    if isinstance(config, Word2VecConfig):
        config = settle_device(config)  # before the text is read
    if vocabulary is not None and isinstance(corpus, EncodedCorpus | Cooccurrence):
        raise ValueError("vocabulary must be None for a corpus that is encoded already")
    if vocabulary is not None:  # no word of it is left out, however rare
        _check_drawn(vocabulary, config)
        config = dataclasses.replace(config, min_count=1, max_vocab=None)
    if init_from is not None and not METHODS[method].has_checkpoints:
        raise ValueError(f"init_from must be left out for {method}, which has no first rows")
    if init_from is not None:
        check_initial(init_from, cast("Word2VecConfig | GloveConfig", config).dim)
    folder = _run_folder(method, run, checkpoint_every, keep_run)
    if folder is not None:
        folder.check()
    if not isinstance(corpus, EncodedCorpus | Cooccurrence):
        reading: dict[str, Any] = {"vocabulary": vocabulary, "invalid": invalid, "cache": cache}
        corpus = _read(corpus, config, reading, progress=progress, memory=memory)
    _check_drawn(corpus.vocabulary, config)
    if ready is not None:
        ready(len(corpus.vocabulary), getattr(config, "dim", 0))
    initial = None
    if init_from is not None:
        dim = cast("Word2VecConfig | GloveConfig", config).dim
        initial = find_initial_rows(init_from, corpus.vocabulary, dim)
    work = Work(method, config, corpus, initial)
    reports = {"progress": progress, "log": log, "callback": callback, "memory": memory}
    return work.run(reports) if folder is None else work.run_in(folder, reports, keep_run)


def resume(
    run: str | Path | RunFolder,
    *,
    progress: bool = False,
    log: str | Path | None = None,
    callback: Callback | None = None,
    memory: int | None = None,
    keep_run: bool = False,
    epochs: int | None = None,
) -> Embeddings:
    """Go on with a run that was interrupted, from its last whole checkpoint.

    With one thread the result is, bit for bit, that of the run without interruption. The
    number of threads is that of the run, and the SIMD level must be.

    Parameters
    ----------
    run : path
        The folder that `train` was given.
    progress, log, callback, memory
        As `train` has them; the log is ``log.jsonl`` in the folder when left out.
    keep_run : bool
        Keep the folder after success.
    epochs : int, optional
        For glove: train on to so many epochs, more than the run had; as one run of so many.
        (The learning rate of the others falls to the end of their epochs: `train` with
        ``init_from`` trains their vectors further.)

    Returns
    -------
    Embeddings
        What `train` would have returned.

    Raises
    ------
    FileNotFoundError
        If the folder holds no run that had begun to train.
    FormatError
        If the corpus or every checkpoint is damaged.
    LockedError
        If another process is at the run.
    ValueError
        If the run was made with another version or SIMD level.

    Examples
    --------
    >>> text = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 100
    >>> folder = getfixture("tmp_path") / "run"
    >>> v = train("sgns", text, dim=8, min_count=1, threads=1, run=folder, keep_run=True)
    >>> bool((resume(folder).vectors == v.vectors).all())
    True
    """
    _check_arguments(
        memory,
        flags={"progress": progress, "keep_run": keep_run},
        paths={"run": run, "log": log},
        functions={"callback": callback},
    )
    folder = (
        run if isinstance(run, RunFolder) else RunFolder(Path(run), checkpoint_at_end=keep_run)
    )
    content = read_run(folder.path)
    work = open_run(content, folder.path, epochs)
    reports = {"progress": progress, "log": log, "callback": callback, "memory": memory}
    kept = {"checkpoint_every": content["checkpoint_every"], "output": content["output"]}
    folder = dataclasses.replace(folder, **kept)
    return work.run_in(folder, reports, keep_run, goes_further=epochs is not None)


def _read(
    corpus: Any,  # noqa: ANN401  (as encode takes it)
    config: VocabularyConfig,
    reading: dict[str, Any],
    *,
    progress: bool,
    memory: int | None,
) -> EncodedCorpus | Cooccurrence:
    """Encode a corpus, or count it where words that have no row are to keep their places."""
    if (
        isinstance(config, CooccurrenceConfig)
        and config.rare_deletion == "after"
        and reading["vocabulary"] is not None
    ):
        counting = config.counting()
        return cooccur(corpus, counting, progress=progress, memory=memory, **reading)
    threads = getattr(config, "threads", None)
    with work_bar(progress, "reading", "B") as report:
        return encode(
            corpus, config=config.encoding(), threads=threads, progress=report, **reading
        )


def _run_folder(
    method: str, run: str | Path | RunFolder | None, every: float | None, keep_run: bool
) -> RunFolder | None:
    if run is None:
        if every is not None:
            raise ValueError("run must be given with checkpoint_every")
        return None
    if not METHODS[method].has_checkpoints:
        raise ValueError(f"run must be left out for {method}, which has no checkpoints")
    if isinstance(run, RunFolder):
        return run
    every = EVERY if every is None else every
    return RunFolder(Path(run), every, checkpoint_at_end=keep_run)


def _check_arguments(
    memory: int | None,
    *,
    flags: dict[str, object],
    paths: dict[str, object],
    functions: dict[str, object],
) -> None:
    """Refuse what only the work would stumble over, when the text has been read."""
    if memory is not None:
        check_whole("memory", memory)
    for name, value in flags.items():
        plain_value(name, "bool", value)
    for name, value in paths.items():
        if value is not None and not isinstance(value, RunFolder):
            check_path(name, value)
    for name, value in functions.items():
        if value is not None:
            check_function(name, value)


def _check_drawn(vocabulary: Vocabulary, config: VocabularyConfig) -> None:
    """Refuse words that occur nowhere, where words are drawn by their counts."""
    if vocabulary.counts is None or not isinstance(config, Word2VecConfig):
        return
    if (never := np.flatnonzero(vocabulary.counts < 1)).size:
        row = int(never[0])
        raise ValueError(
            "vocabulary must have words with a count of at least 1, got "
            f"{vocabulary.counts[row]} for {vocabulary[row]!r} in row {row}"
        )
