"""Running other tools: their options, their training time, and proof of their epochs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eval.peers import Task, fasttext_command, pword2vec_command, run_peer, word2vec_command
from eval.runs import Settings, count_words, run_tool

TRAIN = """
import sys, time
time.sleep(0.2)
for percent in range(0, {last} + 1, 10):
    print(chr(13) + f"Alpha: 0.02  Progress: {{percent:.2f}}%  Words/thread/sec: 9k", end="")
    sys.stdout.flush()
    time.sleep(0.01)
time.sleep(0.2)
"""


def options_of(command: list[str]) -> dict[str, str]:
    return dict(zip(command[1::2], command[2::2], strict=True))


def fake_tool(path: Path, last: int) -> Path:
    path.write_text(f"#!{sys.executable}\n{TRAIN.format(last=last)}", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_every_tool_is_told_the_same() -> None:
    task = replace(Task("cbow", "hs"), dim=30, epochs=4, threads=1)
    paths = Path("bin"), task, Path("in"), Path("out")
    options = options_of(word2vec_command(*paths))
    assert options == {
        **{"-train": "in", "-output": "out", "-binary": "1", "-debug": "2"},
        **{"-cbow": "1", "-hs": "1", "-negative": "0", "-alpha": "0.05", "-size": "30"},
        **{"-window": "5", "-sample": "0.0001", "-iter": "4", "-min-count": "5"},
        "-threads": "1",
    }
    skipgram = options_of(word2vec_command(Path("bin"), Task(), Path("in"), Path("out")))
    assert [skipgram[name] for name in ("-cbow", "-hs", "-negative", "-alpha")] == [
        *("0", "0", "5", "0.025")
    ]
    shorter = options_of(pword2vec_command(Path("bin"), Task(), Path("in"), Path("out")))
    assert shorter == {
        name: skipgram[name] for name in skipgram if name not in ("-cbow", "-hs")
    }
    command = fasttext_command(*paths)
    assert command[1] == "cbow"
    fasttext = options_of(command[1:])
    same = {"-dim": "-size", "-ws": "-window", "-t": "-sample", "-epoch": "-iter"}
    same |= {"-minCount": "-min-count", "-thread": "-threads", "-lr": "-alpha"}
    assert {name: fasttext[name] for name in same} == {n: options[o] for n, o in same.items()}
    assert (fasttext["-maxn"], fasttext["-loss"]) == ("0", "hs")


def test_training_time_leaves_out_what_comes_before_and_after(tmp_path: Path) -> None:
    run = run_peer([str(fake_tool(tmp_path / "tool", 100))])
    assert run.seconds > 0.4
    assert 0.05 < run.training_seconds < run.seconds - 0.35
    assert 0.5 < run.progress <= 1  # a busy machine may bring the first lines together


def test_skipped_epochs_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"trained only 60\.0% of its epochs"):
        run_peer([str(fake_tool(tmp_path / "tool", 60))])


def test_a_failing_tool_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"failed \(7\): b'no such file"):
        run_peer([sys.executable, "-c", "print('no such file'); raise SystemExit(7)"])


def test_words_are_counted_once_for_all(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("a a a b b\na a c\n" * 2, encoding="utf-8")
    corpus = count_words(path, min_count=3)
    assert (corpus.tokens, corpus.in_vocabulary, corpus.lines) == (16, 14, 4)


def test_rates_count_words_in_the_vocabulary_and_whole_runs(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_text("a b c d e\n" * 10, encoding="utf-8")
    tool = fake_tool(tmp_path / "tool", 100)
    settings = Settings(count_words(path), tmp_path, {"word2vec": tool}, 5, 2, 1, 100)
    metrics = run_tool("word2vec", Task(epochs=5), settings)
    training = metrics["training_seconds"]
    assert metrics["words_per_second"] == pytest.approx(2 * 50 / training)
    assert 1 / metrics["whole_per_second"] == pytest.approx(metrics["seconds"] + 1.5 * training)
