"""What must be true of the entries of sparse vectors, in whatever file they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

Fail = Callable[[str, str], NoReturn]
"""Takes the array's name and the reason; raises FormatError."""


def check_entries(arrays: Mapping[str, NDArray[Any]], dim: int, fail: Fail) -> int:
    """Refuse rows that do not fit together; return the number of rows.

    Parameters
    ----------
    arrays : mapping
        ``row_offsets``, ``columns`` and ``values``, each of one dimension.
    dim : int
        The number of columns.
    fail : callable
        Called with an array's name and what is wrong with it.
    """
    offsets, columns, values = (arrays[n] for n in ("row_offsets", "columns", "values"))
    if len(offsets) < 1:
        fail("row_offsets", "row_offsets must not be empty")
    if len(columns) != len(values):
        fail("columns", f"{len(values)} values need as many columns, got {len(columns)}")
    if offsets[0] != 0 or offsets[-1] != len(values):
        fail("row_offsets", f"row_offsets must go from 0 to {len(values)}")
    if (offsets[1:] < offsets[:-1]).any():
        fail("row_offsets", "row_offsets must not descend")
    outside = np.flatnonzero((columns < 0) | (columns >= dim))
    if outside.size:
        reason = f"columns must be below {dim}, got {columns[outside[0]]} at {outside[0]}"
        fail("columns", reason)
    begins = np.zeros(len(columns) + 1, np.bool_)
    begins[offsets] = True
    falling = np.flatnonzero((columns[1:] <= columns[:-1]) & ~begins[1 : len(columns)])
    if falling.size:
        fail("columns", f"columns must rise within a row, not so at {falling[0] + 1}")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        fail("values", f"value {bad[0]} is not finite as float32")
    return len(offsets) - 1
