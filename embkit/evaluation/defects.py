"""Copies of data sets that are known to be wrong, told by their content."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence, Set

import numpy as np

from embkit.errors import FormatError
from embkit.evaluation.sets import Doubles

# A pair, its published score, and the part of a file's name that claims the set. Copies that
# carry another score there: word-benchmarks' simlex999.csv (the scores of Leviant and
# Reichart 2015) and mc-30.csv (a slipped digit, also in dict2vec's).
_PUBLISHED: tuple[tuple[str, tuple[str, str], float], ...] = (
    ("simlex", ("old", "new"), 1.58),
    ("simlex", ("smart", "intelligent"), 9.2),
    ("mc-30", ("noon", "string"), 0.08),
    ("mc30", ("noon", "string"), 0.08),
    ("rg-65", ("chord", "smile"), 0.02),
    ("rg65", ("chord", "smile"), 0.02),
)


_TAG = re.compile(r"(?<=.)-[nvjr]$")


def check_similarity(
    path: str | os.PathLike[str],
    name: str,
    pairs: Sequence[tuple[str, str]],
    scores: Doubles,
) -> tuple[str, ...]:
    """Return what is known to be wrong with a similarity set.

    Raises
    ------
    FormatError
        If it is another set than its name says.
    """
    lowered = name.lower()
    if "verb-143" in lowered or "verb143" in lowered or "verb_143" in lowered:
        _refuse_yp130(path, {(a.lower(), b.lower()) for a, b in pairs})
    notes = []
    found: dict[tuple[str, str], float] = {}
    if any(part in lowered for part, _, _ in _PUBLISHED):
        found = {
            (a.lower(), b.lower()): score for (a, b), score in zip(pairs, scores, strict=True)
        }
    for part, pair, published in _PUBLISHED:
        if part not in lowered:
            continue
        score = found.get(pair)
        if score is None and part in ("rg-65", "rg65") and ("cord", "smile") in found:
            notes.append("'cord smile' should be 'chord smile'")
        elif score is not None and not np.isclose(score, published):
            text = f"{' '.join(pair)!r} has score {score:g}, but {published:g} was published"
            notes.append(text)
    notes.extend(_repeated(pairs))
    return tuple(notes)


def without_tags(
    pairs: tuple[tuple[str, str], ...],
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return pairs without the parts of speech that MEN's lemma files carry (sun-n).

    Only where every word has one; the second value says so.
    """
    if not all(_TAG.search(word) for pair in pairs for word in pair):
        return pairs, ()
    bare = tuple((_TAG.sub("", a), _TAG.sub("", b)) for a, b in pairs)
    return bare, ("took the part of speech off each word",)


def _refuse_yp130(path: str | os.PathLike[str], found: Set[tuple[str, str]]) -> None:
    if len(found) <= 130 and ("brag", "boast") in found:
        raise FormatError(
            path, None, None, f"this is YP-130 ({len(found)} pairs), not VERB-143"
        )


def _repeated(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Name pairs that occur twice in the same order, as money-cash does in WordSim-353."""
    if len(set(pairs)) == len(pairs):
        return []
    twice = [pair for pair, count in Counter(pairs).items() if count > 1]
    shown = ", ".join(" ".join(pair) for pair in twice[:3])
    return [f"{len(twice)} pairs occur more than once: {shown}"]
