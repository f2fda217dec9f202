"""Memory limits of the command line: sizes and control groups."""

from __future__ import annotations

import pytest

from embkit.cli.memory import (
    available_memory,
    cgroup_limit,
    memory_limit,
    parse_size,
    physical_memory,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("512M", 2**29), ("4G", 2**32), ("4GiB", 2**32), ("1.5k", 1536), ("2 T", 2**41)],
)
def test_sizes_have_binary_units(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1G", "G", "1e9", "4X", "nan", "0.1"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="memory must be a size such as"):
        parse_size(text)


def test_the_limit_is_below_what_is_available() -> None:
    assert 0 < memory_limit(None) < available_memory() <= physical_memory()
    assert memory_limit(123) == 123
    assert (cgroup_limit() or 1) <= physical_memory()
