"""The tasks of embkit eval that cluster, find outliers, test bias and look inside."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.cli import main

WORDS = ("lion", "lynx", "puma", "rose", "lily", "iris", "joy", "love", "war", "filth")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    centers = np.repeat(np.eye(4)[[0, 1, 2, 3]], [3, 3, 2, 2], axis=0)
    rows = centers + 0.1 * rng.standard_normal((10, 4))
    rows[3:6, 2] += 0.5  # flowers are pleasant, cats are not
    rows[:3, 3] += 0.5
    path = tmp_path / "vectors.txt"
    embkit.save(embkit.Embeddings.from_words(WORDS, rows), path)
    return path


@pytest.fixture(autouse=True)
def _no_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBKIT_DATA", str(tmp_path / "data"))


def rows_of(text: str) -> list[dict[str, str]]:
    names, *rows = (line.split("\t") for line in text.splitlines())
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_categories_are_scored_from_the_command_line(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "mine.tsv"
    data.write_text("".join(f"{'cat' if i < 3 else 'flower'}\t{WORDS[i]}\n" for i in range(6)))
    assert main(["eval", "categorization", str(model), "--set", str(data)]) == 0
    (row,) = rows_of(capfd.readouterr().out)
    data.write_text("word,kind\nlion,cat\nlynx,cat\nrose,flower\n")
    named = ["--columns", "kind", "--columns", "word"]
    assert main(["eval", "categorization", str(model), "--set", str(data), *named]) == 0
    assert rows_of(capfd.readouterr().out)[0]["used"] == "3/3"
    assert (row["purity"], row["ari"], row["used"]) == ("1.000", "1.000", "6/6")
    assert (row["vectors"], row["set"]) == (str(model), "mine")


def test_outliers_are_scored_and_undefined_is_null_with_its_reason(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "o.tsv"
    data.write_text("cats\tlion lynx puma\trose\nflowers\trose lily iris\twar\n")
    assert main(["eval", "outliers", str(model), "--set", str(data), "--json"]) == 0
    (found,) = json.loads(capfd.readouterr().out)
    assert found["accuracy"]["value"] == 1.0
    data.write_text("cats\ta b c\td\n")
    assert main(["eval", "outliers", str(model), "--set", str(data), "--json"]) == 3
    (found,) = json.loads(capfd.readouterr().out)
    assert found["opp"] == {
        "value": None,
        "interval": None,
        "reason": "no outlier is known together with its cluster (1)",
    }


def test_bias_is_tested_also_in_another_language(
    model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    roles = {"X": "rose lily iris", "Y": "lion lynx puma", "A": "joy love", "B": "war filth"}
    english = [f"t\t{role}\t{role}s\t{w}" for role in roles for w in roles[role].split()]
    (tmp_path / "en.tsv").write_text("\n".join(english) + "\n")
    command = ["eval", "bias", str(model), "--json", "--set"]
    assert main([*command, str(tmp_path / "en.tsv")]) == 0
    plain = json.loads(capfd.readouterr().out)[0]
    assert plain["effect"]["value"] > 1
    assert plain["p_value"] == 0.05  # 1 of 20 splits
    foreign = [line + "_de" for line in english]
    (tmp_path / "de.tsv").write_text("\n".join(foreign) + "\n")
    words = "".join(f"{w}_de\t{w}\n" for w in WORDS)
    (tmp_path / "words.tsv").write_text(words)
    translated = ["--translations", str(tmp_path / "words.tsv")]
    assert main([*command, str(tmp_path / "de.tsv"), *translated]) == 0
    assert json.loads(capfd.readouterr().out)[0]["effect"] == plain["effect"]
    other = ["--translate", "targets", "--attribute-vectors", str(model)]
    assert main([*command, str(tmp_path / "de.tsv"), *translated, *other]) == 3
    assert json.loads(capfd.readouterr().out)[0]["effect"]["value"] is None


@pytest.mark.parametrize("task", ["diagnostics", "all"])
def test_vectors_of_one_word_are_named_as_data_that_is_too_little(
    task: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "one.txt"
    path.write_text("lion 1 2\n")
    assert main(["eval", task, str(path), "--quiet"]) == 3
    reason = "vectors must have at least 2 words that are not zero, got 1"
    assert capfd.readouterr().err == f"embkit: error: {path}: {reason}\n"


def test_diagnostics_of_two_models_say_how_their_neighbours_agree(
    model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command = ["eval", "diagnostics", str(model), str(model), "--neighbors", "2"]
    assert main(command) == 0
    first, second = capfd.readouterr().out.split("\n\n")
    assert [row["words"] for row in rows_of(first)] == ["10", "10"]
    assert rows_of(second)[0]["overlap"] == "1.000"
    assert main([*command, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["stability"][0]["overlap"]["value"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["outliers", "MODEL"], "since no outliers set is here"),
        (["outliers", "MODEL", "--set", "8-8-8"], "embkit data fetch outliers-8-8-8"),
        (["outliers", "MODEL", "--set", "ws353"], "must be of kind outliers"),
        (["bias", "MODEL", "--set", "weatt"], "got 'weatt'"),
        (["diagnostics"], "vectors must be given"),
        (["diagnostics", "nothing.bin"], "nothing.bin: No such file"),
        (["diagnostics", "MODEL", "--neighbors", "0"], "neighbors must be at least 1"),
    ],
)
def test_wrong_calls_are_told_in_one_line(
    model: Path, arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    given = [str(model) if argument == "MODEL" else argument for argument in arguments]
    assert main(["eval", *given]) == 2
    error = capfd.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert message in error[0]
