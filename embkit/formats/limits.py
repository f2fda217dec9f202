"""How much memory reading a file may take."""

from __future__ import annotations

import os

from embkit.errors import ResourceError
from embkit.memory import memory_limit


def check_memory(
    path: str | os.PathLike[str], num_bytes: int, memory: int | None = None
) -> None:
    """Raise ResourceError if what is read of a file would take more than ``memory`` bytes.

    Left out, that is what `embkit.memory.memory_limit` says.

    Examples
    --------
    >>> check_memory("v.npz", 1000)
    """
    limit = memory_limit(memory)
    if num_bytes > limit:
        raise ResourceError(
            f"{os.fspath(path)}: its arrays would take {num_bytes} bytes or more, "
            f"above the limit of {limit}"
        )
