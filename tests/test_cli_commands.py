"""The commands at work: train, query, inspect, convert; and how a run ends when it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import embkit
from embkit.cli import main as run_main
from embkit.cli.exit_codes import ExitCode
from embkit.neighbors import top_k
from tests.command_line import error_line, run_json

Form = Literal["NFC", "NFD"]
ROOT = Path(__file__).parents[1]
SMALL = ["--dim", "8", "--epochs", "2", "--threads", "1", "--min-count", "1", "--quiet"]


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """Four words whose cosines are plain to see."""
    path = tmp_path / "vectors.txt"
    path.write_text("4 2\nking 1 0\nqueen 0.8 0.6\nsea 0 1\nhill 0 -1\n", encoding="utf-8")
    return path


def test_neighbors_come_in_order(vectors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = run_json(["query", "neighbors", str(vectors), "king", "sea", "-n", "2"], capsys)
    assert isinstance(answers, dict)
    assert [answer["word"] for answer in answers["king"]] == ["queen", "sea"]
    assert answers["king"][0]["score"] == pytest.approx(0.8)
    assert run_main(["query", "neighbors", str(vectors), "king", "-n", "1"]) == 0
    assert capsys.readouterr().out == "king\tqueen\t0.8000\n"


def test_neighbors_of_several_words_are_sought_together(
    vectors: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    searches = []

    def counted(queries: Any, *arguments: Any, **options: Any) -> Any:
        searches.append(len(queries))
        return top_k(queries, *arguments, **options)

    monkeypatch.setattr("embkit.dense_queries.top_k", counted)
    words = ["king", "sea", "hill", "king"]
    assert run_main(["query", "neighbors", str(vectors), *words, "-n", "1"]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == words[:3]
    assert searches == [4]


def test_similarity_is_the_cosine(vectors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["king", "queen", "sea", "hill"]
    answers = run_json(["query", "similarity", str(vectors), *words], capsys)
    assert isinstance(answers, list)
    assert [a["words"] for a in answers] == [["king", "queen"], ["sea", "hill"]]
    assert [a["similarity"] for a in answers] == pytest.approx([0.8, -1.0])


@pytest.mark.parametrize("method", ["3CosAdd", "3CosMul", "PairDirection"])
def test_analogy_leaves_out_its_own_words(
    method: str, vectors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["query", "analogy", str(vectors), "king", "queen", "sea", "--method", method]
    answers = run_json(asked, capsys)
    assert isinstance(answers, dict)
    assert [answer["word"] for answer in answers["answers"]] == ["hill"]


def test_an_unknown_word_exits_2_with_a_suggestion(
    vectors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(["query", "neighbors", str(vectors), "quen"]) == ExitCode.USAGE
    assert "did you mean 'queen'?" in error_line(capsys)


def test_a_word_in_other_letters_is_suggested_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors = tmp_path / "v.txt"
    vectors.write_text("3 1\nwing 1\nking 2\nParis 3\n", encoding="utf-8")
    for asked, meant in (("King", "king"), ("paris", "Paris")):
        assert run_main(["query", "neighbors", str(vectors), asked]) == ExitCode.USAGE
        assert f"did you mean '{meant}'?" in error_line(capsys)


@pytest.mark.parametrize(("stored", "asked"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_a_word_in_another_form_of_unicode_is_told_as_such(
    stored: Form, asked: Form, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vectors, words = tmp_path / "v", ["Mühe", "M\u00fcller", "Müllerin"]
    rows = {unicodedata.normalize(stored, word): [1.0, i] for i, word in enumerate(words)}
    embkit.save(embkit.Embeddings.from_words(rows), vectors)
    word = unicodedata.normalize(asked, "m\u00fcller")
    for query in (word, word.capitalize()):
        assert run_main(["query", "neighbors", str(vectors), query]) == ExitCode.USAGE
        meant = unicodedata.normalize(stored, "M\u00fcller")
        form = ", in another normal form of Unicode" if query != word else ""
        assert f"did you mean '{meant}'{form}?" in error_line(capsys)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["neighbors", "king", "quen", "-n", "1"], "king\tqueen\t"),
        (["similarity", "king", "quen", "sea", "sea"], "king\tquen\t-\nsea\tsea\t1.0000\n"),
        (["analogy", "king", "quen", "sea"], ""),
    ],
)
def test_unknown_words_can_be_left_out(
    command: list[str], shown: str, vectors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = ["query", command[0], str(vectors), *command[1:], "--oov", "skip"]
    assert run_main(query) == ExitCode.DONE
    captured = capsys.readouterr()
    assert captured.out.startswith(shown)
    assert bool(captured.out) == bool(shown)
    assert "'quen' not among the" in captured.err
    json.dumps(run_json(query, capsys), allow_nan=False)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Make a model that is mapped without being read, two of its rows not finite."""
    rows = np.array([[7, 1], [1, 2], [9, 1]], np.float32)
    embkit.save(embkit.Embeddings.from_words(["a", "b", "c"], rows), tmp_path / "model")
    path = tmp_path / "model" / "embeddings.safetensors"
    data = path.read_bytes()
    assert data.count(rows.tobytes()) == 1
    bad = rows.copy()
    bad[0, 0], bad[2, 0] = np.nan, np.inf
    path.write_bytes(data.replace(rows.tobytes(), bad.tobytes()))
    return path


@pytest.mark.parametrize(
    "command",
    [
        "query similarity MODEL a b",
        "query similarity MODEL b c",
        "query neighbors MODEL b",
        "query analogy MODEL b b b",
        *(f"convert MODEL out{end}" for end in ("", ".txt", ".bin", ".glove", ".npz")),
        "export projector MODEL out",
        "eval diagnostics MODEL",
        "report MODEL --output out.html",
        "map MODEL MODEL --method self-learning --output out.map",
        "translate MODEL MODEL a",
    ],
)
def test_vectors_that_are_not_finite_are_refused_with_their_file(
    command: str,
    damaged: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [str(damaged) if word == "MODEL" else word for word in command.split()]
    assert run_main([*words, "--quiet"]) == ExitCode.INPUT
    assert error_line(capsys).startswith(f"{damaged}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_unknown_words_can_be_zero_vectors(
    vectors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["query", "similarity", str(vectors), "king", "quen", "--oov", "zero"]
    assert run_json(asked, capsys) == [{"words": ["king", "quen"], "similarity": 0.0}]
    assert run_main([*asked[:-1], "subword"]) == ExitCode.USAGE
    assert "no subwords" in error_line(capsys)


def test_inspect_reads_standard_input(vectors: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "embkit", "inspect", "-", "--json"],
        input=vectors.read_bytes(),
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    assert json.loads(done.stdout)["format"] == "word2vec-text"


def test_config_can_ask_for_quiet(
    vectors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd, config = tmp_path / "odd.txt", tmp_path / "run.toml"
    odd.write_bytes(vectors.read_bytes().replace(b"\n", b"\r\n"))
    config.write_text("quiet = true\n", encoding="utf-8")
    assert run_main(["query", "neighbors", str(odd), "king", "--config", str(config)]) == 0
    assert capsys.readouterr().err == ""


def test_inspect_names_the_format(vectors: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = run_json(["inspect", str(vectors)], capsys)
    assert isinstance(report, dict)
    assert "word2vec" in str(report["format"])
    assert run_main(["inspect", str(vectors)]) == 0
    assert "word2vec" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["v.bin", "v.vec", "v.npz", "model"])
def test_convert_keeps_words_and_values(
    name: str, vectors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / name
    report = run_json(["convert", str(vectors), str(target)], capsys)
    assert report == {"output": str(target), "num_words": 4, "dim": 2}
    before, after = embkit.load(vectors), embkit.load(target)
    assert after.words == before.words
    assert (after.vectors == before.vectors).all()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["convert", "FILE", "OUT"], ExitCode.INPUT),
        (["query", "neighbors", "FILE", "w"], ExitCode.INPUT),
    ],
)
def test_a_broken_file_exits_3_and_is_named(
    arguments: list[str], code: ExitCode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_text("2 3\na 1 2 3\nb 1 2\n", encoding="utf-8")
    names = {"FILE": str(broken), "OUT": str(tmp_path / "out.bin")}
    assert run_main([names.get(argument, argument) for argument in arguments]) == code
    assert "broken.txt" in error_line(capsys)


def test_inspect_shows_people_the_beginning_of_long_lists(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, values = str(tmp_path / "v"), [i / 4 for i in range(300)]
    v = embkit.Embeddings.from_words({"a": [1.0], "b": [2.0]})
    told = {"singular_values": values}
    embkit.save(embkit.Embeddings(v.vocabulary, v.vectors, provenance=told), path)
    assert run_main(["inspect", path]) == 0
    assert "singular_values=[0.0, 0.25, " in (shown := capsys.readouterr().out)
    assert "2.25, ... (300 in all)]" in shown
    assert str(values) in str(run_json(["inspect", path], capsys))


def test_inspect_tells_every_problem_and_exits_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.txt"
    broken.write_text("2 3\na 1 2 3\nb 1 2\n", encoding="utf-8")
    assert run_main(["inspect", str(broken), "--json"]) == ExitCode.INPUT
    assert "line 3" in json.loads(capsys.readouterr().out)["problems"][0]


def test_a_dash_is_a_word_where_words_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("3 2\n- 1 0\na 0.8 0.6\nb 0 1\n", encoding="utf-8")
    assert run_json(["query", "similarity", str(path), "-", "a"], capsys) == [
        {"words": ["-", "a"], "similarity": pytest.approx(0.8)}
    ]
    assert run_main(["query", "neighbors", str(path), "-", "-n", "1"]) == 0
    assert capsys.readouterr().out == "-\ta\t0.8000\n"
    assert run_main(["query", "analogy", str(path), "-", "a", "b", "-n", "1"]) == 0
    assert run_main(["translate", str(path), str(path), "-", "-n", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("-\t-\t")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval", "similarity", "VECTORS", "--set", "-"], "got '-'"),
        (["train", "sgns", "TEXT", "--output", "o", "--run", "-"], "must be a folder, got -"),
        (["train", "sgns", "TEXT", "--output", "o", "--log", "-"], "must be a file, got -"),
        (["resume", "-"], "-: No run is here"),
    ],
)
def test_a_dash_that_is_no_stream_is_told_as_one_who_typed_it_reads_it(
    arguments: list[str],
    message: str,
    vectors: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("the cat\n", encoding="utf-8")
    names = {"VECTORS": str(vectors), "TEXT": "text.txt"}
    assert run_main([names.get(word, word) for word in arguments]) in (2, 3)
    told = error_line(capsys)
    assert message in told
    assert "x00" not in told


def test_convert_writes_to_standard_output(vectors: Path) -> None:
    command = [sys.executable, "-m", "embkit", "convert", str(vectors), "-"]
    done = subprocess.run(
        [*command, "--format", "word2vec-text"], capture_output=True, check=True, cwd=ROOT
    )
    assert done.stdout == vectors.read_bytes()


def test_escape_sequences_in_words_do_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = tmp_path / "evil.txt"
    evil.write_text("2 2\na 1 0\nb\x1b[2J 0.9 0.1\n", encoding="utf-8")
    assert run_main(["query", "neighbors", str(evil), "a"]) == 0
    assert capsys.readouterr().out.startswith("a\tb\\x1b[2J\t")


def test_a_memory_limit_below_the_file_exits_5(
    vectors: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["query", "neighbors", str(vectors), "king", "--memory", "10"]
    assert run_main(arguments) == ExitCode.RESOURCE
    told = error_line(capsys)
    assert f"{vectors}: " in told
    assert "of memory that are allowed; limit reads fewer words" in told


def test_what_was_tolerated_in_a_file_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "twice.txt"
    path.write_text("a 1 0\na 2 0\nb 0 1\n", encoding="utf-8")
    assert run_main(["query", "similarity", str(path), "a", "b"]) == 0
    assert "warning: " in (told := capsys.readouterr().err)
    assert "1 duplicate words" in told
    assert run_main(["query", "similarity", str(path), "a", "b", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("method", ["sgns", "nce", "cbow", "skipgram --loss hs"])
def test_a_count_of_zero_is_named_with_its_line(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = tmp_path / "text", tmp_path / "words.txt"
    text.write_text("a b\n" * 9)
    words.write_text("a 9\nb 0\n")
    command = ["train", *method.split(), str(text), "--vocabulary", str(words)]
    assert run_main([*command, "--output", str(tmp_path / "v.bin")]) == 3
    reason = f"{words}:2: a count must be at least 1, got 0"
    assert capsys.readouterr().err == f"embkit: error: {reason}\n"


def test_words_that_were_never_seen_are_counted_near_others(tmp_path: Path) -> None:
    text, words = tmp_path / "text", tmp_path / "words.txt"
    text.write_text("a b\n" * 9)
    words.write_text("</s> 0\na 9\nb 9\n")  # as word2vec writes it for a text in one line
    command = ["cooccur", str(text), "--vocabulary", str(words), "--quiet"]
    assert run_main([*command, "--output", str(tmp_path / "counts")]) == 0
