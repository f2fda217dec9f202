"""From text to word ids, once: read, count and encode a corpus."""

from __future__ import annotations

from embkit.corpus.encoded import EncodedCorpus, encode

__all__ = ["EncodedCorpus", "encode"]
