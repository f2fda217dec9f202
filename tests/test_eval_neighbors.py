"""The program that times top-k runs and records what it should."""

from __future__ import annotations

import json
from pathlib import Path

from eval.neighbors import main


def test_a_small_run_is_recorded(tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    sizes = ["--words", "8300", "--dim", "8", "--queries", "5", "--rounds", "2"]
    record = main([*sizes, "--output", str(output)])
    assert json.loads(output.read_text()) == record
    assert len(record["metrics"]["rounds"]) == 2
    assert record["metrics"]["median"]["ratio"] > 0
