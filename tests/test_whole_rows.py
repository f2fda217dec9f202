"""Vectors read as whole arrays: broken rows are left out when asked, odd words are counted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embkit import formats
from embkit.cli import main as run_main
from embkit.cli.exit_codes import ExitCode
from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats import safetensors_writer
from embkit.formats.whole_rows import word_oddities
from embkit.vocabulary import Vocabulary
from tests.attacks.npz_files import savez
from tests.fasttext_files import Model

WORDS = ["the", "cat", "sat", "mat"]


def write_npz(folder: Path, rows: np.ndarray, output: np.ndarray | None = None) -> Path:
    path = folder / "v.npz"
    more = {} if output is None else {"output": output}
    counts = np.array([9, 5, 2, 1])
    path.write_bytes(savez(words=np.array(WORDS), vectors=rows, counts=counts, **more))
    return path


def write_model(folder: Path, rows: np.ndarray, output: np.ndarray | None = None) -> Path:
    """Write what embkit itself would refuse to write."""
    vocabulary = Vocabulary.from_words(WORDS, counts=[9, 5, 2, 1])
    path = folder / "v.safetensors"
    with pytest.MonkeyPatch.context() as patch, path.open("wb") as file:
        patch.setattr(safetensors_writer, "check_finite", lambda *_: None)
        embeddings = Embeddings(vocabulary, rows, output=output)
        safetensors_writer.write_embeddings(embeddings, file)
    return path


WRITERS = pytest.mark.parametrize("write", [write_npz, write_model])
Writer = Callable[..., Path]


def rows_with(*bad: int, num_rows: int = 4) -> np.ndarray:
    rows = np.arange(1, 3 * num_rows + 1, dtype=np.float32).reshape(num_rows, 3)
    rows[list(bad), 1] = np.nan
    return rows


@WRITERS
def test_lenient_leaves_out_rows_that_are_not_finite(
    write: Writer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, rows_with(1, 3))
    with caplog.at_level(logging.WARNING, logger="embkit"):
        kept = formats.load(path, lenient=True)
    assert kept.words == ["the", "sat"]
    assert kept.counts is not None
    assert kept.counts.tolist() == [9, 2]
    np.testing.assert_array_equal(kept.vectors, rows_with()[[0, 2]])
    assert kept.provenance["problems"] == ["row 1 is not finite"]
    assert caplog.messages == [f"{path}: row 1 is not finite; 2 skipped rows"]
    with pytest.raises(FormatError, match="row 1 of"):
        formats.load(path, verify=True)


@WRITERS
def test_output_vectors_that_are_not_finite_are_left_out(write: Writer, tmp_path: Path) -> None:
    paired = formats.load(write(tmp_path, rows_with(), rows_with(2)), lenient=True)
    assert paired.words == ["the", "cat", "mat"]
    assert paired.output is not None
    np.testing.assert_array_equal(paired.output, rows_with()[[0, 1, 3]])
    tree = write(tmp_path, rows_with(), rows_with(2, num_rows=3))  # of Huffman nodes
    nodeless = formats.load(tree, lenient=True)
    assert (nodeless.words, nodeless.output) == (WORDS, None)
    assert formats.inspect(tree).problems == (
        "the output vectors, which are left out, are not finite",
    )


@WRITERS
def test_what_is_whole_is_read_as_ever(write: Writer, tmp_path: Path) -> None:
    path = write(tmp_path, rows_with(), rows_with(num_rows=3))
    strict, lenient = formats.load(path), formats.load(path, lenient=True)
    assert strict.provenance == lenient.provenance
    np.testing.assert_array_equal(lenient.vectors, strict.vectors)
    assert lenient.output is not None
    assert (formats.inspect(path).problems, formats.inspect(path).oddities) == ((), {})


@WRITERS
def test_nothing_whole_is_an_error(write: Writer, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no row whose numbers are finite"):
        formats.load(write(tmp_path, rows_with(0, 1, 2, 3)), lenient=True)


def test_words_of_a_fasttext_model_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    model = Model()
    model.input[2, 1] = np.inf
    path = tmp_path / "model.bin"
    path.write_bytes(model.to_bytes())
    with pytest.raises(FormatError, match="word 2 is not finite"):
        formats.load(path)
    kept = formats.load(path, lenient=True)
    assert kept.words == [word.decode() for i, word in enumerate(model.words) if i != 2]
    assert np.isfinite(kept.vectors).all()
    assert kept.subwords is not None


def test_a_broken_model_can_be_inspected_and_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, target = write_npz(tmp_path, rows_with(1)), tmp_path / "v.bin"
    assert run_main(["inspect", str(path)]) == ExitCode.INPUT
    assert "row 1 is not finite" in capsys.readouterr().out
    assert run_main(["convert", str(path), str(target)]) == ExitCode.INPUT
    assert run_main(["convert", str(path), str(target), "--lenient"]) == 0
    assert formats.load(target).words == ["the", "sat", "mat"]


def test_odd_words_are_counted(tmp_path: Path) -> None:
    words: list[str | bytes] = ["new york", b"caf\xc3", "a", "a", "in vain ", "ø"]
    rows = np.ones((6, 2), np.float32)
    embeddings = Embeddings(Vocabulary.from_words(words), rows)
    odd = {"duplicate_words": 1, "words_not_utf8": 1, "words_with_blanks": 2}
    for name in ("v.npz", "model"):
        formats.save(embeddings, tmp_path / name)
        assert dict(formats.inspect(tmp_path / name).oddities) == odd


def test_words_are_told_apart_where_their_letters_join() -> None:
    whole = Vocabulary.from_words(["caf\u00e9", "\u00e9t\u00e9", ""])
    assert word_oddities(whole) == {}
    cut = Vocabulary.from_words([b"caf\xc3", b"\xa9t"])  # one text of UTF-8 when joined
    assert word_oddities(cut) == {"words_not_utf8": 2}
