"""Seed dictionaries: every usual form is read, and what is not used is told."""

from __future__ import annotations

import lzma
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit.dictionaries.seed_dictionary import Case, SeedDictionary
from embkit.errors import FormatError
from embkit.vocabulary import Vocabulary

Triples = list[tuple[str, str, float]]

TEN_THOUSAND = [
    ("10\u00a0000", "10\u2009000", 1.0),
    ("10\u00a0000", "x\u3000y", 1.0),
]


def read(path: Path, content: bytes) -> Triples:
    path.write_bytes(content)
    return [(e.source, e.target, e.weight) for e in SeedDictionary.read(path)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"dog Hund\n", [("dog", "Hund", 1)]),
        (b"dog\tHund", [("dog", "Hund", 1)]),
        (b"dog   Hund  \r\n\r\n", [("dog", "Hund", 1)]),
        (b"\xef\xbb\xbfdog Hund\n", [("dog", "Hund", 1)]),
        (b"dog Hund R\xc3\xbcde\n", [("dog", "Hund", 1), ("dog", "R\u00fcde", 1)]),
        (b"New York\tNeu York\t\n", [("New York", "Neu York", 1)]),
        (b"dog Hund R\xc3\xbcde 0.25", [("dog", "Hund", 0.25), ("dog", "R\u00fcde", 0.25)]),
        (b"1990 1990\n", [("1990", "1990", 1)]),
        (b"dog Hund\ndog Hund\n", [("dog", "Hund", 1), ("dog", "Hund", 1)]),
        # Blanks are the tokeniser's; others are letters of a word, in a field of numbers too.
        ("10\u00a0000 10\u2009000 x\u3000y\n".encode(), [*TEN_THOUSAND]),
        ("\u00a0dog\tHund\u00a0\n".encode(), [("\u00a0dog", "Hund\u00a0", 1)]),
        (b"ten zehn 1_0\n", [("ten", "zehn", 1), ("ten", "1_0", 1)]),
        ("three drei \u0663\n".encode(), [("three", "drei", 1), ("three", "\u0663", 1)]),
        # Of several figures behind tabs the first is the weight.
        (b"dog\tHund\t0.25\t0.5\t1\n", [("dog", "Hund", 0.25)]),
        (b"ten\t10\t0.5\t7\n", [("ten", "10", 0.5)]),
        (b"ten zehn 10 0.5\n", [("ten", "zehn", 10)]),
        (b"ten 10 0.5\n", [("ten", "10", 0.5)]),
        # Weights that cannot be used: they are not, unless one asks for it.
        (b"dog\tHund\t0\n", [("dog", "Hund", 0)]),
        (b"dog Hund -1.25\n", [("dog", "Hund", -1.25)]),
        (b"dog Hund -inf\n", [("dog", "Hund", -np.inf)]),
        (b"dog Hund 5e-1\n", [("dog", "Hund", 0.5)]),
        (b"dog Hund .5\n", [("dog", "Hund", 0.5)]),
    ],
)
def test_usual_lines_are_read(content: bytes, expected: Triples, tmp_path: Path) -> None:
    assert read(tmp_path / "d.txt", content) == expected


@pytest.mark.parametrize(
    ("content", "expected", "passed"),
    [
        (b"a\tb\t0.5\tverb\n", [("a", "b", 0.5)], "verb"),
        (b"a\tb\tverb\n", [("a", "b", 1)], "verb"),
        (b"a\tb\tverb\t3\n", [("a", "b", 1)], "verb"),
        (b"a\tb\t\tverb\n", [("a", "b", 1)], "verb"),
        (b"a b c 0.5 verb\n", [("a", "b", 0.5), ("a", "c", 0.5)], "verb"),
        (b"dog\tHund\tR\xc3\xbcde\n", [("dog", "Hund", 1)], "R\u00fcde"),
    ],
)
def test_text_behind_the_words_is_no_translation_and_is_told(
    content: bytes,
    expected: Triples,
    passed: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert read(tmp_path / "d.txt", b"x y\n" + content + content)[1:] == 2 * expected
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'd.txt'}:2: {passed!r} behind the words is passed over, as text there is "
        "in 2 of the lines; several translations between tabs need a line each"
    ]


@pytest.mark.parametrize("column", ["4", "pos"])
def test_a_column_tells_the_groups_of_pairs(
    column: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["run\tlaufen\t0\tverb", "run\tLauf\t\tnoun", "dog\tHund\t2\t", "ox\tOchs\t1\t7"]
    header = ["word\ttranslation\tweight\tpos"] if column == "pos" else []
    path = tmp_path / "d.tsv"
    path.write_text("\n".join(header + lines), "utf-8")
    seeds = SeedDictionary.read(path, group_column=column)
    assert [(e.target, e.weight, e.group) for e in seeds] == [
        ("laufen", 0, "verb"),
        ("Lauf", 1, "noun"),
        ("Hund", 2, None),
        ("Ochs", 1, "7"),
    ]
    assert [e.group for e in seeds.reversed()] == ["verb", "noun", None, "7"]
    assert caplog.text == ""


def test_a_group_in_the_place_of_the_weight_is_no_weight(tmp_path: Path) -> None:
    path = tmp_path / "d.tsv"
    path.write_text("dog\tHund\t3\n")
    entry = SeedDictionary.read(path, group_column="3").entries[0]
    assert (entry.weight, entry.group) == (1, "3")


@pytest.mark.parametrize(
    ("content", "column", "message"),
    [
        ("a\tb\tverb\na\tc\n", "3", "d.tsv:2: a line must have 3 columns between tabs, got 2"),
        ("a b verb\n", "3", "d.tsv:1: a line must have 3 columns between tabs, got 1"),
        ("a\tb\tpos\n", "kind", "d.tsv:1: no column 'kind' behind the first two of the header"),
        ("pos\tb\tc\n", "pos", "d.tsv:1: no column 'pos' behind the first two"),
        ("a\tb\tpos\n", "pos", "d.tsv: a dictionary must have a pair, got none"),
        (
            "a\tb\tc\n",
            "2",
            "group_column must be a name or at least 3, behind both words, got 2",
        ),
        (
            "a\tb\tc\n",
            "0",
            "group_column must be a name or at least 3, behind both words, got 0",
        ),
    ],
)
def test_a_column_of_groups_that_is_not_there_is_told(
    content: str, column: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "d.tsv"
    path.write_text(content)
    with pytest.raises(ValueError, match=re.escape(message)):
        SeedDictionary.read(path, group_column=column)


def test_what_an_error_quotes_of_a_file_does_not_act_on_a_terminal(tmp_path: Path) -> None:
    path = tmp_path / "d.tsv"
    path.write_bytes("a\tb\t\x1b[2J\u202epos\n".encode())
    with pytest.raises(FormatError, match="header: ") as raised:
        SeedDictionary.read(path, group_column="kind")
    assert str(raised.value).endswith(r"header: a, b, \x1b[2J\u202epos")
    assert raised.value.reason.isprintable()


@pytest.mark.parametrize("weight", ["0", "-2.5", "nan", "inf"])
def test_weights_must_be_positive_where_they_are_used_alone(
    weight: str, tmp_path: Path
) -> None:
    path = tmp_path / "d.tsv"
    path.write_text(f"cat\tKatze\t1\ndog\tHund\t2\ndog\tHund\t{weight}\n")
    seeds = SeedDictionary.read(path)
    source, target = Vocabulary.from_words(["dog"]), Vocabulary.from_words(["Hund"])
    pairs = seeds.find(source, target)
    assert (pairs.source.tolist(), pairs.report.used) == ([0], 1)
    message = f"{path}:3: a weight must be positive where weights are used, got {float(weight)}"
    for use in (lambda: pairs.weights, seeds.check_weights):
        with pytest.raises(FormatError, match=re.escape(message)):
            use()
    unused = seeds.find(Vocabulary.from_words(["cat"]), Vocabulary.from_words(["Katze"]))
    assert unused.weights.tolist() == [1]
    given = SeedDictionary([("dog", "Hund", float(weight))])
    with pytest.raises(ValueError, match=r"a weight must be positive .* for dog Hund"):
        given.find(source, target).weights  # noqa: B018


def test_a_compressed_dictionary_is_read(tmp_path: Path) -> None:
    assert read(tmp_path / "d", lzma.compress(b"dog Hund\n")) == [("dog", "Hund", 1)]


@pytest.mark.parametrize(
    ("content", "line", "offset", "reason"),
    [
        (b"dog Hund\ncat\n", 2, 9, "word, parted by a tab or blanks, got 'cat'"),
        (b"dog,Hund\n", 1, 0, "parted by a tab or blanks and not by ',', got 'dog,Hund'"),
        (b"dog\t\tHund\n", 1, 0, "a line must have a source and a target word"),
        (b"dog Hund\ncat K\xff\n", 2, 14, "a dictionary must be UTF-8"),
        (b"\tHund\n", 1, 0, "a line must have a source and a target word"),
        (b"\n\n", None, None, "a dictionary must have a pair, got none"),
    ],
)
def test_broken_lines_are_told_by_place(
    content: bytes, line: int | None, offset: int | None, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "d.txt"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=re.escape(reason)) as caught:
        SeedDictionary.read(path)
    assert (caught.value.line, caught.value.offset) == (line, offset)


def test_used_and_unused_pairs_are_counted_with_reasons() -> None:
    seeds = SeedDictionary(
        [("dog", "Hund"), ("cat", "Katze"), ("cow", "Kuh"), ("ox", "x"), ("dog", "Hund")]
    )
    pairs = seeds.find(
        Vocabulary.from_words(["cat", "dog"]), Vocabulary.from_words(["Kuh", "Hund"])
    )
    assert (pairs.source.tolist(), pairs.target.tolist()) == ([1], [1])
    assert pairs.report.to_dict() == {
        "num_pairs": 5,
        "used": 1,
        "unused": {
            "target word unknown": 1,
            "source word unknown": 1,
            "both words unknown": 1,
            "pair stands twice": 1,
        },
        "examples": {
            "target word unknown": ["cat Katze"],
            "source word unknown": ["cow Kuh"],
            "both words unknown": ["ox x"],
            "pair stands twice": ["dog Hund"],
        },
    }
    assert pairs.report.summary().startswith(
        "1 of 5 pairs used; target word unknown: 1 ('cat Katze');"
    )


@pytest.mark.parametrize(
    ("case", "found"), [("exact", [0]), ("lower", [1]), ("any", [0, 1, 2, 3])]
)
def test_the_case_policy_decides_which_words_are_found(case: Case, found: list[int]) -> None:
    vocabulary = Vocabulary.from_words(["Dog", "cat", "Cow", "USA"])
    words = ["Dog", "Cat", "cow", "usa"]
    seeds = SeedDictionary(list(zip(words, "abcd", strict=True)))
    pairs = seeds.find(vocabulary, Vocabulary.from_words(["a", "b", "c", "d"]), case=case)
    assert pairs.source.tolist() == found


def test_decomposed_letters_are_found_both_ways() -> None:
    seeds = SeedDictionary([("u\u0308ber", "a"), ("\u00f6l", "b")])
    source = Vocabulary.from_words(["\u00fcber", "o\u0308l"])
    target = Vocabulary.from_words(["a", "b"])
    assert seeds.find(source, target).source.tolist() == [0, 1]
    assert len(seeds.find(source, target, unicode=False)) == 0


def test_several_words_are_found_with_blanks_or_underscores() -> None:
    seeds = SeedDictionary([("New York", "a"), ("San Jose", "b")])
    pairs = seeds.find(
        Vocabulary.from_words(["New York", "San_Jose"]), Vocabulary.from_words(["a", "b"])
    )
    assert pairs.source.tolist() == [0, 1]


def test_reversed_swaps_the_sides() -> None:
    entry = SeedDictionary([("dog", "Hund", 0.5)]).reversed().entries[0]
    assert (entry.source, entry.target, entry.weight) == ("Hund", "dog", 0.5)


def test_a_dictionary_of_the_other_direction_is_noticed() -> None:
    source, target = (
        Vocabulary.from_words([f"{c}{i}" for i in range(9)] + ["b"]) for c in "st"
    )
    there = SeedDictionary([(f"s{i}", f"t{i}") for i in range(9)] + [("b", "b"), ("q", "q")])
    seeds = there.reversed()
    found = seeds.find(source, target)
    assert len(found) == 1
    assert seeds.swapped_hint(found, source, target) == (
        "; the other way round 10 of its pairs are known: is the target first?"
    )
    assert there.swapped_hint(there.find(source, target), source, target) == ""
    alike = SeedDictionary([("b", "b")] + [("q", "q")] * 9)
    assert alike.swapped_hint(alike.find(source, target), source, target) == ""


@pytest.mark.parametrize("entry", [("", "x", 1.0), ("x", " ", 1.0)])
def test_wrong_entries_are_refused(entry: tuple[str, str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        SeedDictionary([entry])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (["ab"], "a pair must be a source and a target word, got 'ab'"),
        ([("a",)], r"a pair must be a source and a target word, got \('a',\)"),
        (
            [("a", "b", "c")],
            r"a pair must be a source and a target word, got \('a', 'b', 'c'\)",
        ),
        ([("a", 1)], r"a pair must be a source and a target word, got \('a', 1\)"),
        ({"a": 1}, r"a pair must be a source and a target word, got \('a', 1\)"),
        ({"a": ["b", 0.5]}, r"a pair must be a source and a target word, got \('a', 0.5\)"),
        ({"a": {"b": 0.5}}, r"a pair must be a source and a target word, got \('a', {'b': 0"),
        ({"a": {"b"}}, r"a pair must be a source and a target word, got \('a', {'b'}\)"),
        ({("a", "b"): "c"}, r"a source and a target word, got \(\('a', 'b'\), 'c'\)"),
    ],
)
def test_what_is_no_pair_is_not_taken_apart(entries: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SeedDictionary(entries)


@pytest.mark.parametrize("form", [dict, dict.items, lambda found: iter(found.items())])
def test_words_with_their_translations_are_pairs(form: Callable[[Any], Any]) -> None:
    seeds = SeedDictionary(form({"ab": "cd", "e": "f"}))
    assert [(e.source, e.target, e.weight) for e in seeds] == [("ab", "cd", 1), ("e", "f", 1)]


def test_a_word_may_have_several_translations() -> None:
    seeds = SeedDictionary({"cat": ["Katze", "Kater"], "dog": ("Hund",), "emu": []})
    pairs = [("cat", "Katze"), ("cat", "Kater"), ("dog", "Hund")]
    assert [(entry.source, entry.target) for entry in seeds] == pairs


def test_a_dictionary_is_shown_by_its_size_and_file(tmp_path: Path) -> None:
    assert repr(SeedDictionary([("a", "b")])) == "SeedDictionary(1 pairs)"
    (tmp_path / "d").write_text("a b\nc d\n")
    shown = f"SeedDictionary(2 pairs of {tmp_path / 'd'})"
    assert repr(SeedDictionary.read(tmp_path / "d")) == shown


@pytest.mark.parametrize("word", ["\x1f", "\u00a0", "\u3000"])
def test_blanks_of_unicode_alone_are_a_word(word: str, tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_text(f"at {word}\n", "utf-8")
    found = [(e.source, e.target) for e in SeedDictionary.read(path).entries]
    assert found == [("at", word)]
    assert len(SeedDictionary([("at", word)])) == 1


def test_entries_that_are_the_same_rows_count_together() -> None:
    seeds = SeedDictionary([("Dog", "Hund", 1.0), ("dog", "Tier", 2.0), ("dog", "Hund", 97.0)])
    sides = Vocabulary.from_words(["dog"]), Vocabulary.from_words(["Hund", "Tier"])
    found = seeds.find(*sides, case="any")
    assert found.target.tolist() == [0, 1]
    assert found.weights.tolist() == [98.0, 2.0]
