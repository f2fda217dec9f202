"""NumPy archives: plain arrays in and out, and no byte of a hostile one believed."""

from __future__ import annotations

import errno
import io
import struct
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit.embeddings import Embeddings
from embkit.errors import FormatError, ResourceError
from embkit.formats.npz import read_embeddings, write_embeddings
from embkit.vocabulary import Vocabulary
from tests.attacks.npz_files import (
    BODY,
    GOOD,
    ROWS,
    TEXT,
    archive,
    described,
    npy,
    savez,
    savez_compressed,
)

WORDS: list[str | bytes] = ["the", "straße", "кот", b"\xff\xfe", "a b"]

SAVE = {False: savez, True: savez_compressed}


def make() -> Embeddings:
    return Embeddings(
        Vocabulary.from_words(WORDS, counts=[9, 7, 5, 2**40, 0]),
        ROWS,
        output=-ROWS,
        provenance={"config": {"dim": 3}, "source": "text"},
    )


def to_bytes(embeddings: Embeddings) -> bytes:
    stream = io.BytesIO()
    write_embeddings(embeddings, stream)
    return stream.getvalue()


def read(tmp_path: Path, data: bytes, *, limit: int | None = None) -> Embeddings:
    path = tmp_path / "model.npz"
    path.write_bytes(data)
    return read_embeddings(path, limit=limit)


def test_embeddings_come_back(tmp_path: Path) -> None:
    back = read(tmp_path, to_bytes(make()))
    assert back.words == make().words
    assert back.provenance == make().provenance
    np.testing.assert_array_equal(back.vectors, ROWS)
    np.testing.assert_array_equal(back.output, -ROWS)
    assert back.counts is not None
    assert back.counts.tolist() == [9, 7, 5, 2**40, 0]


def test_numpy_reads_what_is_written() -> None:
    with np.load(io.BytesIO(to_bytes(make())), allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["vectors"], ROWS)
        ends = arrays["word_offsets"]
        data = arrays["words"].tobytes()
        assert data[ends[1] : ends[2]].decode() == "straße"


def test_equal_embeddings_give_equal_bytes() -> None:
    first = to_bytes(make())
    time.sleep(0.01)
    assert to_bytes(make()) == first


def test_values_that_are_not_finite_are_not_written() -> None:
    rows = ROWS.copy()
    rows[3, 0] = np.inf
    with pytest.raises(ValueError, match="row 3"):
        to_bytes(Embeddings(Vocabulary.from_words(WORDS), rows))


@pytest.mark.parametrize("words", ["words", "vocab", "vocabulary", "tokens", "index_to_key"])
@pytest.mark.parametrize("matrix", ["vectors", "embeddings", "input", "anything"])
def test_common_archives_are_read(tmp_path: Path, words: str, matrix: str) -> None:
    back = read(tmp_path, savez(**{words: TEXT, matrix: ROWS, "ids": np.arange(5)}))
    assert back.words == TEXT.tolist()
    np.testing.assert_array_equal(back.vectors, ROWS)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8"])
def test_any_float_array_is_converted(
    tmp_path: Path, dtype: str, order: str, compressed: bool
) -> None:
    rows = np.array(ROWS, dtype, order=order)  # type: ignore[call-overload]
    back = read(tmp_path, SAVE[compressed](words=TEXT, vectors=rows))
    np.testing.assert_array_equal(back.vectors, rows.astype(np.float32))
    assert back.vectors.flags.c_contiguous


@pytest.mark.parametrize("dtype", [">U9", "<U9", "S12"])
def test_words_may_be_any_text_array(tmp_path: Path, dtype: str) -> None:
    words = np.char.encode(TEXT, "utf-8") if dtype == "S12" else TEXT.astype(dtype)
    assert read(tmp_path, savez(words=words, vectors=ROWS)).words == TEXT.tolist()


def test_surrogate_escapes_stand_for_their_bytes(tmp_path: Path) -> None:
    words = np.array(["a\udcff", "b"])
    back = read(tmp_path, savez(words=words, vectors=ROWS[:2]))
    assert back.vocabulary.bytes_of(0) == b"a\xff"


def test_limit_keeps_the_first_rows(tmp_path: Path) -> None:
    part = read(tmp_path, to_bytes(make()), limit=2)
    assert part.words == ["the", "straße"]
    np.testing.assert_array_equal(part.vectors, ROWS[:2])
    assert part.output is not None
    assert part.counts is not None
    assert (len(part.output), part.counts.tolist()) == (2, [9, 7])


def test_honest_zeros_are_read(tmp_path: Path) -> None:
    rows = np.zeros((1000, 500), np.float32)
    words = np.array([str(row) for row in range(1000)])
    assert len(read(tmp_path, savez_compressed(words=words, vectors=rows))) == 1000


def with_member(name: str, dtype: str, data: bytes) -> bytes:
    """Return an archive with one more array, of one dimension."""
    count = len(data) // max(np.dtype(dtype).itemsize, 1)
    return archive(
        {
            "words.npy": npy(described("'|S1'", "(5,)"), b"abcde"),
            "vectors.npy": npy(GOOD, BODY),
            f"{name}.npy": npy(described(f"'{dtype}'", f"({count},)"), data),
        }
    )


@pytest.mark.parametrize(
    "dtype", [f"{order}{k}{n}" for order in "<>" for k in "iu" for n in "1248"]
)
def test_counts_may_be_whole_numbers_of_any_width(tmp_path: Path, dtype: str) -> None:
    counts = np.array([5, 0, 127, 3, 1], dtype)
    back = read(tmp_path, with_member("counts", dtype, counts.tobytes()))
    assert back.counts is not None
    assert back.counts.tolist() == [5, 0, 127, 3, 1]


@pytest.mark.parametrize("dtype", ["|b1", "<U3", "|S7", "<f2", "<u8"])
def test_any_other_array_may_stand_beside(tmp_path: Path, dtype: str) -> None:
    assert len(read(tmp_path, with_member("more", dtype, bytes(168)))) == 5


@pytest.mark.parametrize(
    "kind", ["i0", "i3", "i5", "i9", "u3", "u5", "b2", "b4", "f5", "m8", "V8"]
)
def test_array_of_an_unknown_type_is_refused(tmp_path: Path, kind: str) -> None:
    data = archive(
        {
            "words.npy": npy(described("'|S1'", "(5,)"), b"abcde"),
            "vectors.npy": npy(GOOD, BODY),
            "more.npy": npy(described(f"'<{kind}'", "(2,)"), bytes(2 * int(kind[1:]))),
        }
    )
    with pytest.raises(FormatError) as caught:
        read(tmp_path, data)
    assert caught.value.reason == f"member 'more.npy' has the unknown type {kind}"
    assert caught.value.offset == data.index(b"more.npy") - 30


@pytest.mark.parametrize(("length", "is_read"), [(1, True), (100, True), (101, False)])
def test_names_have_1_to_100_characters(tmp_path: Path, length: int, is_read: bool) -> None:
    name = "-" * length
    content = with_member(name, "|u1", b"x")
    if is_read:
        assert len(read(tmp_path, content)) == 5
    else:
        with pytest.raises(FormatError) as caught:
            read(tmp_path, content)
        assert caught.value.reason == f"member {name[:60]!r} is not an array's name"


def test_arrays_may_take_as_much_memory_as_is_allowed(tmp_path: Path) -> None:
    data = savez_compressed(words=TEXT, vectors=ROWS)
    path = tmp_path / "model.npz"
    path.write_bytes(data)
    with zipfile.ZipFile(path) as file:
        need = sum(info.file_size for info in file.infolist())
    assert len(read_embeddings(path, memory=need)) == 5
    with pytest.raises(
        ResourceError, match=f"{need} bytes or more, above the limit of {need - 1}"
    ):
        read_embeddings(path, memory=need - 1)


@pytest.mark.parametrize("ratio", [1040, 1041])
def test_stated_size_may_be_1040_times_the_deflated_one(tmp_path: Path, ratio: int) -> None:
    data = bytearray(savez_compressed(words=TEXT, vectors=ROWS))
    entry = data.rindex(b"vectors.npy") - 46
    (deflated,) = struct.unpack_from("<I", data, entry + 20)
    stated = deflated * 1040 + (ratio > 1040)
    struct.pack_into("<I", data, entry + 24, stated)
    reason = "must have as many bytes" if ratio == 1040 else f"cannot inflate to {stated} bytes"
    with pytest.raises(FormatError, match=reason):
        read(tmp_path, bytes(data))


def test_array_of_several_blocks_is_read_whole(tmp_path: Path) -> None:
    rows = np.random.default_rng(3).normal(size=(5, 130_000)).astype(np.float32)  # 2.5 MiB
    for save in SAVE.values():
        np.testing.assert_array_equal(
            read(tmp_path, save(words=TEXT, vectors=rows)).vectors, rows
        )


@pytest.mark.parametrize("limit", [1, 4, 5, 6])
def test_limit_keeps_as_many_rows_as_there_are(tmp_path: Path, limit: int) -> None:
    part = read(tmp_path, to_bytes(make()), limit=limit)
    assert len(part) == min(limit, 5)
    np.testing.assert_array_equal(part.vectors, ROWS[:limit])
    np.testing.assert_array_equal(part.output, -ROWS[:limit])
    assert part.counts is not None
    assert part.counts.tolist() == [9, 7, 5, 2**40, 0][:limit]


def test_an_output_of_other_rows_is_left_out_under_a_limit(tmp_path: Path) -> None:
    content = savez(words=TEXT, vectors=ROWS, output=ROWS[:4])
    whole = read(tmp_path, content)
    assert whole.output is not None
    assert whole.output.shape == (4, 3)
    assert read(tmp_path, content, limit=2).output is None


@pytest.mark.parametrize(
    ("matrices", "chosen"),
    [
        (["input", "vectors", "embeddings"], "vectors"),
        (["other", "input", "embeddings"], "embeddings"),
        (["other", "input"], "input"),
    ],
)
def test_of_several_matrices_the_one_with_a_known_name_is_read(
    tmp_path: Path, matrices: list[str], chosen: str
) -> None:
    arrays = {name: ROWS + row for row, name in enumerate(matrices)}
    back = read(tmp_path, savez(words=TEXT, **arrays))
    np.testing.assert_array_equal(back.vectors, arrays[chosen])


@pytest.mark.parametrize("last", [0x10FFFF, 0x110000])
def test_characters_end_where_unicode_does(tmp_path: Path, last: int) -> None:
    words = np.array([97, 98, 99, 100, last], np.uint32).view("U1")
    if last <= 0x10FFFF:
        assert read(tmp_path, savez(words=words, vectors=ROWS)).words[4] == chr(last)
    else:
        with pytest.raises(FormatError, match="words hold characters beyond Unicode"):
            read(tmp_path, savez(words=words, vectors=ROWS))


def test_row_that_is_not_finite_is_told(tmp_path: Path) -> None:
    for value in (np.nan, np.inf):
        rows = ROWS.copy()
        rows[4, 2] = value
        with pytest.raises(FormatError) as caught:
            read(tmp_path, savez(words=TEXT, vectors=ROWS, output=rows))
        assert caught.value.reason == "row 4 of output is not finite as float32"


@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_error_of_the_disk_is_not_told_as_one_of_the_archive(
    share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = to_bytes(make())

    class Failing(io.FileIO):
        """A file whose last bytes, or a part of them, cannot be read."""

        def read(self, size: int | None = -1) -> Any:
            if self.tell() >= share * (len(content) - 22):
                raise OSError(errno.EIO, "Input/output error", str(self.name))
            return super().read(-1 if size is None else size)

        def readinto(self, buffer: Any) -> int:
            data: bytes = self.read(len(buffer))
            buffer[: len(data)] = data
            return len(data)

        def readall(self) -> Any:
            return self.read()

    path = tmp_path / "model.npz"
    path.write_bytes(content)
    opened = "embkit.formats.npz_archive.open_file"
    monkeypatch.setattr(opened, lambda name: io.BufferedReader(Failing(name), 16))
    with pytest.raises(OSError, match=rf"Input/output error: '{path}'"):
        read_embeddings(path)
