"""Counts in GloVe's records and as text: read as they were written, refused where broken."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit import formats
from embkit.cli import main
from embkit.config import CooccurrenceConfig
from embkit.counts.cooccurrence import Cooccurrence, cooccur
from embkit.counts.files import load_counts, save_counts
from embkit.counts.glove_records import RECORD, read_glove, write_glove
from embkit.counts.triples import read_triples, write_triples
from embkit.errors import FormatError
from embkit.vocabulary import Vocabulary

TEXT = [["a", "b", "c", "a"], ["b", "d", "c"], ["e", "a"]]
WORDS = Vocabulary.from_words(["a", "b", "c"])


def some_counts() -> Cooccurrence:
    return cooccur(TEXT, CooccurrenceConfig(min_count=1, window=3))


def same(a: Cooccurrence, b: Cooccurrence) -> bool:
    names = ("row_begins", "columns", "values")
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)


def records(*entries: tuple[int, int, float]) -> bytes:
    return np.array(list(entries), RECORD).tobytes()


def test_records_are_those_of_the_c_struct() -> None:
    assert RECORD.itemsize == 16
    expected = bytes.fromhex("02000000 01000000 000000000000f83f")
    assert records((2, 1, 1.5)) == expected


def test_sorted_records_come_back_bit_for_bit(tmp_path: Path) -> None:
    counts = some_counts()
    write_glove(counts, tmp_path / "one.bin")
    back = read_glove(tmp_path / "one.bin", counts.vocabulary)
    assert same(back, counts)
    write_glove(back, tmp_path / "two.bin")
    assert (tmp_path / "two.bin").read_bytes() == (tmp_path / "one.bin").read_bytes()


@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_shuffled_records_are_sorted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("embkit.counts.glove_records._AT_ONCE", at_once)
    counts = some_counts()
    write_glove(counts, tmp_path / "sorted.bin")
    shuffled = np.fromfile(tmp_path / "sorted.bin", RECORD)
    np.random.default_rng(1).shuffle(shuffled)
    shuffled.tofile(tmp_path / "shuffled.bin")
    assert same(read_glove(tmp_path / "shuffled.bin", counts.vocabulary), counts)


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        (b"", 0, "records must be 16 bytes each, got 0"),
        (records((1, 1, 1.0)) + b"12345", 16, "16 bytes each, got 21"),
        (records((1, 1, 1.0), (4, 1, 1.0)), 16, "a word number must be from 1 to 3, got 4"),
        (records((1, 1, 1.0), (1, 0, 1.0)), 20, "a word number must be from 1 to 3, got 0"),
        (records((1, 1, 1.0), (1, 2, -1.0)), 24, "finite and above 0, got -1.0"),
        (records((1, 1, np.nan)), 8, "finite and above 0, got nan"),
        (records((1, 1, np.inf)), 8, "finite and above 0, got inf"),
        (records((1, 1, 0.0)), 8, "finite and above 0, got 0.0"),
        (records((2, 1, 1.0), (1, 3, 1.0), (2, 1, 1.0)), 32, "got words 2 and 1 again"),
    ],
)
def test_bad_records_are_refused_at_their_byte(
    tmp_path: Path, data: bytes, offset: int, reason: str
) -> None:
    path = tmp_path / "bad.bin"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=re.escape(reason)) as caught:
        read_glove(path, WORDS)
    assert (caught.value.path, caught.value.offset) == (str(path), offset)


def test_triples_come_back_as_they_were(tmp_path: Path) -> None:
    counts = some_counts()
    path = tmp_path / "counts.tsv"
    write_triples(counts, path)
    assert same(read_triples(path, counts.vocabulary), counts)
    (tmp_path / "counts.tsv.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert same(read_triples(tmp_path / "counts.tsv.gz", counts.vocabulary), counts)
    free = read_triples(path)
    order = [free.vocabulary.id_of(word) for word in counts.vocabulary]
    dense = free.matrix.toarray()[np.ix_(order, order)]
    np.testing.assert_array_equal(dense, counts.matrix.toarray())


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("a\tb\t1\na b 1\n", 2, "a line must be a word, a word and a count above 0"),
        ("a\tb\t-1\n", 1, "a line must be"),
        ("a\tb\tnan\n", 1, "a line must be"),
        ("a\tb\tinf\n", 1, "a line must be"),
        ("a\tb\n", 1, "a line must be"),
        ("a\tb\t1\t2\n", 1, "a line must be"),
        ("\tb\t1\n", 1, "a line must be"),
        ("a\tb\t1\na\tz\t1\n", 2, "'z' is not in the vocabulary"),
        ("a\tb\t1\nb\ta\t1\na\tb\t2\n", 3, "a pair must stand once"),
    ],
)
def test_bad_lines_are_refused_by_their_number(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = tmp_path / "bad.tsv"
    path.write_text(text)
    with pytest.raises(FormatError, match=re.escape(reason)) as caught:
        read_triples(path, WORDS)
    assert caught.value.line == line


def test_no_line_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.tsv").write_bytes(b"")
    with pytest.raises(FormatError, match="empty file"):
        read_triples(tmp_path / "none.tsv")


def test_a_word_that_text_cannot_hold_is_refused(tmp_path: Path) -> None:
    counts = cooccur([["a\tb", "c"]], CooccurrenceConfig(min_count=1))
    with pytest.raises(ValueError, match="tab or newline"):
        write_triples(counts, tmp_path / "counts.tsv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["counts", "counts.bin", "counts.tsv"])
def test_the_name_chooses_the_form_and_the_content_tells_it(tmp_path: Path, name: str) -> None:
    counts = some_counts()
    save_counts(counts, tmp_path / name)
    assert same(load_counts(tmp_path / name, counts.vocabulary), counts)
    if name == "counts.bin":
        with pytest.raises(ValueError, match="vocabulary must be given"):
            load_counts(tmp_path / name)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("the cat sat on the mat\nthe dog sat on the cat\n" * 10)
    return path


def test_the_command_counts_what_the_function_counts(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, words = tmp_path / "counts", tmp_path / "vocab.txt"
    options = ["--window", "3", "--weighting", "dynamic", "--min-count", "2", "--json"]
    outputs = ["--output", str(output), "--save-vocabulary", str(words)]
    assert main(["cooccur", str(corpus), *options, *outputs]) == 0
    config = CooccurrenceConfig(window=3, weighting="dynamic", min_count=2)
    counts = cooccur(corpus, config)
    assert same(Cooccurrence.open(output), counts)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (told["num_words"], told["num_entries"]) == (6, counts.num_entries)
    assert list(formats.load_vocabulary(words)) == list(counts.vocabulary)
    assert main(["cooccur", str(corpus), *options, *outputs]) == 2  # it exists
    assert main(["cooccur", str(corpus), *options, *outputs, "--overwrite", "-q"]) == 0


def test_runs_share_a_vocabulary_file(tmp_path: Path, corpus: Path) -> None:
    words = tmp_path / "vocab.txt"
    words.write_text("cat 20\nsat 20\nthe 40\n")
    shared = ["--vocabulary", str(words), "--min-count", "15"]
    assert main(["cooccur", str(corpus), "--output", str(tmp_path / "counts"), *shared]) == 0
    assert list(Cooccurrence.open(tmp_path / "counts").vocabulary) == ["cat", "sat", "the"]
    for method in ("sgns", "cbow", "glove"):
        output = ["--output", str(tmp_path / f"{method}.txt"), "--dim", "4", "--epochs", "1"]
        assert main(["train", method, str(corpus), *output, *shared]) == 0
        trained = formats.load(tmp_path / f"{method}.txt")
        assert trained.words == ["cat", "sat", "the"]


def test_records_need_a_place_for_their_words(
    tmp_path: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ["--output", str(tmp_path / "c.bin")]
    assert main(["cooccur", str(corpus), *output]) == 2
    assert "save_vocabulary must be given" in capsys.readouterr().err
    words = tmp_path / "vocab.txt"
    assert main(["cooccur", str(corpus), *output, "--save-vocabulary", str(words)]) == 0
    counts = cooccur(corpus)
    assert same(read_glove(tmp_path / "c.bin", formats.load_vocabulary(words)), counts)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--window", "0"], 2),
        (["--weighting", "linear"], 2),
        (["--memory", "10K"], 5),
        (["--min-count", "1000"], 3),
        (["--vocabulary", "absent.txt"], 2),
        (["--output", "absent/counts"], 4),
        (["--output", "counts.csv"], 2),
        (["--output", "counts.tsv.gz"], 2),
    ],
)
def test_what_cannot_be_done_has_its_exit_code(
    tmp_path: Path, corpus: Path, options: list[str], code: int
) -> None:
    output = [] if "--output" in options else ["--output", str(tmp_path / "counts")]
    assert main(["cooccur", str(corpus), *output, *options]) == code
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt"]
