"""Lines of a dictionary's file: a source word, its target words, perhaps a weight."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from embkit.errors import FormatError
from embkit.streams import MOST_KEPT, open_input

_MOST_LINE = 1 << 20  # bytes
_NUMBER = re.compile(
    rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf|infinity|nan)", re.IGNORECASE
)


@dataclass(frozen=True)
class Entry:
    """One pair of a dictionary; either side may be of several words."""

    source: str
    target: str
    weight: float = 1.0
    line: int | None = None


def read_entries(path: str) -> Iterator[Entry]:
    """Yield the entries of a file; `SeedDictionary.read` tells their form.

    Raises
    ------
    FormatError
        If a line is not of that form.
    OSError
        If the file cannot be opened.
    """
    for number, offset, line in _lines(path):
        yield from _entries(path, number, offset, line)


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


def _entries(path: str, number: int, offset: int, line: bytes) -> Iterator[Entry]:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = "a dictionary must be UTF-8"
        raise FormatError(path, number, offset + error.start, reason) from None
    # Split as bytes: blanks are ASCII's, as where texts and vectors are read.
    fields = [field.strip() for field in line.split(b"\t")] if b"\t" in line else line.split()
    while fields and not fields[-1]:
        fields.pop()  # a tab at the end of the line
    weight = 1.0
    while len(fields) > 2 and _NUMBER.fullmatch(fields[-1]):
        weight = float(fields.pop())  # of several figures the first
        if b"\t" not in line:
            break  # a number before the weight may be a translation
    if len(fields) < 2 or not all(fields):
        text = line.decode("utf-8")
        reason = f"a line must have a source and a target word, got {text[:80]!r}"
        raise FormatError(path, number, offset, reason)
    if not (math.isfinite(weight) and weight > 0):
        raise FormatError(path, number, offset, f"a weight must be positive, got {weight}")
    for target in fields[1:]:
        yield Entry(fields[0].decode(), target.decode(), weight, number)
