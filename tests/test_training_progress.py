"""Bars and the log of a run: both stages show, and the log's lines add up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embkit.training import train
from embkit.training.progress import try_log

TEXT = [["a", "b", "c", "d"]] * 200


def test_bars_show_reading_and_training(capsys: pytest.CaptureFixture[str]) -> None:
    train("sgns", TEXT, dim=5, min_count=1, threads=1, progress=True)
    shown = capsys.readouterr()
    assert "reading" in shown.err
    assert "training" in shown.err
    assert "100%" in shown.err
    assert shown.out == ""


def test_no_bar_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    train("sgns", TEXT, dim=5, min_count=1, threads=1)
    assert capsys.readouterr() == ("", "")


def test_log_has_a_line_of_json_for_each_report(tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    train("cbow", TEXT, dim=5, min_count=1, epochs=2, subsample=0, threads=1, log=log)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert lines[-1]["tokens"] == lines[-1]["total_tokens"] == 2 * 800
    assert lines[-1]["epoch"] == 2
    assert lines[-1]["loss"] > 0


def test_a_link_to_no_log_yet_keeps_its_place(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    link = tmp_path / "link.jsonl"
    link.symlink_to(tmp_path / "logs" / "log.jsonl")
    try_log(link)
    assert link.is_symlink()
    assert not (tmp_path / "logs" / "log.jsonl").exists()


def test_an_exception_of_the_callback_ends_the_run() -> None:
    def stop(report: object) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        train("sgns", TEXT, dim=5, min_count=1, threads=1, callback=stop)
