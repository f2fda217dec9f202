"""``train("ppmi")`` and ``train("svd")``, and the commands of the same names."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.cli import main
from embkit.cli.exit_codes import ExitCode
from embkit.config import CooccurrenceConfig
from embkit.counts.cooccurrence import cooccur
from embkit.sparse import SparseEmbeddings
from embkit.vocabulary import Vocabulary
from tests.planted import slot_sentences
from tests.reference_counts import dense_ppmi

SENTENCES = slot_sentences(800, seed=1)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(" ".join(sentence) for sentence in SENTENCES) + "\n")
    return path


def test_ppmi_of_text_is_that_of_its_counts() -> None:
    vectors: Any = embkit.train("ppmi", SENTENCES, min_count=1, negatives=2, window=3)
    assert isinstance(vectors, SparseEmbeddings)
    config = CooccurrenceConfig(window=3, min_count=1, weighting="flat")
    counts = cooccur(SENTENCES, config)
    expected = dense_ppmi(counts.matrix.toarray(), 0.75, 2)
    np.testing.assert_allclose(vectors.matrix.toarray(), expected, rtol=1e-5, atol=1e-6)
    assert vectors.words == list(counts.vocabulary)
    assert vectors.provenance["config"]["negatives"] == 2


def test_words_of_a_class_are_neighbours() -> None:
    runs: list[tuple[str, dict[str, Any]]] = [("ppmi", {}), ("svd", {"dim": 16})]
    for method, options in runs:
        vectors: Any = embkit.train(method, SENTENCES, min_count=1, **options)
        found = vectors.most_similar("c0_0", topn=5)
        assert all(word.startswith("c0_") for word, _ in found), method


def test_rare_words_may_go_after_the_windows() -> None:
    text = [["a", "rare", "b"], *([["a", "c", "b"]] * 9)]
    options: dict[str, Any] = {"window": 1, "min_count": 5, "smoothing": 1}
    before: Any = embkit.train("ppmi", text, rare_deletion="before", **options)
    after: Any = embkit.train("ppmi", text, rare_deletion="after", **options)
    assert sorted(before.words) == sorted(after.words) == ["a", "b", "c"]
    assert before.matrix.toarray().any()
    row, column = (before.vocabulary.id_of(word) for word in "ab")
    counts = cooccur(text, CooccurrenceConfig(window=1, min_count=5)).matrix.toarray()
    assert counts[row, column] == 1
    assert after.matrix.toarray()[row, column] == 0


@pytest.mark.parametrize("method", ["ppmi", "svd", "glove"])
def test_words_that_are_not_given_may_keep_their_places(method: str) -> None:
    text = [["a", "x", "b"], *([["a", "c"], ["c", "b"]] * 9)]
    given = Vocabulary.from_words(["b", "a", "c"])
    options: dict[str, Any] = {} if method == "ppmi" else {"dim": 2, "threads": 1}
    counting: dict[str, Any] = {"window": 1, "rare_deletion": "after", "min_count": 1}
    if method != "glove":
        counting["weighting"] = "flat"
    vectors = embkit.train(method, text, vocabulary=given, **counting, **options)
    counts = cooccur(text, CooccurrenceConfig(**counting), vocabulary=given)
    assert counts.matrix.toarray()[:2, :2].tolist() == [[0, 0], [0, 0]]
    of_counts = embkit.train(method, counts, **options)
    assert vectors.words == of_counts.words == ["b", "a", "c"]
    np.testing.assert_array_equal(_dense(vectors), _dense(of_counts))


def _dense(vectors: Any) -> Any:
    return vectors.matrix.toarray() if hasattr(vectors, "matrix") else vectors.vectors


@pytest.mark.parametrize("method", ["ppmi", "svd"])
def test_counts_that_were_made_before_are_logged_too(method: str, tmp_path: Path) -> None:
    cooccur(SENTENCES, CooccurrenceConfig(min_count=1)).save(tmp_path / "counts")
    command = ["train", method, "--cooccurrence", tmp_path / "counts", "--output"]
    command += [tmp_path / "v", *(["--dim", 5] if method == "svd" else [])]
    assert run(*command, "--log", tmp_path / "log", "-q") == ExitCode.DONE
    (line,) = (tmp_path / "log").read_text("utf-8").splitlines()
    told = json.loads(line)
    assert told["counting_seconds"] == 0 < told["seconds"]


def run(*words: object) -> int:
    return main([str(word) for word in words])


def test_commands_train_save_and_answer(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for method, output in (("ppmi", tmp_path / "p"), ("svd", tmp_path / "s.bin")):
        options = ["--dim", 12] if method == "svd" else []
        log = tmp_path / f"{method}.log"
        command = ["train", method, corpus, "--output", output, "--log", log, "--json"]
        assert run(*command, *options) == ExitCode.DONE
        told = json.loads(capsys.readouterr().out)
        assert told["num_words"] == len(embkit.load(output))
        assert ("residual" in told) == (method == "svd")
        assert ("num_entries" in told) == (method == "ppmi")
        assert json.loads(log.read_text())["counting_seconds"] >= 0
        assert run("query", "neighbors", output, "c0_0", "--topn", 2) == ExitCode.DONE
        assert "c0_" in capsys.readouterr().out.split("\t")[1]
        assert run("query", "analogy", output, "c0_0", "c0_1", "c1_0") == ExitCode.DONE
        assert run("inspect", output) == ExitCode.DONE
        capsys.readouterr()


def test_commands_take_counts_that_were_made_before(corpus: Path, tmp_path: Path) -> None:
    config = CooccurrenceConfig(window=2, weighting="flat")
    cooccur(corpus, config).save(tmp_path / "counts")
    counts = ["--cooccurrence", tmp_path / "counts"]
    assert run("train", "ppmi", *counts, "--output", tmp_path / "p", "-q") == ExitCode.DONE
    assert run("train", "ppmi", corpus, "--output", tmp_path / "q", "-q") == ExitCode.DONE
    one, other = (embkit.load(tmp_path / name) for name in "pq")
    assert isinstance(one, SparseEmbeddings)
    assert isinstance(other, SparseEmbeddings)
    np.testing.assert_array_equal(one.matrix.toarray(), other.matrix.toarray())
    command = ["train", "svd", *counts, "--output", tmp_path / "s", "--dim", 5, "-q"]
    assert run(*command) == ExitCode.DONE
    assert run(*command, "--window", 3, "--overwrite") == ExitCode.USAGE
    assert run(*command, corpus, "--overwrite") == ExitCode.USAGE
    assert run(*command, "--vocabulary", corpus, "--overwrite") == ExitCode.USAGE
    assert run(*command, "--cache", tmp_path / "c", "--overwrite") == ExitCode.USAGE
    assert run(*command, "--invalid", "bytes", "--overwrite") == ExitCode.USAGE


def test_commands_refuse_what_cannot_be(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("train", "ppmi", corpus, "--output", tmp_path / "p.bin") == ExitCode.USAGE
    assert "sparse vectors must go to a directory" in capsys.readouterr().err
    assert run("train", "svd", "--output", tmp_path / "s") == ExitCode.USAGE
    assert "corpus must be given" in capsys.readouterr().err
    command = ["train", "svd", corpus, "--output", tmp_path / "s", "--dim", 1000]
    assert run(*command) == ExitCode.INPUT
    assert "dim must be at most the number of words" in capsys.readouterr().err
    assert run("train", "svd", corpus, "--output", tmp_path / "s", "--dim", 5) == ExitCode.DONE
    assert run("train", "svd", corpus, "--output", tmp_path / "s", "--dim", 5) == ExitCode.USAGE
    assert "--overwrite" in capsys.readouterr().err


def test_a_missing_gpu_is_told_before_the_work(
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr("embkit.training.train", lambda *_, **__: pytest.fail("the work began"))
    command = ["train", "svd", corpus, "--output", tmp_path / "s", "--device", "cuda"]
    assert run(*command) == ExitCode.RESOURCE
    assert "device must be cpu where CuPy is not installed" in capsys.readouterr().err


def test_warnings_of_the_literature_reach_the_user(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "svd", corpus, "--output", tmp_path / "s", "--dim", 5, "--eig", 1]
    assert run(*command) == ExitCode.DONE
    assert "warning: eig=1" in capsys.readouterr().err


@pytest.mark.parametrize("solver", ["randomized", "lanczos"])
def test_the_command_takes_either_solver(solver: str, corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / "s"
    command = ["train", "svd", corpus, "--output", output, "--dim", 5, "--solver", solver]
    assert run(*command, "-q") == ExitCode.DONE
    found = embkit.load(output).provenance
    assert found["config"]["solver"] == solver
    assert found["residual"] < (1e-6 if solver == "lanczos" else 1e-3)


def test_an_interrupt_during_the_factorisation_leaves_nothing(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    output = tmp_path / "out" / "s"
    output.parent.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embkit.counts.panels._NativeEngine.multiply", interrupted)
        code = run("train", "svd", corpus, "--output", output, "--dim", 5)
    assert code == ExitCode.INTERRUPT
    assert "interrupted" in capsys.readouterr().err
    assert list(output.parent.iterdir()) == []
