"""Vectors read in blocks: the same rows as read at once, and errors at the same place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.errors import FormatError
from embkit.formats.blocks import read_blocks
from tests.spaces import cloud, space

NAMES = ["v.txt", "v.txt.gz", "v.glove", "v.bin", "v.bin.xz", "v.npz", "model"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("block_bytes", [1, 700, 1 << 20])
def test_blocks_together_are_the_file(name: str, block_bytes: int, tmp_path: Path) -> None:
    whole = space(cloud(60, 7, seed=1), "w")
    embkit.save(whole, tmp_path / name)
    blocks = list(read_blocks(tmp_path / name, block_bytes=block_bytes))
    assert [word for block in blocks for word in block] == whole.words
    np.testing.assert_array_equal(np.concatenate([b.vectors for b in blocks]), whole.vectors)
    assert len(blocks) == 1 or block_bytes < 1 << 20
    assert len(blocks) > 1 or block_bytes == 1 << 20


def test_rows_with_newlines_behind_them_are_read(tmp_path: Path) -> None:
    whole = space(cloud(20, 3, seed=2), "w")
    embkit.save(whole, tmp_path / "v.bin", format="word2vec-binary-newlines")
    blocks = list(read_blocks(tmp_path / "v.bin", block_bytes=50))
    np.testing.assert_array_equal(np.concatenate([b.vectors for b in blocks]), whole.vectors)


@pytest.mark.parametrize("name", NAMES)
def test_limit_stops_in_the_middle_of_a_block(name: str, tmp_path: Path) -> None:
    whole = space(cloud(60, 7, seed=3), "w")
    embkit.save(whole, tmp_path / name)
    blocks = list(read_blocks(tmp_path / name, block_bytes=500, limit=23))
    assert [word for block in blocks for word in block] == whole.words[:23]


@pytest.mark.parametrize("bad", [2, 17, 30])
@pytest.mark.parametrize("header", [True, False])
def test_an_error_names_its_place_in_the_whole_file(
    bad: int, header: bool, tmp_path: Path
) -> None:
    lines = [f"w{i} {i} {i / 8}" for i in range(40)]
    lines[bad] = f"w{bad} {bad} x"
    path = tmp_path / "v"
    path.write_text(("40 2\n" if header else "") + "\n".join(lines) + "\n", encoding="utf-8")
    places = []
    for read in (lambda: embkit.load(path), lambda: list(read_blocks(path, block_bytes=60))):
        with pytest.raises(FormatError) as caught:
            read()
        places.append((caught.value.line, caught.value.offset, caught.value.reason))
    assert places[0] == places[1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"3 1\na 1\nb 2\n", "the header states 3 rows, got 2"),
        (b"1 1\na 1\nb 2\n", "the header states 1 rows, got 2"),
        (b"2 1\na \0\0\x80\x3fb \0\0\x80", "row|ends|end"),
        (b"1 1\na \0\0\x80\x3fb \0\0\x80\x3f", "junk follows the 1 rows"),
        (b"1 1\na \0\0\x80\x3f\nx", "junk follows the 1 rows"),
        (b"1 1\na \0\0\x80\x3fx", "junk follows the 1 rows"),
        (b"3 1\n" + 4 * b"a \0\0\x80\x3f", "junk follows the 3 rows"),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 2, 4, 12, 1 << 20])
def test_too_few_or_too_many_rows_are_told(
    content: bytes, reason: str, block_bytes: int, tmp_path: Path
) -> None:
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(FormatError, match=reason) as caught:
        list(read_blocks(tmp_path / "v", block_bytes=block_bytes))
    if reason.startswith("the header"):
        assert (caught.value.line, caught.value.offset) == (3, len(content))


def test_blank_lines_fill_blocks_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "v"
    path.write_bytes(b"3 1\na 1\n" + b"\n" * 40 + b"b 2\nc x\n")
    blocks = read_blocks(path, block_bytes=8)
    assert [next(blocks).words for _ in range(2)] == [["a"], ["b"]]
    with pytest.raises(FormatError) as caught:
        next(blocks)
    assert (caught.value.line, caught.value.offset) == (44, 54)


def test_no_words_are_read_where_none_are_wanted(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"2 1\na 1\nb 2\n")
    assert list(read_blocks(tmp_path / "v", limit=0)) == []


@pytest.mark.parametrize("block_bytes", [1, 30, 1 << 20])
@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_an_error_in_binary_names_its_place_in_the_whole_file(
    block_bytes: int, newline: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "v"
    rows = [
        b"w%d " % i + np.array([i, i / 8], np.float32).tobytes() + newline for i in range(20)
    ]
    rows[13] = b"w13 " + np.array([1, np.nan], np.float32).tobytes() + newline
    path.write_bytes(b"20 2\n" + b"".join(rows))
    with pytest.raises(FormatError, match="not finite") as caught:
        list(read_blocks(path, block_bytes=block_bytes))
    assert caught.value.line is None
    assert caught.value.offset == 5 + sum(map(len, rows[:13]))


@pytest.mark.parametrize(
    ("name", "block_bytes", "rows"),
    [("v.npz", 27, [1, 1, 1]), ("v.npz", 28, [1, 1, 1]), ("v.npz", 56, [2, 1]), ("m", 84, [3])],
)
def test_rows_of_a_mapped_file_are_counted_by_their_bytes(
    name: str, block_bytes: int, rows: list[int], tmp_path: Path
) -> None:
    embkit.save(space(cloud(3, 7, seed=5), "w"), tmp_path / name)
    blocks = list(read_blocks(tmp_path / name, block_bytes=block_bytes))
    assert [len(block) for block in blocks] == rows


def test_counts_go_with_their_rows(tmp_path: Path) -> None:
    vectors = np.arange(10, dtype=np.float32).reshape(5, 2)
    words = embkit.Vocabulary.from_words(list("abcde"), counts=[9, 7, 5, 3, 1])
    embkit.save(embkit.Embeddings(words, vectors), tmp_path / "v.npz")
    blocks = list(read_blocks(tmp_path / "v.npz", block_bytes=16, limit=3))
    assert [None if b.counts is None else b.counts.tolist() for b in blocks] == [[9, 7], [5]]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_nothing_is_read_behind_the_limit(limit: int, tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"a 1\nb 2\nc 3\nd 4\ne x\n")
    blocks = read_blocks(tmp_path / "v", block_bytes=6, limit=limit)
    if limit < 5:
        assert [word for block in blocks for word in block] == list("abcd"[:limit])
    else:
        with pytest.raises(FormatError):
            list(blocks)


def test_mark_and_newlines_of_a_header_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"\xef\xbb\xbf2 1 \r\na 1\r\nb 2\r\n")
    blocks = list(read_blocks(tmp_path / "v", block_bytes=4))
    assert [block.words for block in blocks] == [["a"], ["b"]]
