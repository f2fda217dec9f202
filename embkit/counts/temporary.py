"""Files without a name for counts that are not to be kept."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray

from embkit.file_arrays import map_array
from embkit.output import temporary_folder

_AT_ONCE = 1 << 22  # entries
MOST_NARROW = 2**31 - 1
"""Entries up to which SciPy indexes with 32 bits."""


def temporary_file(stack: ExitStack) -> BinaryIO:
    """Open a file that is gone when the stack and all maps of it are."""
    folder = temporary_folder()
    return cast(
        "BinaryIO", stack.enter_context(tempfile.TemporaryFile(dir=folder, buffering=0))
    )


def map_temporary(file: BinaryIO, dtype: DTypeLike, size: int) -> NDArray[Any]:
    """Map the array that a temporary file holds."""
    return map_array(file, dtype, name=temporary_folder(), size=size)


def map_columns(file: BinaryIO, num_entries: int, stack: ExitStack) -> NDArray[Any]:
    """Map the columns that the core wrote, widened where SciPy wants them with 64 bits."""
    narrow: NDArray[np.int32] = map_temporary(file, np.int32, num_entries)
    if num_entries <= MOST_NARROW:
        return narrow
    wide = temporary_file(stack)
    for start in range(0, num_entries, _AT_ONCE):
        wide.write(narrow[start : start + _AT_ONCE].astype(np.int64).data)
    return map_temporary(wide, np.int64, num_entries)
