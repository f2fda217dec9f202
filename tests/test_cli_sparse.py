"""Sparse models through every command that takes vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

import embkit
from embkit.cli.app import main
from embkit.cli.exit_codes import ExitCode
from embkit.sparse import SparseEmbeddings
from embkit.vocabulary import Vocabulary

# Four kinds of three words: two columns for each kind and one for each place in it, so that
# b_1 is to b_0 as a_1 is to a_0.
WORDS = [f"{kind}{place}" for kind in "abcd" for place in range(3)]


@pytest.fixture(params=["model", "v.npz", "v.safetensors"])
def model(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    rows = np.zeros((12, 11))
    for row in range(12):
        rows[row, [2 * (row // 3), 2 * (row // 3) + 1, 8 + row % 3]] = 2, 1, 1.5
    path = tmp_path / str(request.param)
    embkit.save(SparseEmbeddings(Vocabulary.from_words(WORDS), csr_array(rows)), path)
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    assert main([*map(str, words), "--json"]) == ExitCode.DONE
    return json.loads(capsys.readouterr().out)


def test_queries_answer(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "query", "neighbors", model, "a0", "--topn", 2)
    text = json.dumps(found)
    assert [word for word in WORDS if f'"{word}"' in text] == ["a0", "a1", "a2"]
    for method in ("3CosAdd", "3CosMul"):
        options = ["--method", method, "--topn", 1]
        found = run(capsys, "query", "analogy", model, "a0", "a1", "b0", *options)
        assert "b1" in json.dumps(found)
    found = run(capsys, "query", "similarity", model, "a0", "a1")
    assert "0.689" in json.dumps(found)  # 5 of 7.25


def test_inspection_tells_the_entries(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(capsys, "inspect", model)
    assert (found["num_words"], found["dim"]) == (12, 11)
    assert "36" in json.dumps(found)


@pytest.mark.parametrize("name", ["w", "w.npz", "w.safetensors"])
def test_conversion_keeps_everything(model: Path, name: str, tmp_path: Path) -> None:
    output = tmp_path / "out" / name
    output.parent.mkdir()
    assert main(["convert", str(model), str(output)]) == ExitCode.DONE
    one: Any = embkit.load(model)
    other: Any = embkit.load(output)
    assert isinstance(other, SparseEmbeddings)
    assert other.words == one.words
    np.testing.assert_array_equal(one.matrix.toarray(), other.matrix.toarray())


def test_conversion_to_dense_forms_is_refused(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(model), str(tmp_path / "w.bin")]) == ExitCode.USAGE
    assert "sparse vectors must go to a directory" in capsys.readouterr().err
    assert not (tmp_path / "w.bin").exists()


def test_evaluations_score(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("a0\ta1\t9\nb0\tb1\t8\na0\tb0\t5\na1\tb2\t1\nc0\td1\t0\n")
    found = run(capsys, "eval", "similarity", model, "--set", pairs)
    assert "spearman" in json.dumps(found)
    questions = tmp_path / "questions.txt"
    lines = [f"{x}0 {x}1 {y}0 {y}1" for x in "abcd" for y in "abcd" if x != y]
    questions.write_text(": kinds\n" + "\n".join(lines) + "\n")
    found = run(capsys, "eval", "analogy", model, "--set", questions)
    values = [result["accuracy"]["value"] for result in found["results"]]
    assert values == [1.0, 1.0]  # 3CosAdd and 3CosMul


NEED_DENSE = [
    "translate {v} {d} a0",
    "translate {d} {v} a0",
    "induce-dictionary {v} {d} --output {o}",
    "changes {v} {d}",
    "changes {d} {v} --mapping {map}",
    "eval translation {v} {d} --dictionary {pairs}",
    "map {v} {d} --dictionary {pairs} --output {o}",
    "map {d} {d} --method hybrid --first-source {v} --first-target {d} --output {o}",
    "map-many v={v} d={d} --pivot d --dictionary v-d={pairs} --output {folder}",
    "apply {map} {v} --side source --output {o}",
    "export projector {v} {o}",
]


@pytest.mark.parametrize("command", NEED_DENSE)
def test_commands_that_need_dense_vectors_name_the_sparse_ones(
    model: Path, tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    dense = embkit.Embeddings.from_words(WORDS, np.eye(12)[:, :8] + 0.1)
    embkit.save(dense, tmp_path / "d.bin")
    pairs = [(word, word) for word in WORDS]
    embkit.map(dense, dense, dictionary=pairs).save(tmp_path / "map")
    (tmp_path / "pairs").write_text("".join(f"{a} {b}\n" for a, b in pairs))
    files = {name: tmp_path / name for name in ("pairs", "map", "o")}
    files |= {"v": model, "d": tmp_path / "d.bin", "folder": tmp_path}
    before = set(tmp_path.iterdir())
    assert main([word.format(**files) for word in command.split()]) == ExitCode.INPUT
    assert f"{model.name}: vectors must be dense here, got sparse" in capsys.readouterr().err
    assert set(tmp_path.iterdir()) == before


def test_a_map_of_anything_else_is_refused_in_python(model: Path) -> None:
    dense, pairs = embkit.Embeddings.from_words(WORDS, np.eye(12)), [("a0", "a1")]
    with pytest.raises(ValueError, match="source must be Embeddings, got SparseEmbeddings"):
        embkit.map(embkit.load(model), dense, dictionary=pairs)
    with pytest.raises(ValueError, match="target must be Embeddings, got str"):
        embkit.map(dense, "en.bin", dictionary=pairs)  # type: ignore[arg-type]
