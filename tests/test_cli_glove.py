"""``embkit train glove`` as a user runs it: from text, from counts, ten epochs and ten more."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import embkit
from embkit.cli import main as run_main
from embkit.cli.exit_codes import ExitCode
from embkit.config import CooccurrenceConfig
from embkit.counts.cooccurrence import cooccur
from tests.command_line import error_line

ROOT = Path(__file__).parents[1]
SMALL = ["--dim", "8", "--threads", "1", "--quiet"]
COUNTING = ["--min-count", "1", "--window", "4"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two topics that seldom meet in a line: GloVe learns from pairs that do meet."""
    rng = random.Random(1)
    words = [f"{topic}{i}" for topic in ("sea", "hill") for i in range(6)]
    weights = [[20] * 6 + [1] * 6, [1] * 6 + [20] * 6]
    lines = [" ".join(rng.choices(words, weights[i % 2], k=8)) for i in range(200)]
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def train(source: list[str], output: Path, *options: str) -> int:
    return run_main(["train", "glove", *source, "--output", str(output), *SMALL, *options])


def test_words_of_a_topic_come_together(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "model"
    assert train([str(corpus)], output, *COUNTING, "--keep-output", "--epochs", "100") == 0
    vectors = embkit.load(output)
    assert vectors.output is not None
    assert vectors.provenance["method"] == "glove"
    assert vectors.provenance["corpus"]["num_tokens"] == 1600
    neighbors = [word for word, _ in vectors.most_similar("sea0", topn=5)]
    assert all(word.startswith("sea") for word in neighbors)


def test_text_and_its_counts_give_the_same_vectors(corpus: Path, tmp_path: Path) -> None:
    counts = cooccur(corpus, CooccurrenceConfig(min_count=1, window=4))
    counts.save(tmp_path / "counts")
    text, made = tmp_path / "text", tmp_path / "made"
    assert train([str(corpus)], text, *COUNTING) == 0
    assert train(["--cooccurrence", str(tmp_path / "counts")], made) == 0
    first, second = embkit.load(text), embkit.load(made)
    assert first.vectors.tobytes() == second.vectors.tobytes()
    assert first.provenance["config"] == second.provenance["config"]
    assert first.provenance["corpus"]["digest"] == second.provenance["corpus"]["digest"]


def test_gloves_own_records_give_the_same_vectors(corpus: Path, tmp_path: Path) -> None:
    records, words = tmp_path / "cooccurrence.bin", tmp_path / "vocab.txt"
    made = ["--output", str(records), "--save-vocabulary", str(words), "--quiet", *COUNTING]
    assert run_main(["cooccur", str(corpus), *made]) == 0
    given = ["--cooccurrence", str(records), "--vocabulary", str(words)]
    assert train(given, tmp_path / "a") == train([str(corpus)], tmp_path / "b", *COUNTING) == 0
    first, second = embkit.load(tmp_path / "a"), embkit.load(tmp_path / "b")
    assert first.vectors.tobytes() == second.vectors.tobytes()
    assert first.words == second.words
    assert "window" not in first.provenance["config"]
    assert second.provenance["config"]["window"] == 4


def test_ten_epochs_and_ten_more_are_twenty(corpus: Path, tmp_path: Path) -> None:
    folder, source = str(tmp_path / "a.run"), [str(corpus)]
    ten = [*COUNTING, "--epochs", "10", "--run", folder, "--keep-run"]
    assert train(source, tmp_path / "a.bin", *ten) == 0
    further = ["--epochs", "20", "--output", str(tmp_path / "b.bin"), "--quiet"]
    assert run_main(["resume", folder, *further]) == 0
    assert train(source, tmp_path / "c.bin", *COUNTING, "--epochs", "20") == 0
    a, b, c = ((tmp_path / f"{name}.bin").read_bytes() for name in "abc")
    assert a != b == c


def test_summary_and_log_tell_the_cost(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "run.jsonl"
    told = [*COUNTING, "--epochs", "3", "--log", str(log), "--json"]
    assert train([str(corpus)], tmp_path / "v.bin", *told) == 0
    summary: dict[str, Any] = json.loads(capsys.readouterr().out)
    costs = summary["provenance"]["costs"]
    assert summary["num_words"] == 12
    assert summary["cost"] == costs[-1] < costs[0]
    reports = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [r["epoch_loss"] for r in reports if r["epoch_loss"] is not None] == costs


def test_what_does_not_fit_together_is_refused(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts, output = str(tmp_path / "counts"), tmp_path / "out" / "v.bin"
    output.parent.mkdir()
    cooccur(corpus, CooccurrenceConfig(min_count=1)).save(counts)
    cases: list[tuple[list[str], list[str], ExitCode, str]] = [
        ([], [], ExitCode.USAGE, "corpus must be given"),
        ([str(corpus), "--cooccurrence", counts], [], ExitCode.USAGE, "corpus must be left"),
        (["--cooccurrence", counts], ["--window", "3"], ExitCode.USAGE, "window must be left"),
        (["--cooccurrence", str(corpus)], [], ExitCode.INPUT, "corpus.txt"),
        (["--cooccurrence", str(tmp_path / "no.bin")], [], ExitCode.USAGE, "No such file"),
        (["--cooccurrence", counts], ["--vocabulary", str(corpus)], ExitCode.USAGE, "its own"),
        (["--cooccurrence", str(tmp_path / "no")], [], ExitCode.USAGE, "No such file"),
        ([str(corpus)], ["--init-from", counts, "--min-count", "1"], ExitCode.INPUT, "counts"),
        ([str(corpus)], ["--init-from", "no"], ExitCode.USAGE, "No such file"),
        ([str(corpus)], ["--keep-run"], ExitCode.USAGE, "must be given with --keep-run"),
        ([str(corpus)], ["--x-max", "0"], ExitCode.USAGE, "x_max must be positive, got 0"),
        ([str(corpus)], ["--memory", "1K"], ExitCode.RESOURCE, "memory"),
        (
            [str(corpus), "--min-count", "1"],
            ["--learning-rate", "1e3", "--clip", "1e25"],
            ExitCode.INPUT,
            "learning_rate must be lower",
        ),
    ]
    for source, options, code, hint in cases:
        assert train(source, output, *options) == code, hint
        assert hint in error_line(capsys)
    assert list(output.parent.iterdir()) == []


def test_interrupt_exits_130_within_a_second(corpus: Path, tmp_path: Path) -> None:
    log, output = tmp_path / "run.jsonl", tmp_path / "out" / "v.bin"
    output.parent.mkdir()
    command = [sys.executable, "-m", "embkit", "train", "glove", str(corpus), *COUNTING]
    command += ["--output", str(output), "--epochs", "1000000", "--log", str(log)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        deadline = time.monotonic() + 60
        while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPT
    assert errors == "embkit: error: interrupted\n"
    assert time.monotonic() - sent < 10  # within one second on a machine that is not busy
    assert list(output.parent.iterdir()) == []
