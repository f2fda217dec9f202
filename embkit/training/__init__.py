"""Trainers: one table from a method's name to its options and its function."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from embkit.config import (
    CbowConfig,
    GloveConfig,
    PpmiConfig,
    SkipGramConfig,
    SvdConfig,
    VocabularyConfig,
    available_threads,
    check_choice,
)
from embkit.corpus import EncodedCorpus, encode
from embkit.counts.on_text import ppmi_on_text, svd_on_text
from embkit.embeddings import Embeddings
from embkit.progress import work_bar
from embkit.training.glove_counts import train_glove_on_text
from embkit.training.progress import Callback, TrainingProgress
from embkit.training.run import EVERY, RunFolder, identity_of, read_corpus, read_run
from embkit.training.word2vec import train_word2vec
from embkit.vocabulary import Vocabulary

__all__ = ["METHODS", "Method", "RunFolder", "TrainingProgress", "resume", "train"]


@dataclass(frozen=True)
class Method:
    """A trainer as `train` and the command line know it."""

    summary: str
    config: type[VocabularyConfig]
    run: Callable[..., Embeddings]
    fixed: tuple[tuple[str, object], ...] = ()
    """Options that the method's name settles."""
    can_resume: bool = False
    """Whether it takes ``state``, ``state_every`` and ``init_from``."""
    has_checkpoints: bool = False
    """Whether it takes ``checkpoints``, and so can train in a run's folder."""


METHODS: dict[str, Method] = {
    "sgns": Method(
        "Skip-gram with negative sampling.",
        SkipGramConfig,
        train_word2vec,
        (("loss", "ns"),),
        has_checkpoints=True,
    ),
    "skipgram": Method("Skip-gram.", SkipGramConfig, train_word2vec, has_checkpoints=True),
    "cbow": Method(
        "Continuous bag of words.", CbowConfig, train_word2vec, has_checkpoints=True
    ),
    "glove": Method(
        "Global vectors from counts.", GloveConfig, train_glove_on_text, can_resume=True
    ),
    "ppmi": Method(
        "Sparse vectors of mutual information.",
        PpmiConfig,
        cast("Callable[..., Embeddings]", ppmi_on_text),  # they answer the same questions
    ),
    "svd": Method("Singular vectors of mutual information.", SvdConfig, svd_on_text),
}

Source = str | Path | Sequence[str | Path] | Iterable[Sequence[str]] | EncodedCorpus


def make_config(method: str, options: dict[str, Any]) -> VocabularyConfig:
    """Build the configuration of a method, refusing options that it does not have.

    Raises
    ------
    ValueError
        If the method, an option or a value is not allowed.
    """
    check_choice("method", method, tuple(METHODS))
    chosen = METHODS[method]
    fixed: dict[str, Any] = dict(chosen.fixed)
    allowed = [f.name for f in dataclasses.fields(chosen.config) if f.name not in fixed]
    for name in options:
        if name not in allowed:
            raise ValueError(
                f"options of {method} must be among {', '.join(allowed)}, got {name}"
            )
    return chosen.config(**fixed, **options)


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
    state: str | Path | None = None,
    state_every: int | None = None,
    init_from: str | Path | None = None,
    run: str | Path | RunFolder | None = None,
    checkpoint_every: float | None = None,
    keep_run: bool = False,
    **options: Any,  # noqa: ANN401  (the fields of the method's configuration)
) -> Embeddings:
    """Train word embeddings from text.

    Parameters
    ----------
    method : {"sgns", "skipgram", "cbow", "glove", "ppmi", "svd"}
        The model; ``sgns`` is ``skipgram`` with ``loss="ns"``.
    corpus : path, list of paths, folder, glob, "-", iterable of token lists, or EncodedCorpus
        The text, one sentence a line, tokens separated by blanks; see `embkit.corpus.encode`.
        An iterable is read once, so a generator will do.
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
    state : path, optional
        For glove: write all that the run needs to go on to this file, which is replaced.
    state_every : int, optional
        For glove: write it after so many epochs each, not only after the last one.
    init_from : path, optional
        For glove: continue from such a file, for ``epochs`` more epochs.
    run : path, optional
        For skip-gram and CBOW: a folder that gets all that is needed to go on after an
        interruption, see `resume`. If it holds the same run already, that goes on.
    checkpoint_every : float, optional
        Seconds between two checkpoints in ``run``, 600 when left out. One is also made when
        an exception ends the training, such as KeyboardInterrupt.
    keep_run : bool
        Keep the folder after success.
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
    config = make_config(method, options)
    chosen = METHODS[method]
    states = {"state": state, "state_every": state_every, "init_from": init_from}
    if not chosen.can_resume:
        if given := [name for name, value in states.items() if value is not None]:
            raise ValueError(f"{given[0]} must be left out for {method}, which cannot resume")
        states = {}
    if vocabulary is not None and isinstance(corpus, EncodedCorpus):
        raise ValueError("vocabulary must be None for a corpus that is encoded already")
    if vocabulary is not None:  # no word of it is left out, however rare
        config = dataclasses.replace(config, min_count=1, max_vocab=None)
    folder = _run_folder(method, run, checkpoint_every)
    if not isinstance(corpus, EncodedCorpus):
        with work_bar(progress, "reading", "B") as report:
            corpus = encode(
                corpus,
                config=config.encoding(),
                vocabulary=vocabulary,
                invalid=invalid,
                threads=getattr(config, "threads", None),
                cache=cache,
                progress=report,
            )
    reports = {"progress": progress, "log": log, "callback": callback, "memory": memory}
    if folder is None:
        return chosen.run(corpus, config, **reports, **states)
    return _train_in(folder, method, corpus, config, keep_run, reports)


def resume(
    run: str | Path,
    *,
    progress: bool = False,
    log: str | Path | None = None,
    callback: Callback | None = None,
    memory: int | None = None,
    keep_run: bool = False,
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
    content = read_run(Path(run))
    identity = content["identity"]
    method = identity["method"]
    check_choice("method", method, tuple(METHODS))
    fixed = dict(METHODS[method].fixed)
    options = {name: value for name, value in identity["config"].items() if name not in fixed}
    config = make_config(method, options)
    corpus = read_corpus(Path(run), identity)
    reports = {"progress": progress, "log": log, "callback": callback, "memory": memory}
    folder = RunFolder(Path(run), content["checkpoint_every"])
    return _train_in(folder, method, corpus, config, keep_run, reports)


def _run_folder(
    method: str, run: str | Path | RunFolder | None, every: float | None
) -> RunFolder | None:
    if run is None:
        if every is not None:
            raise ValueError("run must be given with checkpoint_every")
        return None
    if not METHODS[method].has_checkpoints:
        raise ValueError(f"run must be left out for {method}, which has no checkpoints")
    if isinstance(run, RunFolder):
        return run
    return RunFolder(Path(run), EVERY if every is None else every)


def _train_in(
    folder: RunFolder,
    method: str,
    corpus: EncodedCorpus,
    config: VocabularyConfig,
    keep_run: bool,
    reports: dict[str, Any],
) -> Embeddings:
    """Train in a run's folder, which is removed after success unless it is to be kept."""
    if getattr(config, "threads", 1) is None:
        config = dataclasses.replace(config, threads=available_threads())  # type: ignore[call-arg]
    if reports["log"] is None:
        reports = {**reports, "log": folder.log}
    with folder.begun(identity_of(method, config, corpus), corpus) as checkpoints:
        vectors = METHODS[method].run(corpus, config, checkpoints=checkpoints, **reports)
    if not keep_run:
        folder.remove()
    return vectors
