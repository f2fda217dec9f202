"""What ``train`` is given is checked before the text is read, and named in one wording."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from embkit.config import CbowConfig
from embkit.corpus import encode
from embkit.corpus.cache import digest_of_words
from embkit.errors import OutputError
from embkit.training import resume, train
from embkit.vocabulary import Vocabulary

OPTIONS: dict[str, Any] = {"dim": 4, "epochs": 1, "min_count": 1, "threads": 1}


class Sentences:
    """A text that can be read once, and tells whether it was."""

    def __init__(self) -> None:
        self.num_read = 0

    def __iter__(self) -> Iterator[list[str]]:
        for _ in range(50):
            self.num_read += 1
            yield ["a", "b", "c"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"memory": "4G"}, "memory must be a whole number, got '4G'"),
        ({"memory": -1}, "memory must be at least 1, got -1"),
        ({"memory": 1.5}, "memory must be a whole number, got 1.5"),
        ({"callback": 5}, "callback must be a function, got 5"),
        ({"ready": 3}, "ready must be a function, got 3"),
        ({"log": 3}, "log must be a path, got 3"),
        ({"cache": 3}, "cache must be a path, got 3"),
        ({"run": 3}, "run must be a path, got 3"),
        ({"init_from": 3}, "init_from must be"),
        ({"vocabulary": ["a", "b"]}, "vocabulary must be a Vocabulary, got list"),
        ({"run": "run", "checkpoint_every": "10m"}, "checkpoint_every must be a number"),
        ({"progress": "yes"}, "progress must be True or False, got 'yes'"),
        ({"keep_run": 1}, "keep_run must be True or False, got 1"),
    ],
)
def test_wrong_arguments_are_named_before_the_text_is_read(
    arguments: dict[str, Any], message: str
) -> None:
    text = Sentences()
    with pytest.raises(ValueError, match=message):
        train("sgns", text, **OPTIONS, **arguments)
    assert text.num_read == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"run": 3}, "run must be a path, got 3"),
        ({"log": 3}, "log must be a path, got 3"),
        ({"callback": 5}, "callback must be a function, got 5"),
        ({"memory": "4G"}, "memory must be a whole number, got '4G'"),
        ({"progress": "yes"}, "progress must be True or False, got 'yes'"),
        ({"keep_run": 1}, "keep_run must be True or False, got 1"),
    ],
)
def test_what_resume_is_given_is_named_too(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resume(**{"run": "none", **arguments})


@pytest.mark.parametrize("method", ["sgns", "cbow", "glove", "ppmi", "svd"])
@pytest.mark.parametrize("rare_deletion", ["before", "after"])
def test_provenance_tells_how_the_text_was_read(method: str, rare_deletion: str) -> None:
    given = Vocabulary.from_words(["a", "b", "c"], [9, 9, 9])
    options: dict[str, Any] = {"unicode_form": "nfc", "threads": 1}
    options |= {} if method == "ppmi" else {"dim": 2}
    options |= {} if method in ("sgns", "cbow") else {"rare_deletion": rare_deletion}
    found = train(method, Sentences(), vocabulary=given, invalid="replace", **options)
    corpus = found.provenance["corpus"]
    assert (corpus["invalid"], corpus["given_vocabulary"]) == (
        "replace",
        digest_of_words(given),
    )
    assert found.provenance["config"]["unicode_form"] == "nfc"
    assert "given_vocabulary" not in train(method, Sentences(), **options).provenance["corpus"]


@pytest.mark.parametrize("method", ["sgns", "nce", "cbow"])
def test_a_word_that_is_never_drawn_is_named(method: str) -> None:
    text, words = Sentences(), ["a", "b", "zebra"]
    given = Vocabulary.from_words(words, [9, 9, 0])
    message = "count of at least 1, got 0 for 'zebra' in row 2"
    with pytest.raises(ValueError, match=message):
        train(method, text, **OPTIONS, vocabulary=given)
    assert text.num_read == 0
    with pytest.raises(ValueError, match=message):  # these are counted in the text
        train(method, Sentences(), **OPTIONS, vocabulary=Vocabulary.from_words(words))
    with pytest.raises(ValueError, match=message):
        train(
            method,
            encode(Sentences(), config=CbowConfig().encoding(), vocabulary=given),
            **OPTIONS,
        )


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("vector_size", "dim"),
        ("size", "dim"),
        ("iter", "epochs"),
        ("workers", "threads"),
        ("negative", "negatives"),
        ("sample", "subsample"),
        ("alpha", "learning_rate"),
        ("ns_exponent", "smoothing"),
        ("max_final_vocab", "max_vocab"),
        ("lr", "learning_rate"),
        ("minCount", "min_count"),
    ],
)
def test_the_name_of_another_tool_leads_to_ours(name: str, called: str) -> None:
    options: dict[str, Any] = {name: 5}
    with pytest.raises(ValueError, match=f"got {name}, which is called {called} here$"):
        train("sgns", [["a", "b"]], **options)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("hs", "loss hs is hierarchical softmax"),
        ("sg", "sgns, skipgram or cbow"),
        ("cbow_mean", "context_combination is mean or sum"),
        ("minn", "subwords are read here"),
    ],
)
def test_what_another_tool_has_is_told_of(name: str, advice: str) -> None:
    options: dict[str, Any] = {name: 1}
    with pytest.raises(ValueError, match=f"got {name}: .*{advice}"):
        train("sgns", [["a", "b"]], **options)


def test_an_unknown_option_is_answered_with_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"must be among min_count, .*, got pineapple$"):
        train("sgns", [["a", "b"]], pineapple=5)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("windw", r"; did you mean window\?"),
        ("x_max", ", an option of glove"),
        ("progres", r"; did you mean progress\?"),
    ],
)
def test_an_option_that_was_meant_is_told(name: str, told: str) -> None:
    options: dict[str, Any] = {name: 5}
    with pytest.raises(ValueError, match=f"got {name}{told}$"):
        train("sgns", [["a", "b"]], **options)


@pytest.mark.parametrize("corpus", [None, 5])
def test_what_is_no_corpus_is_named(corpus: Any) -> None:
    with pytest.raises(TypeError, match=r"a corpus must be files or an iterable .*, got "):
        train("sgns", corpus, **OPTIONS)


def test_a_log_that_cannot_be_written_is_told_before_the_text_is_read(tmp_path: Path) -> None:
    text = Sentences()
    with pytest.raises(OutputError, match="the log's folder does not exist"):
        train("sgns", text, **OPTIONS, log=tmp_path / "none" / "log.jsonl")
    with pytest.raises(IsADirectoryError):
        train("sgns", text, **OPTIONS, log=tmp_path)
    assert text.num_read == 0


def test_a_run_that_has_no_place_is_told_before_the_text_is_read(tmp_path: Path) -> None:
    text, other = Sentences(), tmp_path / "other"
    with pytest.raises(
        OutputError, match=r"the folder above the run's does not exist.*none/run"
    ):
        train("sgns", text, **OPTIONS, run=tmp_path / "none" / "run")
    other.mkdir()
    (other / "thesis.txt").touch()
    with pytest.raises(ValueError, match="run must be a new folder or one of a run"):
        train("sgns", text, **OPTIONS, run=other)
    assert text.num_read == 0


def test_a_run_that_never_begins_leaves_no_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    with pytest.raises(FileNotFoundError):
        train("sgns", tmp_path / "none.txt", **OPTIONS, log=log)
    assert not log.exists()
