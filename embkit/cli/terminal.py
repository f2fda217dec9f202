"""What is printed: results on stdout, everything else on stderr, words made harmless."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterable, Sequence

# Control characters (C0, DEL, C1), line and paragraph separators, the marks that turn the
# direction of writing, and the surrogate escapes that stand for bytes that are not UTF-8.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def visible(text: str) -> str:
    r"""Return ``text`` with everything escaped that could act on a terminal.

    Examples
    --------
    >>> print(visible("a\x1b[2Jb"))
    a\x1b[2Jb
    """
    return _UNSAFE.sub(_escape, text)


def print_json(value: object) -> None:
    """Print one JSON document on stdout, in ASCII, so that no terminal acts on it."""
    print(json.dumps(value, indent=2, allow_nan=False))


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns parted by tabs: readable, and ready for cut and sort."""
    for row in rows:
        print("\t".join(visible(cell) for cell in row))


def note(text: str, *, quiet: bool = False) -> None:
    """Print a line on stderr unless ``quiet``; where it cannot be, the work goes on."""
    if not quiet:
        with contextlib.suppress(OSError):  # a full disk, or nobody listens any more
            print(f"embkit: {visible(text)}", file=sys.stderr)


def human_bytes(count: float) -> str:
    """Return a number of bytes in the unit that suits it.

    Examples
    --------
    >>> human_bytes(1536), human_bytes(3 * 2**30)
    ('1.5 KiB', '3.0 GiB')
    """
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("unreachable")
