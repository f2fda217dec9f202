"""GloVe from text, or from counts that were made before."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from embkit.config import GloveConfig
from embkit.corpus import EncodedCorpus
from embkit.counts.cooccurrence import Cooccurrence, cooccur
from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.training.checkpoint import Checkpoints
from embkit.training.glove import train_glove

COUNTS_NAME = "counts"
"""The file of the counts in a run's folder."""

logger = logging.getLogger(__name__)


def train_glove_on_text(
    corpus: EncodedCorpus,
    config: GloveConfig,
    *,
    progress: bool = False,
    memory: int | None = None,
    checkpoints: Checkpoints | None = None,
    **run: Any,  # noqa: ANN401  (as train_glove takes it)
) -> Embeddings:
    """Count the co-occurrences of a corpus and train on them; see `train_glove`.

    With ``checkpoints`` the counts are kept in their folder, so that they are made once.

    Raises
    ------
    CorpusError, DivergenceError, FormatError, ResourceError, ValueError
        As `embkit.counts.cooccurrence.cooccur` and `train_glove` do.

    Examples
    --------
    >>> from embkit.corpus import encode
    >>> config = GloveConfig(dim=10, min_count=1, epochs=3, threads=1)
    >>> corpus = encode([["ice", "cold"], ["steam", "hot"]] * 9, config=config.encoding())
    >>> train_glove_on_text(corpus, config)
    Embeddings(4 words x 10, counts, trained by glove)
    """
    counts = None if checkpoints is None else _kept_counts(checkpoints.folder / COUNTS_NAME)
    if counts is None:
        counts = cooccur(
            corpus,
            config.counting(),
            output=None if checkpoints is None else checkpoints.folder / COUNTS_NAME,
            overwrite=True,
            memory=memory,
            progress=progress,
        )
    run |= {"progress": progress, "memory": memory, "checkpoints": checkpoints}
    return train_on_counts(counts, config, **run)


def _kept_counts(path: Path) -> Cooccurrence | None:
    """Map the counts of a run; None where they were not finished, or are damaged."""
    try:
        return Cooccurrence.open(path, verify=True)
    except FileNotFoundError:
        return None
    except FormatError as error:
        logger.warning("%s: the text is counted again", error)
        return None


def train_on_counts(
    counts: Cooccurrence,
    config: GloveConfig,
    **run: Any,  # noqa: ANN401  (as train_glove takes it)
) -> Embeddings:
    """Train on counts that were made before; see `train_glove`.

    The provenance's options of counting are those of the counts, where these tell them.

    Raises
    ------
    CorpusError, DivergenceError, FormatError, ResourceError, ValueError
        As `train_glove` does.
    """
    counted = {name: counts.provenance.get(name, {}) for name in ("corpus", "config")}
    return train_glove(counts.matrix, counts.vocabulary, config, counted=counted, **run)
