"""The measurement of counting: ratios within a round, and what a process takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eval.cooccur_speed import summary
from eval.process import run_measured


def round_of(glove: float, embkit: float, mib: float) -> dict[str, dict[str, float]]:
    ours = {"seconds": embkit, "anonymous_mib": mib}
    tools = {"cooccur": {"seconds": glove / 2}, "shuffle": {"seconds": glove / 2}}
    return {**tools, "embkit 4G": ours, "embkit 100M": ours}


def test_ratios_are_taken_within_a_round() -> None:
    lines = summary([round_of(10, 1, 90), round_of(40, 5, 90), round_of(9, 3, 110)])
    speed, _, _, memory = lines
    assert (speed["median"], speed["range"], speed["verdict"]) == (8, [3, 10], "pass")
    assert (memory["median"], memory["range"]) == (0.9, [0.9, 1.1])
    assert memory["verdict"] == "pass"
    assert summary([round_of(4, 1, 200)])[3]["verdict"] == "FAIL"


def test_a_process_is_measured(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("text")
    code = "import sys; x = b'1' * (80 << 20); sys.stdout.write(sys.stdin.read() * 2)"
    command = [sys.executable, "-c", f"{code}; import time; time.sleep(0.1)"]
    figures = run_measured(command, tmp_path, tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "texttext"
    assert figures["resident_mib"] > 80
    assert figures["seconds"] > 0.1


def test_a_failed_process_is_an_error(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        run_measured(command, tmp_path, Path(os.devnull), tmp_path / "out")
