"""What notebooks show of vectors."""

from __future__ import annotations

import html
from collections.abc import Mapping

MOST_SHOWN = 10
"""Entries of a list, such as singular values, that people are shown."""


def facts_table(caption: str, facts: Mapping[str, object]) -> str:
    """Return a table in HTML with a row for each fact; nothing in them acts as markup.

    Examples
    --------
    >>> facts_table("Vectors", {"words": 3})[:40]
    '<table><caption>Vectors</caption><tr><th'
    """
    cells = (
        f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{html.escape(_shown(value))}</td></tr>"
        for name, value in facts.items()
    )
    return f"<table><caption>{html.escape(caption)}</caption>{''.join(cells)}</table>"


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_shown(entry)}" for name, entry in value.items())
    if isinstance(value, list | tuple):
        some = ", ".join(map(_shown, value[:MOST_SHOWN]))
        return some if len(value) <= MOST_SHOWN else f"{some}, ... ({len(value)} in all)"
    return str(value)
