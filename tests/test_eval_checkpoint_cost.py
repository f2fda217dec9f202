"""eval.checkpoint_cost counts the seconds of checkpoints, and only those."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from eval import checkpoint_cost
from tests.models import random_sentences

Figures = dict[str, float]


def run_of(
    seconds: float, saves: int = 0, save: float = 0, begin: float = 0
) -> dict[str, float]:
    return {
        **{"seconds": seconds, "cpu_seconds": seconds, "checkpoints": saves},
        **{"save_seconds": save, "begin_seconds": begin},
    }


def test_shares_are_those_of_the_run_without_checkpoints() -> None:
    rounds = [
        {"none": run_of(20), "default": run_of(20.2, begin=0.2), "10s": run_of(21, 2, 0.8, 0.2)}
    ] * 3
    figures = checkpoint_cost.summarize(rounds)
    assert figures["default_inside_share"] == pytest.approx(0.01)
    assert figures["10s_inside_share"] == pytest.approx(0.05)
    assert figures["10s_difference_share"] == pytest.approx(0.05)
    assert figures["seconds_of_one"] == pytest.approx(0.4)
    assert figures["share_at_default_interval"] == pytest.approx(0.4 / 600)


def test_program_measures_and_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, record = tmp_path / "text", tmp_path / "record.json"
    corpus.write_text("\n".join(map(" ".join, random_sentences(30, [50] * 200, seed=1))))
    monkeypatch.setitem(checkpoint_cost.INTERVALS, "10s", 1e-6)
    small = ["--seconds", "0.1", "--rounds", "2", "--dim", "8", "--threads", "1"]
    arguments = ["--corpus", str(corpus), "--work", str(tmp_path / "work"), *small]
    monkeypatch.setattr(sys, "argv", ["checkpoint_cost", *arguments, "--output", str(record)])
    assert checkpoint_cost.main() == 0
    metrics = json.loads(record.read_text())["metrics"]
    assert metrics["rounds"][0]["none"]["save_seconds"] == 0
    assert metrics["rounds"][0]["default"]["begin_seconds"] > 0
    assert len(metrics["rounds"]) == 2
    assert not (tmp_path / "work" / "run").exists()
