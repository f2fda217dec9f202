"""Vocabulary files: what is written is read back, and every wrong line is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embkit.errors import FormatError, OutputExistsError
from embkit.formats.vocabulary_text import load_vocabulary, save_vocabulary
from embkit.vocabulary import Vocabulary

WORDS = st.binary(min_size=1, max_size=12).filter(
    lambda word: b"\n" not in word and word[-1:] not in b" \t\r"
)


@given(counts=st.dictionaries(WORDS, st.integers(0, 2**58), min_size=1, max_size=30))
def test_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, counts: dict[bytes, int]
) -> None:
    path = tmp_path_factory.mktemp("vocabulary") / "words.txt"
    counts = {b"first, so that no compression begins the file": 1, **counts}
    save_vocabulary(Vocabulary.from_words(counts, list(counts.values())), path)
    read = load_vocabulary(path)
    assert [read.bytes_of(row) for row in range(len(read))] == list(counts)
    assert read.counts is not None
    assert read.counts.tolist() == list(counts.values())


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (b"", None, "must have words"),
        (b"the 7\ncat\n", 2, "a word and its count, got 'cat'"),
        (b"the 7\n\ncat 2\n", 2, "a word and its count, got ''"),
        (b"the 7\n 2\n", 2, "a word and its count, got ' 2'"),
        (b"the -7\n", 1, "a word and its count, got 'the -7'"),
        (b"the 7.0\n", 1, "a word and its count"),
        (b"the \xd9\xa7\n", 1, "a word and its count"),
        (b"the 9223372036854775808\n", 1, "at most 9223372036854775807"),
        (b"the " + b"9" * 5000, 1, "at most 9223372036854775807"),
        (b"the 9223372036854775807\ncat 0\na 1\n", 3, "sum of the counts must be at most"),
        (b"the 7\ncat 2\nthe 1\n", 3, "'the' stands in line 1 already"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, text: bytes, line: int, reason: str) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(text)
    with pytest.raises(FormatError, match=reason) as caught:
        load_vocabulary(path)
    assert (caught.value.path, caught.value.line) == (str(path), line)


def test_tabs_carriage_returns_and_any_order_are_read(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(b"</s> 0\r\nnew york\t2 \r\nthe  7")
    vocabulary = load_vocabulary(path)
    assert list(vocabulary) == ["</s>", "new york", "the"]


@pytest.mark.parametrize("word", ["", "two\nlines", "blank "])
def test_a_word_that_would_be_read_as_another_is_not_written(tmp_path: Path, word: str) -> None:
    path = tmp_path / "words.txt"
    with pytest.raises(ValueError, match="a word must not be empty"):
        save_vocabulary(Vocabulary.from_words(["the", word], [7, 2]), path)
    with pytest.raises(ValueError, match="must have counts"):
        save_vocabulary(Vocabulary.from_words(["the"]), path)
    assert not path.exists()


@pytest.mark.parametrize(("length", "shown"), [(40, "x" * 40), (41, "x" * 40 + "...")])
def test_long_lines_are_cut_in_messages(tmp_path: Path, length: int, shown: str) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(b"the 7\n" + b"x" * length + b"\n")
    with pytest.raises(FormatError) as caught:
        load_vocabulary(path)
    assert caught.value.reason == f"a line must be a word and its count, got '{shown}'"
    assert caught.value.line == 2


@pytest.mark.parametrize("digits", ["9223372036854775807", "0" * 18 + "7", "0" * 19 + "7"])
def test_counts_have_at_most_19_digits(tmp_path: Path, digits: str) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_text(f"the {digits}\n")
    if len(digits) <= 19:
        counts = load_vocabulary(path).counts
        assert counts is not None
        assert counts.tolist() == [int(digits)]
    else:
        with pytest.raises(FormatError, match=f"got '{digits}'") as caught:
            load_vocabulary(path)
        assert (caught.value.line, caught.value.offset) == (1, None)


def test_an_empty_file_is_refused_at_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(b"")
    with pytest.raises(FormatError) as caught:
        load_vocabulary(path)
    assert (caught.value.line, caught.value.offset) == (None, 0)


def test_word_of_a_mebibyte_and_many_lines_come_back(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.txt"
    words = [b"x" * (1 << 20), *(b"w%d" % row for row in range(25_000))]
    save_vocabulary(Vocabulary.from_words(words, range(len(words))), path)
    read = load_vocabulary(path)
    assert [read.bytes_of(row) for row in range(len(read))] == words
    assert read.counts is not None
    assert read.counts.tolist() == list(range(len(words)))
    with pytest.raises(OutputExistsError):
        save_vocabulary(read, path)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_words_in_messages_end_before_their_line_does(tmp_path: Path, end: bytes) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(b"the 7" + end + b"cat" + end)
    with pytest.raises(FormatError) as caught:
        load_vocabulary(path)
    assert caught.value.reason == "a line must be a word and its count, got 'cat'"


def test_a_line_of_megabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.txt"
    path.write_bytes(b"the 7\n" + b"x" * (3 << 20) + b" 7\n")
    with pytest.raises(FormatError, match="a line must be a word and its count") as caught:
        load_vocabulary(path)
    assert caught.value.line == 2
