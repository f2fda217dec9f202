"""Trainers: one table from a method's name to its options and its function."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from embkit.config import (
    CbowConfig,
    GloveConfig,
    SkipGramConfig,
    VocabularyConfig,
    check_choice,
)
from embkit.corpus import EncodedCorpus, encode
from embkit.embeddings import Embeddings
from embkit.progress import work_bar
from embkit.training.glove_counts import train_glove_on_text
from embkit.training.progress import Callback, TrainingProgress
from embkit.training.word2vec import train_word2vec
from embkit.vocabulary import Vocabulary

__all__ = ["METHODS", "Method", "TrainingProgress", "train"]


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


METHODS: dict[str, Method] = {
    "sgns": Method(
        "Skip-gram with negative sampling.", SkipGramConfig, train_word2vec, (("loss", "ns"),)
    ),
    "skipgram": Method("Skip-gram.", SkipGramConfig, train_word2vec),
    "cbow": Method("Continuous bag of words.", CbowConfig, train_word2vec),
    "glove": Method(
        "Global vectors from counts.", GloveConfig, train_glove_on_text, can_resume=True
    ),
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
    **options: Any,  # noqa: ANN401  (the fields of the method's configuration)
) -> Embeddings:
    """Train word embeddings from text.

    Parameters
    ----------
    method : {"sgns", "skipgram", "cbow", "glove"}
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
    memory : int, optional
        Bytes that the model may take; for glove, that counting may take too.
    state : path, optional
        For glove: write all that the run needs to go on to this file, which is replaced.
    state_every : int, optional
        For glove: write it after so many epochs each, not only after the last one.
    init_from : path, optional
        For glove: continue from such a file, for ``epochs`` more epochs.
    **options
        The fields of `SkipGramConfig`, `CbowConfig` or `GloveConfig`: ``dim``, ``window``,
        ``epochs``, ...

    Returns
    -------
    Embeddings
        Words by falling count, with counts and provenance.

    Raises
    ------
    ValueError
        If an option is not allowed.
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
    resume = {"state": state, "state_every": state_every, "init_from": init_from}
    if not METHODS[method].can_resume:
        if given := [name for name, value in resume.items() if value is not None]:
            raise ValueError(f"{given[0]} must be left out for {method}, which cannot resume")
        resume = {}
    if vocabulary is not None and isinstance(corpus, EncodedCorpus):
        raise ValueError("vocabulary must be None for a corpus that is encoded already")
    if vocabulary is not None:  # no word of it is left out, however rare
        config = dataclasses.replace(config, min_count=1, max_vocab=None)
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
    return METHODS[method].run(
        corpus,
        config,
        progress=progress,
        log=log,
        callback=callback,
        memory=memory,
        **resume,
    )
