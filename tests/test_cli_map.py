"""``embkit map`` and ``embkit apply``: what they write and refuse."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit import formats
from embkit.cli import main as run_main
from embkit.cli.eval_crosslingual import TASKS as CROSSLINGUAL_TASKS
from embkit.mapping import Mapping
from tests.spaces import pairs, planted, write_planted

Files = dict[str, str]
HYBRID = ["--method", "hybrid"]
SELF = ["--method", "self-learning"]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_planted(tmp_path)


def map_arguments(files: Files, *more: str) -> list[str]:
    return ["map", files["s.bin"], files["t"], "--dictionary", files["d.txt"], *more]


def test_map_then_apply_brings_translations_together(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(map_arguments(files, "--output", files["m"])) == 0
    assert "40 of 41 pairs used; both words unknown: 1 ('x y')" in capsys.readouterr().err
    arguments = ["apply", files["m"], files["s.bin"], "--side", "source", "--unit"]
    assert run_main([*arguments, "--output", files["o.vec"]]) == 0
    mapped, fitted = embkit.load(files["o.vec"]), Mapping.open(files["m"])
    target = fitted.map_target(embkit.load(files["t"]).vectors, unit=True)
    np.testing.assert_allclose(mapped.vectors, target, atol=1e-4)


def test_mapped_vectors_have_the_format_that_is_given(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, sides = files["m"] + "-mapped", ["--output-target", files["o.vec"]]
    assert run_main(map_arguments(files, "--output-source", plain, *sides)) == 0
    assert formats.inspect(plain).format == "safetensors"
    given = [*sides, "--format", "glove-text", "--overwrite"]
    assert run_main(map_arguments(files, "--output-source", plain + ".gl", *given)) == 0
    assert {formats.inspect(p).format for p in (plain + ".gl", files["o.vec"])} == {
        "glove-text"
    }
    capsys.readouterr()
    wrong = ["--output-source", files["m"], "--format", "no"]
    assert run_main(map_arguments(files, *wrong)) == 2
    assert "format must be one of" in capsys.readouterr().err
    assert not Path(files["m"]).exists()


def test_map_writes_mapped_vectors_and_tells_all_as_json(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    sides = ["--output-source", files["m"] + ".npz", "--output-target", files["o.vec"]]
    assert (
        run_main(map_arguments(files, "--method", "cca", "--ratio", "0.5", *sides, "--json"))
        == 0
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["method"], told["dim"]) == ("cca", 3)
    assert told["statistics"]["dictionary"]["used"] == 40
    assert embkit.load(files["m"] + ".npz").dim == embkit.load(files["o.vec"]).dim == 3


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        ([], 2, "output, output_source or output_target must be given"),
        (["--output", "m", "--method", "no"], 2, "method must be one of orthogonal"),
        (["--output", "m", "--ratio", "0.5"], 2, "options of orthogonal must be among"),
        (["--output", "m", "--method", "cca", "--ratio", "2"], 2, "ratio must be above 0"),
        (["--output", "m", "--method", "adversarial"], 2, "dictionary must be left out"),
        (["--output", "no/m"], 4, "the output's folder does not exist"),
        (["--output-source", "v.doc"], 2, "the output's extension must be one of"),
        (["--output", "m", "--dictionary", "no.txt"], 2, "No such file or directory"),
        (["--output", "m", "--reverse-alignments"], 2, "alignments must be given where"),
        (["--output", "m", "--method", "five-step", "--no-whiten"], 2, "must be none without"),
        (["--output", "m", "--method", "hybrid", "--first", "no"], 2, "No such file or"),
        (["--output", "m", "--method", "hybrid", "--first", "d.txt"], 3, "d.txt"),
        (
            ["--output", "m", *HYBRID, "--first-source", "d.txt", "--first-target", "no"],
            *(2, "No such file or directory"),
        ),
        (["--output", "m", *SELF, "--start", "numerals"], 2, "takes no dictionary"),
    ],
)
def test_what_is_wrong_is_refused_before_the_vectors_are_read(
    more: list[str],
    code: int,
    message: str,
    files: Files,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(files["s.bin"]).write_bytes(b"not vectors")
    arguments = map_arguments(files, *more)
    if "no.txt" in more:
        arguments = [
            a for a in arguments if a not in ("--dictionary", files["d.txt"], "no.txt")
        ]
        arguments += ["--dictionary", "no.txt"]
    assert run_main(arguments) == code
    assert message in capsys.readouterr().err


def test_a_weight_that_cannot_be_used_is_told_before_the_vectors_are_read(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    content = Path(files["d.txt"]).read_text()
    Path(files["d.txt"]).write_text(content + "dog\tHund\t0\tnoun\n")
    assert run_main(map_arguments(files, "--output", files["m"])) == 0
    told = capsys.readouterr().err
    assert "d.txt:42: 'noun' behind the words is passed over, as text there is in 1 of" in told
    Path(files["s.bin"]).write_bytes(b"not vectors")
    for more in (["--weights", "--output"], ["--method", "alignment", "--output-source"]):
        assert run_main(map_arguments(files, *more, files["o.vec"])) == 3
        assert "d.txt:42: a weight must be positive where weights" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (HYBRID, "dictionary, first, or first_source and first_target must be given"),
        ([*SELF, "--start", "dictionary"], "dictionary needs a dictionary"),
        (
            [],
            "dictionary must be given for the method orthogonal, got None; the words that "
            "both sides share are one (--identical, identical_dictionary), and hybrid, "
            "adversarial and self-learning can do without",
        ),
    ],
)
def test_a_missing_dictionary_is_told_before_the_vectors_are_read(
    more: list[str], message: str, files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(files["s.bin"]).write_bytes(b"not vectors")
    assert run_main(["map", files["s.bin"], files["t"], "--output", files["m"], *more]) == 2
    assert message in capsys.readouterr().err


def test_help_says_what_both_sides_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(["map", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "SOURCE: File or folder with the vectors of the source" in shown
    assert "TARGET: The same of the target. [required]" in shown
    assert "rcsls: relaxed CSLS as the loss (Joulin 2018); max-margin:" in shown


@pytest.mark.parametrize(
    "command",
    ["translate", "induce-dictionary"]
    + [f"eval {task}" for task in ("translation", *CROSSLINGUAL_TASKS)],
)
def test_help_says_that_both_sides_are_of_one_space(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main([*command.split(), "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "of the source, in one space with those of the target (embkit apply" in shown
    assert "or, with --mapping, as they were trained. [required]" in shown


def test_two_periods_are_brought_together_by_the_words_that_they_share(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after, _ = planted(120, 6, seed=1)
    words = [*before.words[:100], *after.words[100:]]  # the last 20 are those of one period
    embkit.save(before, tmp_path / "before")
    embkit.save(embkit.Embeddings.from_words(words, after.vectors), tmp_path / "after.vec")
    sides = [str(tmp_path / "before"), str(tmp_path / "after.vec")]
    written = str(tmp_path / "m")
    assert run_main(["map", *sides, "--identical", "--output", written]) == 0
    assert "100 of 100 pairs used" in capsys.readouterr().err
    assert Mapping.open(written).provenance["dictionary"] == "identical words"
    assert run_main(["translate", *sides, "--mapping", written, words[7], "--topn", "1"]) == 0
    assert capsys.readouterr().out.split()[:2] == [words[7], words[7]]
    more = ["--identical", "--dictionary", str(tmp_path / "before"), "--output", written]
    assert run_main(["map", *sides, *more]) == 2
    assert "identical must be left out" in capsys.readouterr().err


def test_no_identical_words_are_told(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["map", files["s.bin"], files["t"], "--identical", "--output", files["m"]]
    assert run_main(arguments) == 3
    assert "words that both spell alike, got none" in capsys.readouterr().err


def test_a_map_that_is_read_is_not_written_over(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(map_arguments(files, "--output", files["m"])) == 0
    before = Path(files["m"]).read_bytes()
    more = [*HYBRID, "--first", files["m"], "--output", files["m"], "--overwrite"]
    assert run_main(map_arguments(files, *more)) == 2
    assert "input" in capsys.readouterr().err
    assert Path(files["m"]).read_bytes() == before


def test_alignments_give_vectors_or_pairs(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = {"a": "s1 s2 s3", "b": "t1 t2 t3", "links": "0-0 1-1 2-2"}
    for name, line in lines.items():
        (tmp_path / name).write_text(f"{line}\n", encoding="utf-8")
    texts = ["--source-text", str(tmp_path / "a"), "--target-text", str(tmp_path / "b")]
    seeds = ["--alignments", str(tmp_path / "links"), *texts]
    spaces = ["map", files["s.bin"], files["t"]]
    arguments = [*spaces, *seeds, "--method", "alignment", "--distance", "0"]
    assert run_main([*arguments, "--output-source", files["o.vec"]]) == 0
    assert "3 aligned, 0 propagated, 117 without vector" in capsys.readouterr().err
    found, target = embkit.load(files["o.vec"]), embkit.load(files["t"])
    np.testing.assert_allclose(found["s2"], target["t2"], rtol=1e-6)
    assert run_main([*arguments, "--output", files["m"]]) == 2
    assert "alignment gives vectors, no map" in capsys.readouterr().err
    assert run_main([*spaces, *seeds, "--output", files["m"], "--quiet"]) == 0
    assert Mapping.open(files["m"]).statistics["dictionary"]["used"] == 3
    assert run_main([*spaces, *seeds[:2], "--output", files["m"]]) == 2
    assert "must be given together" in capsys.readouterr().err


def test_a_dictionary_of_the_other_direction_is_told_and_taken(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    swapped = tmp_path / "swapped.txt"
    lines = Path(files["d.txt"]).read_text(encoding="utf-8").splitlines()
    rows = [" ".join(reversed(line.split())) for line in lines]
    swapped.write_text("\n".join(rows), encoding="utf-8")
    arguments = ["map", files["s.bin"], files["t"], "--output", files["m"]]
    arguments += ["--dictionary", str(swapped)]
    assert run_main(arguments) == 3
    told = capsys.readouterr().err
    assert "the other way round 40 of its pairs are known: is the target first?" in told
    assert run_main([*arguments, "--reverse-dictionary", "--quiet"]) == 0
    assert Mapping.open(files["m"]).statistics["dictionary"]["used"] == 40
    command = ["eval", "translation", files["s.bin"], files["t"], "--mapping", files["m"]]
    command += ["--dictionary", str(swapped), "--resamples", "20"]
    assert run_main(command) == 3
    assert "warning: few pairs of" in capsys.readouterr().err
    assert run_main([*command, "--quiet"]) == 3
    assert "warning" not in capsys.readouterr().err
    assert run_main([*command, "--reverse-dictionary", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)[0]["precision_at"]["1"]["value"] == 1
    assert shown.err == ""


def test_an_existing_map_is_kept(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    Path(files["m"]).write_bytes(b"mine")
    assert run_main(map_arguments(files, "--output", files["m"])) == 2
    assert Path(files["m"]).read_bytes() == b"mine"
    assert run_main(map_arguments(files, "--output", files["m"], "--overwrite", "-q")) == 0
    assert Mapping.open(files["m"]).dim == 6


def test_a_map_that_is_none_is_an_input_error(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["apply", files["d.txt"], files["s.bin"], "--side", "source"]
    assert run_main([*arguments, "--output", files["o.vec"]]) == 3
    assert "embkit: error:" in capsys.readouterr().err
    assert not Path(files["o.vec"]).exists()


def test_help_names_the_methods_that_have_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(["map", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert (
        "Share of the dimensions to keep, those that correlate most. [cca; default: 0.8]"
        in shown
    )


def test_a_failed_map_exits_with_7_and_writes_nothing_without_force(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    shuffled = np.random.default_rng(1).permutation(100)
    seeds = [
        f"{s}\t{pairs(100)[j][1]}\n" for (s, _), j in zip(pairs(100), shuffled, strict=True)
    ]
    Path(files["d.txt"]).write_text("".join(seeds), encoding="utf-8")
    assert run_main(map_arguments(files, "--output", files["m"])) == 7
    assert "verdict failed: of pairs held out" in capsys.readouterr().err
    assert not Path(files["m"]).exists()
    assert run_main(map_arguments(files, "--output", files["m"], "--force")) == 0
    verdict = Mapping.open(files["m"]).statistics["verdict"]
    assert verdict["judgement"] == "failed"


@pytest.mark.parametrize("method", ["orthogonal", "five-step", "self-learning", "many"])
def test_a_dictionary_without_known_pairs_is_wrong_data(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors, seeds = tmp_path / "v.txt", tmp_path / "seeds.txt"
    vectors.write_text("3 2\na 1 2\nb 2 1\nc 1 1\n")
    seeds.write_text("x y\n")
    command = ["map", str(vectors), str(vectors), "--method", method]
    command += ["--dictionary", str(seeds), "--output", str(tmp_path / "map")]
    if method == "many":
        command = ["map-many", f"a={vectors}", f"b={vectors}", "--pivot", "a"]
        command += ["--dictionary", f"b-a={seeds}", "--output", str(tmp_path)]
    assert run_main(command) == 3
    assert "dictionary must have a pair that both" in capsys.readouterr().err
