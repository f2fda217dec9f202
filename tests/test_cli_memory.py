"""Memory limits of the command line: sizes, control groups, estimates."""

from __future__ import annotations

import pytest

from embkit.cli.memory import (
    available_memory,
    cgroup_limit,
    check_memory,
    memory_limit,
    parse_size,
    physical_memory,
)
from embkit.errors import ResourceError


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


def test_an_estimate_above_the_limit_names_both_and_the_remedy() -> None:
    with pytest.raises(ResourceError, match=r"2\.0 GiB, the limit is 1\.0 GiB: lower dim"):
        check_memory(2**31, 2**30, what="training", remedy="lower dim")
    check_memory(2**30, 2**30, what="training", remedy="lower dim")
