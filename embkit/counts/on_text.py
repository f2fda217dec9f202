"""Count-based vectors from text, or from counts that were made before."""

from __future__ import annotations

import json
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeVar

from embkit.backend import array_namespace
from embkit.config import CooccurrenceConfig, PpmiConfig, SvdConfig
from embkit.corpus import EncodedCorpus
from embkit.counts.cooccurrence import Cooccurrence, cooccur
from embkit.counts.ppmi import train_ppmi
from embkit.counts.svd import train_svd
from embkit.embeddings import Embeddings
from embkit.sparse import SparseEmbeddings
from embkit.streams import naming

Config = TypeVar("Config", bound=PpmiConfig)


def ppmi_on_text(
    corpus: EncodedCorpus,
    config: PpmiConfig,
    *,
    progress: bool = False,
    log: str | Path | None = None,
    callback: Any = None,  # noqa: ANN401  (there is nothing to report within a stage)
    memory: int | None = None,
) -> SparseEmbeddings:
    """Count the co-occurrences of a corpus and weight them; see `train_ppmi`.

    Raises
    ------
    CorpusError, FormatError, ResourceError, ValueError
        As `embkit.counts.cooccurrence.cooccur` and `train_ppmi` do.

    Examples
    --------
    >>> from embkit.corpus import encode
    >>> config = PpmiConfig(min_count=1, smoothing=1)
    >>> corpus = encode([["cat", "purrs"], ["dog", "barks"]] * 9, config=config.encoding())
    >>> ppmi_on_text(corpus, config)
    SparseEmbeddings(4 words x 4, 4 entries, trained by ppmi)
    """
    began = time.monotonic()
    counts = cooccur(corpus, config.counting(), memory=memory, progress=progress)
    counted = time.monotonic() - began
    return ppmi_on_counts(counts, config, log=log, memory=memory, counting_seconds=counted)


def svd_on_text(
    corpus: EncodedCorpus,
    config: SvdConfig,
    *,
    progress: bool = False,
    log: str | Path | None = None,
    callback: Any = None,  # noqa: ANN401  (there is nothing to report within a stage)
    memory: int | None = None,
) -> Embeddings:
    """Count the co-occurrences of a corpus and factorise their PPMI; see `train_svd`.

    Raises
    ------
    CorpusError, FormatError, ResourceError, ValueError
        As `embkit.counts.cooccurrence.cooccur` and `train_svd` do.

    Examples
    --------
    >>> from embkit.corpus import encode
    >>> config = SvdConfig(min_count=1, dim=2, threads=1)
    >>> corpus = encode([["the", "cat"], ["the", "dog"]] * 9, config=config.encoding())
    >>> svd_on_text(corpus, config)
    Embeddings(3 words x 2, counts, trained by svd)
    """
    array_namespace(config.device)  # refuses a device that is not there, before the work
    began = time.monotonic()
    counts = cooccur(corpus, config.counting(), memory=memory, progress=progress)
    counted = time.monotonic() - began
    return svd_on_counts(
        counts, config, progress=progress, log=log, memory=memory, counting_seconds=counted
    )


def ppmi_on_counts(
    counts: Cooccurrence,
    config: PpmiConfig,
    *,
    progress: bool = False,
    log: str | Path | None = None,
    callback: Any = None,  # noqa: ANN401  (there is nothing to report within a stage)
    memory: int | None = None,
    counting_seconds: float = 0.0,
) -> SparseEmbeddings:
    """Weight counts that were made before; see `train_ppmi`.

    The provenance's options of counting are those of the counts. ``counting_seconds`` is what
    they took, for the log.
    """
    began = time.monotonic()
    chosen, corpus = _as_counted(counts, config)
    vectors = train_ppmi(
        counts.matrix, counts.vocabulary, chosen, counted=corpus, memory=memory
    )
    figures: dict[str, float] = {"entries": vectors.num_entries}
    _log(log, counting_seconds, time.monotonic() - began, figures)
    return vectors


def svd_on_counts(
    counts: Cooccurrence,
    config: SvdConfig,
    *,
    progress: bool = False,
    log: str | Path | None = None,
    callback: Any = None,  # noqa: ANN401  (there is nothing to report within a stage)
    memory: int | None = None,
    counting_seconds: float = 0.0,
) -> Embeddings:
    """Factorise the PPMI of counts that were made before; see `train_svd`.

    The provenance's options of counting are those of the counts. ``counting_seconds`` is what
    they took, for the log.
    """
    array_namespace(config.device)  # refuses a device that is not there, before the work
    began = time.monotonic()
    chosen, corpus = _as_counted(counts, config)
    vectors = train_svd(
        counts.matrix,
        counts.vocabulary,
        chosen,
        counted=corpus,
        progress=progress,
        memory=memory,
    )
    residual = {"residual": vectors.provenance["residual"]}
    _log(log, counting_seconds, time.monotonic() - began, residual)
    return vectors


def _as_counted(counts: Cooccurrence, config: Config) -> tuple[Config, dict[str, Any]]:
    """Return the options with those of counting as they were, and what is known of the text."""
    made = counts.provenance.get("config", {})
    names = {option.name for option in fields(CooccurrenceConfig)} - {"threads", "seed"}
    known = {name: made[name] for name in names & set(made)}
    corpus = {name: counts.provenance[name] for name in {"corpus"} & set(counts.provenance)}
    return replace(config, **known), corpus


def _log(
    path: str | Path | None, counting: float, behind: float, figures: dict[str, float]
) -> None:
    if path is None:
        return
    report = {"counting_seconds": counting, "seconds": counting + behind, **figures}
    with naming(path), Path(path).open("a", encoding="utf-8") as file:
        file.write(json.dumps(report) + "\n")
