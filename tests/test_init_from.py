"""Runs that begin with vectors from elsewhere: which rows they take, what is told, refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.cli import main
from embkit.config import CooccurrenceConfig
from embkit.counts.cooccurrence import cooccur
from embkit.embeddings import Embeddings
from embkit.errors import CorpusError, FormatError
from embkit.training.initial import find_initial_rows, load_initial, save_initial
from embkit.training.word2vec import Word2VecTrainer
from embkit.vocabulary import Vocabulary
from tests.interruptions import SENTENCES, pausing

STILL: dict[str, Any] = {
    **{"dim": 6, "min_count": 1, "epochs": 1, "threads": 1, "keep_output": True},
    "learning_rate": 1e-30,  # moves no row, so that what a run begins with can be seen
}
WORDS = ["w3", "w1", "elsewhere", "w40"]


def foreign(*, output: bool = False, dim: int = 6) -> Embeddings:
    rng = np.random.default_rng(3)
    vectors, contexts = rng.standard_normal((2, len(WORDS), dim)).astype(np.float32)
    words = Vocabulary.from_words(WORDS)
    return Embeddings(words, vectors, output=contexts if output else None)


# ------------------------------------------------------------------ which rows


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
@pytest.mark.parametrize("has_output", [False, True])
def test_words_that_are_found_begin_with_their_rows_and_others_as_usual(
    method: str, has_output: bool
) -> None:
    given = foreign(output=has_output)
    plain = embkit.train(method, SENTENCES, **STILL)
    begun = embkit.train(method, SENTENCES, init_from=given, **STILL)
    found = ["w1", "w3", "w40"]
    for word in plain.words:
        expected = given[word] if word in found else plain[word]
        np.testing.assert_allclose(begun[word], expected, atol=1e-7)
    assert begun.output is not None
    assert plain.output is not None
    places = [begun.vocabulary.id_of(word) for word in found]
    contexts = plain.output.copy()
    if has_output and given.output is not None:
        contexts[places] = given.output[[given.vocabulary.id_of(word) for word in found]]
    np.testing.assert_allclose(begun.output, contexts, atol=1e-7)
    told = begun.provenance["init_from"]
    assert (told["num_found"], told["num_words"]) == (3, len(plain))
    assert told["has_output"] is has_output


def test_output_rows_are_not_taken_where_they_are_tree_nodes() -> None:
    given = foreign(output=True)
    begun = embkit.train("skipgram", SENTENCES, loss="hs", init_from=given, **STILL)
    assert begun.provenance["init_from"]["has_output"] is False
    np.testing.assert_allclose(begun["w3"], given["w3"], atol=1e-7)


@pytest.mark.parametrize("has_output", [False, True])
def test_glove_begins_with_vectors_and_its_own_biases(has_output: bool) -> None:
    given = foreign(output=has_output)
    options = {**STILL, "window": 3, "combine": "w"}
    plain = embkit.train("glove", SENTENCES, **options)
    begun = embkit.train("glove", SENTENCES, init_from=given, **options)
    for word in plain.words:
        expected = given[word] if word in ("w1", "w3", "w40") else plain[word]
        np.testing.assert_allclose(begun[word], expected, atol=1e-6)
    assert begun.provenance["init_from"]["has_output"] is has_output
    counts = cooccur(SENTENCES, CooccurrenceConfig(window=3, min_count=1))
    made = embkit.train("glove", counts, init_from=given, **options)
    assert made.vectors.tobytes() == begun.vectors.tobytes()


@pytest.mark.parametrize("name", ["v.txt", "v.bin", "v.npz", "model"])
def test_file_of_any_format_is_as_good_as_the_vectors(name: str, tmp_path: Path) -> None:
    given = foreign()
    embkit.save(given, tmp_path / name)
    of_file = embkit.train("sgns", SENTENCES, init_from=tmp_path / name, **STILL)
    of_vectors = embkit.train("sgns", SENTENCES, init_from=given, **STILL)
    assert of_file.vectors.tobytes() == of_vectors.vectors.tobytes()
    assert of_file.provenance["init_from"]["source"] == name
    digests = [v.provenance["init_from"]["digest"] for v in (of_file, of_vectors)]
    assert digests[0] == digests[1]


# ------------------------------------------------------------------ more epochs


def test_draws_of_further_epochs_follow_those_of_the_first() -> None:
    options = {**STILL, "learning_rate": 0.05, "epochs": 2}
    first = embkit.train("sgns", SENTENCES, **options)
    second = embkit.train("sgns", SENTENCES, init_from=first, **options)
    third = embkit.train("sgns", SENTENCES, init_from=second, **options)
    assert second.provenance["init_from"]["epochs_before"] == 2
    assert third.provenance["init_from"]["epochs_before"] == 4
    bare = Embeddings(first.vocabulary, first.vectors, output=first.output)
    repeated = embkit.train("sgns", SENTENCES, init_from=bare, **options)
    assert repeated.provenance["init_from"]["epochs_before"] == 0
    assert repeated.vectors.tobytes() != second.vectors.tobytes()


def test_rate_falls_over_the_epochs_of_this_run_alone() -> None:
    rates: list[float] = []
    first = embkit.train("sgns", SENTENCES, **STILL)
    options = {**STILL, "learning_rate": 0.02, "epochs": 2}
    again = embkit.train(
        "sgns",
        SENTENCES,
        init_from=first,
        callback=lambda report: rates.append(report.learning_rate),
        **options,
    )
    assert rates[-1] == pytest.approx(0.02 * 1e-4, rel=1e-5)
    assert again.provenance["config"]["learning_rate"] == 0.02


@pytest.mark.parametrize(
    "provenance",
    [
        {"embkit": "1", "config": {"epochs": "5"}},
        {"embkit": "1", "config": {"epochs": -5}},
        {"embkit": "1", "config": {"epochs": 10**30}},
        {"embkit": "1", "config": [5], "init_from": 3},
        {"embkit": "1", "config": {"epochs": 5}, "init_from": {"epochs_before": None}},
        {"config": {"epochs": 5}},
    ],
)
def test_provenance_that_says_nonsense_is_not_believed(provenance: dict[str, Any]) -> None:
    given = foreign()
    vectors = Embeddings(given.vocabulary, given.vectors, provenance=provenance)
    rows = find_initial_rows(vectors, Vocabulary.from_words(["w1"]), 6)
    assert rows.facts.epochs_before == 0


# ------------------------------------------------------------------ in a run's folder


class InterruptError(Exception):
    """What ends a run in these tests."""


def raise_interrupt() -> None:
    raise InterruptError


def test_interrupted_run_goes_on_without_the_file_that_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**STILL, "learning_rate": 0.05, "epochs": 2}
    path = tmp_path / "v.bin"
    embkit.save(foreign(output=True), path)
    oracle = embkit.train("sgns", SENTENCES, init_from=path, **options)
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Word2VecTrainer, "__init__", pausing(3, raise_interrupt))
        with pytest.raises(InterruptError):
            embkit.train("sgns", SENTENCES, init_from=path, run=folder, **options)
    with pytest.raises(ValueError, match=r"init_from digest is .* in it, None now"):
        embkit.train("sgns", SENTENCES, run=folder, **options)
    path.unlink()
    # Also from the very beginning, as after a kill before the first checkpoint.
    for checkpoint in (folder / "none", *folder.glob("checkpoint-*")):
        result = embkit.resume(folder, keep_run=True)
        assert result.vectors.tobytes() == oracle.vectors.tobytes()
        assert result.provenance == oracle.provenance
        checkpoint.unlink(missing_ok=True)


def test_kept_rows_come_back_and_damage_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "initial.safetensors"
    words = Vocabulary.from_words(["w1", "none", "w40"])
    rows = find_initial_rows(foreign(output=True), words, 6)
    save_initial(rows, path)
    again = load_initial(path)
    assert list(again.vocabulary) == list(rows.vocabulary) == ["w1", "w40"]
    assert again.facts == rows.facts
    np.testing.assert_array_equal(again.vectors, rows.vectors)
    assert again.output is not None
    data = bytearray(path.read_bytes())
    data[-30] ^= 4
    path.write_bytes(data)
    with pytest.raises(FormatError, match="checksum"):
        load_initial(path)


# ------------------------------------------------------------------ what is refused and told


def test_vectors_that_cannot_be_begun_with_are_refused() -> None:
    words = Vocabulary.from_words(["w1", "w2"])
    with pytest.raises(ValueError, match="dim must be 6, as that of Embeddings, got 7"):
        find_initial_rows(foreign(), words, 7)
    with pytest.raises(CorpusError, match="must have words of the corpus, Embeddings has none"):
        find_initial_rows(foreign(), Vocabulary.from_words(["w2"]), 6)
    bad = Embeddings.from_words({"w1": [np.nan] * 6})
    with pytest.raises(ValueError, match="must have finite vectors"):
        find_initial_rows(bad, words, 6)
    sparse: Any = embkit.train("ppmi", SENTENCES, min_count=1)
    matrix: Any = foreign().vectors
    for wrong in (sparse, matrix):
        found = type(wrong).__name__
        with pytest.raises(ValueError, match=f"must be dense vectors, got {found}$"):
            find_initial_rows(wrong, words, 6)
    with pytest.raises(ValueError, match="init_from must be left out for svd"):
        embkit.train("svd", SENTENCES, init_from=foreign())


@pytest.mark.parametrize("method", ["cbow", "glove"])
def test_vectors_of_another_length_are_refused_before_the_text_is_read(
    method: str, tmp_path: Path
) -> None:
    (tmp_path / "text").write_bytes(b"\xff\n")
    embkit.save(foreign(), tmp_path / "v.bin")
    for given in (foreign(), tmp_path / "v.bin"):
        with pytest.raises(ValueError, match=r"dim must be 6, as that of .*, got 7"):
            embkit.train(method, tmp_path / "text", init_from=given, dim=7)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(map(" ".join, SENTENCES)), encoding="utf-8")
    return path


@pytest.mark.parametrize("method", ["sgns", "cbow", "glove"])
def test_command_tells_how_many_words_were_found(
    method: str, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embkit.save(foreign(), tmp_path / "v.bin")
    command = ["train", method, str(corpus), "--output", str(tmp_path / "out.bin")]
    command += ["--dim", "6", "--min-count", "1", "--init-from", str(tmp_path / "v.bin")]
    assert main(command) == 0
    assert "3 of 60 words began with their vectors in v.bin" in capsys.readouterr().err
    assert main([*command, "--overwrite", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["provenance"]["init_from"]
    assert told["num_found"] == 3
    assert main([*command, "--overwrite", "--dim", "9"]) == 2


def test_command_refuses_in_one_line(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embkit.save(foreign(), tmp_path / "v.bin")
    others = Embeddings.from_words({"none": np.ones(100), "nil": np.ones(100)})
    embkit.save(others, tmp_path / "others.bin")
    (tmp_path / "cut.bin").write_bytes((tmp_path / "others.bin").read_bytes()[:-3])
    command = ["train", "sgns", str(corpus), "--min-count", "1", "--output"]
    cases = [
        ("v.bin", "out.bin", 2, "dim must be 6, as that of v.bin, got 100"),
        ("no.bin", "out.bin", 2, "no.bin: No such file"),
        ("cut.bin", "out.bin", 3, "cut.bin"),
        ("others.bin", "out.bin", 3, "words of the corpus, others.bin has none of them"),
        ("v.bin", "v.bin", 2, "output must not be an input"),
    ]
    for given, output, code, hint in cases:
        chosen = ["--init-from", str(tmp_path / given), "--overwrite"]
        assert main([*command, str(tmp_path / output), *chosen]) == code
        captured = capsys.readouterr().err
        assert captured.count("\n") == 1
        assert hint in captured
    assert not (tmp_path / "out.bin").exists()
