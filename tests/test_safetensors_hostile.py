"""embkit's saved form: damage is found before it is used."""

from __future__ import annotations

import json
import random
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from embkit.errors import FormatError
from embkit.formats.safetensors_dir import read_embeddings
from embkit.formats.safetensors_header import build_header, parse_json
from tests.attacks.safetensors_files import ATTACKS, make, read, to_bytes, with_metadata
from tests.refusals import quick_refusal


def place_of(content: bytes, tensor: str | None) -> int:
    """Return where a tensor begins, or the header."""
    if tensor is None:
        return 8
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    return int(8 + length + header[tensor]["data_offsets"][0])


OFFSETS = {"empty": 0, "half a length": 3, "huge header": 0, "header beyond the file": 0}
PLACES = {"subword bucket": "subwords", "fewer rows": "word_offsets"}


@pytest.mark.parametrize("case", ATTACKS)
def test_hostile_headers_are_refused(tmp_path: Path, case: str) -> None:
    content, reason = ATTACKS[case]
    error = quick_refusal(lambda: read(tmp_path, content), memory=20 << 20)
    assert reason in str(error)
    assert error.path.endswith("hostile.safetensors")
    if case in OFFSETS:
        assert error.offset == OFFSETS[case]
    else:
        assert error.offset == place_of(content, PLACES.get(case))


def test_a_newer_version_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"newer than this embkit reads.*--upgrade"):
        read(tmp_path, ATTACKS["newer"][0])


@pytest.mark.parametrize(
    ("tensor", "value"), [("counts", -1), ("word_offsets", 2**64 - 1), ("word_offsets", 22)]
)
@pytest.mark.parametrize("place", [0, 2, -1])
def test_hostile_words_and_counts_are_refused(
    tmp_path: Path, tensor: str, value: int, place: int
) -> None:
    data = bytearray(to_bytes(make()))
    length = struct.unpack("<Q", data[:8])[0]
    begin, end = json.loads(data[8 : 8 + length])[tensor]["data_offsets"]
    values = np.frombuffer(data, np.int64, (end - begin) // 8, 8 + length + begin).copy()
    values.view(np.uint64)[place] = value % 2**64
    data[8 + length + begin : 8 + length + end] = values.tobytes()
    with pytest.raises(FormatError):
        read(tmp_path, bytes(data))


def test_truncation_at_every_byte_is_refused(tmp_path: Path) -> None:
    data = to_bytes(make())
    path = tmp_path / "short.safetensors"
    path.write_bytes(data)
    for size in reversed(range(len(data))):
        with path.open("r+b") as stream:
            stream.truncate(size)
        with pytest.raises(FormatError):
            read_embeddings(path)


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    data = bytearray(to_bytes(make()))
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(data)
    with path.open("r+b") as stream:
        for position in range(len(data)):
            flipped = data[position] ^ (1 << (position % 8))
            stream.seek(position)
            stream.write(bytes([flipped]))
            stream.flush()
            with pytest.raises(FormatError):
                read_embeddings(path, verify=True)
            stream.seek(position)
            stream.write(data[position : position + 1])
        stream.flush()
    read_embeddings(path, verify=True)


def test_values_that_are_not_finite_are_found_when_verified(tmp_path: Path) -> None:
    embeddings = make(extras=False)
    tensors = safetensors.numpy.load(to_bytes(embeddings))
    tensors["input"][3, 1] = np.inf
    data = bytearray(to_bytes(embeddings))
    data_input = embeddings.vectors.tobytes()
    start = data.index(data_input)
    data[start : start + len(data_input)] = tensors["input"].tobytes()
    read(tmp_path, bytes(data))  # mapped without being read
    with pytest.raises(FormatError, match="checksum"):
        read(tmp_path, bytes(data), verify=True)


def test_mutations_are_read_or_refused(tmp_path: Path) -> None:
    original = to_bytes(make())
    length = struct.unpack("<Q", original[:8])[0]
    rng = random.Random(7)
    path = tmp_path / "mutated.safetensors"
    outcomes = set()
    path.write_bytes(original)
    with path.open("r+b", buffering=0) as stream:
        for _ in range(2000):
            data = bytearray(original)
            for _ in range(rng.randint(1, 4)):
                place = rng.randrange(len(data) if rng.random() < 0.3 else length + 8)
                data[place] = rng.choice(b'0123456789[]{}",:\\-.eE \x00\xff')
            stream.seek(0)
            stream.write(data)
            try:
                embeddings = read_embeddings(path)
                assert len(embeddings.words) == len(np.asarray(embeddings.vectors))
                outcomes.add("read")
            except FormatError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_escapes_do_not_hide_depth() -> None:
    assert parse_json(rb'{"a":"\\","b":"\"[[[[[[[[[["}')["b"] == '"[[[[[[[[[['
    with pytest.raises(ValueError, match="deeper"):
        parse_json(rb'{"a":"\\","b":[[[[[[[[[[1]]]]]]]]]]}')


def with_tensors(**changes: np.ndarray) -> bytes:
    """Return a file with other tensors, all checksums as they must be."""
    tensors = {**safetensors.numpy.load(to_bytes(make(extras=False))), **changes}
    tensors = dict(sorted(tensors.items(), key=lambda item: -item[1].itemsize))
    sums = {name: zlib.crc32(array.tobytes()) for name, array in tensors.items()}
    metadata = {"format": "embkit", "format_version": "1", "crc32": json.dumps(sums)}
    header = build_header(tensors, metadata)
    return header + b"".join(array.tobytes() for array in tensors.values())


@pytest.mark.parametrize("name", ["input", "output"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused_with_their_row(
    tmp_path: Path, name: str, value: float
) -> None:
    rows = np.ones((5, 3), np.float32)
    assert len(read(tmp_path, with_tensors(**{name: rows}), verify=True)) == 5
    rows[3, 1] = value
    content = with_tensors(**{name: rows})
    with pytest.raises(FormatError, match=f"row 3 of {name} is not finite") as caught:
        read(tmp_path, content, verify=True)
    assert caught.value.offset == place_of(content, name)
    assert len(read(tmp_path, with_tensors(**{name: rows}))) == 5


@pytest.mark.parametrize(
    ("changes", "tensor", "reason"),
    [
        ({"input": np.ones((5, 0), "<f4")}, "input", "must have at least 1 dimension, got 0"),
        ({"output": np.ones((5, 2), "<f4")}, "output", "output must have 3 columns, got 2"),
        (
            {"subwords": np.ones((5, 4), "<f4")},
            "subwords",
            "subwords must have 3 columns, got 4",
        ),
        ({"counts": np.ones(4, "<i8")}, "counts", "5 rows need as many counts"),
        ({"counts": np.array([1, 0, 0, 0, -1])}, "counts", "counts must be at least 0"),
        (
            {"word_offsets": np.zeros(5, "<u8")},
            "word_offsets",
            "5 rows need 6 word_offsets, got 5",
        ),
        (
            {"word_offsets": np.ones(6, "<u8")},
            "word_offsets",
            "word_offsets must go from 0 to 21",
        ),
        ({"words": np.ones(3, "<u1")}, "word_offsets", "word_offsets must go from 0 to 3"),
        (
            {"word_offsets": np.array([0, 9, 5, 9, 9, 21], "<u8")},
            "word_offsets",
            "word_offsets must not descend",
        ),
        ({"words": np.ones((3, 1), "<u1")}, None, "'words' must be U8 of 1 dimensions"),
        ({"input": np.ones((5, 3), "<f8")}, None, "'input' must be F32 of 2 dimensions"),
    ],
)
def test_tensors_that_do_not_belong_together_are_refused(
    tmp_path: Path, changes: dict[str, np.ndarray], tensor: str | None, reason: str
) -> None:
    content = with_tensors(**changes)
    with pytest.raises(FormatError, match=re.escape(reason)) as caught:
        read(tmp_path, content)
    assert caught.value.offset == place_of(content, tensor)


def test_an_output_of_other_rows_is_left_out_under_a_limit(tmp_path: Path) -> None:
    output = np.ones((7, 3), np.float32)
    whole = read(tmp_path, with_tensors(output=output))
    assert whole.output is not None
    assert len(whole.output) == 7
    assert read(tmp_path, with_tensors(output=output), limit=2).output is None
    assert len(read(tmp_path, with_tensors(output=output), limit=9)) == 5


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("x" * 30, f"format_version must be a number from 1, got {'x' * 20!r}"),
        ("01", "format_version must be a number from 1, got '01'"),
        ("1" * 10, f"format_version must be a number from 1, got {'1' * 10!r}"),
        ("", "format_version must be a number from 1, got ''"),
        ("1" * 9, "format version 111111111 is newer than this embkit reads (up to 1)"),
        ("2", "format version 2 is newer than this embkit reads (up to 1)"),
    ],
)
def test_versions_of_others_are_told(tmp_path: Path, version: str, reason: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(tmp_path, with_metadata("format_version", version))
    assert caught.value.reason.removesuffix(": pip install --upgrade embkit") == reason
    assert caught.value.offset == 8


@pytest.mark.parametrize(
    ("rule", "is_read"),
    [
        ({"minn": 3, "maxn": 4, "bucket": 7}, True),
        ({"minn": 3, "maxn": 2**31 - 1, "bucket": 7}, True),
        ({"minn": 3, "maxn": 2**31, "bucket": 7}, False),
        ({"minn": 3, "maxn": 4, "bucket": True}, False),
        ({"minn": 3, "maxn": 4, "bucket": 7, "more": 1}, False),
    ],
)
def test_rule_of_the_subwords_is_checked(
    tmp_path: Path, rule: dict[str, int], is_read: bool
) -> None:
    content = with_metadata("subwords", json.dumps(rule))
    if is_read:
        assert read(tmp_path, content).subwords is not None
    else:
        with pytest.raises(FormatError, match="the metadata's subwords must") as caught:
            read(tmp_path, content)
        assert caught.value.offset == 8
