"""Trainers: one table from a method's name to its options and its function."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from embkit.checks import check_choice, check_whole, plain_value
from embkit.config import (
    CbowConfig,
    CooccurrenceConfig,
    GloveConfig,
    PpmiConfig,
    SkipGramConfig,
    SvdConfig,
    VocabularyConfig,
    Word2VecConfig,
)
from embkit.corpus import EncodedCorpus, encode
from embkit.counts.cooccurrence import Cooccurrence, cooccur
from embkit.counts.on_text import ppmi_on_counts, ppmi_on_text, svd_on_counts, svd_on_text
from embkit.device import available_threads
from embkit.embeddings import Embeddings
from embkit.peers import ADVICE, peer_names
from embkit.progress import work_bar
from embkit.training.cuda import settle_device
from embkit.training.glove_counts import train_glove_on_text, train_on_counts
from embkit.training.initial import InitialRows, find_initial_rows
from embkit.training.progress import Callback, TrainingProgress, try_log
from embkit.training.run import (
    EVERY,
    METHODS_THAT_GO_FURTHER,
    RunFolder,
    identity_of,
    read_initial,
    read_run,
    read_source,
)
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
    has_checkpoints: bool = False
    """Whether it takes ``checkpoints``, and so can train in a run's folder, and ``initial``."""
    run_on_counts: Callable[..., Embeddings] | None = None
    """The same from co-occurrence counts that were made before."""


METHODS: dict[str, Method] = {
    "sgns": Method(
        "Skip-gram with negative sampling.",
        SkipGramConfig,
        train_word2vec,
        (("loss", "ns"),),
        has_checkpoints=True,
    ),
    "skipgram": Method("Skip-gram.", SkipGramConfig, train_word2vec, has_checkpoints=True),
    "nce": Method(
        "Skip-gram with noise-contrastive estimation.",
        SkipGramConfig,
        train_word2vec,
        (("loss", "nce"),),
        has_checkpoints=True,
    ),
    "cbow": Method(
        "Continuous bag of words.", CbowConfig, train_word2vec, has_checkpoints=True
    ),
    "glove": Method(
        "Global vectors from counts.",
        GloveConfig,
        train_glove_on_text,
        has_checkpoints=True,
        run_on_counts=train_on_counts,
    ),
    "ppmi": Method(
        "Sparse vectors of mutual information.",
        PpmiConfig,
        cast("Callable[..., Embeddings]", ppmi_on_text),  # they answer the same questions
        run_on_counts=cast("Callable[..., Embeddings]", ppmi_on_counts),
    ),
    "svd": Method(
        "Singular vectors of mutual information.",
        SvdConfig,
        svd_on_text,
        run_on_counts=svd_on_counts,
    ),
}

Source = (
    str | Path | Sequence[str | Path] | Iterable[Sequence[str]] | EncodedCorpus | Cooccurrence
)


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
            peer = name.replace("_", "-")
            ours = peer_names(method).get(peer, "").replace("-", "_")
            told = f", which is called {ours} here" if ours in allowed else ""
            told = f": {ADVICE[peer]}" if peer in ADVICE else told
            raise ValueError(
                f"options of {method} must be among {', '.join(allowed)}, got {name}{told}"
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
    init_from: str | Path | Embeddings | None = None,
    run: str | Path | RunFolder | None = None,
    checkpoint_every: float | None = None,
    keep_run: bool = False,
    ready: Callable[[int, int], object] | None = None,
    **options: Any,  # noqa: ANN401  (the fields of the method's configuration)
) -> Embeddings:
    """Train word embeddings from text.

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
    config = make_config(method, options)
    _check_arguments(vocabulary, callback, memory, progress=progress, keep_run=keep_run)
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
    work = _Work(method, config, corpus, initial)
    reports = {"progress": progress, "log": log, "callback": callback, "memory": memory}
    return work.run(reports) if folder is None else work.run_in(folder, reports, keep_run)


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


def _check_arguments(
    vocabulary: object, callback: object, memory: int | None, **flags: object
) -> None:
    """Refuse what only the work would stumble over, when the text has been read."""
    if vocabulary is not None and not isinstance(vocabulary, Vocabulary):
        raise ValueError(f"vocabulary must be a Vocabulary, got {type(vocabulary).__name__}")
    if callback is not None and not callable(callback):
        raise ValueError(f"callback must be a function, got {type(callback).__name__}")
    if memory is not None:
        check_whole("memory", memory)
    for name, value in flags.items():
        plain_value(name, "bool", value)


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
    folder = (
        run if isinstance(run, RunFolder) else RunFolder(Path(run), checkpoint_at_end=keep_run)
    )
    content = read_run(folder.path)
    work = open_run(content, folder.path, epochs)
    reports = {"progress": progress, "log": log, "callback": callback, "memory": memory}
    kept = {"checkpoint_every": content["checkpoint_every"], "output": content["output"]}
    folder = dataclasses.replace(folder, **kept)
    return work.run_in(folder, reports, keep_run, goes_further=epochs is not None)


def open_run(content: Mapping[str, Any], folder: Path, epochs: int | None = None) -> _Work:
    """Return what the run in ``folder`` trains, where ``content`` is what ``run.json`` says.

    Raises
    ------
    FormatError
        If the corpus, the counts or the rows that the run began with are damaged.
    ValueError
        If the method, an option or ``epochs`` is none that a run can have.
    """
    identity = content["identity"]
    method = identity["method"]
    check_choice("method", method, tuple(METHODS))
    fixed = dict(METHODS[method].fixed)
    options = {name: value for name, value in identity["config"].items() if name not in fixed}
    if epochs is not None:
        _check_epochs(method, epochs, options["epochs"])
        options["epochs"] = epochs
    config = make_config(method, options)
    source = read_source(folder, identity)
    return _Work(method, config, source, read_initial(folder, identity))


def _check_epochs(method: str, epochs: int, before: int) -> None:
    if method not in METHODS_THAT_GO_FURTHER:
        raise ValueError(
            f"epochs must be left out for {method}, whose learning rate falls to the end of "
            "its epochs; init_from trains its vectors further"
        )
    if epochs < before:
        raise ValueError(f"epochs must be at least {before}, those of the run, got {epochs}")


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


@dataclass(frozen=True)
class _Work:
    """What is to be trained, on what, from where."""

    method: str
    config: VocabularyConfig
    source: EncodedCorpus | Cooccurrence
    initial: InitialRows | None = None

    def run(self, reports: dict[str, Any], **more: Any) -> Embeddings:  # noqa: ANN401
        """Train, and return what came out; ``more`` goes to the method's function."""
        method = METHODS[self.method]
        run = method.run if isinstance(self.source, EncodedCorpus) else method.run_on_counts
        if run is None:
            raise ValueError(f"corpus must be text for {self.method}, got counts")
        if self.initial is not None:
            more["initial"] = self.initial
        return run(self.source, self.config, **more, **reports)

    def run_in(
        self,
        folder: RunFolder,
        reports: dict[str, Any],
        keep_run: bool,
        *,
        goes_further: bool = False,
    ) -> Embeddings:
        """Train in a run's folder, which is removed after success unless it is to be kept."""
        config = self.config
        if getattr(config, "threads", 1) is None:
            config = dataclasses.replace(config, threads=available_threads())  # type: ignore[call-arg]
        if reports["log"] is None:
            reports = {**reports, "log": folder.log}
        identity = identity_of(self.method, config, self.source, self.initial)
        begun = folder.begun(identity, self.source, self.initial, goes_further=goes_further)
        with begun as checkpoints:
            work = dataclasses.replace(self, config=config)
            vectors = work.run(reports, checkpoints=checkpoints)
        if not keep_run:
            folder.remove()
        return vectors
