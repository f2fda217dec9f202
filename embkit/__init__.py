"""embkit: train, map and evaluate word embeddings."""

from __future__ import annotations

__version__ = "0.1.0.dev0"
