"""The commands across two languages: translate, induce-dictionary, eval translation."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.cli import main as run_main
from embkit.mapping import Mapping, SeedDictionary, translate
from tests.spaces import pairs, planted


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Return the files of two planted spaces and, in the same folder, a map and a test set."""
    source, target, _ = planted(150, 8, seed=1, noise=0.01)
    embkit.save(source, tmp_path / "s.bin")
    embkit.save(target, tmp_path / "t.bin")
    embkit.map(source, target, dictionary=pairs(60)).save(tmp_path / "st.map")
    gold = [*pairs(50, start=90), ("s100", "t1"), ("unknown", "words")]
    lines = [f"{s}\t{t}\n" for s, t in gold]
    (tmp_path / "test.txt").write_text("".join(lines), encoding="utf-8")
    named = [str(tmp_path / name) for name in ("s.bin", "t.bin")]
    return [*named, "--mapping", str(tmp_path / "st.map")]


def test_words_are_translated(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(["translate", *arguments[:2], "s5", "s140", *arguments[2:], "-n", "1"]) == 0
    cells = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in cells] == [["s5", "t5"], ["s140", "t140"]]
    assert run_main(["translate", *arguments[:2], "s5", *arguments[2:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["s5"][0]["word"] == "t5"
    assert run_main(["translate", *arguments[:2], "nothing", *arguments[2:]]) == 2
    assert run_main(["translate", *arguments[:2], "s5", *arguments[2:], "--topn", "0"]) == 2
    assert "topn must be at least 1, got 0" in capsys.readouterr().err


def test_a_map_serves_the_other_direction_too(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turned = [arguments[1], arguments[0]]
    mapped = [*arguments[2:], "--reverse-mapping"]
    assert run_main(["translate", *turned, "t5", "t140", *mapped, "-n", "1"]) == 0
    cells = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in cells] == [["t5", "s5"], ["t140", "s140"]]
    test = ["--dictionary", str(tmp_path / "test.txt"), "--reverse-dictionary"]
    assert run_main(["eval", "translation", *turned, *mapped, *test, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)[0]
    assert told["precision_at"]["1"]["value"] > 0.9
    assert run_main(["translate", *turned, "t5", "--reverse-mapping"]) == 2
    assert "mapping must be given where reverse_mapping is" in capsys.readouterr().err


def test_sides_that_were_swapped_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target, _ = planted(120, 6, seed=1)
    wide = np.hstack([target.vectors, target.vectors[:, :2]])
    embkit.save(source, tmp_path / "s.bin")
    embkit.save(target, tmp_path / "t")
    embkit.save(embkit.Embeddings.from_words(target.words, wide), tmp_path / "wide")
    s, t, w = (str(tmp_path / name) for name in ("s.bin", "t", "wide"))
    for name, method in ((t, "orthogonal"), (w, "cca")):
        made = embkit.map(
            embkit.load(s), embkit.load(name), dictionary=pairs(60), method=method
        )
        made.save(f"{name}.map")
    assert run_main(["translate", s, t, "s5", "--mapping", t + ".map"]) == 0
    assert "warning" not in capsys.readouterr().err
    assert run_main(["translate", t, s, "t5", "--mapping", t + ".map"]) == 0
    told = capsys.readouterr().err
    assert "warning: both files are known from the map's other side; is SOURCE" in told
    assert run_main(["translate", w, s, "t5", "--mapping", w + ".map"]) == 2
    told = capsys.readouterr().err
    assert "wide: the map takes source vectors of 6 dimensions, got 8; is SOURCE" in told
    assert run_main(["translate", w, s, "t5", "--mapping", t + ".map"]) == 2
    assert "of 6 dimensions, got 8\n" in capsys.readouterr().err


def test_python_translates_as_the_command_does(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    fitted = Mapping.open(arguments[3])
    sides = (
        fitted.apply(embkit.load(arguments[0]), "source"),
        fitted.apply(embkit.load(arguments[1]), "target"),
    )
    assert run_main(["translate", *arguments[:2], "s5", *arguments[2:], "--json"]) == 0
    best = translate(*sides, ["s5"])["s5"]
    assert json.loads(capsys.readouterr().out)["s5"] == [
        {"word": word, "score": score} for word, score in best
    ]
    assert list(translate(*sides, ["no", "s5"], oov="skip")) == ["s5"]
    with pytest.raises(KeyError, match="no"):
        translate(*sides, ["no"])
    with pytest.raises(ValueError, match="words must be a list of words, got 's5'"):
        translate(*sides, "s5")


def test_an_induced_dictionary_is_a_dictionary(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "pairs.tsv"
    command = ["induce-dictionary", *arguments, "--output", str(output)]
    assert run_main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["hubness"]["k"] == 10
    assert 0 <= told["hubness"]["never"] < 1 <= told["hubness"]["largest"]
    cells = [line.split("\t") for line in output.read_text().splitlines()]
    assert len(cells) == told["num_pairs"] > 140
    right = [row for row in cells if row[0][1:] == row[1][1:]]
    assert len(right) > 0.95 * len(cells)
    assert all(0 <= float(row[2]) <= 1 and row[5] == "1" for row in cells)
    read = [(e.source, e.target, e.weight) for e in SeedDictionary.read(output)]
    assert read == [(row[0], row[1], float(row[2])) for row in cells]
    assert run_main(command) == 2
    assert run_main([*command, "--overwrite", "--no-mutual", "--words", "100"]) == 0
    assert len(output.read_text().splitlines()) == 100


def test_words_that_no_dictionary_can_hold_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["a", "b c", "d\te", "f\ng", " h", "\udcff", "\u00e9"]
    space = embkit.Embeddings.from_words(words, np.eye(7) + 0.1)
    embkit.save(space, tmp_path / "v")
    command = ["induce-dictionary", *[str(tmp_path / "v")] * 2, "--output"]
    assert run_main([*command, str(tmp_path / "d.tsv")]) == 0
    assert "left out 4 pairs of words that are not UTF-8" in capsys.readouterr().err
    read = [(e.source, e.target) for e in SeedDictionary.read(tmp_path / "d.tsv")]
    assert read == [("a", "a"), ("b c", "b c"), ("\u00e9", "\u00e9")]
    assert run_main([*command, str(tmp_path / "e.tsv"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["num_pairs"], told["num_left_out"]) == (3, 4)


def test_a_dictionary_of_doubtful_pairs_can_be_read_too(
    arguments: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "pairs.tsv"
    command = ["induce-dictionary", *arguments, "--output", str(output), "--no-mutual"]
    assert run_main([*command, "--temperature", "0.001"]) == 0
    weights = [entry.weight for entry in SeedDictionary.read(output)]
    assert 0 < min(weights) < 1e-4


def test_a_higher_margin_or_confidence_keeps_fewer_pairs(
    arguments: list[str], tmp_path: Path
) -> None:
    sizes = []
    for options in ([], ["--margin", "0.2"], ["--confidence", "0.9"]):
        output = tmp_path / "pairs.tsv"
        command = ["induce-dictionary", *arguments, "--output", str(output), "--overwrite"]
        assert run_main([*command, *options]) == 0
        sizes.append(len(output.read_text().splitlines()))
    assert sizes[0] > max(sizes[1:])


def test_translation_is_evaluated(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dictionary = str(tmp_path / "test.txt")
    command = ["eval", "translation", *arguments, "--dictionary", dictionary]
    assert run_main([*command, "--json", "--resamples", "50"]) == 0
    score = json.loads(capsys.readouterr().out)[0]
    assert (score["num_words"], score["num_covered"]) == (51, 50)
    assert score["precision_at"]["1"]["value"] > 0.95
    (tmp_path / "pos.tsv").write_text("s95\tnoun\ns96\tnoun\ns97\tverb\n", encoding="utf-8")
    grouped = [*command, "--groups", str(tmp_path / "pos.tsv"), "--retrieval", "nn"]
    assert run_main([*grouped, "--resamples", "50"]) == 0
    shown = capsys.readouterr().out
    assert "50/51" in shown
    assert "group\tnoun\t1.000" in shown
    assert "fasttext" in shown


@pytest.mark.parametrize("column", ["4", "pos"])
@pytest.mark.parametrize("reverse", [False, True])
def test_groups_are_a_column_of_the_dictionary(
    column: str,
    reverse: bool,
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [("s95", "t95", "0", "noun"), ("s96", "t1", "", "noun"), ("S96", "t96", "", "verb")]
    header = [("word", "translation", "weight", "pos")] if column == "pos" else []
    order = (1, 0, 2, 3) if reverse else (0, 1, 2, 3)
    lines = ["\t".join(row[i] for i in order) + "\n" for row in [*header, *rows]]
    path = tmp_path / "gold.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    command = ["eval", "translation", *arguments, "--dictionary", str(path), "--case", "any"]
    command += ["--retrieval", "nn", "--group-column", column]
    command += ["--reverse-dictionary"] if reverse else []
    assert run_main([*command, "--json"]) == 0
    score = json.loads(capsys.readouterr().out)[0]
    assert (score["num_words"], score["num_pairs"]) == (2, 3)
    assert {name: e["value"] for name, e in score["by_group"].items()} == {
        "noun": 0.5,
        "verb": 1.0,
    }
    assert run_main(command) == 0
    assert "group\tnoun\t0.500" in capsys.readouterr().out
    assert run_main([*command, "--groups", str(path)]) == 2
    assert "groups must be left out where group_column is given" in capsys.readouterr().err


def test_sides_that_were_trained_and_not_mapped_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options: dict[str, Any] = {"dim": 2, "min_count": 1, "epochs": 1, "threads": 1}
    for side in ("one", "other"):
        embkit.save(embkit.train("sgns", [["a", "b"]] * 9, **options), tmp_path / side)
    sides = [str(tmp_path / "one"), str(tmp_path / "other")]
    told = "warning: neither side says that it was brought into a common space (--mapping)"
    assert run_main(["translate", *sides, "a"]) == 0
    assert told in capsys.readouterr().err
    eye = np.eye(2, dtype=np.float32)
    embkit.Mapping(eye, eye).save(tmp_path / "m")
    for more in ([*sides, "--mapping", str(tmp_path / "m")], [sides[0], sides[0]]):
        assert run_main(["translate", *more, "a"]) == 0
        assert told not in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--json"], ["--details"]])
def test_tests_of_which_nothing_is_known_end_with_the_code_of_unusable_data(
    more: list[str],
    arguments: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def made(name: str, text: str) -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    words = made("words.txt", "qqq xxx\nyyy zzz\n")
    lines = made("lines.tsv", "a\tqqq xxx\nb\tyyy zzz\n")
    texts = ["--source-text", words, "--target-text", words]
    tasks = {
        "translation": ["--dictionary", words],
        "crosslingual-similarity": ["--set", made("s.tsv", "qqq\txxx\t1\nyyy\tzzz\t2\n")],
        "crosslingual-analogy": ["--set", made("a.txt", ": x\nqqq xxx yyy zzz\n")],
        "sentences": texts,
        "documents": ["--train", lines, "--test", lines],
        "alignment": [*texts, "--gold", made("gold.txt", "0-0\n1-1\n")],
    }
    for task, given in tasks.items():
        asked = [option for option in more if option == "--json" or task == "translation"]
        assert run_main(["eval", task, *arguments, *given, *asked]) == 3, task
        told = capsys.readouterr()
        assert told.out, task
        assert told.err.count("embkit: error: nothing could be evaluated: ") == 1, task
        assert "Traceback" not in told.err


def test_pairs_that_are_all_left_out_are_unusable_data(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "same.txt"
    path.write_text("s1 s1\ns2 s2\n")
    command = ["eval", "translation", *arguments, "--dictionary", str(path)]
    assert run_main([*command, "--exclude-identical"]) == 3
    assert f"{path}: all pairs are of words spelled alike" in capsys.readouterr().err


def test_what_is_kept_whole_is_no_bomb(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for module in ("evaluation.rows", "dictionaries.entries", "cli.eval_crosslingual_tasks"):
        monkeypatch.setattr(f"embkit.{module}.MOST_KEPT", 1 << 20)
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"s1\tt1\t1\n" * (1 << 18)))
    given = str(bomb)
    for task in (
        ["translation", "--dictionary", given],
        ["crosslingual-similarity", "--set", given],
        ["sentences", "--source-text", given, "--target-text", given],
    ):
        assert run_main(["eval", task[0], *arguments, *task[1:]]) == 3
        assert "must have at most 1048576 bytes, got more" in capsys.readouterr().err


def test_inputs_are_checked_before_any_work(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = ["eval", "translation", *arguments, "--dictionary", str(tmp_path / "none.txt")]
    assert run_main(missing) == 2
    assert "none.txt" in capsys.readouterr().err
    options = ["--inverse-temperature", "0", "--dictionary", str(tmp_path / "test.txt")]
    assert run_main(["eval", "translation", str(tmp_path), arguments[1], *options]) == 2
    assert "inverse_temperature must be at least" in capsys.readouterr().err
    embkit.save(planted(20, 5, seed=2)[0], tmp_path / "other.bin")
    unmapped = ["translate", arguments[0], str(tmp_path / "other.bin"), "s1"]
    assert run_main(unmapped) == 2
    assert "must be in one space" in capsys.readouterr().err


def test_two_sides_that_do_not_fit_in_memory_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run_main(["translate", *arguments[:2], "s1", *arguments[2:], "--memory", "200M"]) == 5
    )
    assert "over the limit of 200.0 MiB" in capsys.readouterr().err


def test_the_test_dictionary_is_read_as_any_other(tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_text("dog Hund Rüde\n", encoding="utf-8")
    assert [(e.source, e.target) for e in SeedDictionary.read(path)] == [
        ("dog", "Hund"),
        ("dog", "Rüde"),
    ]


def test_gold_words_are_found_in_other_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {"new_york": [1.0, 0], "Caf\u00e9": [0, 1.0], "dog": [1.0, 1.0]}
    embkit.save(embkit.Embeddings.from_words(rows), "s.bin")
    embkit.save(embkit.Embeddings.from_words(rows), "t.bin")
    lines = ["new york\tnew_york\n", "Cafe\u0301\tCaf\u00e9\n", "DOG\tdog\n", "cow\tKuh\n"]
    Path("d").write_text("".join(lines), encoding="utf-8")
    command = ["eval", "translation", "s.bin", "t.bin", "--dictionary", "d", "--json"]
    command += ["--retrieval", "nn"]
    for case, covered in (("exact", 2), ("any", 3)):
        assert run_main([*command, "--case", case]) == 0
        score = json.loads(capsys.readouterr().out)[0]
        assert (score["num_covered"], score["num_words"]) == (covered, 4)
        assert score["precision_at"]["1"]["value"] == 1.0
