"""fastText files and vectors made the slow and obvious way, to compare and to attack."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.formats.fasttext import read_embeddings

# Name, struct code and value of the fields before the dictionary.
HEADER = {
    "magic": ("i", 793712314),
    "version": ("i", 12),
    "dim": ("i", 4),
    "ws": ("i", 5),
    "epoch": ("i", 5),
    "minCount": ("i", 1),
    "neg": ("i", 5),
    "wordNgrams": ("i", 1),
    "loss": ("i", 2),
    "model": ("i", 2),
    "bucket": ("i", 30),
    "minn": ("i", 2),
    "maxn": ("i", 4),
    "lrUpdateRate": ("i", 100),
    "t": ("d", 1e-4),
}
UNVERSIONED_LACK = ("magic", "version", "pruneidx_size", "quant", "qout")
WORDS = ["the", "straße", "кот", "</s>", "猫", "a"]


@dataclass
class Model:
    """A model to be written; a test changes what it wants before ``to_bytes``."""

    header: dict[str, float] = field(
        default_factory=lambda: {name: value for name, (_, value) in HEADER.items()}
    )
    words: list[bytes] = field(default_factory=lambda: [word.encode() for word in WORDS])
    labels: list[bytes] = field(default_factory=list)
    kept: list[tuple[int, int]] | None = None
    versioned: bool = True  # or as models were before they had a magic number
    input: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))
    fields: Mapping[str, float] = field(default_factory=dict)  # overrides by name, as written
    offsets: dict[str, int] = field(default_factory=dict)  # where each field was written

    def __post_init__(self) -> None:
        if self.input.size == 0:
            rows = len(self.words) + int(self.header["bucket"])
            shape = (rows, int(self.header["dim"]))
            self.input = np.random.default_rng(1).normal(size=shape).astype(np.float32)

    def to_bytes(self) -> bytes:
        """Return the file, little-endian as every fastText writes it."""
        out = bytearray()
        for name, code, value in self._values():
            if not self.versioned and name in UNVERSIONED_LACK:
                continue
            self.offsets[name] = len(out)
            if isinstance(value, bytes):
                out += value
            else:
                out += struct.pack("<" + code, self.fields.get(name, value))
        return bytes(out)

    def _values(self) -> Iterator[tuple[str, str, float | bytes]]:
        for name, (code, _) in HEADER.items():
            yield name, code, self.header[name]
        yield "size", "i", len(self.words) + len(self.labels)
        yield "nwords", "i", len(self.words)
        yield "nlabels", "i", len(self.labels)
        yield "ntokens", "q", 1000
        yield "pruneidx_size", "q", -1 if self.kept is None else len(self.kept)
        for i, word in enumerate([*self.words, *self.labels]):
            yield f"word{i}", "", word + b"\0"
            yield f"count{i}", "q", max(0, 100 - i)
            yield f"type{i}", "b", int(i >= len(self.words))
        for i, (value, row) in enumerate(self.kept or ()):
            yield f"hash{i}", "i", value
            yield f"row{i}", "i", row
        yield "quant", "B", 0
        yield "input_rows", "q", len(self.input)
        yield "input_dim", "q", self.input.shape[1]
        yield "input", "", self.input.tobytes()
        yield "qout", "B", 0
        num_output = len(self.labels if self.header["model"] == 3 else self.words)
        yield "output_rows", "q", num_output
        yield "output_dim", "q", self.input.shape[1]
        yield "output", "", bytes(4 * num_output * self.input.shape[1])

    def vector(self, word: bytes) -> NDArray[np.float64]:
        """Return the vector that fastText gives, in float64."""
        rows = [self.words.index(word)] if word in self.words else []
        rows += [len(self.words) + n for n in self._ngram_rows(word)]
        return self.input[rows].astype(np.float64).mean(0) if rows else np.zeros(4)

    def _ngram_rows(self, word: bytes) -> Iterator[int]:
        if word == b"</s>" and self.versioned:
            return
        minn, maxn = int(self.header["minn"]), int(self.header["maxn"])
        for ngram in ngrams(word.decode(), minn, maxn):
            value = fnv1a(ngram.encode()) % int(self.header["bucket"])
            if self.kept is None:
                yield value
            elif value in dict(self.kept):
                yield dict(self.kept)[value]


def ngrams(word: str, minn: int, maxn: int) -> Iterator[str]:
    """Yield the n-grams of a word between its boundaries, which alone are none."""
    bounded = f"<{word}>"
    for begin in range(len(bounded)):
        for n in range(max(minn, 1), maxn + 1):
            ngram = bounded[begin : begin + n]
            is_boundary = n == 1 and begin in (0, len(bounded) - 1)
            if len(ngram) == n and not is_boundary:
                yield ngram


def fnv1a(data: bytes) -> int:
    """Return fastText's hash: FNV-1a, but each byte is sign-extended first."""
    value = 2166136261
    for byte in data:
        signed = byte - 256 if byte >= 128 else byte
        value = ((value ^ (signed & 0xFFFFFFFF)) * 16777619) & 0xFFFFFFFF
    return value


def read(tmp_path: Path, data: bytes, *, threads: int | None = None) -> Embeddings:
    path = tmp_path / "model.bin"
    path.write_bytes(data)
    return read_embeddings(path, threads=threads)
