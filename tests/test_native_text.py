"""The core's reader of text by itself: headers, lines, faults and limits, shared by threads."""

from __future__ import annotations

import numpy as np
import pytest

from tests.native_reading import read, refusal


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


UNTERMINATED = (
    "the last line has no newline, so the file may be cut short (if it is whole, add one)"
)


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
