"""NumPy archives: plain arrays in and out, and no byte of a hostile one believed."""

from __future__ import annotations

import io
import random
import re
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats.npz import read_embeddings, write_embeddings
from embkit.vocabulary import Vocabulary
from tests.attacks.npz_files import (
    ATTACKS,
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


@pytest.mark.parametrize("case", ATTACKS)
def test_hostile_archives_are_refused(tmp_path: Path, case: str) -> None:
    content, reason = ATTACKS[case]
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(FormatError, match=re.escape(reason)) as caught:
        read(tmp_path, content)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.path.endswith("model.npz")
    assert caught.value.offset is not None
    assert seconds < 1
    assert peak < 20 << 20


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_stand_twice_are_refused(tmp_path: Path) -> None:
    stream = io.BytesIO(savez(words=TEXT, vectors=ROWS))
    with zipfile.ZipFile(stream, "a") as out:
        out.writestr("vectors.npy", npy(GOOD, BODY))
    with pytest.raises(FormatError, match="twice"):
        read(tmp_path, stream.getvalue())


def test_a_member_that_inflates_beyond_its_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(savez_compressed(words=TEXT, vectors=np.zeros((5, 3), np.float32)))
    member = npy(described("'<f4'", "(5, 9000)"), bytes(4 * 5 * 9000))
    entry = data.rindex(b"vectors.npy") - 46
    data[entry + 24 : entry + 28] = struct.pack("<I", len(member))
    with pytest.raises(FormatError):
        read(tmp_path, bytes(data))


@pytest.mark.parametrize("compressed", [False, True])
def test_truncation_at_every_byte_is_refused(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "short.npz"
    data = SAVE[compressed](words=TEXT, vectors=ROWS)
    path.write_bytes(data)
    for size in reversed(range(len(data))):
        with path.open("r+b") as stream:
            stream.truncate(size)
        with pytest.raises(FormatError):
            read_embeddings(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_mutations_are_read_or_refused(tmp_path: Path, compressed: bool) -> None:
    original = SAVE[compressed](words=TEXT, vectors=ROWS)
    path = tmp_path / "mutated.npz"
    path.write_bytes(original)
    rng = random.Random(7)
    outcomes = set()
    with path.open("r+b", buffering=0) as stream:
        for _ in range(1000):
            data = bytearray(original)
            for _ in range(rng.randint(1, 3)):
                data[rng.randrange(len(data))] = rng.choice(
                    [0, 1, 127, 255, rng.randrange(256)]
                )
            stream.seek(0)
            stream.write(data)
            try:
                assert np.isfinite(read_embeddings(path).vectors).all()
                outcomes.add("read")
            except FormatError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_deflated_member_that_ends_early_is_told_by_its_size(tmp_path: Path) -> None:
    member = npy(GOOD, bytes(59))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("words.npy", npy(described("'|S1'", "(5,)"), b"abcde"))
        out.writestr("vectors.npy", member)
    data = bytearray(stream.getvalue())
    entry = data.rindex(b"vectors.npy") - 46
    struct.pack_into("<I", data, entry + 24, len(member) + 1)
    with pytest.raises(FormatError, match="has not the size it states") as caught:
        read(tmp_path, bytes(data))
    assert caught.value.offset == data.index(b"vectors.npy") - 30


@pytest.mark.parametrize(
    ("width", "allowed"),
    [("'<f2'", True), ("'<f1'", False), ("'<f3'", False), ("'<c8'", False), ("'<f16'", False)],
)
def test_only_known_types_are_read(tmp_path: Path, width: str, allowed: bool) -> None:
    data = archive(
        {
            "words.npy": npy(described("'|S1'", "(2,)"), b"ab"),
            "vectors.npy": npy(described(width, "(2, 1)"), bytes(2 * int(width[3:-1]))),
        }
    )
    if allowed:
        assert len(read(tmp_path, data)) == 2
    else:
        with pytest.raises(FormatError, match="has the unknown type"):
            read(tmp_path, data)


@pytest.mark.parametrize("count", [100, 101])
def test_at_most_100_arrays_are_read(tmp_path: Path, count: int) -> None:
    members = {f"a{i}.npy": npy(described("'|u1'", "(1,)"), b"x") for i in range(count - 2)}
    members["words.npy"] = npy(described("'|S1'", "(5,)"), b"abcde")
    data = archive({**members, "vectors.npy": npy(GOOD, BODY)})
    if count <= 100:
        assert read(tmp_path, data).words == list("abcde")
    else:
        with pytest.raises(FormatError, match="at most 100 arrays are read, got 101"):
            read(tmp_path, data)


@pytest.mark.parametrize("version", [b"\1\0", b"\2\0", b"\3\0"])
@pytest.mark.parametrize("length", [10_000, 10_001])
def test_headers_of_10000_bytes_are_the_longest(
    tmp_path: Path, version: bytes, length: int
) -> None:
    padded = GOOD.rstrip("\n").ljust(length - 1) + "\n"
    words = npy(described("'|S1'", "(5,)"), b"abcde")
    data = archive({"words.npy": words, "vectors.npy": npy(padded, BODY, version)})
    if length == 10_000:
        np.testing.assert_array_equal(read(tmp_path, data).vectors, ROWS)
    else:
        with pytest.raises(FormatError, match="has a header of 10001 bytes"):
            read(tmp_path, data)


def test_an_archive_with_a_comment_is_read_and_junk_behind_it_refused(tmp_path: Path) -> None:
    stream = io.BytesIO(savez(words=TEXT, vectors=ROWS))
    with zipfile.ZipFile(stream, "a") as out:
        out.comment = b"a comment"
    whole = stream.getvalue()
    assert read(tmp_path, whole).words == TEXT.tolist()
    with pytest.raises(FormatError, match="does not end at the last byte") as caught:
        read(tmp_path, whole + b"junk")
    assert caught.value.offset == len(whole) + 4 - 22 - len("a comment")
    with pytest.raises(FormatError, match="does not begin at the first byte"):
        read(tmp_path, b"junk" + whole)
