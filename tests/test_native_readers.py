"""The core's readers by themselves: what no file reaches whose format was told before."""

from __future__ import annotations

import struct
from itertools import pairwise, product

import numpy as np
import pytest

from embkit._native import core
from embkit.errors import ResourceError
from tests.native_reading import Endless, read, refusal


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


@pytest.mark.parametrize("byte", range(256))
def test_words_with_blanks_and_words_that_are_not_utf8_are_counted(byte: int) -> None:
    word = b"A" + bytes([byte]) + b"B"  # whose letters are below those that look odd at first
    is_blank, odd = byte in b" \t", int(not is_utf8(word))
    if byte not in b" \n":
        found = read("binary", b"1 1\n" + word + b" \0\0\0\0")[3]
        assert (found["words_with_blanks"], found["words_not_utf8"]) == (is_blank, odd)
    if byte not in b"\n":
        words, _, _, found = read("text", b"x 1\n" + word + b" 1\n")
        assert words.tobytes() == b"x" + word
        assert (found["words_with_blanks"], found["words_not_utf8"]) == (is_blank, odd)


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


@pytest.mark.parametrize("name", ["text", "binary"])
def test_a_limit_needs_memory_for_its_rows_alone(name: str) -> None:
    row = b" 1" * 1000 + b"\n" if name == "text" else b" " + bytes(4000)
    content = b"100 1000\n" + b"".join(b"w%02d" % i + row for i in range(100))
    options = {"size": len(content), "memory": 3 * 4000 + 1000}
    assert len(read(name, content, limit=3, **options)[2]) == 3
    with pytest.raises(ResourceError, match="the vectors of the file would take more"):
        read(name, content, limit=4, **options)
