"""Vocabulary: any bytes, found again in the row they have; the first of equal words wins."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embkit._native import core
from embkit.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([1, 2, 3], r"counts must have one number per word \(2\), got shape \(3,\)"),
        ([[1, 2]], r"counts must have one number per word \(2\)"),
        ([3, -1], "counts must be at least 0, got -1 in row 1"),
        (np.array([3, 2**63], np.uint64), f"at most {2**63 - 1}, got {2**63} in row 1"),
        ([1.5, 2.0], "counts must be whole numbers, got float64"),
        (["1", "2"], "counts must be whole numbers"),
    ],
)
def test_counts_are_checked(counts: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Vocabulary.from_words(["a", "b"], counts)
    with pytest.raises(ValueError, match=message):
        Vocabulary.from_words(["a", "b"]).with_counts(np.array(counts))


def test_words_are_checked() -> None:
    with pytest.raises(TypeError, match="a word must be str or bytes, got int"):
        Vocabulary.from_words(["a", 1])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="words must be a list of words, got 'ab'"):
        Vocabulary.from_words("ab")


@given(words=st.lists(st.binary(max_size=20), max_size=60), other=st.binary(max_size=9))
def test_finds_what_a_dict_finds(words: list[bytes], other: bytes) -> None:
    vocabulary = Vocabulary.from_words(words)
    first: dict[bytes, int] = {}
    for row, word in enumerate(words):
        first.setdefault(word, row)
    queries = [*words, other, other + b"\0"]
    assert vocabulary.ids_of(queries).tolist() == [first.get(word, -1) for word in queries]
    assert [vocabulary.id_of(word) for word in words] == [first[word] for word in words]
    query: object = other
    assert (query in vocabulary) == (other in first)
    assert vocabulary.num_duplicates == len(words) - len(first)
    assert [vocabulary.bytes_of(row) for row in range(len(words))] == words
    assert list(vocabulary) == [vocabulary[row] for row in range(len(words))]


@given(word=st.binary(min_size=1, max_size=12))
def test_a_word_as_text_finds_itself(word: bytes) -> None:
    vocabulary = Vocabulary.from_words([b"other", word])
    assert vocabulary.id_of(vocabulary[1]) == vocabulary.id_of(word)


def test_many_words_are_all_found() -> None:
    words = [f"word{i}" for i in range(100_000)]
    vocabulary = Vocabulary.from_words(words)
    assert np.array_equal(vocabulary.ids_of(words), np.arange(len(words)))


def test_other_surrogates_are_simply_not_found() -> None:
    assert "\ud800" not in Vocabulary.from_words(["a"])


def test_a_missing_word_is_a_key_error() -> None:
    vocabulary = Vocabulary.from_words(["cat"])
    with pytest.raises(KeyError, match="dog"):
        vocabulary.id_of("dog")
    number: object = 3
    assert number not in vocabulary
    with pytest.raises(TypeError, match="str or bytes, got int"):
        vocabulary.ids_of(["cat", 3])  # type: ignore[list-item]


def test_rows_count_from_either_end() -> None:
    vocabulary = Vocabulary.from_words(["a", "b"], counts=[3, 2])
    assert (vocabulary[-1], vocabulary[0]) == ("b", "a")
    with pytest.raises(IndexError, match="below 2, got 2"):
        vocabulary[2]


@pytest.mark.parametrize("row", ["a", 0.5, slice(1), None])
def test_a_row_is_a_whole_number(row: Any) -> None:
    vocabulary = Vocabulary.from_words(["a", "b"])
    assert vocabulary[np.int64(1)] == "b"  # type: ignore[index]
    with pytest.raises(TypeError, match=r"a row must be .* \(id_of finds a word's\), got "):
        vocabulary[row]


def test_an_index_refuses_offsets_beyond_its_words() -> None:
    data = np.zeros(3, np.uint8)
    for offsets in ([0, 4], [2, 1], []):
        with pytest.raises(ValueError, match="word offsets must"):
            core.WordIndex(data, np.array(offsets, np.uint64))


def test_arrays_cannot_change_under_the_index() -> None:
    vocabulary = Vocabulary.from_words(["a", "b"], counts=[2, 1])
    with pytest.raises(ValueError, match="read-only"):
        vocabulary.offsets[1] = 9


def test_a_copy_finds_the_same_words() -> None:
    vocabulary = Vocabulary.from_words([b"a", b"\xff"], counts=[2, 1])
    assert vocabulary.id_of(b"\xff") == 1  # the index, which cannot be copied, is there
    copied = copy.deepcopy(vocabulary)
    assert [*copied] == [*vocabulary]
    assert copied.id_of(b"\xff") == 1
    assert copied.counts is not None
    assert copied.counts.tolist() == [2, 1]
    assert not copied.data.flags.writeable


def test_is_shown_by_its_size() -> None:
    assert repr(Vocabulary.from_words(["a", "b"])) == "Vocabulary(2 words)"
    assert repr(Vocabulary.from_words(["a"], [3])) == "Vocabulary(1 words, counts)"
