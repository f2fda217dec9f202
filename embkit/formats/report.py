"""What a reader is asked for, and what it tells of a file beside its vectors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from embkit.checks import check_whole, plain_value


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How a file is read; the fields are the options of ``load``."""

    lenient: bool = False
    verify: bool = False
    limit: int | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        for name in ("lenient", "verify"):
            plain_value(name, "bool", getattr(self, name))
        for name in ("limit", "memory"):
            if (value := getattr(self, name)) is not None:
                check_whole(name, value)


@dataclass(frozen=True)
class FileReport:
    """What a file with vectors is, and what is odd in it.

    Examples
    --------
    >>> report = FileReport("v.txt", "glove-text", None, 3, 50, {"crlf_lines": 3})
    >>> report.summary()
    '3 crlf lines'
    """

    path: str
    format: str
    """Name of the format, as ``save`` takes it."""
    compression: str | None
    """``gzip``, ``bzip2``, ``xz``, ``zstd`` or None."""
    num_words: int
    """Rows that can be loaded."""
    dim: int
    oddities: Mapping[str, int] = field(default_factory=dict)
    """How often each tolerated oddity occurs; only those that do."""
    problems: tuple[str, ...] = ()
    """Why the file is not whole; it then loads only with ``lenient=True``."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Further facts of this format."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return dataclasses.asdict(self)

    def summary(self) -> str:
        """Return oddities and problems in one line, empty if there are none."""
        counted = [f"{count} {name.replace('_', ' ')}" for name, count in self.oddities.items()]
        return "; ".join([*self.problems, *counted])
