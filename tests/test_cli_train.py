"""`embkit train` at work, and how a run ends when it cannot."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import embkit
from embkit.cli import main as run_main
from embkit.cli.exit_codes import ExitCode
from embkit.cli.outputs import reserved_output
from tests.command_line import error_line, run_json

ROOT = Path(__file__).parents[1]
SMALL = ["--dim", "8", "--epochs", "2", "--threads", "1", "--min-count", "1", "--quiet"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two topics that never meet in a line."""
    rng = random.Random(1)
    topics = [[f"{topic}{i}" for i in range(6)] for topic in ("sea", "hill")]
    lines = [" ".join(rng.choices(topics[i % 2], k=8)) for i in range(400)]
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("method", ["sgns", "nce", "skipgram", "cbow"])
@pytest.mark.parametrize("name", ["v.bin", "v.txt", "v.vec", "v.npz", "model"])
def test_trained_vectors_load(
    method: str, name: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / name
    assert run_main(["train", method, str(corpus), "--output", str(output), *SMALL]) == 0
    assert capsys.readouterr() == ("", "")
    assert embkit.load(output).vectors.shape == (12, 8)


def test_train_prints_a_summary_as_json_and_a_log(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "run.jsonl"
    arguments = ["train", "sgns", str(corpus), "--output", str(tmp_path / "v.bin"), *SMALL]
    summary = run_json([*arguments, "--log", str(log)], capsys)
    assert isinstance(summary, dict)
    assert (summary["num_words"], summary["dim"]) == (12, 8)
    assert summary["provenance"]["config"]["epochs"] == 2
    reports = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert reports[-1]["tokens"] == reports[-1]["total_tokens"] == 6400


def test_config_file_sets_options_and_flags_win(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "run.toml"
    output = tmp_path / "v.bin"
    config.write_text(f'dim = 4\nmin_count = 3\noutput = "{output}"\n', encoding="utf-8")
    arguments = ["train", "cbow", str(corpus), "--config", str(config), "--dim", "6"]
    summary = run_json(arguments, capsys)
    assert isinstance(summary, dict)
    assert summary["dim"] == 6
    assert summary["provenance"]["config"]["min_count"] == 3


def test_peers_names_train_the_same(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "v.bin"
    peers = ["-size", "7", "-iter", "1", "-min-count", "1", "-threads", "1", "-q"]
    assert run_main(["train", "sgns", str(corpus), "-output", str(output), *peers]) == 0
    assert embkit.load(output).dim == 7


def test_text_is_read_from_standard_input(corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "v.bin"
    command = [sys.executable, "-m", "embkit", "train", "sgns", "-", "--output", str(output)]
    with corpus.open("rb") as text:
        subprocess.run([*command, *SMALL], stdin=text, check=True, cwd=ROOT)
    assert len(embkit.load(output)) == 12


@pytest.mark.parametrize(
    ("content", "options", "code", "hint"),
    [
        (None, [], ExitCode.USAGE, "corpus.txt"),
        (b"", [], ExitCode.INPUT, "no tokens"),
        (b"a b c\n", [], ExitCode.INPUT, "min_count"),
        (b"a a a a a a\n", [], ExitCode.INPUT, "2 words"),
        (
            b"a a b\n" * 3,
            [],
            ExitCode.INPUT,
            "read 9 tokens, 2 types, of which",
        ),
        (b"a b " * 9, ["--max-vocab", "1"], ExitCode.INPUT, "max_vocab=1 leaves 1"),
        (b"good\nb\xff d\n", [], ExitCode.INPUT, "corpus.txt:2"),
        (b"a b " * 99, ["--memory", "1K"], ExitCode.RESOURCE, "dim"),
        (b"a b " * 99, ["--dim", "0"], ExitCode.USAGE, "dim must be at least 1, got 0"),
        (b"a b " * 99, ["--learning-rate", "nan"], ExitCode.USAGE, "learning_rate"),
        (b"a b " * 99, ["--learning-rate", "1e30"], ExitCode.USAGE, "at most 1000, got 1e+30"),
        (b"a b " * 999, ["--learning-rate", "1000"], ExitCode.INPUT, "must be lower, got"),
        (b"a b " * 99, ["--epochs", "0"], ExitCode.USAGE, "epochs"),
        (b"a b " * 99, ["--threads", "0"], ExitCode.USAGE, "threads"),
    ],
)
def test_a_run_that_cannot_end_well_leaves_no_output(
    content: bytes | None,
    options: list[str],
    code: ExitCode,
    hint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = tmp_path / "corpus.txt"
    if content is not None:
        text.write_bytes(content)
    output = tmp_path / "out" / "v.bin"
    output.parent.mkdir()
    arguments = ["train", "sgns", str(text), "--output", str(output), "--threads", "1"]
    if options[:1] == ["--threads"]:
        arguments = arguments[:-2]
    assert run_main([*arguments, *options]) == code
    assert hint in error_line(capsys)
    assert list(output.parent.iterdir()) == []


def test_an_output_held_by_another_run_exits_6(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "v.bin"
    with reserved_output(output, overwrite=False):
        code = run_main(["train", "sgns", str(corpus), "--output", str(output), *SMALL])
    assert code == ExitCode.LOCKED
    assert "process" in error_line(capsys)


@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (signal.SIGINT, ExitCode.INTERRUPT, "interrupted"),
        (signal.SIGTERM, ExitCode.TERMINATED, "stopped by SIGTERM"),
        (signal.SIGHUP, ExitCode.HANGUP, "stopped by SIGHUP"),
    ],
)
def test_a_signal_ends_training_within_a_second_and_leaves_nothing(
    number: int, code: ExitCode, message: str, corpus: Path, tmp_path: Path
) -> None:
    log, output = tmp_path / "run.jsonl", tmp_path / "out" / "v.bin"
    output.parent.mkdir()
    command = [sys.executable, "-m", "embkit", "train", "sgns", str(corpus), "--output"]
    endless = ["--epochs", "1000000", "--min-count", "1", "--log", str(log)]
    with subprocess.Popen(
        [*command, str(output), *endless], stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        deadline = time.monotonic() + 60
        while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        sent = time.monotonic()
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors == f"embkit: error: {message}\n"
    assert time.monotonic() - sent < 10  # within one second on a machine that is not busy
    assert list(output.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("invalid", "told"),
    [("replace", "2 invalid bytes or sequences replaced"), ("bytes", "kept")],
)
@pytest.mark.parametrize("command", ["train sgns", "train glove", "cooccur"])
def test_odd_bytes_of_a_text_are_told_once(
    command: str, invalid: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"a b c\r\n" * 9 + b"a \xff b \xfe c\n")
    line = [*command.split(), str(text), "--min-count", "1", "--invalid", invalid]
    line += ["--overwrite", "--output", str(tmp_path / "counts.tsv")]
    if command != "cooccur":
        line = [*line[:-1], str(tmp_path / "v.bin"), "--dim", "4", "--epochs", "1"]
    assert run_main(line) == 0
    error = capsys.readouterr().err
    assert error.count("crlf") == 1
    assert f"warning: {text}: 9 crlf lines, 2 " in error
    assert told in error
    assert run_main([*line, "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_lone_carriage_returns_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_bytes(b"a b\rc\r" * 9 + b"a\r\n")
    line = ["cooccur", str(tmp_path / "text"), "--min-count", "1", "-o", str(tmp_path / "c")]
    assert run_main(line) == 0
    told = "text: 1 crlf lines, 18 lone CR taken as blanks, not as ends of lines"
    assert told in capsys.readouterr().err


def test_a_text_without_odd_bytes_is_not_talked_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text").write_text("a b c\n" * 9)
    line = ["train", "sgns", str(tmp_path / "text"), "--min-count", "1", "--dim", "4"]
    assert run_main([*line, "--output", str(tmp_path / "v.bin")]) == 0
    assert "warning" not in capsys.readouterr().err
