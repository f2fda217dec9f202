"""Hostile files of embkit's saved form, each with the reason for which it is refused."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from embkit.embeddings import Embeddings
from embkit.formats.safetensors_dir import read_embeddings
from embkit.formats.safetensors_writer import write_embeddings
from embkit.subwords import Subwords
from embkit.vocabulary import Vocabulary

WORDS: list[str | bytes] = ["the", "straße", "кот", b"\xff\xfe", "a b"]


def make(*, dim: int = 3, extras: bool = True) -> Embeddings:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(60, dim)).astype(np.float32)
    if not extras:
        return Embeddings(Vocabulary.from_words(WORDS), rows[:5])
    subwords = Subwords(rows[20:27], minn=3, maxn=4, bucket=7)
    return Embeddings(
        Vocabulary.from_words(WORDS, counts=[9, 7, 5, 2**40, 0]),
        rows[:5],
        output=rows[10:15],
        provenance={"config": {"dim": dim, "window": 5}, "corpus": {"digest": "0f" * 32}},
        subwords=subwords,
    )


def to_bytes(embeddings: Embeddings) -> bytes:
    stream = io.BytesIO()
    write_embeddings(embeddings, stream)
    return stream.getvalue()


def rebuilt(change: Callable[[dict[str, Any]], None], extra: bytes = b"") -> bytes:
    """Return a valid file after ``change`` to its header, checksums left as they were."""
    data = to_bytes(make())
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :] + extra


def with_entry(name: str, key: str, value: object) -> bytes:
    return rebuilt(lambda header: header[name].__setitem__(key, value))


def with_metadata(key: str, value: object) -> bytes:
    return rebuilt(lambda header: header["__metadata__"].__setitem__(key, value))


def raw(text: bytes, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text)) + text + body


ATTACKS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "header's length"),
    "half a length": (b"\0\0\0", "header's length"),
    "huge header": (struct.pack("<Q", 2**63) + b"{}", "9223372036854775808 bytes does not fit"),
    "header beyond the file": (struct.pack("<Q", 1000) + b"{}", "1000 bytes does not fit"),
    "no object": (raw(b"[1]"), "begin with '{'"),
    "blanks first": (raw(b" {}"), "begin with '{'"),
    "no JSON": (raw(b"{nothing}"), "the header is not valid"),
    "no UTF-8": (raw(b'{"\xff":1}'), "can't decode"),
    "NaN": (raw(b'{"a":NaN}'), "NaN is not a number"),
    "deep": (raw(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "nests deeper than 8"),
    "long number": (raw(b'{"a":' + b"9" * 100_000 + b"}"), "a number is too long"),
    "a name twice": (raw(b'{"a":1,"a":2}'), "a name stands twice"),
    "nothing in it": (raw(b"{}"), "did not write"),
    "metadata no object": (raw(b'{"__metadata__":[]}'), "map names to strings"),
    "metadata no strings": (
        raw(b'{"__metadata__":{"format_version":1}}'),
        "map names to strings",
    ),
    "foreign": (
        safetensors.numpy.save({"weight": np.ones((2, 2), np.float32)}),
        "did not write",
    ),
    "newer": (with_metadata("format_version", "2"), "newer than this embkit reads"),
    "version zero": (with_metadata("format_version", "0"), "number from 1"),
    "version no number": (with_metadata("format_version", "new"), "number from 1"),
    "version not ASCII": (with_metadata("format_version", "²"), "number from 1"),
    "version missing": (
        rebuilt(lambda h: h["__metadata__"].pop("format_version")),
        "number from 1",
    ),
    "provenance no JSON": (with_metadata("provenance", "{"), "provenance is not valid"),
    "config no object": (with_metadata("config", "3"), "config is not valid"),
    "subword rule": (with_metadata("subwords", '{"minn":3,"maxn":4}'), "minn, maxn and bucket"),
    "subword bucket": (with_metadata("subwords", '{"minn":3,"maxn":4,"bucket":8}'), "8 rows"),
    "subword bucket huge": (
        with_metadata("subwords", '{"minn":3,"maxn":4,"bucket":1e9}'),
        "whole numbers below 2^31",
    ),
    "subword maxn huge": (
        with_metadata("subwords", f'{{"minn":3,"maxn":{2**40},"bucket":7}}'),
        "whole numbers below 2^31",
    ),
    "trailing byte": (rebuilt(lambda header: None, b"\0"), "the file at byte"),
    "entry no object": (
        rebuilt(lambda header: header.__setitem__("input", 3)),
        "must have dtype",
    ),
    "unknown dtype": (with_entry("input", "dtype", "F31"), "unknown dtype 'F31'"),
    "dtype no string": (with_entry("input", "dtype", ["F32"]), "unknown dtype"),
    "other dtype": (with_entry("input", "dtype", "I32"), "must be F32"),
    "negative shape": (with_entry("input", "shape", [-5, -3]), "shape of whole numbers"),
    "shape of bools": (with_entry("input", "shape", [True, 15]), "shape of whole numbers"),
    "shape of floats": (with_entry("input", "shape", [5.0, 3]), "shape of whole numbers"),
    "shape overflows": (with_entry("input", "shape", [2**62, 2**62]), "as many bytes"),
    "shape wraps to size": (with_entry("input", "shape", [2**64 + 15, 1]), "as many bytes"),
    "shape too long": (with_entry("input", "shape", [1] * 33 + [15]), "shape of whole numbers"),
    "one dimension": (with_entry("input", "shape", [15]), "2 dimensions"),
    "fewer rows": (with_entry("input", "shape", [3, 5]), "3 rows need 4 word_offsets"),
    "no columns": (with_entry("input", "shape", [0, 0]), "as many bytes"),
    "offsets descend": (with_entry("input", "data_offsets", [148, 88]), "ascending"),
    "offsets negative": (with_entry("input", "data_offsets", [-60, 0]), "ascending"),
    "offsets beyond": (with_entry("input", "data_offsets", [2**63, 2**63 + 60]), "overlaps"),
    "offsets shifted": (with_entry("input", "data_offsets", [89, 149]), "overlaps"),
    "offsets missing": (
        rebuilt(lambda header: header["input"].pop("data_offsets")),
        "must have dtype",
    ),
    "a field too many": (with_entry("input", "more", 1), "must have dtype"),
    "input missing": (
        rebuilt(lambda header: header.__setitem__("other", header.pop("input"))),
        "'input' is missing",
    ),
    "words missing": (
        rebuilt(lambda header: header.__setitem__("other", header.pop("words"))),
        "'words' is missing",
    ),
    "overlap": (
        rebuilt(lambda h: h["output"].update(data_offsets=h["input"]["data_offsets"])),
        "overlaps",
    ),
}


def read(
    tmp_path: Path, data: bytes, *, verify: bool = False, limit: int | None = None
) -> Embeddings:
    path = tmp_path / "hostile.safetensors"
    path.write_bytes(data)
    return read_embeddings(path, verify=verify, limit=limit)
