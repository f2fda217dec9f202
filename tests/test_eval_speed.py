"""The speed table: rows, medians and verdicts by hand, and a tiny run with embkit alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.speed import RATE, ROWS, Row, runs_of, summary

ROOT = Path(__file__).parents[1]


def test_ratios_are_taken_within_a_round() -> None:
    row = Row("a over b", "embkit/a", RATE, 3, "word2vec/a")
    # The machine is half as fast in the second round: each ratio still is of one round.
    speeds = [(8.0, 2.0), (3.0, 1.0), (9.0, 1.5)]
    rounds = [{"embkit/a": {RATE: a}, "word2vec/a": {RATE: b}} for a, b in speeds]
    line = {"row": "a over b", "median": 4.0, "range": [3.0, 6.0], "demand": 3}
    assert summary([row], rounds) == [{**line, "verdict": "pass"}]


@pytest.mark.parametrize(
    ("demand", "less_is_better", "verdict"),
    [(2.0, False, "pass"), (2.1, False, "FAIL"), (2.0, True, "pass"), (1.9, True, "FAIL")],
)
def test_verdict(demand: float, less_is_better: bool, verdict: str) -> None:
    row = Row("a", "help", "seconds", demand, None, less_is_better)
    assert summary([row], [{"help": {"seconds": 2.0}}])[0]["verdict"] == verdict


def test_rows_that_were_not_measured_are_left_out() -> None:
    assert summary(ROWS, [{"help": {"seconds": 0.1}}])[0]["row"] == "embkit --help, s"
    assert not any(run.startswith("gensim") for run in runs_of(ROWS, {"word2vec"}))
    runs = runs_of(ROWS, {"word2vec", "gensim", "fasttext", "pword2vec"})
    assert len(runs) == len(set(runs))
    assert {row.run for row in ROWS} | {row.against for row in ROWS if row.against} == set(runs)
