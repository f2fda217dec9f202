"""``embkit eval`` across languages: what each task prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.cli import main as run_main
from tests.test_evaluation_crosslingual import cipher, encipher, sentences


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, space in zip(("s", "t"), cipher(), strict=True):
        embkit.save(space, name)
    return tmp_path


def write(name: str, lines: list[str]) -> None:
    Path(name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def evaluate(capsys: pytest.CaptureFixture[str], task: str, *options: str) -> dict[str, Any]:
    assert run_main(["eval", task, "s", "t", *options, "--json"]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found[0]


def test_similarity(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = cipher()[0]
    pairs = np.random.default_rng(1).integers(0, 200, (30, 2))
    lines = [f"w{i}\tx_w{j}\t{source.similarity(f'w{i}', f'w{j}')}" for i, j in pairs]
    write("set.tsv", lines)
    score = evaluate(capsys, "crosslingual-similarity", "--set", "set.tsv", "--resamples", "50")
    assert score["spearman"]["value"] == pytest.approx(1.0)
    known = ["eval", "crosslingual-similarity", "s", "t", "--set", "semeval17-en-d"]
    assert run_main(known) == 2
    assert "got 'semeval17-en-d'; did you mean semeval17-en-de?" in capsys.readouterr().err


def test_analogies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("set.txt", [": all", "w1 w2 x_w1 x_w2", "w3 w4 x_w3 x_w4", "w3 none x_w3 x_w4"])
    score = evaluate(capsys, "crosslingual-analogy", "--set", "set.txt")
    assert (score["accuracy"]["value"], score["n_used"], score["n_total"]) == (1.0, 2, 3)
    write("en.tsv", ["kind\tw1\tw2", "kind\tw3\tw4", "more\tw5\tw6", "more\tw7\tw8"])
    write("de.tsv", ["kind\tx_w1\tx_w2", "kind\tx_w3\tx_w4"])
    sets = ["--set", "en.tsv", "--target-set", "de.tsv"]
    assert evaluate(capsys, "crosslingual-analogy", *sets)["n_total"] == 4


def test_sentences_and_alignments(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = sentences(40)
    write("s.txt", [" ".join(text) for text in texts])
    write("t.txt", [" ".join(encipher(text)[::-1]) for text in texts])
    write("gold.txt", [" ".join(f"{i}-{5 - i}" for i in range(6)) + " 0?0" for _ in texts])
    parallel = ["--source-text", "s.txt", "--target-text", "t.txt"]
    score = evaluate(capsys, "sentences", *parallel)
    assert score["forward"]["1"]["value"] == 1.0
    score = evaluate(capsys, "alignment", *parallel, "--gold", "gold.txt")
    assert (score["error_rate"], score["n_sure"]) == (0.0, 240)


def test_gold_links_may_name_the_target_first(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("s.txt", ["w1 w2 w3 w4"])
    write("t.txt", ["x_w3 x_w1 q x_w2 w9"])
    write("gold.txt", ["0-1 1-3 2-0 3?4"])
    write("reversed.txt", ["1-0 3-1 0-2 4?3"])
    texts = ["--source-text", "s.txt", "--target-text", "t.txt", "--gold"]
    expected = evaluate(capsys, "alignment", *texts, "gold.txt")
    assert (expected["error_rate"], expected["n_links"]) == (0, 3)
    assert evaluate(capsys, "alignment", *texts, "reversed.txt", "--reverse-gold") == expected
    wrong = ["eval", "alignment", "s", "t", *texts]
    assert run_main([*wrong, "reversed.txt"]) == 3
    assert (
        "reversed.txt:1: the link 4-3 must lead to words below 4 and 5; does it name the other "
        "side first (--reverse-gold)?" in capsys.readouterr().err
    )
    write("reversed.txt", ["5-0"])
    assert run_main([*wrong, "reversed.txt", "--reverse-gold"]) == 3
    assert "the link 5-0 must lead to words below 5 and 4" in capsys.readouterr().err


def test_a_no_break_space_parts_no_words(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("s.txt", ["10\u00a0000 w1 w2"])
    write("t.txt", ["x_w2 10\u2009000 x_w1"])
    options = ["--source-text", "s.txt", "--target-text", "t.txt", "--gold", "gold.txt"]
    for links in ("1-2 2-0", "1 2 2 0"):
        write("gold.txt", [links])
        assert evaluate(capsys, "alignment", *options)["error_rate"] == 0
    rows = ["a\tw1\u00a0w2 w3", "b\tw4"]
    write("train.tsv", rows)
    write("test.tsv", [row.replace("w", "x_w").replace("x_w1", "q") for row in rows])
    options = ["--train", "train.tsv", "--test", "test.tsv"]
    assert evaluate(capsys, "documents", *options)["n_without_words"] == 0


def test_documents(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = sentences(60, seed=6)
    labels = ["a" if int(text[0][1:]) < 100 else "b" for text in texts]
    texts = [[text[0]] * 20 + text for text in texts]
    rows = list(zip(labels, texts, strict=True))
    write("train.tsv", [f"{label}\t{' '.join(text)}" for label, text in rows])
    write("test.tsv", [f"{label}\t{' '.join(encipher(text))}" for label, text in rows])
    score = evaluate(capsys, "documents", "--train", "train.tsv", "--test", "test.tsv")
    assert score["accuracy"] == score["source_accuracy"]


@pytest.mark.parametrize(
    ("task", "broken", "message"),
    [
        ("sentences", {"t.txt": ["one line"]}, "as many lines as s.txt (2), got 1"),
        ("alignment", {"gold.txt": ["0-0", "0:1"]}, "gold.txt:2: a link must be i-j or i?j"),
        ("alignment", {"gold.txt": ["0-0"]}, "need 2 lines, got 1"),
        (
            "alignment",
            {"gold.txt": ["0-0", "0-0 0?1"]},
            "gold.txt:2: the link 0-1 must lead to words below 1 and 1",
        ),
        ("documents", {"train.tsv": ["no label"]}, "train.tsv:1: must be a label, a tab"),
    ],
)
def test_malformed_files_are_told(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    task: str,
    broken: dict[str, list[str]],
    message: str,
) -> None:
    texts = {"s.txt": ["w1", "w2"], "t.txt": ["x_w1", "x_w2"], "gold.txt": ["0-0", "0-0"]}
    for name, lines in {**texts, "train.tsv": ["a\tw1"], **broken}.items():
        write(name, lines)
    parallel = ["--source-text", "s.txt", "--target-text", "t.txt"]
    options = {
        "sentences": parallel,
        "alignment": [*parallel, "--gold", "gold.txt"],
        "documents": ["--train", "train.tsv", "--test", "train.tsv"],
    }[task]
    assert run_main(["eval", task, "s", "t", *options]) == 3
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("closeness", ["nan", "-1"])
def test_closeness_is_a_weight(
    folder: Path, capsys: pytest.CaptureFixture[str], closeness: str
) -> None:
    for name, line in {"s.txt": "w1", "t.txt": "x_w1", "gold.txt": "0-0"}.items():
        write(name, [line])
    texts = ["--source-text", "s.txt", "--target-text", "t.txt", "--gold", "gold.txt"]
    command = ["eval", "alignment", "s", "t", *texts, "--closeness", closeness]
    assert run_main(command) == 2
    assert "closeness must be at least 0, got" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
def test_seed_of_a_classifier_has_32_bits(
    folder: Path, capsys: pytest.CaptureFixture[str], seed: str
) -> None:
    write("train.tsv", ["a\tw1", "b\tw2"])
    documents = ["--train", "train.tsv", "--test", "train.tsv", "--seed", seed]
    assert run_main(["eval", "documents", "s", "t", *documents]) == 2
    assert "seed must be from 0 to 2^32 - 1, got" in capsys.readouterr().err
