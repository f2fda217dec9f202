"""Floats that threads share without synchronisation: each is one that somebody stored."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.native import sanitize


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("g++") is None, reason="needs Linux and g++"
)
def test_no_float_is_torn_at_any_level_and_halves_would_be_seen(tmp_path: Path) -> None:
    *whole, halves = sanitize.check_tearing(tmp_path, num_reads=10**8)
    assert [check.name for check in whole] == [f"tearing {x}" for x in sanitize.levels()]
    for check in whole:
        assert check.passed, (check.name, check.reason, check.numbers)
        assert check.numbers["torn"] == 0
        assert min(check.numbers["first"], check.numbers["second"]) > 10**6
        assert min(check.numbers["steps"], check.numbers["exchanges"]) > 0
    assert halves.passed, halves.reason
