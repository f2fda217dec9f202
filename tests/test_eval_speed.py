"""The speed table: rows, medians and verdicts by hand, and a tiny run with embkit alone."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from eval.runs import Corpus, Metrics, Settings, measure
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


def test_a_tiny_run_with_embkit_alone(tmp_path: Path) -> None:
    letters = random.Random(1)
    corpus = tmp_path / "corpus.txt"
    lines = (" ".join(letters.choices("abcdefgh", k=12)) for _ in range(400))
    corpus.write_text("\n".join(lines), encoding="utf-8")
    output = tmp_path / "speed.json"
    options: dict[str, object] = {"corpus": corpus, "work": tmp_path / "work", "output": output}
    options |= {"rounds": 2, "epochs": 1, "rows": "2 threads,memory,text to ids"}
    command = [sys.executable, "-m", "eval.speed"]
    command += [part for name, value in options.items() for part in (f"--{name}", str(value))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [
        "2 threads over 1",
        "2 threads over 2 processes of 1 thread",
        "peak memory over what is allowed",
        "text to ids, MB/s per core",
    ]
    assert [line[:42].strip() for line in done.stdout.splitlines()] == rows
    record = json.loads(output.read_text(encoding="utf-8"))
    assert [line["row"] for line in record["metrics"]["rows"]] == rows
    assert record["config"]["corpus"]["in_vocabulary"] == 4800
    assert str(tmp_path) not in json.dumps(record)
    for runs in record["metrics"]["rounds"]:
        trained = [f"embkit/sgns-100/{variant}" for variant in ("1-thread", "", "apart")]
        assert list(runs) == [*trained, "encode"]
        run = runs["embkit/sgns-100/"]
        assert run["words_per_second"] == pytest.approx(4800 / run["training_seconds"])
        # Two matrices of eight rows take nothing: the allowance is the fixed part.
        assert 64 < run["allowed_memory_mib"] < 64.1


def test_processes_apart_train_at_the_same_time_and_their_speeds_add_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    at_once = threading.Barrier(2, timeout=10)  # broken where one waits for the other's end
    seconds = iter([2.0, 4.0])
    asked = []

    def train(name: str, output: str, task: dict[str, object], **options: object) -> Metrics:
        at_once.wait()
        asked.append((name, output, task["threads"]))
        return {"training_seconds": next(seconds)}

    monkeypatch.setattr("eval.runs.run_child", train)
    settings = Settings(Corpus(Path("none"), 120, 100, 1), tmp_path, {}, 3, 1, 2, 1)
    assert measure("embkit/sgns-100/apart", settings) == {RATE: 300 / 2 + 300 / 4}
    outputs = [str(tmp_path / f"speed-embkit-{number}.bin") for number in range(2)]
    assert sorted(asked) == [("embkit", output, 1) for output in outputs]


def test_the_import_is_taken_over_numpys_and_over_an_empty_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = {"import embkit": 0.5, "import numpy": 0.75, "pass": 0.125}
    monkeypatch.setattr("eval.runs.least_seconds", lambda *command: seconds[command[-1]])
    settings = Settings(Corpus(Path("none"), 0, 0, 0), Path(), {}, 1, 1, 1, 1)
    found = {"import": measure("import", settings)}
    values = {row.metric: row.value(found) for row in ROWS if row.run == "import"}
    assert values == {"seconds_over_numpy": -0.25, "seconds_over_python": 0.375}
