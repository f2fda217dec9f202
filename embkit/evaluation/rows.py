"""Rows of a text file of any dialect, each with its line number."""

from __future__ import annotations

import csv
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from embkit.errors import FormatError
from embkit.memory import ByteBudget
from embkit.streams import MOST_KEPT, open_input

_log = logging.getLogger(__name__)
_PAGE = re.compile(r"\s*<(!doctype|html|\?xml|head|body)", re.IGNORECASE)
_BLOCK = 1 << 20
LONG_LINE = 1 << 12  # letters; a longer one is charged before it is split
ROW_BYTES = 512
"""Memory of a row and of what a reader makes of it, beside its words."""
WORD_BYTES = 80
"""Memory of a word of a few letters, with its place in a tuple."""


class Row(NamedTuple):
    """The fields of one line."""

    line: int
    fields: tuple[str, ...]


def read_text(path: str | os.PathLike[str], budget: ByteBudget) -> str:
    """Return a file's text, decompressed; UTF-8, with or without a byte order mark.

    Raises
    ------
    FormatError
        If it is not UTF-8 text, is empty, far too long, or is a web page.
    ResourceError
        If it takes more memory than the budget has.
    """
    data = bytearray()
    each = 2  # the text beside its bytes, or beside a copy with other ends of lines
    line = 1
    with open_input(path) as stream:
        while block := stream.read(_BLOCK):
            each = each if block.isascii() else 8  # a letter may take four bytes
            line += block.count(b"\n")
            budget.check(path, line, each * (len(data) + len(block)))
            data += block
            if len(data) > MOST_KEPT:
                reason = f"text must have at most {MOST_KEPT} bytes, got more"
                raise FormatError(path, line, None, reason)
    budget.charge(path, None, each * len(data))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(path, line, error.start, "text must be UTF-8") from None
    if "\0" in text:
        raise FormatError(path, text.count("\n", 0, text.index("\0")) + 1, None, "not text")
    if not text.strip():
        raise FormatError(path, None, None, "the file is empty")
    if _PAGE.match(text):
        raise FormatError(path, 1, None, "a web page, not a data set: was the download wrong?")
    return text


def lines_of(text: str) -> Iterator[str]:
    r"""Yield the lines of a text, ended as on any system, and by nothing else.

    Examples
    --------
    >>> list(lines_of("a\r\nb\x0bc\rd\n"))
    ['a', 'b\x0bc', 'd', '']
    """
    text = text.replace("\r\n", "\n")
    text = text.replace("\r", "\n")
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def fields_of(line: str) -> list[str]:
    """Return what blanks and tabs part; a no-break space is part of a word."""
    return [field for field in re.split("[ \t]+", line) if field]


def read_rows(path: str | os.PathLike[str]) -> list[Row]:
    """Return the rows of a table: tabs, commas, semicolons or blanks, as its first row has.

    Blank lines and lines that begin with ``#`` are left out. Rows of nothing but empty
    fields are left out at the end, with a warning; elsewhere they are errors of the reader
    that needs their fields.

    Raises
    ------
    FormatError, ResourceError
        As `read_text`, or if no row is left.
    """
    budget = ByteBudget()
    return rows_of(path, read_text(path, budget), budget)


def rows_of(path: str | os.PathLike[str], text: str, budget: ByteBudget) -> list[Row]:
    """Return the rows of a table's text, as `read_rows` does of a file."""
    rows: list[Row] = []
    first, delimiter = "", None
    for number, line in enumerate(lines_of(text), 1):
        if not line.strip(" ") or line[0] == "#":
            continue
        if not rows:
            first, delimiter = line, _delimiter(line)
        if len(line) > LONG_LINE:
            budget.check(path, number, WORD_BYTES * len(line))  # if all is marks
        fields = _split(path, number, line, delimiter)
        budget.charge(path, number, ROW_BYTES + WORD_BYTES * len(fields) + 2 * len(line))
        rows.append(Row(number, tuple([field.strip() for field in fields])))
    if not rows:
        raise FormatError(path, None, None, "no row of data")
    begin, full = rows[0].line, len(rows)
    while rows and _is_empty(rows[-1].fields):
        rows.pop()
    if not rows:
        raise FormatError(path, begin, None, f"need columns, got {first[:60]!r}")
    if len(rows) < full:
        _log.warning("%s: left out %d empty rows at the end", os.fspath(path), full - len(rows))
    return rows


def _is_empty(fields: Sequence[str]) -> bool:
    """Tell whether there is nothing, but perhaps the row's number, as pandas writes it."""
    return not any(fields[1:]) and (not any(fields[:1]) or fields[0].isdecimal())


def _delimiter(line: str) -> str | None:
    return next((mark for mark in "\t,;" if mark in line), None)


def _split(
    path: str | os.PathLike[str], number: int, line: str, delimiter: str | None
) -> list[str]:
    if delimiter is None:
        return fields_of(line)
    if delimiter == "\t":
        return line.split("\t")
    return _split_quoted(path, number, line, delimiter)


def _split_quoted(
    path: str | os.PathLike[str], number: int, line: str, delimiter: str
) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error as error:
        raise FormatError(path, number, None, str(error)) from None


@dataclass(frozen=True)
class Table:
    """Rows below a header, where there is one."""

    path: str
    header: tuple[str, ...] | None
    rows: tuple[Row, ...]

    def select(self, positions: Sequence[int]) -> list[Row]:
        """Return the rows with only these columns.

        Raises
        ------
        FormatError
            If rows differ in their number of fields, or a field is empty.
        """
        width = len(self.rows[0].fields) if self.header is None else len(self.header)
        if max(positions) >= width:
            line = self.rows[0].line
            raise FormatError(
                self.path, line, None, f"need at least {max(positions) + 1} fields, got {width}"
            )
        is_whole = list(positions) == list(range(width))
        selected = []
        for row in self.rows:
            if len(row.fields) != width:
                reason = f"need {width} fields as in the other rows, got {len(row.fields)}"
                raise FormatError(self.path, row.line, None, reason)
            fields = row.fields if is_whole else tuple([row.fields[p] for p in positions])
            if not all(fields):
                empty = positions[fields.index("")] + 1
                raise FormatError(self.path, row.line, None, f"column {empty} is empty")
            selected.append(row if is_whole else Row(row.line, fields))
        return selected

    def find(self, names: Sequence[Sequence[str]]) -> list[int] | None:
        """Return the position of each column by its possible names; None if one lacks."""
        header = [_plain(name) for name in self.header or ()]
        found = [next((header.index(n) for n in some if n in header), -1) for some in names]
        return None if -1 in found else found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def read_table(
    path: str | os.PathLike[str],
    known: Sequence[Sequence[str]],
    *,
    columns: Sequence[str] | None = None,
) -> tuple[Table, list[int] | None]:
    """Return a table and where its columns are.

    Parameters
    ----------
    path : str or path
    known : sequence of sequences of str
        For each wanted column the names by which a header may call it, in lower case
        letters and digits only.
    columns : sequence of str, optional
        The user's own: names out of the header, or numbers counted from 1.

    Returns
    -------
    table : Table
    positions : list of int, or None
        From 0; None where neither ``columns`` nor a header tells.

    Raises
    ------
    FormatError
        If the file is unreadable, or lacks a column that ``columns`` names.
    ValueError
        If ``columns`` has the wrong length.
    """
    rows = read_rows(path)
    name = os.fspath(path)
    if columns is not None:
        return _read_named(name, rows, columns, len(known))
    table = Table(name, rows[0].fields, tuple(rows[1:]))
    positions = table.find(known)
    if positions is None:
        return Table(name, None, tuple(rows)), None
    if len(rows) == 1:
        raise FormatError(name, rows[0].line, None, "no row below the header")
    return table, positions


def _read_named(
    path: str, rows: list[Row], columns: Sequence[str], wanted: int
) -> tuple[Table, list[int]]:
    if len(columns) != wanted:
        raise ValueError(f"columns must be {wanted}, got {len(columns)}: {', '.join(columns)}")
    if all(column.isdecimal() and int(column) > 0 for column in columns):
        return Table(path, None, tuple(rows)), [int(column) - 1 for column in columns]
    header = rows[0].fields
    missing = [column for column in columns if column not in header]
    if missing:
        reason = f"no column {missing[0]!r} in the header: {', '.join(header)}"
        raise FormatError(path, rows[0].line, None, reason)
    if len(rows) == 1:
        raise FormatError(path, rows[0].line, None, "no row below the header")
    return Table(path, header, tuple(rows[1:])), [header.index(c) for c in columns]
