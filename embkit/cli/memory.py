"""Sizes of memory as users write them, and how much the process holds."""

from __future__ import annotations

import re
from pathlib import Path

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def parse_size(text: str, name: str = "memory") -> int:
    """Return the bytes meant by a number with an optional unit K, M, G or T.

    ``name`` is what the option is called in messages.

    Raises
    ------
    ValueError
        If the text is not such a size, not above 0, or beyond 63 bits.

    Examples
    --------
    >>> parse_size("4G"), parse_size("1.5MiB")
    (4294967296, 1572864)
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    size = float(match[1]) * _UNITS[match[2].upper()] if match else 0
    if not 1 <= size < 2**63:
        raise ValueError(f"{name} must be a size such as 512M or 4G, got {text!r}")
    return int(size)


def used_memory() -> int:
    """Return what this process holds that no file backs; 0 where the system does not tell."""
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    match = re.search(r"^RssAnon:\s+(\d+) kB", text, re.MULTILINE)
    return int(match[1]) * 1024 if match else 0
