"""What tests of the core's readers share."""

from __future__ import annotations

import io
from typing import Any

import pytest

from embkit._native import core
from embkit.errors import FormatError


class Endless(io.RawIOBase):
    """Some bytes, and then letters without end."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        head, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        buffer[: len(head)] = head
        if not head:
            buffer[:] = b"a" * len(buffer)
        return len(head) or len(buffer)


def read(name: str, content: bytes | io.RawIOBase, **options: Any) -> tuple[Any, ...]:
    """Read with a native reader; return its words, offsets, vectors and what it found."""
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    defaults = {"size": -1, "memory": 1 << 30, "lenient": False, "limit": -1, "threads": 2}
    reader = getattr(core, f"read_word2vec_{name}")
    words, offsets, vectors, _index, found = reader(stream, b"v", **{**defaults, **options})
    found["problem"] = found["problem"].decode()
    return words, offsets, vectors, found


def refusal(name: str, content: bytes | io.RawIOBase, **options: Any) -> FormatError:
    with pytest.raises(FormatError) as caught:
        read(name, content, **options)
    return caught.value
