"""Lines of a dictionary's file: a source word, its target words, a weight, other columns."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from embkit.errors import FormatError
from embkit.memory import ByteBudget
from embkit.streams import MOST_KEPT, open_input

_log = logging.getLogger("embkit")
_MOST_LINE = 1 << 20  # bytes
_NUMBER = re.compile(
    rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|infinity|nan)", re.IGNORECASE
)
_ENTRY_BYTES = 400  # an entry with its words and its places in lists, beside their letters


@dataclass(frozen=True, slots=True)
class Entry:
    """One pair of a dictionary; either side may be of several words."""

    source: str
    target: str
    weight: float = 1.0
    line: int | None = None
    group: str | None = None
    """What a column of the file says of the pair, such as its part of speech."""


def read_entries(path: str, group_column: str | None = None) -> list[Entry]:
    """Return the entries of a file; `SeedDictionary.read` tells their form.

    Raises
    ------
    ValueError
        If ``group_column`` is the number of a column of words.
    FormatError
        If a line is not of that form, or the header does not have ``group_column``.
    OSError
        If the file cannot be opened.
    ResourceError
        If they take more memory than a `ByteBudget` has.
    """
    group = None if group_column is None else parse_group_column(group_column)
    has_header = group_column is not None and group is None
    budget = ByteBudget()
    found: list[Entry] = []
    passed: list[tuple[int, bytes]] = []
    for number, offset, line in _lines(path):
        if has_header and group is None:
            group = _find_column(path, number, line, str(group_column))
            continue
        entries, rest = _entries(path, number, offset, line, group)
        letters = sum([len(entry.source) + len(entry.target) for entry in entries])
        budget.charge(path, number, _ENTRY_BYTES * (len(entries) + bool(rest)) + 2 * letters)
        found += entries
        passed += [(number, text) for text in rest[:1]]
    if passed:
        number, text = passed[0]
        _log.warning(
            "%s:%d: %r behind the words is passed over, as text there is in %d of the lines; "
            "several translations between tabs need a line each",
            *(path, number, text.decode(), len(passed)),
        )
    return found


def parse_group_column(column: str) -> int | None:
    """Return a column's place, from 0, where it is given as a number, from 1; None for a name.

    Raises
    ------
    ValueError
        If it is one of the two columns of words.

    Examples
    --------
    >>> parse_group_column("4"), parse_group_column("pos")
    (3, None)
    """
    if not column.isdecimal():
        return None
    if int(column) < 3:
        raise ValueError(
            f"group_column must be a name or at least 3, behind both words, got {column}"
        )
    return int(column) - 1


def _find_column(path: str, number: int, line: bytes, name: str) -> int:
    names = [field.strip() for field in line.decode("utf-8", "replace").split("\t")]
    if name not in names[2:]:
        reason = f"no column {name!r} behind the first two of the header: {', '.join(names)}"
        raise FormatError(path, number, None, reason[:300])
    return names.index(name, 2)


def _lines(path: str) -> Iterator[tuple[int, int, bytes]]:
    """Yield number, offset and bytes of each line that is not empty."""
    offset = 0
    with open_input(path) as stream:
        number = 0
        while line := stream.readline(_MOST_LINE):
            number += 1
            if len(line) == _MOST_LINE and not line.endswith(b"\n"):
                raise FormatError(path, number, offset, f"a line of over {_MOST_LINE} bytes")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, offset, line.rstrip(b"\r\n")
            offset += len(line)
            if offset > MOST_KEPT:
                reason = f"a dictionary must have at most {MOST_KEPT} bytes, got more"
                raise FormatError(path, number, None, reason)


def _entries(
    path: str, number: int, offset: int, line: bytes, group: int | None
) -> tuple[list[Entry], list[bytes]]:
    """Return a line's entries, and the texts behind them that mean nothing here."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = "a dictionary must be UTF-8"
        raise FormatError(path, number, offset + error.start, reason) from None
    # Split as bytes: blanks are ASCII's, as where texts and vectors are read.
    has_tabs = b"\t" in line
    fields = [field.strip() for field in line.split(b"\t")] if has_tabs else line.split()
    if len(fields) < 2 or not (fields[0] and fields[1]):
        reason = "a line must have a source and a target word, parted by a tab or blanks"
        commas = [mark for mark in ",;|" if mark in text and not has_tabs]
        reason += f" and not by {commas[0]!r}" if commas else ""
        reason += f", got {text[:80]!r}"
        raise FormatError(path, number, offset, reason)
    kind = None
    if group is not None:
        if not has_tabs or group >= len(fields):
            most = len(fields) if has_tabs else 1
            reason = f"a line must have {group + 1} columns between tabs, got {most}"
            raise FormatError(path, number, offset, reason)
        kind, fields[group] = fields[group].decode() or None, b""
    # A column has one meaning; between blanks, targets go on up to the first number.
    end = 2
    while not has_tabs and end < len(fields) and not _NUMBER.fullmatch(fields[end]):
        end += 1
    rest = fields[end:]
    weight = 1.0
    if rest and _NUMBER.fullmatch(rest[0]):
        weight = float(rest.pop(0))
    source = fields[0].decode()
    entries = [Entry(source, t.decode(), weight, number, kind) for t in fields[1:end]]
    return entries, [other for other in rest if other and not _NUMBER.fullmatch(other)]
