"""The measurement of arrays on a GPU, small, with a stand-in where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eval import gpu_arrays
from tests.stand_in_cupy import StandIn


def test_every_cell_is_measured_on_both_devices(stand_in: StandIn, tmp_path: Path) -> None:
    sizes = ["--words", "700", "--dim", "16", "--rounds", "1", "--device", "cuda"]
    found = gpu_arrays.main([*sizes, "--output", str(tmp_path / "r.json")])["metrics"]
    assert len(found) == 5
    assert all(told["agree"] and told["gpu_seconds"] > 0 for told in found.values())
    assert stand_in.uploads > 0


def test_without_a_gpu_the_processor_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    sizes = ["--words", "400", "--dim", "8", "--rounds", "1"]
    record = gpu_arrays.main([*sizes, "--output", str(tmp_path / "r.json")])
    assert record["config"]["device"] == "cpu"
    assert "gpu_seconds" not in record["metrics"]["SVD"]
