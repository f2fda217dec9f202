"""embkit: train, map and evaluate word embeddings."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from embkit import errors
from embkit._version import __version__

if TYPE_CHECKING:
    from embkit import evaluation, formats, mapping, report, training  # noqa: F401
    from embkit.dictionaries import SeedDictionary
    from embkit.embeddings import Embeddings
    from embkit.formats import load, save
    from embkit.mapping import Mapping, map
    from embkit.sparse import SparseEmbeddings
    from embkit.training import resume, train
    from embkit.vocabulary import Vocabulary

__all__ = ["Embeddings", "Mapping", "SeedDictionary", "Vocabulary", "__version__", "errors"]
__all__ += ["SparseEmbeddings", "load", "map", "resume", "save", "train"]

_PARTS = ("evaluation", "formats", "mapping", "report", "training")
# Brought in at first use, so that importing embkit costs next to nothing.
_HOMES = {
    "Embeddings": "embkit.embeddings",
    "SparseEmbeddings": "embkit.sparse",
    "Vocabulary": "embkit.vocabulary",
    "Mapping": "embkit.mapping",
    "SeedDictionary": "embkit.dictionaries",
    "load": "embkit.formats",
    "map": "embkit.mapping",
    "resume": "embkit.training",
    "save": "embkit.formats",
    "train": "embkit.training",
}


def __getattr__(name: str) -> object:
    if name in _PARTS:
        return importlib.import_module(f"embkit.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'embkit' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PARTS})
