"""embkit: train, map and evaluate word embeddings."""

from __future__ import annotations

from embkit._version import __version__

__all__ = ["__version__"]
