"""Reads of hostile files, which must end soon and take little memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest

from embkit.errors import FormatError


def quick_refusal(read: Callable[[], object], *, memory: int) -> FormatError:
    """Return the error of a read that is refused within a second and so many bytes."""
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(FormatError) as caught:
        read()
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 1
    assert peak < memory
    return caught.value
