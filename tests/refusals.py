"""Reads of hostile files, which must end soon and take little memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import pytest

from embkit.errors import FormatError


def quick_refusal(read: Callable[[], object], *, memory: int) -> FormatError:
    """Return the error of a read that is refused within a second of CPU and so many bytes."""
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(FormatError) as caught:
            read()
        seconds = time.process_time() - start
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds < 1
    assert peak < memory
    return caught.value
