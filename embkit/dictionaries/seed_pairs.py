"""A dictionary's entries as rows of two vocabularies: which are known, and what they weigh."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.dictionaries.entries import Entry
from embkit.errors import FormatError
from embkit.vocabulary import Vocabulary

Rows = NDArray[np.int64]
_MOST_EXAMPLES = 10  # unused pairs that a report names


@dataclass(frozen=True)
class SeedReport:
    """Which pairs of a dictionary were used, and why the others were not."""

    num_pairs: int
    """Pairs in the dictionary."""
    used: int
    """Pairs of which both words have a row."""
    unused: dict[str, int] = field(default_factory=dict)
    """How many were left out, by reason."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Some of them, by reason."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {
            "num_pairs": self.num_pairs,
            "used": self.used,
            "unused": dict(self.unused),
            "examples": {reason: list(some) for reason, some in self.examples.items()},
        }

    def summary(self) -> str:
        """Return one line for people, with some of the pairs.

        Examples
        --------
        >>> SeedReport(3, 2, {"source word unknown": 1}).summary()
        '2 of 3 pairs used; source word unknown: 1'
        >>> some = {"pair stands twice": ["dog Hund", "cat Katze"]}
        >>> SeedReport(5, 2, {"pair stands twice": 3}, some).summary()
        "2 of 5 pairs used; pair stands twice: 3 ('dog Hund', 'cat Katze', ...)"
        """
        reasons = [
            f"{reason}: {count}{_shown(self.examples.get(reason, []), count)}"
            for reason, count in self.unused.items()
        ]
        return "; ".join([f"{self.used} of {self.num_pairs} pairs used", *reasons])


def _shown(pairs: list[str], count: int) -> str:
    if not pairs:
        return ""
    some = [repr(pair if len(pair) <= 40 else f"{pair[:37]}...") for pair in pairs[:3]]
    return f" ({', '.join([*some, *['...'] * (count > len(some))])})"


@dataclass(frozen=True)
class SeedPairs:
    """A dictionary's pairs as rows of two vocabularies.

    Attributes
    ----------
    source, target : array of int64, shape (num_pairs,)
        Rows; pair ``i`` is ``source[i]`` and ``target[i]``.
    told : array of float64, shape (num_pairs,)
        The weight of each pair in the dictionary, 1 where it does not say, of any sign.
    report : SeedReport
        What was used and what not.
    unfit : ValueError, optional
        Why the weights cannot be used.
    """

    source: Rows
    target: Rows
    told: NDArray[np.float64]
    report: SeedReport
    unfit: ValueError | None = None

    def __len__(self) -> int:
        return len(self.source)

    @property
    def weights(self) -> NDArray[np.float64]:
        """How much each pair counts, shape (num_pairs,).

        Raises
        ------
        ValueError
            If the dictionary gives one of them a weight that is not positive.
        """
        if self.unfit is not None:
            raise self.unfit
        return self.told


def find_words(words: list[str], vocabulary: Vocabulary, case: str, unicode: bool) -> Rows:
    """Return each word's row, -1 for unknown ones, by the first of its forms that has one."""
    changes: dict[str, list[Callable[[str], str]]] = {
        "exact": [str],
        "lower": [str.lower],
        "any": [str, str.lower, _capitalize, str.upper],
    }
    rows = np.full(len(words), -1, np.int64)
    for change in changes[case]:
        for form in ("", "NFC", "NFD") if unicode else ("",):
            for joint in (" ", "_"):
                missing = np.flatnonzero(rows < 0)
                if not missing.size:
                    return rows
                tried = [_form(change(words[i]), form).replace(" ", joint) for i in missing]
                rows[missing] = vocabulary.ids_of(tried)
    return rows


def _form(word: str, form: str) -> str:
    if form == "NFC":
        return unicodedata.normalize("NFC", word)
    return unicodedata.normalize("NFD", word) if form else word


def _capitalize(word: str) -> str:
    return word[:1].upper() + word[1:]


def unfit_weight(entries: Iterable[Entry], path: str | None) -> ValueError | None:
    """Return what is wrong with the first weight that is not a positive number, if any is."""
    for entry in entries:
        if not (math.isfinite(entry.weight) and entry.weight > 0):
            reason = (
                f"a weight must be positive where weights are used, got {entry.weight} for "
                f"{entry.source} {entry.target}"
            )
            if path is None:
                return ValueError(reason)
            return FormatError(path, entry.line, None, reason)
    return None


def select(entries: list[Entry], path: str | None, source: Rows, target: Rows) -> SeedPairs:
    """Return the pairs whose words both have a row, and what became of the others."""
    weights: dict[tuple[int, int], float] = {}
    kept, known = [], []
    unused: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    for i, (entry, s, t) in enumerate(
        zip(entries, source.tolist(), target.tolist(), strict=True)
    ):
        if s < 0 or t < 0:
            who = "both words" if s < 0 and t < 0 else f"{'source' if s < 0 else 'target'} word"
            reason = f"{who} unknown"
        elif (s, t) in weights:
            known.append(entry)
            weights[s, t] += entry.weight
            reason = "pair stands twice"
        else:
            kept.append(i)
            known.append(entry)
            weights[s, t] = entry.weight
            continue
        unused[reason] += 1
        if len(some := examples.setdefault(reason, [])) < _MOST_EXAMPLES:
            some.append(f"{entry.source} {entry.target}")
    return SeedPairs(
        source[kept],
        target[kept],
        np.fromiter(weights.values(), np.float64, len(weights)),
        SeedReport(len(entries), len(kept), dict(unused), examples),
        unfit_weight(known, path),
    )
