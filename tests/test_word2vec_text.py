"""Text with vectors: every tolerated oddity counted, every fault placed, nothing lost."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from embkit import formats
from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from tests.examples import examples


def load(path: Path, text: bytes | str, *, lenient: bool = False) -> Embeddings:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return formats.load(path, lenient=lenient)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vectors"


def test_reads_with_and_without_header(path: Path) -> None:
    rows = "the 1 -2.5\ncat .5 4e-1\n"
    for text in (f"2 2\n{rows}", rows):
        embeddings = load(path, text)
        assert embeddings.words == ["the", "cat"]
        assert embeddings.vectors.tolist() == [[1, -2.5], [0.5, np.float32(0.4)]]


@pytest.mark.parametrize(
    ("text", "oddities"),
    [
        ("2 2\r\na 1 2\r\nb 3 4\r\n", {"crlf_lines": 3}),
        ("\ufeff2 2\na 1 2\nb 3 4\n", {"byte_order_mark": 1}),
        ("\ufeffa 1 2\nb 3 4\n", {"byte_order_mark": 1}),
        ("2 2 \na 1 2 \nb 3 4 \n", {}),  # word2vec.c and fastText end lines in a blank
        ("2\t2\na\t1\t2\nb\t3\t4\n", {}),
        ("2 2\na  1   2\n b 3 4\n", {}),
        ("2 2\na 1 2\n\nb 3 4\n\n\n", {"blank_lines": 3}),
        ("2 2\r\na 1 2\r\n\r\nb 3 4\r\n\r\n", {"blank_lines": 2, "crlf_lines": 5}),
        ("3 2\na 1 2\nb 3 4\na 5 6\n", {"duplicate_words": 1}),
        ("2 2\na 1 2\nb 3 4 ", {}),  # the blank shows that the last number is whole
    ],
)
def test_oddities_are_counted(path: Path, text: str, oddities: dict[str, int]) -> None:
    embeddings = load(path, text)
    assert embeddings.words == ["a", "b"]
    assert embeddings.vectors.tolist() == [[1, 2], [3, 4]]
    report = formats.inspect(path)
    assert report.oddities == oddities
    assert embeddings.provenance["oddities"] == oddities
    assert report.problems == ()


def test_words_may_hold_blanks_and_any_bytes(path: Path) -> None:
    words = [b". . .", b"new york", b"a\tb", b"\xc3", b"\xff\xfe", b"1/2 cup", b"caf\xc3\xa9"]
    words += ["\u00a0".encode(), b"12", b"-", b"nan"]
    text = b"".join(word + b" 0.5 1\n" for word in words)
    for header in (b"%d 2\n" % len(words), b""):
        embeddings = load(path, header + text)
        assert [embeddings.vocabulary.bytes_of(i) for i in range(len(words))] == words
        oddities = formats.inspect(path).oddities
        assert oddities == {"words_with_blanks": 4, "words_not_utf8": 2}


def test_zero_vectors_are_kept_and_counted(path: Path) -> None:
    assert load(path, "a 0 -0.0\nb 1 0\n").vectors[0].tolist() == [0, 0]
    assert formats.inspect(path).oddities == {"zero_vectors": 1}


@pytest.mark.parametrize("repeats", [1, 40_000])
def test_a_fault_is_placed(path: Path, repeats: int) -> None:
    good = "".join(f"word{i} 1.25 2 3\n" for i in range(repeats))
    with pytest.raises(FormatError, match="'x' is not a number") as raised:
        load(path, f"{repeats + 2} 3\n{good}bad 1 x 3\nlast 1 2 3\n")
    assert raised.value.line == repeats + 2
    assert path.read_bytes()[raised.value.offset :].startswith(b"x 3")


def test_parts_parsed_on_threads_come_together_in_order(path: Path) -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((30_000, 5)).astype(np.float32)
    words = [f"w{i}" for i in range(len(vectors))]
    formats.save(Embeddings.from_words(words, vectors), path, format="word2vec-text")
    assert path.stat().st_size > 1 << 20
    embeddings = formats.load(path)
    assert embeddings.words == words
    np.testing.assert_array_equal(embeddings.vectors, vectors)
    assert formats.load(path, limit=7).words == words[:7]
    lines = path.read_bytes().splitlines(keepends=True)[1:]
    lines[100:100] = [b"\n", b"bad row\n"]
    path.write_bytes(b"".join(lines))
    lenient = formats.load(path, lenient=True)
    assert lenient.words == words
    np.testing.assert_array_equal(lenient.vectors, vectors)


def test_lenient_keeps_whole_rows_and_says_so(path: Path) -> None:
    text = "4 2\na 1 2\nb 3\nc 1 nan\nd 5 6\ne 7"
    embeddings = load(path, text, lenient=True)
    assert embeddings.words == ["a", "d"]
    report = formats.inspect(path)
    assert report.oddities["skipped_rows"] == 3
    assert report.problems == ("line 3: expected a word and 2 numbers, got 1",)
    assert load(path, "1 2\na 1 2\nb 3 4\n", lenient=True).words == ["a", "b"]
    assert "states 1 rows, the file has 2" in formats.inspect(path).problems[0]


def test_lenient_keeps_what_stands_before_a_cut_in_a_compressed_file(path: Path) -> None:
    packed = gzip.compress(b"".join(b"word%d %d 1\n" % (i, i) for i in range(5000)))
    with pytest.raises(FormatError, match="cut short"):
        load(path, packed[: len(packed) // 2])
    embeddings = formats.load(path, lenient=True)
    assert 1000 < len(embeddings) < 4000
    assert embeddings.words == [f"word{i}" for i in range(len(embeddings))]
    assert formats.inspect(path).problems == ("the gzip stream is cut short",)


def test_every_truncation_is_an_error_or_a_prefix_of_the_rows(path: Path) -> None:
    rows = b"the 1.25 -2e-5\ncat 3.5 4\ndog 0.125 61\n"
    for text in (b"3 2\n" + rows, rows):
        whole = load(path, text)
        for size in range(len(text)):
            try:
                part = load(path, text[:size])
            except FormatError:
                continue
            assert text is rows
            assert part.words == whole.words[: len(part)]
            np.testing.assert_array_equal(part.vectors, whole.vectors[: len(part)])


def test_limit_reads_no_further(path: Path) -> None:
    path.write_text("3 2\na 1 2\nb 3 4\nbroken")
    assert formats.load(path, limit=2).words == ["a", "b"]
    with pytest.raises(ValueError, match="limit must be at least 1, got 0"):
        formats.load(path, limit=0)


NUMBERS = [
    *("0", "-0", "1", "-1.5", "+2", "1.", ".5", "00012.500", "1e5", "1E-5", "1e+05", "3.4e38"),
    *("3.4028235e38", "-3.4028234663852886e38", "1.17549435e-38", "1e-45", "7e-46", "8e-46"),
    *(
        "1e-400",
        "0e999999999999",
        "16777217",
        "16777219",
        "0.1",
        "123456789012345678901234567890",
    ),
    "0." + "0" * 60 + "1e61",
    "1" + "0" * 60 + "e-61",
    "0.000030517578125000003637978807091713",
    "9007199254740993e-10",
    "5.00000023841857910156249",  # just below the middle of two floats
    "5.0000002384185791015625",  # the middle: to even
    "5.00000023841857910156251",
]


def test_numbers_are_rounded_to_the_nearest_float(path: Path) -> None:
    vectors = load(path, "".join(f"w{i} {text}\n" for i, text in enumerate(NUMBERS))).vectors
    for text, value in zip(NUMBERS, vectors[:, 0].tolist(), strict=True):
        exact = Fraction(text.rstrip(".")) if abs(float(text)) > 1e-60 else Fraction(0)
        with np.errstate(over="ignore", under="ignore"):
            around = np.nextafter(np.float32(value), np.array([-np.inf, np.inf], np.float32))
        for other in (Fraction(float(x)) for x in around if np.isfinite(x)):
            assert abs(Fraction(value) - exact) <= abs(other - exact), text
    assert np.signbit(vectors[1, 0])


def test_random_decimals_are_rounded_as_numpy_does(path: Path) -> None:
    rng = np.random.default_rng(5)
    wide = rng.standard_normal(20_000) * 10.0 ** rng.integers(-42, 38, 20_000)
    digits = rng.integers(1, 18, wide.size)
    texts = [f"{value:.{count}e}" for value, count in zip(wide, digits, strict=True)]
    texts += [f"{value:.{count}f}" for value, count in zip(wide, digits, strict=True)]
    texts = [text for text in texts if abs(float(text)) < 3e38]
    got = load(path, "".join(f"w{i} {text}\n" for i, text in enumerate(texts))).vectors[:, 0]
    # From a long decimal float() rounds to double first: skip where that is midway.
    wanted = np.array([float(text) for text in texts])
    clear = (wanted.view(np.uint64) & 0x1FFFFFFF) != 0x10000000
    np.testing.assert_array_equal(got[clear], wanted[clear].astype(np.float32))


def floats_of_bits(bits: list[int]) -> NDArray[np.float32]:
    values = np.array(bits, np.uint32).view(np.float32)
    return values[np.isfinite(values)]


@settings(max_examples=examples(30))
@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=100))
def test_any_float_comes_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, bits: list[int]
) -> None:
    values = floats_of_bits([*bits, 1, 0x80000000, 0x7F7FFFFF, 0x00800000])
    path = tmp_path_factory.mktemp("text") / "v.txt"
    words = [f"w{i}" for i in range(len(values))]
    formats.save(Embeddings.from_words(words, values[:, None]), path)
    assert formats.load(path).vectors.tobytes() == values.tobytes()


PIECE = st.binary(min_size=1, max_size=6).filter(
    lambda piece: not set(piece) & set(b" \t\r\n") and piece.strip(b"0123456789.eE+-") != b""
)


@settings(max_examples=examples(60))
@given(
    st.lists(
        st.lists(PIECE, min_size=1, max_size=3).map(b" ".join),
        min_size=1,
        max_size=9,
        unique=True,
    )
)
def test_any_words_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, words: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("words") / "v.txt"
    vectors = np.arange(3 * len(words), dtype=np.float32).reshape(-1, 3)
    formats.save(Embeddings.from_words(words, vectors), path)
    embeddings = formats.load(path)
    assert [embeddings.vocabulary.bytes_of(i) for i in range(len(words))] == words
    np.testing.assert_array_equal(embeddings.vectors, vectors)


def test_digits_are_the_fewest(path: Path) -> None:
    rng = np.random.default_rng(7)
    values = floats_of_bits(rng.integers(0, 2**32, 2000, np.uint32).tolist())
    words = [f"w{i}" for i in range(len(values))]
    formats.save(Embeddings.from_words(words, values[:, None]), path, format="glove-text")
    for line, value in zip(path.read_text().splitlines(), values, strict=True):
        shortest = min(
            len(np.format_float_scientific(value, trim="-", exp_digits=2)),
            len(np.format_float_positional(value, trim="-")),
        )
        assert len(line.split(" ")[1]) <= shortest, line


def test_text_has_the_same_values_for_gensim(tmp_path: Path) -> None:
    keyedvectors = pytest.importorskip("gensim.models.keyedvectors")
    rng = np.random.default_rng(1)
    embeddings = Embeddings.from_words(
        [f"w{i}" for i in range(50)], rng.standard_normal((50, 7)).astype(np.float32)
    )
    formats.save(embeddings, tmp_path / "ours.txt")
    theirs = keyedvectors.KeyedVectors.load_word2vec_format(tmp_path / "ours.txt")
    assert theirs.index_to_key == embeddings.words
    np.testing.assert_array_equal(theirs.vectors, embeddings.vectors)
    theirs.save_word2vec_format(tmp_path / "theirs.txt")
    back = formats.load(tmp_path / "theirs.txt")
    np.testing.assert_array_equal(back.vectors, embeddings.vectors)


def test_a_locale_with_a_decimal_comma_changes_nothing(
    tmp_path: Path, comma_locale: dict[str, str]
) -> None:
    code = """
import locale, sys
from embkit import formats
locale.setlocale(locale.LC_ALL, "")
assert locale.localeconv()["decimal_point"] == ","
open("in", "w").write("a 0.5 -1.25e-3 0.00000000000000000000000000001000000000000001\\n")
formats.save(formats.load("in"), "out", format="word2vec-text")
assert open("out").read() == "1 3\\na 0.5 -0.00125 1e-29\\n", open("out").read()
"""
    path = os.pathsep.join([str(Path.cwd()), *sys.path])
    environment = {**os.environ, **comma_locale, "PYTHONPATH": path}
    run = [sys.executable, "-W", "ignore", "-c", code]
    subprocess.run(run, check=True, cwd=tmp_path, env=environment)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("", "empty"),
        ("a\nb", "newline"),
        (" a", "blanks around"),
        ("a ", "blanks around"),
        ("top 10", "read as one of its numbers"),
    ],
)
def test_a_word_that_text_cannot_hold_is_refused(path: Path, word: str, reason: str) -> None:
    embeddings = Embeddings.from_words([word], [[1.0, 2.0]])
    with pytest.raises(ValueError, match=reason):
        formats.save(embeddings, path, format="word2vec-text")
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "dim", "reason"),
    [
        (["\ufeffa"], 2, "byte order mark"),
        (["12"], 1, "header"),
        (["new york"], 2, "blanks"),
    ],
)
def test_glove_text_refuses_what_would_be_misread(
    path: Path, words: list[str], dim: int, reason: str
) -> None:
    embeddings = Embeddings.from_words(words, np.ones((1, dim)))
    with pytest.raises(ValueError, match=reason):
        formats.save(embeddings, path, format="glove-text")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_never_written(path: Path, value: float) -> None:
    embeddings = Embeddings.from_words(["ok", "bad"], [[1.0, 2.0], [1.0, value]])
    for name in ("word2vec-text", "glove-text", "word2vec-binary"):
        with pytest.raises(
            ValueError, match="'bad' cannot be written: its vector is not finite"
        ):
            formats.save(embeddings, path, format=name)
    assert not path.exists()


def test_an_error_behind_the_last_line_names_a_byte_of_the_file(path: Path) -> None:
    text = b"1 9\nthe 1 2 "  # the blank ends the line as a newline would
    path.write_bytes(text)
    with pytest.raises(FormatError, match="no row") as raised:
        formats.load(path, lenient=True)
    assert raised.value.offset == len(text)


@pytest.mark.parametrize("ending", ["\n", "\r\n", " \n", "\t \r\n", "\r\r\n"])
@pytest.mark.parametrize("blanks", [" ", "\t", "  ", " \t "])
def test_blanks_and_line_ends_change_no_number(path: Path, blanks: str, ending: str) -> None:
    rows = [["a", "1", "-2.5"], ["b", "+.5", "1e3"], ["c d", "0", "7"]]
    text = "3 2\n" + "".join(blanks.join(row) + ending for row in rows)
    embeddings = load(path, text)
    assert embeddings.words == ["a", "b", "c d"]
    assert embeddings.vectors.tolist() == [[1, -2.5], [0.5, 1000], [0, 7]]


@pytest.mark.parametrize(
    "row", ["b 1", "b 1 2x", "b 1 2 x", "b 1\r 2", "b x1 2", "b 1 2 3", "1 2"]
)
def test_a_row_of_another_form_is_a_fault_of_its_line(path: Path, row: str) -> None:
    with pytest.raises(FormatError) as raised:
        load(path, f"3 2\na 1.5 2.5\n{row}\nc 1.5 2.5\n")
    assert raised.value.line == 3


@pytest.mark.parametrize("header", [True, False])
def test_many_rows_fill_the_matrix_whole(path: Path, header: bool) -> None:
    numbers = np.arange(1_200_000, dtype=np.float32).reshape(12_000, 100)
    lines = [f"w{i} " + " ".join(map(str, row)) for i, row in enumerate(numbers.astype(int))]
    lines[5000:5000] = [""] * 3
    head = ["12000 100"] if header else []
    embeddings = load(path, "\n".join([*head, *lines, "", "", ""]))
    assert embeddings.words == [f"w{i}" for i in range(12_000)]
    np.testing.assert_array_equal(embeddings.vectors, numbers)
    assert embeddings.provenance["oddities"] == {"blank_lines": 5}
    assert embeddings.vocabulary.id_of("w11999") == 11_999


def test_inspecting_a_file_without_a_whole_row_says_what_is_wrong_with_the_first(
    tmp_path: Path,
) -> None:
    path = tmp_path / "v.vec"
    path.write_text("2 2\na x 1\nb y 2\n")
    with pytest.raises(FormatError, match=r":2: 'x' is not a number"):
        formats.inspect(path)
