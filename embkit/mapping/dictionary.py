"""Seed dictionaries: pairs of words read from any usual file, found in two vocabularies."""

from __future__ import annotations

import logging
import math
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embkit.checks import check_choice
from embkit.errors import DictionaryError, FormatError
from embkit.mapping.entries import Entry, read_entries
from embkit.vocabulary import Vocabulary

Rows = NDArray[np.int64]
Case = Literal["exact", "lower", "any"]

CASES = ("exact", "lower", "any")
_log = logging.getLogger("embkit")
_MOST_EXAMPLES = 10  # unused pairs that a report names

_BLANKS = " \t\n\r\v\f"  # of ASCII: those of Unicode are parts of words


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
        """Return one line for people.

        Examples
        --------
        >>> SeedReport(3, 2, {"source word unknown": 1}).summary()
        '2 of 3 pairs used; source word unknown: 1'
        """
        reasons = [f"{reason}: {count}" for reason, count in self.unused.items()]
        return "; ".join([f"{self.used} of {self.num_pairs} pairs used", *reasons])


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


class SeedDictionary:
    """Pairs of words in two languages.

    Parameters
    ----------
    entries : iterable of Entry or of (source, target) or (source, target, weight)
        The pairs, repetitions allowed.
    path : str or path, optional
        Where they came from.

    Raises
    ------
    ValueError
        If something is no pair of words, or a word is empty.

    Examples
    --------
    >>> seeds = SeedDictionary([("dog", "Hund"), ("cat", "Katze"), ("cat", "Kater")])
    >>> source = Vocabulary.from_words(["cat", "dog"])
    >>> pairs = seeds.find(source, Vocabulary.from_words(["Hund", "Katze"]))
    >>> pairs.source, pairs.target, pairs.report.unused
    (array([1, 0]), array([0, 1]), {'target word unknown': 1})
    """

    def __init__(
        self,
        entries: Iterable[Entry | tuple[str, str] | tuple[str, str, float]],
        *,
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path = None if path is None else os.fspath(path)
        self.entries = [_as_entry(e) for e in entries]
        for entry in self.entries:
            if not (entry.source.strip(_BLANKS) and entry.target.strip(_BLANKS)):
                raise ValueError(f"words of a pair must not be empty, got {entry}")

    @classmethod
    def read(
        cls, path: str | os.PathLike[str], *, group_column: str | None = None
    ) -> SeedDictionary:
        r"""Read a file of pairs, a line each, parted by tabs or, without any, by blanks.

        Between tabs stand the source word, the target word and, where the third column is a
        number, the pair's weight; either word may be of several. Between blanks a source word
        is followed by one or more target words, and these, perhaps, by a weight: behind the
        first target no number is a word. Weights may be any numbers as long as they are not
        used. Whatever else a line has is passed over, text with a warning. So are empty lines
        and a byte order mark; the file may be compressed.

        Parameters
        ----------
        path : str or path
        group_column : str, optional
            The column between tabs that tells each pair's group, such as its part of speech:
            its number, from 1, or its name in the first line, which is a header then.

        Raises
        ------
        ValueError
            If ``group_column`` is one of the first two.
        FormatError
            If a line has no target, is not UTF-8 or lacks ``group_column``; or if the file has
            no pair at all.
        OSError
            If the file cannot be opened.
        ResourceError
            If its pairs take more memory than `embkit.memory.ByteBudget` allows.

        Examples
        --------
        >>> path = getfixture("tmp_path") / "d.txt"
        >>> _ = path.write_text("New York\tNeu York\nhouse Haus Heim 0.5\n")
        >>> [(e.source, e.target, e.weight) for e in SeedDictionary.read(path).entries]
        [('New York', 'Neu York', 1.0), ('house', 'Haus', 0.5), ('house', 'Heim', 0.5)]
        """
        shown = os.fspath(path)
        entries = read_entries(shown, group_column)
        if not entries:
            raise FormatError(shown, None, None, "a dictionary must have a pair, got none")
        return cls(entries, path=shown)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def reversed(self) -> SeedDictionary:
        """Return the dictionary of the other direction."""
        flipped = [replace(e, source=e.target, target=e.source) for e in self.entries]
        return SeedDictionary(flipped, path=self.path)

    def check_weights(self) -> None:
        """Raise where a weight could not be used.

        Raises
        ------
        ValueError
            If one is not a positive number; a FormatError where it was read from a file.
        """
        unfit = _unfit(self.entries, self.path)
        if unfit is not None:
            raise unfit

    def find(
        self,
        source: Vocabulary,
        target: Vocabulary,
        *,
        case: Case = "exact",
        unicode: bool = True,
    ) -> SeedPairs:
        """Return the rows of all pairs whose words both vocabularies have.

        Parameters
        ----------
        source, target : Vocabulary
        case : {"exact", "lower", "any"}
            Look for a word as it stands, in lower case only, or as it stands and then in
            lower case, with a capital, and in capitals.
        unicode : bool
            Where a word is not found, look for its composed and decomposed forms (NFC, NFD).

        Returns
        -------
        SeedPairs
            In the dictionary's order, each pair of rows once with the sum of its entries'
            weights; an entry of several words is found with its blanks or with ``_`` for them.

        Raises
        ------
        ValueError
            If ``case`` is none of the above.
        """
        check_choice("case", case, CASES)
        sides = [
            _find_words([getattr(e, side) for e in self.entries], vocabulary, case, unicode)
            for side, vocabulary in (("source", source), ("target", target))
        ]
        return _select(self.entries, self.path, *sides)

    def swapped_hint(
        self,
        found: SeedPairs,
        source: Vocabulary,
        target: Vocabulary,
        *,
        case: Case = "exact",
        unicode: bool = True,
    ) -> str:
        """Return what to tell where the dictionary seems to be of the other direction, or "".

        Names and numbers that both languages spell alike are known either way, so that some
        pairs are found even then.

        Parameters
        ----------
        found : SeedPairs
            What ``find`` returned.
        source, target, case, unicode
            As for ``find``.
        """
        if 2 * len(found) > len(self):
            return ""
        swapped = self.reversed().find(source, target, case=case, unicode=unicode)
        if len(swapped) <= 2 * len(found):
            return ""
        return (
            f"; the other way round {len(swapped)} of its pairs are known: is the target first?"
        )

    def spelled(
        self,
        source: Vocabulary,
        target: Vocabulary,
        *,
        case: Case = "exact",
        unicode: bool = True,
    ) -> list[tuple[str, str]]:
        """Return all pairs, each word as its vocabulary spells it; unknown ones as they stand.

        Parameters
        ----------
        source, target, case, unicode
            As for ``find``.

        Raises
        ------
        ValueError
            If ``case`` is not allowed.

        Examples
        --------
        >>> seeds = SeedDictionary([("new york", "Neu-York"), ("cat", "Katze")])
        >>> source = Vocabulary.from_words(["new_york"])
        >>> seeds.spelled(source, Vocabulary.from_words(["katze"]), case="any")
        [('new_york', 'Neu-York'), ('cat', 'katze')]
        """
        check_choice("case", case, CASES)
        sides = []
        for side, vocabulary in (("source", source), ("target", target)):
            words = [getattr(entry, side) for entry in self.entries]
            rows = _find_words(words, vocabulary, case, unicode).tolist()
            pairs = zip(words, rows, strict=True)
            sides.append([w if row < 0 else vocabulary[row] for w, row in pairs])
        return list(zip(*sides, strict=True))


def _as_entry(pair: Any) -> Entry:  # noqa: ANN401  (whatever a caller gives)
    """Return a pair as an entry; a word alone, as a dict yields, would be taken apart."""
    if isinstance(pair, Entry):
        return pair
    found = tuple(pair) if isinstance(pair, Iterable) and not isinstance(pair, str) else ()
    is_pair = len(found) in (2, 3) and all(isinstance(word, str) for word in found[:2])
    if not is_pair or not all(isinstance(weight, Real) for weight in found[2:]):
        raise ValueError(f"a pair must be a source and a target word, got {pair!r}")
    return Entry(*found)


def find_known(
    dictionary: SeedDictionary,
    source: Vocabulary,
    target: Vocabulary,
    **looked: Any,  # noqa: ANN401  (case and unicode)
) -> SeedPairs:
    """Return a dictionary's pairs as rows; warn where it seems to be of the other direction.

    Raises
    ------
    DictionaryError
        If no pair has both its words in the vocabularies.
    """
    pairs = dictionary.find(source, target, **looked)
    told = pairs.report.summary()
    hint = dictionary.swapped_hint(pairs, source, target, **looked)
    if len(pairs) == 0:
        why = f"that both vocabularies know: {told}{hint}"
        raise DictionaryError(f"dictionary must have a pair {why}")
    if hint:
        _log.warning("%s%s", told, hint)
    else:
        _log.info("%s", told)
    return pairs


def _find_words(words: list[str], vocabulary: Vocabulary, case: str, unicode: bool) -> Rows:
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


def _unfit(entries: Iterable[Entry], path: str | None) -> ValueError | None:
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


def _select(entries: list[Entry], path: str | None, source: Rows, target: Rows) -> SeedPairs:
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
        _unfit(known, path),
    )
