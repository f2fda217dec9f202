"""What every reader of co-occurrence counts makes sure of."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

_AT_ONCE = 1 << 22  # entries

Fault = tuple[Literal["columns", "values"], int, str]


def first_fault(
    row_begins: NDArray[np.int64],
    columns: NDArray[Any],
    values: NDArray[np.float64],
    num_words: int,
) -> Fault | None:
    """Return array, entry and kind of a fault; None where all is as it must be.

    Columns must be below ``num_words`` and rise within a row; values must be finite and above
    0. ``row_begins`` is trusted.

    Examples
    --------
    >>> first_fault(np.array([0, 2]), np.array([0, 1]), np.array([1.0, -2.0]), 2)
    ('values', 1, 'a count must be finite and above 0, got -2.0')
    """
    is_first = np.zeros(len(columns) + 1, np.bool_)
    is_first[row_begins] = True
    for start in range(0, len(columns), _AT_ONCE):
        end = min(start + _AT_ONCE, len(columns))
        part = columns[start:end]
        bad = (part < 0) | (part >= num_words)
        if bad.any():
            entry = start + int(np.argmax(bad))
            return (
                "columns",
                entry,
                f"a word id must be below {num_words}, got {columns[entry]}",
            )
        falls = columns[max(start, 1) : end] <= columns[max(start, 1) - 1 : end - 1]
        bad = falls & ~is_first[max(start, 1) : end]
        if bad.any():
            entry = max(start, 1) + int(np.argmax(bad))
            reason = f"columns must rise within a row, got {columns[entry]} after "
            return "columns", entry, reason + str(columns[entry - 1])
        bad = ~((values[start:end] > 0) & (values[start:end] < np.inf))
        if bad.any():
            entry = start + int(np.argmax(bad))
            return "values", entry, f"a count must be finite and above 0, got {values[entry]}"
    return None
