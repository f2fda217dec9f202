"""Phrases: words that stand together far more often than chance would have it."""

from __future__ import annotations

from embkit.phrases.apply import join_text
from embkit.phrases.learn import learn_phrases
from embkit.phrases.table import PhrasePass, PhraseTable, load_phrases

__all__ = ["PhrasePass", "PhraseTable", "join_text", "learn_phrases", "load_phrases"]
