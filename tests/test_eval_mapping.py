"""The program that times maps runs and records what it should."""

from __future__ import annotations

import json
from pathlib import Path

from eval.mapping import main


def test_a_small_run_is_recorded(tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    sizes = ["--words", "300", "--dim", "8", "--pairs", "100", "--rounds", "2"]
    record = main([*sizes, "--methods", "orthogonal", "rcsls", "--output", str(output)])
    assert json.loads(output.read_text()) == record
    rounds = record["metrics"]["rounds"]
    assert [len(rounds[method]) for method in ("orthogonal", "rcsls")] == [2, 1]
    assert record["metrics"]["median"]["orthogonal"]["mean_cosine"] > 0.8
