"""GloVe's ``cooccurrence.bin``: records of two word numbers, from 1, and a count.

16 bytes each, little-endian: int32, int32, float64 (Stanford's tools on common machines). The
numbers are lines of the vocabulary file; the tool sorts records, its ``shuffle`` does not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.counts.checks import first_fault
from embkit.counts.cooccurrence import Cooccurrence
from embkit.counts.temporary import MOST_NARROW
from embkit.errors import FormatError
from embkit.file_arrays import map_array
from embkit.formats.limits import check_memory
from embkit.output import OutputFile
from embkit.vocabulary import Vocabulary

RECORD = np.dtype([("row", "<i4"), ("column", "<i4"), ("value", "<f8")])
_AT_ONCE = 1 << 20  # records
_MOST_WORDS = 2**31 - 1


def read_glove(path: str | os.PathLike[str], vocabulary: Vocabulary) -> Cooccurrence:
    """Read the records of GloVe's ``cooccur``, or of its ``shuffle``.

    Parameters
    ----------
    path : str or path
        A file, which must not be compressed.
    vocabulary : Vocabulary
        The words that the records number; see `embkit.formats.load_vocabulary`.

    Returns
    -------
    Cooccurrence
        In memory; the first word of a record is its row.

    Raises
    ------
    FormatError
        If the file is empty or ends within a record, a word number is not from 1 to the size of
        the vocabulary, a count is not finite and above 0, or a pair stands twice: it names
        the byte.
    OSError
        If the file cannot be read.
    ResourceError
        If it does not fit in memory.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "cooccurrence.bin"
    >>> _ = path.write_bytes(np.array([(2, 1, 0.5), (1, 2, 1.5)], RECORD).tobytes())
    >>> read_glove(path, Vocabulary.from_words(["a", "b"])).matrix.toarray().tolist()
    [[0.0, 1.5], [0.5, 0.0]]
    """
    file = Path(path)
    size = file.stat().st_size
    if size == 0 or size % RECORD.itemsize:
        whole = size - size % RECORD.itemsize
        reason = f"records must be {RECORD.itemsize} bytes each, got {size} bytes in all"
        raise FormatError(path, None, whole, reason)
    check_memory(path, 3 * size)
    with file.open("rb") as stream:
        records = map_array(stream, RECORD, name=path)
    counts = np.zeros(len(vocabulary), np.int64)
    for start in range(0, len(records), _AT_ONCE):
        part = records[start : start + _AT_ONCE]
        _check(path, part, start, len(vocabulary))
        counts += np.bincount(part["row"] - 1, minlength=len(vocabulary))
    row_begins = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    columns, values = _sorted_entries(records)
    fault = first_fault(row_begins, columns, values, len(vocabulary))
    if fault is not None:  # all else was checked: a column does not rise
        row = int(np.searchsorted(row_begins, fault[1], "right"))
        _fail_on_pair(path, records, row, int(columns[fault[1]]) + 1)
    provenance = {"method": "cooccurrence", "source": file.name}
    return Cooccurrence(vocabulary, row_begins, columns, values, provenance=provenance)


def _check(
    path: str | os.PathLike[str], part: NDArray[Any], start: int, num_words: int
) -> None:
    for name, place in (("row", 0), ("column", 4)):
        bad = (part[name] < 1) | (part[name] > num_words)
        if bad.any():
            record = int(np.argmax(bad))
            reason = f"a word number must be from 1 to {num_words}, got {part[name][record]}"
            raise FormatError(path, None, (start + record) * RECORD.itemsize + place, reason)
    bad = ~((part["value"] > 0) & (part["value"] < np.inf))
    if bad.any():
        record = int(np.argmax(bad))
        reason = f"a count must be finite and above 0, got {part['value'][record]}"
        raise FormatError(path, None, (start + record) * RECORD.itemsize + 8, reason)


def _sorted_entries(
    records: NDArray[Any],
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return columns and values by row, and within a row by column."""
    dtype = np.int32 if len(records) <= MOST_NARROW else np.int64
    rows = records["row"]
    columns: NDArray[Any] = (records["column"] - 1).astype(dtype, copy=False)
    values = records["value"].astype(np.float64)
    keys = (_keys(records, start) for start in range(0, len(records), _AT_ONCE))
    if all(bool(np.all(part[1:] > part[:-1])) for part in keys):
        return columns, values
    order = np.lexsort((columns, rows))
    return columns[order], values[order]


def _keys(records: NDArray[Any], start: int) -> NDArray[np.int64]:
    part = records[start : start + _AT_ONCE + 1]
    keys: NDArray[np.int64] = (part["row"].astype(np.int64) << 32) | part["column"]
    return keys


def _fail_on_pair(
    path: str | os.PathLike[str], records: NDArray[Any], row: int, column: int
) -> None:
    found = np.flatnonzero((records["row"] == row) & (records["column"] == column))
    reason = f"a pair must stand once, got words {row} and {column} again"
    raise FormatError(path, None, int(found[1]) * RECORD.itemsize, reason)


def write_glove(
    counts: Cooccurrence, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write records as GloVe's ``cooccur`` does, sorted; ``glove`` wants them shuffled.

    Raises
    ------
    OutputExistsError
        If the file exists and ``overwrite`` is false.
    OSError
        If it cannot be written.
    ValueError
        If the words are more than 2^31 - 1.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "cooccurrence.bin"
    >>> words = Vocabulary.from_words(["a", "b"])
    >>> one = Cooccurrence(words, np.array([0, 1, 1]), np.array([1]), np.array([1.5]))
    >>> write_glove(one, path)
    >>> np.frombuffer(path.read_bytes(), RECORD).tolist()
    [(1, 2, 1.5)]
    """
    if len(counts.vocabulary) > _MOST_WORDS:
        raise ValueError(f"words must be at most {_MOST_WORDS}, got {len(counts.vocabulary)}")
    with OutputFile(path, overwrite=overwrite) as stream:
        for records in _records(counts):
            stream.write(records.data.cast("B"))


def _records(counts: Cooccurrence) -> Iterator[NDArray[Any]]:
    begins = counts.row_begins
    for start in range(0, counts.num_entries, _AT_ONCE):
        end = min(start + _AT_ONCE, counts.num_entries)
        records = np.empty(end - start, RECORD)
        records["row"] = np.searchsorted(begins, np.arange(start, end), "right")
        records["column"] = counts.columns[start:end] + 1
        records["value"] = counts.values[start:end]
        yield records
