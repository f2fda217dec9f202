"""How much memory the process may use."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_SHARE = 0.8  # of what is available; the rest is for the interpreter and the page cache


def parse_size(text: str) -> int:
    """Return the bytes meant by a number with an optional unit K, M, G or T.

    Raises
    ------
    ValueError
        If the text is not such a size, or not above 0.

    Examples
    --------
    >>> parse_size("4G"), parse_size("1.5MiB")
    (4294967296, 1572864)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    size = int(float(match[1]) * _UNITS[match[2].upper()]) if match else 0
    if size < 1:
        raise ValueError(f"memory must be a size such as 512M or 4G, got {text!r}")
    return size


def _cgroup_folders() -> Iterator[tuple[Path, str]]:
    """Yield each folder that may limit this process, with the name of its limit file."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root = Path("/sys/fs/cgroup/memory" if controllers else "/sys/fs/cgroup")
        limit = "memory.limit_in_bytes" if controllers else "memory.max"
        folder = root / path.lstrip("/")
        yield from ((parent, limit) for parent in (folder, *folder.parents))


def cgroup_limit() -> int | None:
    """Return the tightest memory limit of the process's control groups, None without one."""
    limits = []
    for folder, name in _cgroup_folders():
        try:
            text = (folder / name).read_text(encoding="utf-8").strip()
        except OSError:
            continue
        if text.isdigit():  # "max" means no limit
            limits.append(int(text))
    tightest = min(limits, default=None)
    return tightest if tightest is not None and tightest < physical_memory() else None


def physical_memory() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def available_memory() -> int:
    """Return what this process could still get, by the system and its control groups."""
    available = physical_memory()
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    if match := re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE):
        available = int(match[1]) * 1024
    return min(available, cgroup_limit() or available)


def memory_limit(chosen: int | None) -> int:
    """Return the user's limit or, without one, most of what is available."""
    return chosen if chosen is not None else int(_SHARE * available_memory())


def used_memory() -> int:
    """Return what this process holds that no file backs; 0 where the system does not tell."""
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    match = re.search(r"^RssAnon:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0
