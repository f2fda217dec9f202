"""Arrays that stay in their files, mapped where they lie."""

from __future__ import annotations

import errno
import os
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from embkit.errors import FormatError, ResourceError
from embkit.streams import naming


def map_array(
    file: BinaryIO,
    dtype: DTypeLike,
    *,
    name: str | os.PathLike[str],
    offset: int = 0,
    size: int | None = None,
) -> NDArray[Any]:
    """Map an array of one dimension that an open file holds; it outlives the open file.

    Parameters
    ----------
    file : open file
        Unbuffered, or flushed.
    dtype : dtype
        Of its numbers.
    name : str or path
        What errors call the file.
    offset : int
        The byte at which the array begins.
    size : int, optional
        How many numbers it has; all to the end of the file when left out.

    Raises
    ------
    FormatError
        If the file ends before the array does.
    OSError
        If the system refuses; it names the file.
    ResourceError
        If it has no room left for the map.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "numbers"
    >>> _ = path.write_bytes(np.arange(3, dtype=np.int32).tobytes())
    >>> with path.open("rb") as file:
    ...     map_array(file, np.int32, name=path, offset=4)
    array([1, 2], dtype=int32)
    """
    with naming(name):
        found = os.fstat(file.fileno()).st_size
        item = np.dtype(dtype).itemsize
        size = max(found - offset, 0) // item if size is None else size
        if offset + size * item > found:
            reason = f"the file must have {offset + size * item} bytes, got {found}"
            raise FormatError(name, None, None, reason)
        if size == 0:
            return np.empty(0, dtype)  # nothing can be mapped
        try:
            return np.memmap(file, dtype, "r", offset, (size,)).view(np.ndarray)
        except OSError as error:
            if error.errno == errno.ENOMEM:
                raise ResourceError(f"{os.fspath(name)}: not enough memory to map it") from None
            raise
