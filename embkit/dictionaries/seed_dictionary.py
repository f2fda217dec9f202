"""Seed dictionaries: pairs of words read from any usual file, found in two vocabularies."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import Any, Literal

from embkit.checks import check_choice
from embkit.dictionaries.entries import Entry, read_entries
from embkit.dictionaries.seed_pairs import SeedPairs, find_words, select, unfit_weight
from embkit.errors import DictionaryError, FormatError
from embkit.vocabulary import Vocabulary

Case = Literal["exact", "lower", "any"]
Pair = Entry | tuple[str, str] | tuple[str, str, float]
Translations = Mapping[str, Sequence[str]]  # a str is one word

CASES = ("exact", "lower", "any")
_log = logging.getLogger("embkit")
_BLANKS = " \t\n\r\v\f"  # of ASCII: those of Unicode are parts of words


class SeedDictionary:
    """Pairs of words in two languages.

    Parameters
    ----------
    entries : iterable of Entry or of (source, target) or (source, target, weight), or mapping
        The pairs, repetitions allowed; or each source word with its target word or a list of
        several.
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
    >>> SeedDictionary({"dog": "Hund", "cat": ["Katze", "Kater"]}).entries == seeds.entries
    True
    """

    def __init__(
        self,
        entries: Iterable[Pair] | Translations,
        *,
        path: str | os.PathLike[str] | None = None,
    ) -> None:
        self.path = None if path is None else os.fspath(path)
        pairs = _pairs_of(entries) if isinstance(entries, Mapping) else entries
        self.entries = [_as_entry(pair) for pair in pairs]
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

    def __repr__(self) -> str:
        source = "" if self.path is None else f" of {self.path}"
        return f"SeedDictionary({len(self)} pairs{source})"

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
        unfit = unfit_weight(self.entries, self.path)
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
            find_words([getattr(e, side) for e in self.entries], vocabulary, case, unicode)
            for side, vocabulary in (("source", source), ("target", target))
        ]
        return select(self.entries, self.path, *sides)

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
            rows = find_words(words, vocabulary, case, unicode).tolist()
            pairs = zip(words, rows, strict=True)
            sides.append([w if row < 0 else vocabulary[row] for w, row in pairs])
        return list(zip(*sides, strict=True))


Dictionary = SeedDictionary | str | os.PathLike[str] | Iterable[Pair] | Translations


def as_dictionary(dictionary: Dictionary) -> SeedDictionary:
    """Return a dictionary that is given as it is, by its file, or by its pairs.

    Raises
    ------
    FormatError, OSError, ResourceError
        As `SeedDictionary.read`.
    ValueError
        If something is no pair of words.

    Examples
    --------
    >>> len(as_dictionary({"cat": ["Katze", "Kater"]}))
    2
    """
    if isinstance(dictionary, SeedDictionary):
        return dictionary
    if isinstance(dictionary, str | os.PathLike):
        return SeedDictionary.read(dictionary)
    return SeedDictionary(dictionary)


def _pairs_of(words: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield each word with each of its translations; not of a set, which has no order."""
    for source, targets in words.items():
        is_list = isinstance(targets, Sequence) and not isinstance(targets, str)
        yield from ((source, target) for target in (targets if is_list else [targets]))


def _as_entry(pair: Any) -> Entry:  # noqa: ANN401  (whatever a caller gives)
    """Return a pair as an entry; a word alone would be taken apart."""
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
