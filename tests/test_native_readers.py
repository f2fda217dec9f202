"""The core's readers by themselves: what no file reaches whose format was told before."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest

from embkit._native import core
from embkit.errors import FormatError, ResourceError

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
    found["problem"] = found["problem"].decode()
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


@pytest.mark.parametrize("dim", [65_536, 200_000, 262_144, 1_000_000])
def test_widest_rows_are_read(dim: int) -> None:
    rows = [b"w%d " % row + np.full(dim, row, "<f4").tobytes() for row in range(3)]
    content = b"3 %d\n" % dim + b"".join(rows)
    for size in (-1, len(content)):
        vectors = read("binary", content, size=size)[2]
        assert vectors.shape == (3, dim)
        assert (vectors == np.arange(3)[:, None]).all()


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


def test_text_header_may_have_18_digits() -> None:
    head = b"0" * 17 + b"2 " + b"0" * 17 + b"1\n"
    _, _, vectors, found = read("text", head + b"a 1\nb 2\n")
    assert (vectors.tolist(), found["stated_rows"]) == ([[1], [2]], 2)


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
    return float(min(filter(np.isfinite, [guess, *near]), key=rank))


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


def random_decimal(chosen: np.random.Generator) -> str:
    """Return a number in one of the many ways to write one."""
    digits = "".join(map(str, chosen.integers(0, 10, chosen.integers(1, 30))))
    digits = "0" * int(chosen.choice([0, 0, 1, 9, 40])) + digits
    digits += "0" * int(chosen.choice([0, 0, 1, 9, 40]))
    point = int(chosen.integers(0, len(digits) + 1))
    text = digits[:point] + str(chosen.choice(["", "."])) + digits[point:]
    if chosen.random() < 0.7:
        text += f"{chosen.choice(['e', 'E'])}{chosen.choice(['', '+', '-'])}"
        text += str(chosen.integers(0, 10 ** chosen.integers(1, 4)))
    return str(chosen.choice(["", "+", "-"])) + text


def test_any_way_to_write_a_number_gives_the_float_nearest_to_it() -> None:
    chosen = np.random.default_rng(4)
    largest = Fraction(float(np.finfo(np.float32).max)) + Fraction(2) ** 103  # rounds up
    texts = [random_decimal(chosen) for _ in range(8_000)]
    texts += ["0." + "0" * 60 + "1e5", "0." + "0" * 60 + "1e50", "1" + "0" * 60 + "e-50"]
    exact = [Fraction(text) for text in texts]
    fitting = [text for text, value in zip(texts, exact, strict=True) if abs(value) < largest]
    assert 2000 < len(fitting) < len(texts) - 2000
    content = "".join(f"w{row} {text}\n" for row, text in enumerate(fitting)).encode()
    numbers = read("text", content)[2].ravel()
    assert numbers.tolist() == [nearest_float32(text) for text in fitting]
    assert np.signbit(numbers).tolist() == [text[0] == "-" for text in fitting]
    beyond = [text for text, value in zip(texts, exact, strict=True) if abs(value) >= largest]
    content = "".join(f"w{row} {text}\n" for row, text in enumerate(beyond)).encode()
    found = read("text", b"x 1\n" + content, lenient=True)[3]
    assert found["skipped_rows"] == len(beyond)
    for text in [*beyond[:100], "1" + "0" * 60 + "e-5"]:
        assert "beyond float32" in refusal("text", f"x 1\na {text}\n".encode()).reason


@pytest.mark.parametrize("byte", range(256))
def test_words_with_blanks_and_words_that_are_not_utf8_are_counted(byte: int) -> None:
    word = b"a" + bytes([byte]) + b"b"
    is_blank, odd = byte in b" \t", int(not is_utf8(word))
    if byte not in b" \n":
        found = read("binary", b"1 1\n" + word + b" \0\0\0\0")[3]
        assert (found["words_with_blanks"], found["words_not_utf8"]) == (is_blank, odd)
    if byte not in b"\n":
        words, _, _, found = read("text", b"x 1\n" + word + b" 1\n")
        assert words.tobytes() == b"x" + word
        assert (found["words_with_blanks"], found["words_not_utf8"]) == (is_blank, odd)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x" * 37, "x" * 37),
        ("x" * 38, "x" * 37 + "..."),
        ("x" * 35 + "\x01", "x" * 35 + "\\x01"),
        ("x" * 36 + "'y", "x" * 36 + "\\x27..."),
        (" !~\x7f\x1f".lstrip(), "!~\\x7f\\x1f"),
        ("\xff\xa0", "\\xc3\\xbf\\xc2\\xa0"),
    ],
)
def test_what_is_quoted_is_cut_at_40_characters(text: str, shown: str) -> None:
    reason = refusal("text", f"2 1\na 1\nb {text}\n".encode()).reason
    assert reason == f"'{shown}' is not a number"


@pytest.mark.parametrize("name", ["text", "binary"])
def test_rows_left_out_close_up_wherever_they_stand(name: str) -> None:
    chosen = np.random.default_rng(6)
    for size in [*range(1, 9)] * 6:
        words = [b"w" * int(length) for length in chosen.integers(1, 9, size)]
        rows = chosen.integers(-9, 9, (size, 3)).astype(np.float32)
        spoilt = [*(chosen.random(size - 1) < 0.3).tolist(), False]
        kept: dict[bytes, list[float]] = {}
        content = b"%d 3\n" % size
        for word, row, is_spoilt in zip(words, rows, spoilt, strict=True):
            if not is_spoilt:
                kept.setdefault(word, row.tolist())
            row[1] = np.nan if is_spoilt else row[1]
            numbers = b"%g %g %g\n" % tuple(row) if name == "text" else row.tobytes()
            content += word + b" " + numbers
        data, offsets, vectors, found = read(name, content, lenient=True)
        ends = offsets.tolist()
        got = [data.tobytes()[a:b] for a, b in pairwise(ends)]
        assert (got, vectors.tolist()) == (list(kept), list(kept.values()))
        assert found["skipped_rows"] == sum(spoilt)
        assert found["duplicate_words"] == size - sum(spoilt) - len(kept)


THE, CAT, DOG = (word + b" " + struct.pack("<2f", 1, 2) for word in (b"the", b"cat", b"dog"))
NAN = struct.pack("<2f", 1, np.nan)
CUT = "the file ends inside row 3 of the 3 that its header states"

# The rows behind '3 2', in which of them the fault is told, and as what.
BINARY_FAULTS: dict[str, tuple[list[bytes], int, str]] = {
    "cut word": ([THE, CAT, b"dogdogdog"], 2, CUT),
    "cut number": ([THE, CAT, DOG[:-1]], 2, CUT),
    "no word": ([THE, DOG[3:], CAT], 1, "row 2 ('') has an empty word"),
    "newline": (
        [THE, CAT, b"d\nog" + DOG[3:]],
        2,
        "row 3 ('d\\x0aog') has a newline inside its word",
    ),
    "newline after the first row alone": (
        [THE + b"\n", CAT, DOG],
        1,
        "row 2 ('cat') must end in a newline, as the first one does",
    ),
    "no newline at the end": (
        [THE + b"\n", CAT + b"\n", DOG],
        2,
        "row 3 ('dog') must end in a newline, as the first one does",
    ),
    "long word": (
        [THE, b"x" * (1 << 20) + CAT, DOG],
        1,
        f"row 2 ('{'x' * 37}...') holds a word over 1 MiB",
    ),
    "nan": ([THE, CAT[:4] + NAN, DOG], 1, "row 2 ('cat') holds a number that is not finite"),
    "two": (
        [THE, CAT[:4] + NAN, DOG[:-1]],
        1,
        "row 2 ('cat') holds a number that is not finite",
    ),
    "junk": ([THE, CAT, DOG, b"x"], 2, "junk follows the 3 rows that the header states"),
}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", BINARY_FAULTS)
def test_a_fault_in_binary_is_told_with_its_row_and_byte(name: str, known: bool) -> None:
    rows, faulty, reason = BINARY_FAULTS[name]
    content = b"3 2\n" + b"".join(rows)
    offset = 4 + sum(map(len, rows[:faulty]))
    size = len(content) if known else -1
    error = refusal("binary", content, size=size)
    assert (error.line, error.offset, error.reason) == (None, offset, reason)
    words, offsets, vectors, found = read("binary", content, size=size, lenient=True)
    assert found["problem"] == f"byte {offset}: {reason}"
    kept = [b"the", b"cat", b"dog"] if name == "junk" else [b"the", b"cat"][:faulty]
    kept = [b"the", b"dog"] if name == "nan" else kept
    assert words.tobytes() == b"".join(kept)
    assert offsets.tolist() == [3 * row for row in range(len(kept) + 1)]
    assert vectors.tolist() == [[1, 2]] * len(kept)
    assert found["skipped_rows"] == (name in ("nan", "two"))


def test_binary_of_fewer_bytes_than_its_header_states_is_refused() -> None:
    content = b"3 2\n" + b"".join(row[2:] for row in (THE, CAT, DOG))
    assert len(read("binary", content, size=len(content))[2]) == 3
    error = refusal("binary", content[:-1], size=len(content) - 1)
    assert (error.offset, error.reason) == (
        0,
        "the header states 3 rows of 2 float32, which the 29 bytes behind it cannot hold",
    )


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_limit_of_binary_reads_no_further(limit: int, known: bool) -> None:
    content = b"3 2\n" + THE + CAT + DOG
    size = len(content) if known else -1
    words, _, _, found = read("binary", content, size=size, limit=limit)
    assert words.tobytes() == b"thecatdog"[: 3 * limit]
    assert found["reached_end"] == (limit >= 3)
    size += known
    if limit < 3:
        assert read("binary", content + b"x", size=size, limit=limit)[0].size == 3 * limit
    else:
        assert "junk" in refusal("binary", content + b"x", size=size, limit=limit).reason


@pytest.mark.parametrize("name", ["text", "binary"])
def test_a_limit_needs_memory_for_its_rows_alone(name: str) -> None:
    row = b" 1" * 1000 + b"\n" if name == "text" else b" " + bytes(4000)
    content = b"100 1000\n" + b"".join(b"w%02d" % i + row for i in range(100))
    options = {"size": len(content), "memory": 3 * 4000 + 1000}
    assert len(read(name, content, limit=3, **options)[2]) == 3
    with pytest.raises(ResourceError, match="the vectors of the file would take more"):
        read(name, content, limit=4, **options)


# A row behind 'the 1 2' of '3 2', the part of it that is at fault, and the reason.
TEXT_FAULTS = [
    (b"cat", b"cat", "expected a word and 2 numbers, got 0"),
    (b"cat 3", b"cat", "expected a word and 2 numbers, got 1"),
    (b" cat 3", b"cat", "expected a word and 2 numbers, got 1"),
    (b"cat 3 4 5", b"cat", "expected a word and 2 numbers, got 3"),
    (b"3 4 5 6", b"3", "expected a word and 2 numbers, got 3"),
    (b"3 4", b"3", "the word is missing before its 2 numbers"),
    (b"cat x 4", b"x", "'x' is not a number"),
    (b"cat 3 x", b"x", "'x' is not a number"),
    (b"cat 3 4x", b"4x", "'4x' is not a number"),
    (b"cat x y 4", b"y", "'y' is not a number"),
    (b"cat\t-nan \t4", b"-nan", "the vector of 'cat' holds '-nan', not a finite number"),
    (b"a cat 3 inf ", b"inf", "the vector of 'a cat' holds 'inf', not a finite number"),
    (b"cat 1e39 4", b"1e39", "'1e39' is beyond float32"),
    (b"cat 3 -1e39", b"-1e39", "'-1e39' is beyond float32"),
    (b"x" * (1 << 20) + b"x 1 2", b"xx", "the word is over 1 MiB"),
]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("blank_lines", [0, 2])
@pytest.mark.parametrize(("row", "part", "reason"), TEXT_FAULTS)
def test_a_fault_in_text_is_told_with_its_line_and_byte(
    row: bytes, part: bytes, reason: str, blank_lines: int, end: bytes
) -> None:
    before = b"3 2" + end + b"the 1 2" + end + end * blank_lines
    content = before + row + end + b"dog 5 6" + end
    line, offset = 3 + blank_lines, len(before) + row.index(part)
    error = refusal("text", content)
    assert (error.line, error.offset, error.reason) == (line, offset, reason)
    words, _, vectors, found = read("text", content, lenient=True)
    assert (words.tobytes(), vectors.tolist()) == (b"thedog", [[1, 2], [5, 6]])
    assert found["problem"] == f"line {line}: {reason}"
    assert (found["skipped_rows"], found["blank_lines"]) == (1, blank_lines)
    assert found["crlf_lines"] == (4 + blank_lines if end == b"\r\n" else 0)


UNTERMINATED = "the last line has no newline, so the file may be cut short"


@pytest.mark.parametrize(
    ("content", "line", "offset", "reason", "kept"),
    [
        (b"", 1, 0, "there is no row", None),
        (b" \r\n\n", 1, 0, "there is no row", None),
        (b"a 1", 1, 0, UNTERMINATED, None),
        (b"a\nb\n", 1, 0, "a row must be a word and its numbers, got one field", None),
        (b"2 1\n\n\n\n\n", 6, 8, "there is no row", None),
        (b"2 1\na 1\n\nb 2", 4, 9, UNTERMINATED, b"a"),
        (b"a 1\nb 2\nc 3", 3, 8, UNTERMINATED, b"ab"),
        (b"3 1\na 1\nb 2\n\n\n\n", 6, 15, "the header states 3 rows, the file has 2", b"ab"),
    ],
)
def test_the_end_of_text_is_told_with_its_line_and_byte(
    content: bytes, line: int, offset: int, reason: str, kept: bytes | None
) -> None:
    error = refusal("text", content)
    assert (error.line, error.offset, error.reason) == (line, offset, reason)
    if kept is None:
        assert refusal("text", content, lenient=True).reason == reason
        return
    words, _, _, found = read("text", content, lenient=True)
    assert words.tobytes() == kept
    assert found["problem"] == f"line {line}: {reason}"
    assert found["skipped_rows"] == (reason == UNTERMINATED)


def test_text_of_fewer_bytes_than_its_header_states_is_refused() -> None:
    content = b"3 3\n" + b"a 1 2 3\n" * 3
    assert read("text", content, size=len(content))[3]["duplicate_words"] == 2
    error = refusal("text", content[:-1], size=len(content) - 1)
    assert (error.line, error.offset, error.reason) == (
        1,
        0,
        "the header states 3 rows of 3 numbers, which the file's 27 bytes cannot hold",
    )


@pytest.mark.parametrize("head", [b"+ 2\n", b"- 2\n", b"2x 2\n", b"x2 2\n", b"2 2.\n"])
def test_what_is_no_header_is_a_row(head: bytes) -> None:
    words, _, vectors, found = read("text", head)
    assert (words.tobytes(), vectors.tolist()) == (head.split()[0], [[2]])
    assert found["stated_rows"] == -1


def test_most_of_the_first_thousand_lines_tell_how_many_numbers_a_row_has() -> None:
    assert refusal("text", b"a 1\nb 1 2\n").line == 2  # of as many the narrower
    assert refusal("text", b"a 1\nb 1 2\nc 1 2\n").line == 1
    assert len(read("text", b"\n\n\na 1\n")[2]) == 1
    wide = b"".join(b"new york%d 1 2\n" % row for row in range(1001))
    few = b"".join(b"w%d 1 2\n" % row for row in range(499))
    assert refusal("text", few + wide).line == 1
    for narrow in (500, 1000):
        content = b"".join(b"w%d 1 2\n" % row for row in range(narrow)) + wide
        assert read("text", content)[2].shape == (narrow + 1001, 2)


ROWS = [b"w%d %d 0.25\n" % (row, row) for row in range(60_000)]  # shared by up to 4 threads


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_faults_in_every_thread_s_part_are_placed(threads: int, known: bool) -> None:
    faulty = [7, 10_000, 24_999, 40_000, 59_999]
    for wrong in (0, 2, 4):
        rows = ROWS.copy()
        for row in faulty[wrong:]:
            rows[row] = b"\nbad x 1\n"
        content = b"60000 2\n" + b"".join(rows)
        options = {"size": len(content) if known else -1, "threads": threads}
        error = refusal("text", content, **options)
        line, offset = faulty[wrong] + 3, content.index(b"bad x") + 4
        assert (error.line, error.offset, error.reason) == (line, offset, "'x' is not a number")
        left = [row for row in range(60_000) if row not in faulty[wrong:]]
        words, _, vectors, found = read("text", content, lenient=True, **options)
        assert words.tobytes() == b"".join(b"w%d" % row for row in left)
        assert vectors[:, 0].tolist() == left
        assert found["problem"] == f"line {line}: 'x' is not a number"
        assert found["skipped_rows"] == found["blank_lines"] == len(faulty) - wrong


@pytest.mark.parametrize("threads", [1, 2, 3, 4])
@pytest.mark.parametrize("head", [b"", b"60000 2\n"])
def test_a_limit_falls_into_every_thread_s_part(head: bytes, threads: int) -> None:
    content = head + b"".join(ROWS)
    for limit in (1, 2, 14_999, 30_000, 45_001, 59_999, 60_000):
        words, _, vectors, found = read("text", content, limit=limit, threads=threads)
        assert words.tobytes() == b"".join(b"w%d" % row for row in range(limit))
        assert vectors[:, 0].tolist() == list(range(limit))
        assert not found["reached_end"]


def test_a_fault_behind_the_bytes_read_at_once_is_placed() -> None:
    content = b"".join(b"w%d %d 0.25\n" % (row, row) for row in range(300_000))
    assert len(content) > 5 << 20
    assert len(read("text", content, threads=1, limit=299_000)[2]) == 299_000
    error = refusal("text", content + b"bad x 1\n", threads=1)
    assert (error.line, error.offset) == (300_001, len(content) + 4)
    error = refusal("text", content + b"cut 1", threads=1)
    assert (error.line, error.offset, error.reason) == (300_001, len(content), UNTERMINATED)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("newline", [b"", b"\n"])
@pytest.mark.parametrize("longer", [0, 1, 2, 127])
def test_rows_may_end_where_the_bytes_read_at_once_do(
    longer: int, newline: bytes, known: bool
) -> None:
    matrix = np.arange(6000 * 28, dtype="<f4").reshape(6000, 28)  # rows of 128 bytes
    words = [b"w%0*d" % (14 - len(newline), row) for row in range(6000)]
    words[0] += b"x" * longer
    rows = zip(words, matrix, strict=True)
    content = b"6000 28\n" + b"".join(w + b" " + v.tobytes() + newline for w, v in rows)
    size = len(content) if known else -1
    data, _, vectors, found = read("binary", content, size=size)
    assert data.tobytes() == b"".join(words)
    np.testing.assert_array_equal(vectors, matrix)
    assert found["newlines_after_rows"] == len(newline)
