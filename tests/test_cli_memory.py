"""Sizes of memory as the command line takes them."""

from __future__ import annotations

import pytest

from embkit.cli.memory import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("512M", 2**29), ("4G", 2**32), ("4GiB", 2**32), ("1.5k", 1536), ("2 T", 2**41)],
)
def test_sizes_have_binary_units(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "-1G", "G", "1e9", "4X", "nan", "0.1", "9" * 400])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="memory must be a size such as"):
        parse_size(text)
