"""Dictionaries: pairs of words of two languages, read from files, found in vocabularies."""

from __future__ import annotations

from embkit.dictionaries.seed_dictionary import SeedDictionary

__all__ = ["SeedDictionary"]
