"""Hostile NumPy archives, each with the reason for which it is refused."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
TEXT = np.array(["the", "straße", "кот", "naïve", "a b"])


def savez(**arrays: NDArray[Any]) -> bytes:
    return _written(np.savez, arrays)


def savez_compressed(**arrays: NDArray[Any]) -> bytes:
    return _written(np.savez_compressed, arrays)


def _written(write: Callable[..., None], arrays: dict[str, NDArray[Any]]) -> bytes:
    stream = io.BytesIO()
    write(stream, **arrays)
    return stream.getvalue()


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

ATTACKS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not a zip file"),
    "no archive": (b"PK\3\4" + bytes(100), "not a zip file"),
    "words missing": (savez(vectors=ROWS), "no array of words"),
    "matrix missing": (savez(words=TEXT, ids=np.arange(5)), "got 0"),
    "two matrices": (savez(words=TEXT, one=ROWS, two=ROWS), "got 2"),
    "objects": (savez(words=np.array(["a", None], object), vectors=ROWS), "holds objects"),
    "object vectors": (with_vectors(npy(described("'|O'", "(5, 3)"), BODY)), "holds objects"),
    "records": (
        savez(words=TEXT, vectors=np.zeros((5, 3), [("x", "<f4")])),
        "not a plain array",
    ),
    "complex": (savez(words=TEXT, vectors=ROWS.astype(np.complex64)), "unknown type c8"),
    "unknown size": (with_vectors(npy(described("'<f3'", "(5, 3)"), BODY)), "unknown type f3"),
    "traversal": (archive({"../vectors.npy": npy(GOOD, BODY)}), "not an array's name"),
    "absolute": (archive({"/etc/vectors.npy": npy(GOOD, BODY)}), "not an array's name"),
    "dots": (archive({"...npy": npy(GOOD, BODY)}), "not an array's name"),
    "no array's name": (archive({"vectors.txt": npy(GOOD, BODY)}), "not an array's name"),
    "no array": (with_vectors(b"hello"), "not a NumPy array"),
    "cut magic": (with_vectors(b"\x93NUM"), "not a NumPy array"),
    "version 4": (with_vectors(npy(GOOD, BODY, b"\4\0")), "not a NumPy array"),
    "long header": (with_vectors(npy(GOOD + " " * 20_000, BODY)), "header of 20060 bytes"),
    "huge header": (
        with_vectors(b"\x93NUMPY\2\0" + b"\xff" * 4 + b"{"),
        "header of 4294967295 bytes",
    ),
    "header beyond member": (
        with_vectors(b"\x93NUMPY\1\0" + struct.pack("<H", 9000) + b"{"),
        "not a plain array",
    ),
    "header no dictionary": (with_vectors(npy("hello", BODY)), "not a plain array"),
    "shape overflows": (
        with_vectors(npy(described("'<f4'", f"({2**62}, {2**62})"), BODY)),
        "as many bytes",
    ),
    "shape wraps to size": (
        with_vectors(npy(described("'<f4'", f"({2**62 + 5}, 3)"), BODY)),
        "as many bytes",
    ),
    "shape with 70 digits": (
        with_vectors(npy(described("'<f4'", f"({10**69}, 3)"), BODY)),
        "not a plain array",
    ),
    "shape negative": (
        with_vectors(npy(described("'<f4'", "(-5, -3)"), BODY)),
        "not a plain array",
    ),
    "shape too large": (with_vectors(npy(described("'<f4'", "(6, 3)"), BODY)), "as many bytes"),
    "shape too small": (with_vectors(npy(described("'<f4'", "(4, 3)"), BODY)), "as many bytes"),
    "shape of many digits": (
        with_vectors(npy(described("'<f4'", f"({10**18}" + f", {10**18}" * 400 + ")"), BODY)),
        "not a plain array",
    ),
    "one dimension": (with_vectors(npy(described("'<f4'", "(15,)"), BODY)), "2-D array"),
    "no columns": (
        savez(words=TEXT, vectors=np.zeros((5, 0), np.float32)),
        "at least 1 column",
    ),
    "encrypted": (patched(set_field(8, b"\1\0")), "member 'vectors.npy' is encrypted"),
    "lzma": (patched(set_field(10, b"\x0e\0")), "neither stored nor deflated"),
    "stated size": (patched(set_field(24, struct.pack("<I", 10**9))), "cannot inflate"),
    "stated sizes": (
        patched(set_field(20, struct.pack("<II", 10**9, 10**9))),
        "outside of the file",
    ),
    "stated offset": (patched(set_field(42, struct.pack("<I", 2**31))), "outside of the file"),
    "checksum": (patched(set_field(16, b"\0\0\0\0")), "Bad CRC-32"),
    "negative offset": (b"\0" * 100 + savez(words=TEXT, vectors=ROWS)[50:], "does not begin"),
    "bytes before": (b"PK" + savez(words=TEXT, vectors=ROWS), "does not begin"),
    "bytes after": (savez(words=TEXT, vectors=ROWS) + b"\0", "does not end"),
    "too many members": (archive({f"a{i}.npy": b"" for i in range(101)}), "at most 100 arrays"),
    "not finite": (
        savez(words=TEXT, vectors=np.where(ROWS > 0, np.nan, ROWS)),
        "row 0 of vectors is not finite",
    ),
    "too large for float32": (
        savez(words=TEXT, vectors=ROWS.astype(np.float64) * 1e40),
        "is not finite as float32",
    ),
    "fewer words": (savez(words=TEXT[:4], vectors=ROWS), "5 rows need as many words"),
    "words 2-D": (savez(words=TEXT.reshape(1, 5), vectors=ROWS), "1 dimension"),
    "words are numbers": (savez(words=np.arange(5), vectors=ROWS), "must be text"),
    "words beyond Unicode": (
        savez(words=np.full(5, 2**31, np.uint32).view("U1"), vectors=ROWS),
        "beyond Unicode",
    ),
    "words of lone surrogates": (
        savez(words=np.array(["\ud800"] * 5), vectors=ROWS),
        "cannot be encoded",
    ),
    "bytes without offsets": (savez(words=BLOB, vectors=ROWS), "with word_offsets"),
    "offsets descend": (
        savez(words=BLOB, word_offsets=OFFSETS[[0, 2, 1, 3, 4, 5]], vectors=ROWS),
        "must not descend",
    ),
    "offsets beyond": (
        savez(words=BLOB, word_offsets=OFFSETS * 2, vectors=ROWS),
        "from 0 to 5",
    ),
    "offsets negative": (
        savez(words=BLOB, word_offsets=OFFSETS.astype(int) * -1, vectors=ROWS),
        "from 0 to 5",
    ),
    "offsets too few": (savez(words=BLOB, word_offsets=OFFSETS[:5], vectors=ROWS), "6 numbers"),
    "counts negative": (savez(words=TEXT, vectors=ROWS, counts=np.full(5, -1)), "at least 0"),
    "counts too few": (
        savez(words=TEXT, vectors=ROWS, counts=np.ones(4, int)),
        "5 whole numbers",
    ),
    "counts are floats": (
        savez(words=TEXT, vectors=ROWS, counts=np.ones(5)),
        "5 whole numbers",
    ),
    "counts overflow": (
        savez(words=TEXT, vectors=ROWS, counts=np.full(5, 2**63, np.uint64)),
        "at least 0",
    ),
    "output columns": (savez(words=TEXT, vectors=ROWS, output=ROWS[:, :2]), "with 3 columns"),
    "output text": (
        savez(words=TEXT, vectors=ROWS, output=np.array([["a"] * 3] * 5)),
        "2-D array of floats",
    ),
    "provenance no JSON": (
        savez(words=TEXT, vectors=ROWS, provenance=BLOB),
        "provenance is not valid",
    ),
}
