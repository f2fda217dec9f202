"""Co-occurrence counts as text: lines of a word, a context word and a count, parted by tabs."""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.counts.cooccurrence import Cooccurrence
from embkit.counts.temporary import MOST_NARROW
from embkit.errors import FormatError
from embkit.memory import ByteBudget
from embkit.output import OutputFile
from embkit.streams import open_input
from embkit.vocabulary import Vocabulary

_LONGEST_LINE = 1 << 24  # bytes
_LINES_AT_ONCE = 1 << 12
_LINE_BYTES = 136  # of the numbers of a line, while they are sorted
_WORD_BYTES = 200  # of a word with its number, beside its letters


def write_triples(
    counts: Cooccurrence, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    r"""Write one line for each entry, in row order; counts are read back as they were.

    Raises
    ------
    OutputExistsError
        If the file exists and ``overwrite`` is false.
    OSError
        If it cannot be written.
    ValueError
        If a word is empty, or holds a tab or a newline.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "counts.tsv"
    >>> words = Vocabulary.from_words(["a", "b"])
    >>> write_triples(
    ...     Cooccurrence(words, np.array([0, 1, 1]), np.array([1]), np.array([1.5])), path
    ... )
    >>> path.read_text()
    'a\tb\t1.5\n'
    """
    vocabulary = counts.vocabulary
    words = [vocabulary.bytes_of(row) for row in range(len(vocabulary))]
    for word in words:
        if not word or b"\t" in word or b"\n" in word:
            raise ValueError(f"a word must not be empty or hold a tab or newline, got {word!r}")
    with OutputFile(path, overwrite=overwrite) as stream:
        for row, word in enumerate(words):
            begin, end = (int(place) for place in counts.row_begins[row : row + 2])
            columns = counts.columns[begin:end].tolist()
            values = counts.values[begin:end].tolist()
            stream.write(
                b"".join(
                    b"%s\t%s\t%s\n" % (word, words[column], repr(value).encode())
                    for column, value in zip(columns, values, strict=True)
                )
            )


def read_triples(
    path: str | os.PathLike[str], vocabulary: Vocabulary | None = None
) -> Cooccurrence:
    r"""Read lines of a word, a context word and a count, in any order.

    Parameters
    ----------
    path : str or path
        The file, or ``-`` for standard input; compressed files are told by content.
    vocabulary : Vocabulary, optional
        The words of the rows; without it, all words of the file in the order of their first
        appearance, with no counts of their own.

    Returns
    -------
    Cooccurrence
        In memory.

    Raises
    ------
    FormatError
        If there is no line, or one is not a word, a word and a count that is finite and above
        0, has a word that the vocabulary lacks, or repeats a pair: it names the line.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "counts.tsv"
    >>> _ = path.write_text("b\ta\t2\na\tb\t0.5\n")
    >>> counts = read_triples(path)
    >>> list(counts.vocabulary), counts.matrix.toarray().tolist()
    (['b', 'a'], [[0.0, 2.0], [0.5, 0.0]])
    """
    found: dict[bytes, int] = {}
    if vocabulary is not None:
        found = {vocabulary.bytes_of(row): row for row in reversed(range(len(vocabulary)))}
    budget = ByteBudget()
    rows, columns, values = array("q"), array("q"), array("d")
    for line, (word, context, value) in enumerate(_lines(path), 1):
        for name, ids in ((word, rows), (context, columns)):
            if name not in found:
                if vocabulary is not None:
                    shown = name.decode("utf-8", "backslashreplace")
                    raise FormatError(path, line, None, f"{shown!r} is not in the vocabulary")
                found[name] = len(found)
                budget.charge(path, line, _WORD_BYTES + 2 * len(name))
            ids.append(found[name])
        values.append(value)
        if line % _LINES_AT_ONCE == 0:
            budget.charge(path, line, _LINES_AT_ONCE * _LINE_BYTES)
    if not values:
        raise FormatError(path, None, 0, "counts must have lines, got an empty file")
    row_ids, column_ids = np.array(rows), np.array(columns)
    order = np.lexsort((column_ids, row_ids))
    again = (np.diff(row_ids[order]) == 0) & (np.diff(column_ids[order]) == 0)
    if again.any():
        line = int(order[1:][again].min()) + 1
        raise FormatError(path, line, None, "a pair must stand once, this one stands twice")
    words = vocabulary if vocabulary is not None else Vocabulary.from_words(found)
    sorted_columns: NDArray[Any] = column_ids[order]
    return Cooccurrence(
        words,
        np.searchsorted(row_ids[order], np.arange(len(words) + 1)).astype(np.int64),
        sorted_columns if len(values) > MOST_NARROW else sorted_columns.astype(np.int32),
        np.array(values)[order],
        provenance={"method": "cooccurrence", "source": os.path.basename(path)},  # noqa: PTH119
    )


def _lines(path: str | os.PathLike[str]) -> Iterator[tuple[bytes, bytes, float]]:
    with open_input(path) as stream:
        number = 0
        while text := stream.readline(_LONGEST_LINE):
            number += 1
            parts = text.rstrip(b"\r\n").split(b"\t")
            try:
                word, context, digits = parts
                value = float(digits)
            except ValueError:
                value = math.nan
            if len(parts) != 3 or not (parts[0] and parts[1] and 0 < value < math.inf):
                shown = text[:60].decode("utf-8", "backslashreplace")
                reason = "a line must be a word, a word and a count above 0, parted by tabs, "
                raise FormatError(path, number, None, f"{reason}got {shown!r}")
            yield word, context, value
