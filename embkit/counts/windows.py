"""What the native core is told of windows, weights and rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.config import CooccurrenceConfig
from embkit.corpus import EncodedCorpus
from embkit.errors import CorpusError
from embkit.vocabulary import Vocabulary

UNIT = 2**32
"""A weight of 1 in the core's whole numbers."""
_KEEP_ALL = np.uint32(1 << 24)
_DROPPED = 2**32 - 1

Rows = NDArray[np.uint32]


def choose_rows(
    corpus: EncodedCorpus, config: CooccurrenceConfig, vocabulary: Vocabulary | None
) -> tuple[Rows, Vocabulary]:
    """Return the row of each of the corpus's words (2^32 - 1 for none) and the rows' words.

    Raises
    ------
    CorpusError
        If no word has a row.
    ValueError
        If the corpus lacks the rare words whose places are to be kept.
    """
    if config.rare_deletion == "after" and corpus.num_tokens < corpus.num_tokens_read:
        raise ValueError(
            "rare_deletion must be before for a corpus that was encoded without its rare words "
            "(encode with min_count=1), got after"
        )
    if vocabulary is not None:
        return _rows_in(vocabulary, corpus.vocabulary)
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
    rows = np.where(kept, np.cumsum(kept) - 1, _DROPPED)
    return rows.astype(np.uint32), _selected(corpus.vocabulary, kept)


def _rows_in(vocabulary: Vocabulary, words: Vocabulary) -> tuple[Rows, Vocabulary]:
    if words.data is vocabulary.data and words.offsets is vocabulary.offsets:
        return np.arange(len(words), dtype=np.uint32), words
    found = vocabulary.ids_of(words.bytes_of(row) for row in range(len(words)))
    has_row = found >= 0
    if not has_row.any():
        raise CorpusError("no word of the corpus is in the given vocabulary")
    rows = np.where(has_row, found, _DROPPED).astype(np.uint32)
    if vocabulary.counts is None:
        counts = np.zeros(len(vocabulary), np.int64)
        assert words.counts is not None
        counts[found[has_row]] = words.counts[has_row]
        vocabulary = vocabulary.with_counts(counts)
    return rows, vocabulary


def _selected(vocabulary: Vocabulary, kept: NDArray[np.bool_]) -> Vocabulary:
    if kept.all():
        return vocabulary
    rows = np.flatnonzero(kept).tolist()
    assert vocabulary.counts is not None
    return Vocabulary.from_words(
        (vocabulary.bytes_of(row) for row in rows), vocabulary.counts[rows].tolist()
    )


def core_options(
    config: CooccurrenceConfig, rows: Rows, vocabulary: Vocabulary
) -> dict[str, Any]:
    """Return the core's options other than those of a plan."""
    assert vocabulary.counts is not None
    has_row = rows != _DROPPED
    # Words that are deleted before windows go the way of subsampled ones: never kept.
    deleted = 0 if config.rare_deletion == "before" else _KEEP_ALL
    keep_below = np.full(len(rows), deleted, np.uint32)
    thresholds = core.keep_thresholds(
        vocabulary.counts, subsample=config.subsample, paper=config.subsample_formula == "paper"
    )
    keep_below[has_row] = thresholds[rows[has_row]]
    weights = np.array(weights_of(config), np.uint64)
    none = np.empty(0, np.uint64)
    return {
        "before": none if config.sides == "right" else weights,
        "after": none if config.sides == "left" else weights,
        "row_of": rows,
        "keep_below": keep_below,
        "keeps_places": config.subsampling == "clean",
        "num_rows": len(vocabulary),
        "seed": config.seed,
    }


def weights_of(config: CooccurrenceConfig) -> list[int]:
    """Return the weights of distances 1, 2, ... in units of 2^-32, rounded to nearest.

    Examples
    --------
    >>> [w / UNIT for w in weights_of(CooccurrenceConfig(window=4, weighting="dynamic"))]
    [1.0, 0.75, 0.5, 0.25]
    """
    distances = range(1, config.window + 1)
    if config.weighting == "flat":
        return [UNIT for _ in distances]
    if config.weighting == "harmonic":
        return [(2 * UNIT + d) // (2 * d) for d in distances]
    window = config.window
    return [(2 * UNIT * (window - d + 1) + window) // (2 * window) for d in distances]
