"""``embkit changes``: text, JSON, TSV, and what is said of words left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.cli import main as run_main
from embkit.mapping import ChangesConfig, Mapping, changes
from tests.spaces import cloud, random_rotation


@pytest.fixture
def sides(tmp_path: Path) -> list[str]:
    """Return two periods: w1 and another word changed places, every sixth word is rare."""
    rows = cloud(120, 6, 1)
    words = [f"w{i}" for i in range(120)]
    moved = rows.copy()
    other = int(np.argsort(rows @ rows[1])[0])
    moved[[1, other]] = rows[[other, 1]]
    counts = [40 if i % 6 == 0 and i != other else 1000 - i for i in range(120)]
    for name, some in (("1850", rows), ("1950", moved @ random_rotation(6, 2))):
        embkit.save(embkit.Embeddings.from_words(words, some, counts=counts), tmp_path / name)
    (tmp_path / "other").write_text(f"w{other}", encoding="utf-8")
    return [str(tmp_path / name) for name in ("1850", "1950")]


@pytest.fixture
def mapping(sides: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    path = str(tmp_path / "periods.map")
    assert run_main(["map", *sides, "--identical", "--output", path, "--quiet"]) == 0
    capsys.readouterr()
    return ["--mapping", path]


def test_words_that_changed_are_printed_with_their_neighbours(
    sides: list[str],
    mapping: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    planted = {"w1", (tmp_path / "other").read_text()}
    for more in ([], mapping, [*mapping, "--measure", "neighbors"]):
        assert run_main(["changes", *sides, *more, "--neighbors", "10", "-n", "4"]) == 0
        printed = capsys.readouterr()
        lines = [line.split("\t") for line in printed.out.splitlines()]
        assert lines[0] == [
            *("rank", "word", "score", "first_count", "second_count", "before", "after")
        ]
        assert [line[0] for line in lines[1:]] == ["1", "2", "3", "4"]
        assert {line[1] for line in lines[1:3]} == planted
        assert float(lines[2][2]) > 2 * float(lines[3][2])
        assert lines[1][3] == lines[1][4] == str(1000 - int(lines[1][1][1:]))
        assert all(len(cell.split(" ")) == 5 for line in lines[1:] for cell in line[5:])
        assert "of 120 words of both sides, as they occur less than 50 times" in printed.err
    assert run_main(["changes", *sides, "--min-count", "40", "--quiet"]) == 0
    assert run_main(["changes", *sides, "--min-count", "40"]) == 0
    assert capsys.readouterr().err == ""


def test_the_command_tells_what_python_does(
    sides: list[str], mapping: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fitted = Mapping.open(mapping[1])
    spaces = embkit.load(sides[0]), embkit.load(sides[1])
    mapped = fitted.apply(spaces[0], "source"), fitted.apply(spaces[1], "target")
    assert run_main(["changes", *sides, *mapping, "--topn", "9", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == changes(*mapped, measure="cosine", topn=9).to_dict()
    assert run_main(["changes", *sides, "w3", "w6", "--shown", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    config = ChangesConfig(shown=2)
    assert told == changes(*spaces, config, words=["w3", "w6"]).to_dict()
    assert (told["measure"], told["neighbors"], len(told["changes"])) == ("neighbors", 25, 2)
    turned = [*sides[::-1], *mapping, "--reverse-mapping", "--json", "--topn", "9"]
    assert run_main(["changes", *turned]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == changes(*mapped[::-1], measure="cosine", topn=9).to_dict()


def test_a_table_is_written_as_it_is_printed(
    sides: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "changes.tsv"
    assert run_main(["changes", *sides]) == 0
    printed = capsys.readouterr().out
    assert run_main(["changes", *sides, "--output", str(output)]) == 0
    assert capsys.readouterr().err.endswith(f"wrote {output}: 20 words\n")
    assert output.read_text("utf-8") == printed
    assert run_main(["changes", *sides, "--output", str(output)]) == 2
    assert "--overwrite replaces it" in capsys.readouterr().err
    more = ["--output", str(output), "--overwrite", "--json", "-n", "3"]
    assert run_main(["changes", *sides, *more]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["num_words"], told["num_common"], told["output"]) == (3, 120, str(output))
    assert "changes" not in told
    assert len(output.read_text("utf-8").splitlines()) == 4
    assert run_main(["changes", *sides, "--output", sides[0]]) == 2
    assert "output must not be an input" in capsys.readouterr().err


def test_words_are_harmless_in_their_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = embkit.Embeddings.from_words(["a", "d\te", "\udcff", "\u00e9"], np.eye(4) + 0.1)
    embkit.save(space, tmp_path / "v")
    command = ["changes", *[str(tmp_path / "v")] * 2, "--output", str(tmp_path / "t")]
    assert run_main(command) == 0
    lines = [line.split("\t") for line in (tmp_path / "t").read_text("utf-8").splitlines()]
    assert [line[1] for line in lines[1:]] == ["a", "d\\x09e", "\\xff", "\u00e9"]
    assert {len(line) for line in lines} == {7}
    assert lines[1][3:5] == ["", ""]
    told = capsys.readouterr().err
    assert f"no counts in {tmp_path / 'v'}: rare words" in told
    assert run_main([*command, "--overwrite", "--restrict-vocab", "3"]) == 0
    assert "no counts" not in capsys.readouterr().err


def test_what_cannot_be_compared_is_told_in_one_line(
    sides: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.txt").write_text("Haus 1 2\nHund 3 4\n", encoding="utf-8")
    other = str(tmp_path / "other.txt")
    for command, message in (
        ([sides[0], other, "--measure", "cosine"], "--mapping be given: dims are 6 and 2"),
        ([*sides, "w1", "W2"], f"'W2' not among the 120 words of {sides[0]}; did you mean"),
        ([*sides, "--min-count", "5000"], "min_count (5000)"),
        ([*sides, "--topn", "0"], "topn must be at least 1, got 0"),
        ([*sides, "--measure", "angle"], "--measure"),
        ([*sides, "--reverse-mapping"], "mapping must be given where reverse_mapping is"),
        ([sides[0], "nowhere"], "nowhere"),
        ([sides[0], other], "must have words that both spell alike, got none among 120 and 2"),
    ):
        assert run_main(["changes", *command]) == (3 if command == [sides[0], other] else 2)
        told = capsys.readouterr()
        assert message in told.err
        assert (told.out, len(told.err.splitlines())) == ("", 1)


def test_the_memory_limit_holds(sides: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for more in ([], ["--measure", "cosine"]):
        assert run_main(["changes", *sides, *more, "--memory", "100M"]) == 5
        assert "over the limit of 100.0 MiB" in capsys.readouterr().err


def test_a_cosine_of_spaces_that_nothing_brought_together_is_warned_of(
    sides: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for side in sides:
        space = embkit.load(side)
        own = embkit.Embeddings(space.vocabulary, space.vectors, provenance={"embkit": "1"})
        embkit.save(own, side, overwrite=True)
    assert run_main(["changes", *sides, "--measure", "cosine"]) == 0
    assert "neither side says that it was brought into a common" in capsys.readouterr().err
    assert run_main(["changes", *sides]) == 0
    assert "neither side" not in capsys.readouterr().err
