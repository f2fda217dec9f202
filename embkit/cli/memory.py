"""Sizes of memory as users write them, and how much the process holds."""

from __future__ import annotations

import re
from pathlib import Path

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


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


def used_memory() -> int:
    """Return what this process holds that no file backs; 0 where the system does not tell."""
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    match = re.search(r"^RssAnon:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0
