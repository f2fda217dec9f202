"""Bars and the log of a run: both stages show, and the log's lines add up."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embkit.progress import open_bar
from embkit.training import train
from embkit.training.progress import Reporter, TrainingProgress, try_log

TEXT = [["a", "b", "c", "d"]] * 200


def test_bars_show_reading_and_training(capsys: pytest.CaptureFixture[str]) -> None:
    train("sgns", TEXT, dim=5, min_count=1, threads=1, progress=True)
    shown = capsys.readouterr()
    assert "reading" in shown.err
    assert "training" in shown.err
    assert "100%" in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("columns", [0, 70])
def test_bars_show_on_terminals_of_any_width(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    size = struct.pack("HHHH", columns // 3, columns, 0, 0)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        for bar in (open_bar(desc="fitting", total=4), open_bar(desc="reading")):
            bar.update(4)
            bar.close()
        monkeypatch.undo()
    data = b""
    with contextlib.suppress(OSError):  # the end
        while part := os.read(ours, 4096):
            data += part
    os.close(ours)
    shown = data.decode()
    assert "reading: 4it" in shown
    whole = re.findall("fitting: 100[^\r\n]*", shown)
    assert {len(line) for line in whole} == {(columns or 80) - 1}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Make reports go by the seconds of ``now``."""
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("embkit.training.progress.time", clock)
    return clock


def test_a_report_tells_of_its_own_interval(clock: SimpleNamespace) -> None:
    reports: list[TrainingProgress] = []
    reporter = Reporter(2000, 1000, callback=reports.append)
    clock.now = 102.0
    reporter.update(400, 600.0, 200, 0.02)
    clock.now = 104.0
    reporter.update(1200, 1200.0, 500, 0.01)
    clock.now = 109.0
    reporter.update(2000, 1500.0, 1100, 0.001)
    assert reports == [
        TrainingProgress(400, 2000, 1, 2.0, 200.0, 3.0, 0.02, 8.0),
        TrainingProgress(1200, 2000, 2, 4.0, 400.0, 2.0, 0.01, 4 * 800 / 1200),
        TrainingProgress(2000, 2000, 2, 9.0, 160.0, 0.5, 0.001, 0.0),
    ]


def test_reports_are_not_more_frequent_than_said_but_for_the_last(
    clock: SimpleNamespace,
) -> None:
    reports: list[TrainingProgress] = []
    reporter = Reporter(100, 50, callback=reports.append)
    for now, tokens, last in [(100.4, 10, False), (100.5, 20, False), (100.75, 100, True)]:
        clock.now = now
        reporter.update(tokens, 0.0, 0, 0.1, last=last)
    assert [report.tokens for report in reports] == [20, 100]
    assert [report.words_per_second for report in reports] == [40.0, 320.0]
    assert [report.loss for report in reports] == [None, None]


def test_a_resumed_run_reports_only_of_its_own_part(clock: SimpleNamespace) -> None:
    reports: list[TrainingProgress] = []
    reporter = Reporter(2000, 1000, callback=reports.append)
    reporter.go_on_from(1000, 900.0, 300, 0.02)
    clock.now = 102.0
    reporter.update(1500, 1000.0, 400, 0.01)
    assert reports == [
        TrainingProgress(1500, 2000, 2, 2.0, 250.0, 1.0, 0.01, 2.0, tokens_before=1000)
    ]


def test_the_bar_shows_loss_rate_and_speed(
    clock: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    with Reporter(800, 800, progress=True) as reporter:
        clock.now = 102.0
        reporter.update(800, 150.0, 100, 0.0125, last=True)
    shown = capsys.readouterr().err
    assert "loss 1.5000, rate 0.01250" in shown
    assert "800/800" in shown
    assert "word/s" in shown


def test_the_bar_of_a_resumed_run_takes_only_its_own_part_for_fast() -> None:
    with Reporter(2000, 1000, progress=True) as reporter:
        reporter.go_on_from(1000, 900.0, 300, 0.02)
        reporter.update(1500, 1000.0, 400, 0.01, last=True)
        bar: Any = reporter._bar
        assert (bar.n, bar.initial) == (1500, 1000)


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
