"""The core's reader of word2vec's binary form by itself: headers, rows, faults and limits."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tests.native_reading import read, refusal

ONE_ROW = b"1 2\na \0\0\x80\x3f\0\0\0\x40"


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
    error = refusal("binary", extra, size=len(extra) if known else -1)
    assert "junk" in error.reason
    assert error.offset == len(content) + (rows == 1)  # whose newline the first one is


@pytest.mark.parametrize("known", [True, False])
def test_junk_is_told_at_its_first_byte(known: bool) -> None:
    for newline in (b"", b"\n"):
        content = b"2 2\n" + THE + newline + CAT + newline
        for junk in (b"x", b"junk", b"\n\n", 2000 * b"x"):
            size = len(content + junk) if known else -1
            error = refusal("binary", content + junk, size=size)
            assert (error.offset, "junk follows" in error.reason) == (len(content), True)


THE, CAT, DOG = (word + b" " + struct.pack("<2f", 1, 2) for word in (b"the", b"cat", b"dog"))
NAN = struct.pack("<2f", 1, np.nan)
CUT = "the file ends inside row 3 of the 3 that its header states, 2 float32 each"

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
    "junk": ([THE, CAT, DOG, b"x"], 3, "junk follows the 3 rows that the header states"),
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


@pytest.mark.parametrize("limit", [-1, 1])
def test_binary_of_fewer_bytes_than_its_header_states_is_refused_at_the_row_it_ends_in(
    limit: int,
) -> None:
    content = b"3 2\n" + b"".join(row[2:] for row in (THE, CAT, DOG))
    assert len(read("binary", content, size=len(content))[2]) == 3
    error = refusal("binary", content[:-1], size=len(content) - 1, limit=limit)
    assert (error.offset, error.reason) == (24, CUT)
    error = refusal("binary", content[:13], size=13, limit=limit)
    assert (error.offset, error.reason) == (4, CUT.replace("row 3", "row 1"))


@pytest.mark.parametrize("rows", [1, 7, 300_000])
def test_cut_is_told_at_its_row_however_much_is_gone(rows: int) -> None:
    content = b"%d 2\n" % rows
    for keep in (0, rows // 2, rows - 1):
        cut = content + keep * THE + THE[:5]
        error = refusal("binary", cut, size=len(cut))
        assert f"ends inside row {keep + 1} of the {rows} " in error.reason
        assert error.offset == len(content) + keep * len(THE)


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
