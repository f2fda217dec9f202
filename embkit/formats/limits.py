"""How much memory reading a file may take."""

from __future__ import annotations

import os
import re
from pathlib import Path

from embkit.errors import ResourceError

_SHARE = 0.8  # of what is available; the rest is for everything else


def memory_limit() -> int:
    """Return the bytes that one file's words and vectors may fill.

    Examples
    --------
    >>> memory_limit() > 0
    True
    """
    available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if match := re.search(r"MemAvailable:\s+(\d+) kB", _text("/proc/meminfo")):
        available = int(match[1]) * 1024
    if (limit := _text("/sys/fs/cgroup/memory.max").strip()).isdigit():
        available = min(available, int(limit))
    return int(_SHARE * available)


def check_memory(
    path: str | os.PathLike[str], num_bytes: int, memory: int | None = None
) -> None:
    """Raise ResourceError if what is read of a file would take more than ``memory`` bytes.

    Left out, that is what `memory_limit` says.

    Examples
    --------
    >>> check_memory("v.npz", 1000)
    """
    limit = memory_limit() if memory is None else memory
    if num_bytes > limit:
        raise ResourceError(
            f"{os.fspath(path)}: its arrays would take {num_bytes} bytes or more, "
            f"above the limit of {limit}"
        )


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
