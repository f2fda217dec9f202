"""Text to ids, once: one file or an iterable, for now in Python."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.config import VocabularyConfig
from embkit.errors import CorpusError
from embkit.vocabulary import Vocabulary


@dataclass(frozen=True)
class EncodedCorpus:
    """A corpus as ids: tokens of all sentences, and where each sentence begins."""

    ids: NDArray[np.uint32]
    sentence_offsets: NDArray[np.uint64]
    vocabulary: Vocabulary
    num_tokens_read: int
    num_types_read: int
    digest: str

    def provenance(self) -> dict[str, Any]:
        """Return what a model records of its corpus."""
        return {"digest": self.digest, "num_tokens": len(self.ids)}


def encode(
    source: Any,  # noqa: ANN401
    *,
    config: VocabularyConfig,
    invalid: str = "error",
    threads: int | None = None,
    cache: str | Path | None = None,
    progress: Any = None,  # noqa: ANN401
) -> EncodedCorpus:
    """Read a corpus and number its words."""
    if isinstance(source, str | Path):
        with Path(source).open(encoding="utf-8") as file:
            sentences = [line.split() for line in file]
    else:
        sentences = [list(tokens) for tokens in source]
    counter = Counter(token for tokens in sentences for token in tokens)
    kept = sorted(
        ((w, n) for w, n in counter.items() if n >= config.min_count),
        key=lambda item: (-item[1], item[0].encode()),
    )[: config.max_vocab]
    if not kept:
        raise CorpusError(f"no word of {len(counter)} occurs {config.min_count} times")
    row = {word: i for i, (word, _) in enumerate(kept)}
    encoded = [[row[t] for t in tokens if t in row] for tokens in sentences]
    ids = np.array([i for tokens in encoded for i in tokens], np.uint32)
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.uint64)
    vocabulary = Vocabulary.from_words([w for w, _ in kept], [n for _, n in kept])
    digest = hashlib.sha256(ids.tobytes()).hexdigest()
    return EncodedCorpus(ids, offsets, vocabulary, counter.total(), len(counter), digest)
