"""The core's readers by themselves: what no file reaches whose format was told before."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from embkit._native import core
from embkit.errors import FormatError

ONE_ROW = b"1 2\na \0\0\x80\x3f\0\0\0\x40"


class Endless(io.RawIOBase):
    """Some bytes, and then letters without end."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        head, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        buffer[: len(head)] = head
        if not head:
            buffer[:] = b"a" * len(buffer)
        return len(head) or len(buffer)


def read(name: str, content: bytes | io.RawIOBase, **options: Any) -> tuple[Any, ...]:
    """Read with a native reader; return its words, offsets, vectors and what it found."""
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    defaults = {"size": -1, "memory": 1 << 30, "lenient": False, "limit": -1, "threads": 2}
    reader = getattr(core, f"read_word2vec_{name}")
    words, offsets, vectors, _index, found = reader(stream, b"v", **{**defaults, **options})
    return words, offsets, vectors, found


def refusal(name: str, content: bytes | io.RawIOBase, **options: Any) -> FormatError:
    with pytest.raises(FormatError) as caught:
        read(name, content, **options)
    return caught.value


# ------------------------------------------------------------------ binary


@pytest.mark.parametrize("head", [b"1 2\n", b"1 2\r\n", b"01 0002\n", b"1\r 2\n"])
def test_binary_header_is_two_numbers(head: bytes) -> None:
    vectors = read("binary", head + ONE_ROW[4:])[2]
    assert vectors.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    "head",
    [
        *(b"", b"1", b"12 ", b"1 2", b" 2\n", b"1 \n", b"1 \r\n", b"x 2\n", b"1 x\n"),
        *(b"-1 2\n", b"1 -2\n", b"1:2 2\n", b"1 2/\n", b"1" * 19 + b" 2\n"),
        *(b"1 " + b"2" * 19 + b"\n", b"0" * 65 + b" 2\n", b"1 " + b"0" * 65 + b"\n"),
    ],
)
def test_binary_header_that_is_no_two_numbers_is_refused(head: bytes) -> None:
    error = refusal("binary", head + bytes(80))
    assert (error.offset, error.reason) == (0, "the first line must be 'rows dim'")


@pytest.mark.parametrize("digits", [b"1", b"0" * 17 + b"1"])
def test_number_of_18_digits_is_read(digits: bytes) -> None:
    assert len(read("binary", digits + b" 2\n" + ONE_ROW[4:])[2]) == 1


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"0 2\n", "the header must state 1 row or more, got 0"),
        (b"1 0\n", "dim must be from 1 to 1000000, the header states 0"),
        (b"1 1000001\n", "dim must be from 1 to 1000000, the header states 1000001"),
    ],
)
def test_binary_header_out_of_range_is_refused(head: bytes, reason: str) -> None:
    error = refusal("binary", head)
    assert (error.offset, error.reason) == (0, reason)


def test_widest_row_is_read() -> None:
    row = b"a " + np.ones(1_000_000, "<f4").tobytes()
    assert read("binary", b"1 1000000\n" + row)[2].shape == (1, 1_000_000)


@pytest.mark.parametrize("size", [-1, 5 + (1 << 20) + 9, 5 + (1 << 20) + 10])
def test_word_of_a_mebibyte_is_the_longest(size: int) -> None:
    word = b"x" * (1 << 20)
    content = b"1 2\n" + word + ONE_ROW[5:]
    size = size if size < 0 else len(content)
    assert len(read("binary", content, size=size)[0]) == len(word)
    longer = b"1 2\nx" + word + ONE_ROW[5:]
    size = size if size < 0 else len(longer)
    error = refusal("binary", longer, size=size)
    assert "row 1" in error.reason
    assert "holds a word over 1 MiB" in error.reason
    assert error.offset == 4


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("rows", [1, 2, 300_000])
def test_rows_are_read_whether_the_size_is_known_or_not(known: bool, rows: int) -> None:
    matrix = np.arange(2 * rows, dtype="<f4").reshape(rows, 2)
    body = b"".join(b"w%d " % row + matrix[row].tobytes() for row in range(rows))
    content = b"%d 2\n" % rows + body
    size = len(content) if known else -1
    _, offsets, vectors, found = read("binary", content, size=size)
    assert (len(offsets), found["reached_end"], found["stated_rows"]) == (rows + 1, True, rows)
    np.testing.assert_array_equal(vectors, matrix)
    for cut in (1, 4, 8):
        error = refusal("binary", content[:-cut], size=size - cut if known else -1)
        assert error.offset is not None
    extra = content + b"\n\n"
    assert "junk" in refusal("binary", extra, size=len(extra) if known else -1).reason


# ------------------------------------------------------------------ text


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff"])
def test_utf_16_is_named(mark: bytes) -> None:
    error = refusal("text", mark + b"a 1 2\n")
    assert (error.line, error.reason) == (1, "this looks like UTF-16, not UTF-8")


@pytest.mark.parametrize("head", [b"2 2", b"+2 +2", b"2 +2", b"+2 2"])
def test_text_header_may_have_signs(head: bytes) -> None:
    _, _, vectors, found = read("text", head + b"\na 1 2\nb 3 4\n")
    assert (vectors.tolist(), found["stated_rows"]) == ([[1, 2], [3, 4]], 2)


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"-2 2\n", "the header must state 1 row or more, got '-2'"),
        (b"0 2\n", "the header must state 1 row or more, got '0'"),
        (b"1" * 19 + b" 2\n", f"the header must state 1 row or more, got '{'1' * 19}'"),
        (b"2 -2\n", "dim must be from 1 to 1000000, the header states '-2'"),
        (b"2 0\n", "dim must be from 1 to 1000000, the header states '0'"),
        (b"2 1000001\n", "dim must be from 1 to 1000000, the header states '1000001'"),
    ],
)
def test_text_header_out_of_range_is_refused(head: bytes, reason: str) -> None:
    error = refusal("text", head + b"a 1 2\n")
    assert (error.line, error.reason) == (1, reason)


def test_widest_line_is_read() -> None:
    assert read("text", b"a" + b" 1" * 1_000_000 + b"\n")[2].shape == (1, 1_000_000)
    error = refusal("text", b"a" + b" 1" * 1_000_001 + b"\n")
    assert (error.line, error.reason) == (1, "dim must be at most 1000000")


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"1 1\na 1\nb 2\n", 3), (b"1 1\n\na 1\nb 2\n", None)],
)
def test_row_beyond_the_stated_ones_is_refused(content: bytes, line: int | None) -> None:
    error = refusal("text", content)
    assert error.reason == "the header states 1 rows, here is row 2"
    assert error.line == line


@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_limit_may_be_beyond_the_rows(limit: int) -> None:
    _, offsets, _, found = read("text", b"a 1\nb 2\nc 3\n", limit=limit)
    assert len(offsets) - 1 == min(limit, 3)
    assert found["reached_end"] == (limit > 3)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("long_row", [0, 1, 2])
def test_lines_of_any_length_are_shared_among_threads(threads: int, long_row: int) -> None:
    words = [b"a", b"b", b"c"]
    words[long_row] = b"x" * 1_000_000
    content = b"".join(b"%s %d 7\n" % (word, row) for row, word in enumerate(words))
    data, offsets, vectors, _ = read("text", content, threads=threads)
    assert data.tobytes() == b"".join(words)
    assert np.diff(offsets).tolist() == [len(word) for word in words]
    assert vectors.tolist() == [[0, 7], [1, 7], [2, 7]]


def test_line_without_end_is_refused_before_it_fills_the_memory() -> None:
    error = refusal("text", Endless(b"1 1\n"), threads=1)
    assert error.reason == "a line is longer than 64 MiB"


def test_what_the_system_cannot_give_is_a_memory_error() -> None:
    for name in ("text", "binary"):
        with pytest.raises(MemoryError):
            read(name, b"100000000000000 1000\n", size=1 << 62, memory=1 << 62)


@pytest.mark.parametrize("word", [b"it's", b"back\\slash", b"\x1b[31m", b"\x7f", b"\xc3"])
def test_words_in_messages_are_escaped(word: bytes) -> None:
    reason = refusal("text", b"2 1\n" + word + b" x\n" + word + b" y\n").reason
    assert reason.isascii()
    assert reason.isprintable()
    quoted = refusal("text", b"1 1\na " + word + b"\n").reason.partition(" is ")[0]
    inner = quoted[1:-1]
    assert (quoted[0], quoted[-1]) == ("'", "'")
    assert inner.encode().decode("unicode_escape").encode("latin-1") == word
    assert "'" not in inner


@pytest.mark.parametrize("sign", ["", "+", "-"])
@pytest.mark.parametrize("name", ["nan", "NaN", "inf", "INF", "infinity", "Infinity"])
def test_number_that_is_not_finite_is_named(sign: str, name: str) -> None:
    error = refusal("text", f"2 1\na 1\nb {sign}{name}\n".encode())
    assert error.reason == f"the vector of 'b' holds '{sign}{name}', not a finite number"
    assert error.line == 3


@pytest.mark.parametrize(
    "text", ["infinit", "infinityy", "na", "-", "+", "i", "1e", ".", "--1"]
)
def test_what_looks_like_a_number_is_none(text: str) -> None:
    assert (
        refusal("text", f"2 1\na 1\nb {text}\n".encode()).reason == f"'{text}' is not a number"
    )


@pytest.mark.parametrize(
    "text", ["0e99999999999999999999", "0", "-0.0e400", "1e-999999999", "9e-47"]
)
def test_zero_and_what_is_too_small_is_zero(text: str) -> None:
    value = read("text", f"1 1\na {text}\n".encode())[2][0, 0]
    assert value == 0
    assert np.signbit(value) == text.startswith("-")


@pytest.mark.parametrize(
    "text", ["3.5e38", "-1e39", "1e22000", "34028236692093846346e19", "0.01e41"]
)
def test_number_beyond_float32_is_refused(text: str) -> None:
    error = refusal("text", f"1 1\na {text}\n".encode())
    assert error.reason == f"'{text}' is beyond float32"


def test_word_of_over_a_mebibyte_is_not_written() -> None:
    for length, newline in ((1 << 20, False), (1 << 20, True)):
        word = np.frombuffer(b"x" * (length + 1), np.uint8)
        row = np.ones((1, 1), np.float32)
        ends = np.array([0, length], np.uint64)
        packed = core.pack_binary_rows(word, ends, row, 0, 1, newline=newline)
        assert packed == b"x" * length + b" " + struct.pack("<f", 1) + b"\n" * newline
        ends = np.array([0, length + 1], np.uint64)
        with pytest.raises(ValueError, match="it is over 1 MiB"):
            core.pack_binary_rows(word, ends, row, 0, 1, newline=newline)


def is_utf8(word: bytes) -> bool:
    try:
        word.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


EDGES = (0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2)


@pytest.mark.parametrize("lead", range(0x80, 0x100))
def test_words_are_utf8_where_python_says_so(lead: int) -> None:
    tails = (tail for length in range(4) for tail in product(EDGES, repeat=length))
    words = [bytes([lead, *tail]) for tail in tails]
    rows = b"".join(word + b" " + struct.pack("<f", 1.0) for word in words)
    found = read("binary", b"%d 1\n" % len(words) + rows)[3]
    assert found["words_not_utf8"] == sum(not is_utf8(word) for word in words)


def nearest_float32(text: str) -> float:
    """Return the float32 closest to a decimal, the even one of two, by exact fractions."""
    exact, guess = Fraction(text), np.float32(text)

    def rank(value: np.float32) -> tuple[Fraction, int]:
        return abs(Fraction(float(value)) - exact), int(value.view(np.uint32)) & 1

    near = [np.nextafter(guess, np.float32(way)) for way in (-np.inf, np.inf)]
    return float(min([guess, *near], key=rank))


def test_a_decimal_beside_the_middle_of_two_floats_is_rounded_once() -> None:
    chosen = np.random.default_rng(1)
    texts = []
    for low in chosen.uniform(1, 2, 2000).astype(np.float32):
        middle = (Fraction(float(low)) + Fraction(float(np.nextafter(low, np.float32(9))))) / 2
        digits = int(middle * 10**15) + int(chosen.integers(0, 2))
        texts.append(f"{digits // 10**15}.{digits % 10**15:015}")
    rows = "".join(f"w{row} {text}\n" for row, text in enumerate(texts))
    vectors = read("text", f"{len(texts)} 1\n{rows}".encode())[2]
    expected = [nearest_float32(text) for text in texts]
    twice = [float(np.float32(float(text))) for text in texts]
    assert twice != expected  # a reader that passes a double is seen
    assert vectors.ravel().tolist() == expected
