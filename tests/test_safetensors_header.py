"""The limits of a safetensors header, from both sides."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit.errors import FormatError
from embkit.formats.safetensors_header import (
    MAX_HEADER,
    Header,
    build_header,
    parse_json,
    read_header,
    to_json,
)


def read(folder: Path, header: bytes, data: bytes = b"") -> Header:
    path = folder / "file.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)
    with path.open("rb") as stream:
        return read_header(stream, path)


def tensor_entry(dtype: str, shape: list[int], end: int) -> bytes:
    entry = {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}
    return json.dumps({"a": entry}).encode()


def test_tensors_come_back_with_their_places(tmp_path: Path) -> None:
    arrays = {"wide": np.arange(3, dtype="<i8"), "rows": np.ones((2, 5), "<f4")}
    path = tmp_path / "file.safetensors"
    data = build_header(arrays, {"format": "x"})
    path.write_bytes(data + b"".join(array.tobytes() for array in arrays.values()))
    with path.open("rb") as stream:
        header = read_header(stream, path)
    assert (header.data, header.is_intact()) == (data, True)
    assert header.metadata["format"] == "x"
    assert (len(data) + 24) % 64 == 0  # the rows, behind what is wide, begin a cache line
    places = {name: (t.dtype, t.shape, t.begin, t.end) for name, t in header.tensors.items()}
    assert places == {
        "wide": ("I64", (3,), len(data), len(data) + 24),
        "rows": ("F32", (2, 5), len(data) + 24, len(data) + 64),
    }


def test_header_fills_the_room_that_it_is_given() -> None:
    arrays = {"rows": np.ones((2, 5), "<f4")}
    least = len(build_header(arrays, {}).rstrip(b" "))
    for room in (least, least + 1, 1000):
        assert len(build_header(arrays, {}, room=room)) == room
    with pytest.raises(ValueError, match=f"must fit {least - 1} bytes, got {least}"):
        build_header(arrays, {}, room=least - 1)


def test_longest_header_is_written_and_read(tmp_path: Path) -> None:
    assert MAX_HEADER == 16_777_215
    data = build_header({}, {}, room=MAX_HEADER + 8)
    assert len(data) == MAX_HEADER + 8
    assert read(tmp_path, data[8:]).tensors == {}
    with pytest.raises(ValueError, match=f"must fit {MAX_HEADER} bytes, got {MAX_HEADER + 1}"):
        build_header({}, {}, room=MAX_HEADER + 9)
    with pytest.raises(FormatError, match="does not fit") as caught:
        read(tmp_path, data[8:] + b" ")
    assert caught.value.offset == 0


@pytest.mark.parametrize(
    ("content", "offset", "reason"),
    [
        (b"", 0, "ends inside the header's length"),
        (b"\2\0\0\0\0\0\0", 7, "ends inside the header's length"),
        (b"\3\0\0\0\0\0\0\0{}", 0, "a header of 3 bytes does not fit"),
        (b"\2\0\0\0\0\0\0\0[]", 8, "must begin with '{'"),
        (b"\0\0\0\0\0\0\0\0", 8, "must begin with '{'"),
    ],
)
def test_what_is_no_header_is_refused_at_its_place(
    tmp_path: Path, content: bytes, offset: int, reason: str
) -> None:
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    with path.open("rb") as stream, pytest.raises(FormatError, match=reason) as caught:
        read_header(stream, path)
    assert caught.value.offset == offset


def test_file_that_shrinks_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.safetensors"
    path.write_bytes(b"\2\0\0\0\0\0\0\0{}")
    whole = path.stat()
    path.write_bytes(b"\2\0\0\0\0\0\0\0{")
    real = os.fstat
    with path.open("rb") as stream:
        own = stream.fileno()
        monkeypatch.setattr(os, "fstat", lambda n: whole if n == own else real(n))
        with pytest.raises(FormatError, match="inside the header") as at:
            read_header(stream, path)
    assert at.value.offset == 9


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{"a": [[[[[[[1]]]]]]]}', {"a": [[[[[[[1]]]]]]]}),
        (
            b'{"a": [[], [], {}], "b": [[[[[[[1]]]]]]]}',
            {"a": [[], [], {}], "b": [[[[[[[1]]]]]]]},
        ),
        (b'{"a": 12345678901234567890}', {"a": 12345678901234567890}),
        (b'{"[[[[[[[[[": "\\\\\\"{{{{{{{{{"}', {"[[[[[[[[[": '\\"{{{{{{{{{'}),
    ],
)
def test_json_within_the_limits_is_read(text: bytes, value: object) -> None:
    assert parse_json(text) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": [[[[[[[[1]]]]]]]]}', "nests deeper than 8"),
        (b'{"a": [[], [], {}], "b": [[[[[[[[1]]]]]]]]}', "nests deeper than 8"),
        (b'{"a": 123456789012345678901}', "a number is too long"),
        (b'{"a": 1, "a": 2}', "a name stands twice"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b'{"a": -Infinity}', "-Infinity is not a number"),
        (b"[1]", "it is not an object"),
        (b'{"a": "\xff"}', "decode"),
        (b'{"a"', "delimiter"),
    ],
)
def test_json_beyond_the_limits_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_json_holds_numpys_numbers_and_paths() -> None:
    assert to_json({"n": np.float32(0.5), "path": Path("a")}) == '{"n": 0.5, "path": "a"}'
    with pytest.raises(ValueError, match="provenance must be expressible as JSON: set is not"):
        to_json({"a": {1}})


@pytest.mark.parametrize(
    ("dtype", "shape", "end"),
    [("F32", [1] * 32, 4), ("BOOL", [3], 3), ("BF16", [3], 6), ("U64", [], 8), ("I8", [0], 0)],
)
def test_every_type_and_shape_of_the_format_is_read(
    tmp_path: Path, dtype: str, shape: list[int], end: int
) -> None:
    found = read(tmp_path, tensor_entry(dtype, shape, end), bytes(end)).tensors["a"]
    assert (found.dtype, found.shape, found.end - found.begin) == (dtype, tuple(shape), end)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"shape": [1] * 33}, "must have a shape of whole numbers"),
        ({"shape": [True]}, "must have a shape of whole numbers"),
        ({"shape": [-1]}, "must have a shape of whole numbers"),
        ({"shape": "1"}, "must have a shape of whole numbers"),
        ({"shape": [2]}, "as many bytes as its shape and dtype need"),
        ({"dtype": "F31"}, "unknown dtype 'F31'"),
        ({"dtype": ["F32"]}, "unknown dtype"),
        ({"data_offsets": [0, 4, 4]}, "must have two ascending data_offsets"),
        ({"data_offsets": [4, 0]}, "must have two ascending data_offsets"),
        ({"data_offsets": [0.0, 4.0]}, "must have two ascending data_offsets"),
        ({"data_offsets": [1, 5]}, "overlaps another or leaves a hole"),
        ({"more": 1}, "must have dtype, shape and data_offsets"),
    ],
)
def test_wrong_entry_is_refused(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **changes}
    with pytest.raises(FormatError, match=reason) as caught:
        read(tmp_path, json.dumps({"a": entry}).encode(), bytes(4))
    assert caught.value.offset == 8


@pytest.mark.parametrize("content", [b'{"a": 1}', b'{"a": []}'])
def test_entry_that_is_no_object_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FormatError, match="must have dtype, shape and data_offsets"):
        read(tmp_path, content)


@pytest.mark.parametrize("metadata", [1, {"a": 1}])
def test_metadata_that_is_no_text_is_refused(tmp_path: Path, metadata: object) -> None:
    with pytest.raises(FormatError, match="__metadata__ must map names to strings"):
        read(tmp_path, json.dumps({"__metadata__": metadata}).encode())


def test_bytes_behind_the_tensors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="its tensors end at byte 71, the file at byte 72"):
        read(tmp_path, tensor_entry("U8", [3], 3).ljust(59), bytes(4))


def test_header_without_a_checksum_is_not_intact(tmp_path: Path) -> None:
    assert not read(tmp_path, b"{}").is_intact()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dtype": "F" * 50}, f"tensor {'a' * 40!r} has the unknown dtype {'F' * 40!r}"),
        ({"more": 1}, f"tensor {'a' * 40!r} must have dtype, shape and data_offsets"),
        ({"data_offsets": [1, 5]}, f"tensor {'a' * 40!r} overlaps another or leaves a hole"),
    ],
)
def test_names_are_cut_in_messages(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], **changes}
    with pytest.raises(FormatError) as caught:
        read(tmp_path, json.dumps({"a" * 50: entry}).encode(), bytes(4))
    assert caught.value.reason == f"the header is not valid: {reason}"


def test_tensors_may_stand_in_any_order_but_not_in_the_same_place(tmp_path: Path) -> None:
    places = {"a": [4, 8], "b": [0, 4], "empty": [4, 4], "c": [8, 12]}
    entries = {
        name: {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}
        for name, (begin, end) in places.items()
    }
    header = json.dumps(entries).encode()
    found = read(tmp_path, header, bytes(12)).tensors
    begin = 8 + len(header)
    assert {name: [t.begin - begin, t.end - begin] for name, t in found.items()} == places
    for name, wrong in (("c", [4, 8]), ("c", [9, 13]), ("b", [1, 5])):
        changed = {**entries, name: {**entries[name], "data_offsets": wrong}}
        with pytest.raises(FormatError, match="overlaps another or leaves a hole"):
            read(tmp_path, json.dumps(changed).encode(), bytes(12))


def test_header_that_was_changed_is_not_intact(tmp_path: Path) -> None:
    data = build_header({"rows": np.ones((2, 5), "<f4")}, {"note": '"header_crc32":"01234567"'})
    assert read(tmp_path, data[8:], bytes(40)).is_intact()
    for changed in (data.replace(b"note", b"nota"), data.replace(b"01234567", b"01234568")):
        assert not read(tmp_path, changed[8:], bytes(40)).is_intact()
