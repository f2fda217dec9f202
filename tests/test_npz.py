"""NumPy archives: plain arrays in and out, and no byte of a hostile one believed."""

from __future__ import annotations

import io
import random
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats.npz import read_embeddings, write_embeddings
from embkit.vocabulary import Vocabulary

WORDS = ["the", "straße", "кот", b"\xff\xfe", "a b"]
ROWS = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
TEXT = np.array(["the", "straße", "кот", "naïve", "a b"])


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


def savez(*, compressed: bool = False, **arrays: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, **arrays)  # type: ignore[operator]
    return stream.getvalue()


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
    back = read(tmp_path, savez(words=TEXT, vectors=rows, compressed=compressed))
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
    assert len(read(tmp_path, savez(words=words, vectors=rows, compressed=True))) == 1000


# ---- hostile files ----


def npy(header: str, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    text = header.encode("latin-1")
    width = "<H" if version == b"\1\0" else "<I"
    return b"\x93NUMPY" + version + struct.pack(width, len(text)) + text + data


def described(descr: str, shape: str, order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def archive(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as out:
        for name, data in members.items():
            out.writestr(name, data)
    return stream.getvalue()


def with_vectors(data: bytes) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, TEXT)
    return archive({"words.npy": stream.getvalue(), "vectors.npy": data})


def patched(change: Callable[[bytearray, int], None]) -> bytes:
    """Return an archive after ``change`` at the directory's entry of the vectors."""
    data = bytearray(savez(words=TEXT, vectors=ROWS))
    change(data, data.rindex(b"vectors.npy") - 46)
    return bytes(data)


def set_field(offset: int, value: bytes) -> Callable[[bytearray, int], None]:
    def change(data: bytearray, entry: int) -> None:
        data[entry + offset : entry + offset + len(value)] = value

    return change


GOOD = described("'<f4'", "(5, 3)")
BODY = ROWS.tobytes()
OFFSETS = np.array([0, 1, 2, 3, 4, 5], np.uint64)
BLOB = np.frombuffer(b"abcde", np.uint8)

HOSTILE = {
    "empty": b"",
    "no archive": b"PK\3\4" + bytes(100),
    "words missing": savez(vectors=ROWS),
    "matrix missing": savez(words=TEXT, ids=np.arange(5)),
    "two matrices": savez(words=TEXT, one=ROWS, two=ROWS),
    "objects": savez(words=np.array(["a", None], object), vectors=ROWS),
    "object vectors": with_vectors(npy(described("'|O'", "(5, 3)"), BODY)),
    "records": savez(words=TEXT, vectors=np.zeros((5, 3), [("x", "<f4")])),
    "complex": savez(words=TEXT, vectors=ROWS.astype(np.complex64)),
    "unknown size": with_vectors(npy(described("'<f3'", "(5, 3)"), BODY)),
    "traversal": archive({"../vectors.npy": npy(GOOD, BODY)}),
    "absolute": archive({"/etc/vectors.npy": npy(GOOD, BODY)}),
    "dots": archive({"...npy": npy(GOOD, BODY)}),
    "no array's name": archive({"vectors.txt": npy(GOOD, BODY)}),
    "no array": with_vectors(b"hello"),
    "cut magic": with_vectors(b"\x93NUM"),
    "version 4": with_vectors(npy(GOOD, BODY, b"\4\0")),
    "long header": with_vectors(npy(GOOD + " " * 20_000, BODY)),
    "huge header": with_vectors(b"\x93NUMPY\2\0" + b"\xff" * 4 + b"{"),
    "header beyond member": with_vectors(b"\x93NUMPY\1\0" + struct.pack("<H", 9000) + b"{"),
    "header no dictionary": with_vectors(npy("hello", BODY)),
    "shape overflows": with_vectors(npy(described("'<f4'", f"({2**62}, {2**62})"), BODY)),
    "shape wraps to size": with_vectors(npy(described("'<f4'", f"({2**62 + 5}, 3)"), BODY)),
    "shape with 70 digits": with_vectors(npy(described("'<f4'", f"({10**69}, 3)"), BODY)),
    "shape negative": with_vectors(npy(described("'<f4'", "(-5, -3)"), BODY)),
    "shape too large": with_vectors(npy(described("'<f4'", "(6, 3)"), BODY)),
    "shape too small": with_vectors(npy(described("'<f4'", "(4, 3)"), BODY)),
    "one dimension": with_vectors(npy(described("'<f4'", "(15,)"), BODY)),
    "no columns": savez(words=TEXT, vectors=np.zeros((5, 0), np.float32)),
    "encrypted": patched(set_field(8, b"\1\0")),
    "lzma": patched(set_field(10, b"\x0e\0")),
    "stated size": patched(set_field(24, struct.pack("<I", 10**9))),
    "stated sizes": patched(set_field(20, struct.pack("<II", 10**9, 10**9))),
    "stated offset": patched(set_field(42, struct.pack("<I", 2**31))),
    "checksum": patched(set_field(16, b"\0\0\0\0")),
    "negative offset": b"\0" * 100 + savez(words=TEXT, vectors=ROWS)[50:],
    "bytes before": b"PK" + savez(words=TEXT, vectors=ROWS),
    "bytes after": savez(words=TEXT, vectors=ROWS) + b"\0",
    "too many members": archive({f"a{i}.npy": b"" for i in range(101)}),
    "not finite": savez(words=TEXT, vectors=np.where(ROWS > 0, np.nan, ROWS)),
    "too large for float32": savez(words=TEXT, vectors=ROWS.astype(np.float64) * 1e40),
    "fewer words": savez(words=TEXT[:4], vectors=ROWS),
    "words 2-D": savez(words=TEXT.reshape(1, 5), vectors=ROWS),
    "words are numbers": savez(words=np.arange(5), vectors=ROWS),
    "words beyond Unicode": savez(words=np.full(5, 2**31, np.uint32).view("U1"), vectors=ROWS),
    "words of lone surrogates": savez(words=np.array(["\ud800"] * 5), vectors=ROWS),
    "bytes without offsets": savez(words=BLOB, vectors=ROWS),
    "offsets descend": savez(
        words=BLOB, word_offsets=OFFSETS[[0, 2, 1, 3, 4, 5]], vectors=ROWS
    ),
    "offsets beyond": savez(words=BLOB, word_offsets=OFFSETS * 2, vectors=ROWS),
    "offsets negative": savez(words=BLOB, word_offsets=OFFSETS.astype(int) * -1, vectors=ROWS),
    "offsets too few": savez(words=BLOB, word_offsets=OFFSETS[:5], vectors=ROWS),
    "counts negative": savez(words=TEXT, vectors=ROWS, counts=np.full(5, -1)),
    "counts too few": savez(words=TEXT, vectors=ROWS, counts=np.ones(4, int)),
    "counts are floats": savez(words=TEXT, vectors=ROWS, counts=np.ones(5)),
    "counts overflow": savez(words=TEXT, vectors=ROWS, counts=np.full(5, 2**63, np.uint64)),
    "output columns": savez(words=TEXT, vectors=ROWS, output=ROWS[:, :2]),
    "output text": savez(words=TEXT, vectors=ROWS, output=np.array([["a"] * 3] * 5)),
    "provenance no JSON": savez(words=TEXT, vectors=ROWS, provenance=BLOB),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archives_are_refused(tmp_path: Path, case: str) -> None:
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(FormatError) as caught:
        read(tmp_path, HOSTILE[case])
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.path.endswith("model.npz")
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
    data = bytearray(savez(compressed=True, words=TEXT, vectors=np.zeros((5, 3), np.float32)))
    member = npy(described("'<f4'", "(5, 9000)"), bytes(4 * 5 * 9000))
    entry = data.rindex(b"vectors.npy") - 46
    data[entry + 24 : entry + 28] = struct.pack("<I", len(member))
    with pytest.raises(FormatError):
        read(tmp_path, bytes(data))


@pytest.mark.parametrize("compressed", [False, True])
def test_truncation_at_every_byte_is_refused(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "short.npz"
    data = savez(compressed=compressed, words=TEXT, vectors=ROWS)
    path.write_bytes(data)
    for size in reversed(range(len(data))):
        with path.open("r+b") as stream:
            stream.truncate(size)
        with pytest.raises(FormatError):
            read_embeddings(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_mutations_are_read_or_refused(tmp_path: Path, compressed: bool) -> None:
    original = savez(compressed=compressed, words=TEXT, vectors=ROWS)
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
