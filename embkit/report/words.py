"""Which words a report shows where none are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.sparse import SparseEmbeddings

Model: TypeAlias = "Embeddings | SparseEmbeddings"

_RANKS = (150, 300, 500, 800, 1200, 1700, 2300, 3000)  # where words are chosen from


def choose_words(models: Sequence[Model]) -> tuple[str, ...]:
    """Return some frequent words of letters that all models know, spread over the ranks."""
    chosen: list[str] = []
    words = models[0].words
    for rank in _RANKS:
        fit = (
            w
            for w in words[rank : rank + 200]
            if w.isalpha() and len(w) > 3 and w not in chosen
        )
        found = next((w for w in fit if all(w in other for other in models[1:])), None)
        chosen += [] if found is None else [found]
    shared = (w for w in words if all(w in other for other in models[1:]))
    return tuple(chosen) or tuple(word for word, _ in zip(shared, range(4), strict=False))
