"""The header of a safetensors file: written, and checked before anything is believed.

Layout (safetensors' own description): the header's length as 8 bytes little-endian, the header
as JSON, then the tensors' bytes without holes. The checks are stricter than the safetensors
package's where a lenient reading could hide something: names twice, deep nesting.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from embkit.errors import FormatError

FILE_NAME = "embeddings.safetensors"
CARD_NAME = "model.json"
FORMAT_VERSION = 1
MAX_HEADER = (1 << 24) - 1
MAX_DEPTH = 8
_LINE = 64  # the first matrix begins on a cache line

_ITEM_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}
ITEM_DTYPES = {
    **{"U8": "<u1", "I32": "<i4", "F32": "<f4"},
    **{"U64": "<u8", "I64": "<i8", "F64": "<f8"},
}
_NAMES = {np.dtype(dtype): name for name, dtype in ITEM_DTYPES.items()}
_OWN_CRC = re.compile(rb'("header_crc32":")([0-9a-f]{8})(")')


@dataclass(frozen=True)
class Tensor:
    """What the header says of a tensor; ``begin`` and ``end`` are bytes of the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    def view(self, file: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the tensor as it stands in the file, without a copy."""
        return file[self.begin : self.end].view(ITEM_DTYPES[self.dtype]).reshape(self.shape)


@dataclass(frozen=True)
class Header:
    """A checked header, with its own bytes, length field included."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    data: bytes

    def is_intact(self) -> bool:
        """Whether the header is as embkit wrote it, by the checksum it holds of itself."""
        found = _OWN_CRC.search(self.data)
        return found is not None and int(found[2], 16) == zlib.crc32(_without_crc(self.data))


def _without_crc(data: bytes) -> bytes:
    return _OWN_CRC.sub(rb"\g<1>00000000\3", data)


def build_header(
    tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str], *, room: int | None = None
) -> bytes:
    """Return the bytes that stand before the tensors, in the mapping's order.

    They are ``room`` bytes where that is given.

    Raises
    ------
    ValueError
        If the header would be longer than readers accept.
    """
    offset, entries = 0, {}
    for name, array in tensors.items():
        end = offset + array.nbytes
        entries[name] = {
            "dtype": _NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, end],
        }
        offset = end
    content = {"__metadata__": {**metadata, "header_crc32": "00000000"}, **entries}
    text = json.dumps(content, separators=(",", ":")).encode("ascii")
    wide = sum(a.nbytes for a in tensors.values() if a.itemsize == 8)  # these come first
    padding = -(8 + len(text) + wide) % _LINE if room is None else room - 8 - len(text)
    if padding < 0:
        raise ValueError(f"the header must fit {room} bytes, got {8 + len(text)}")
    text += b" " * padding
    if len(text) > MAX_HEADER:
        raise ValueError(f"provenance must fit {MAX_HEADER} bytes, got {len(text)}")
    data = struct.pack("<Q", len(text)) + text
    return _OWN_CRC.sub(rb"\g<1>%08x\3" % zlib.crc32(data), data)


def read_header(stream: BinaryIO, path: str | os.PathLike[str]) -> Header:
    """Read and check the header of an open file.

    Parameters
    ----------
    stream : BinaryIO
        At the first byte of an ordinary file.
    path : str or path
        Its name in messages.

    Raises
    ------
    FormatError
        If anything in it is not as the format demands: afterwards every tensor lies inside
        the file, none overlap, and together they fill it.
    """
    size = os.fstat(stream.fileno()).st_size
    field = stream.read(8)
    if len(field) < 8:
        _fail(path, len(field), "the file ends inside the header's length")
    length = struct.unpack("<Q", field)[0]
    if length > min(MAX_HEADER, size - 8):
        _fail(path, 0, f"a header of {length} bytes does not fit (at most {MAX_HEADER})")
    text = stream.read(length)
    if len(text) < length:
        _fail(path, 8 + len(text), "the file ends inside the header")
    if not text.startswith(b"{"):
        _fail(path, 8, "the header must begin with '{'")
    try:
        content = parse_json(text.rstrip(b" "))
        return _check_header(content, 8 + length, size, field + text)
    except ValueError as error:
        _fail(path, 8, f"the header is not valid: {error}")


def parse_json(text: bytes) -> dict[str, Any]:
    """Return a JSON object; nothing in it may be ambiguous or deep.

    Raises
    ------
    ValueError
        If it is no object, a key stands twice, a number is no number, or it nests deeper
        than ``MAX_DEPTH``.

    Examples
    --------
    >>> parse_json(b'{"dim": 100}')
    {'dim': 100}
    """
    # Escaped characters go first, then every second piece between quotes is outside strings.
    plain = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    depth = 0
    for bracket in re.findall(rb"[][{}]", b"".join(plain.split(b'"')[::2])):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            raise ValueError(f"it nests deeper than {MAX_DEPTH}")
    content = json.loads(
        text.decode("utf-8"),
        object_pairs_hook=_unique_keys,
        parse_constant=_refuse_constant,
        parse_int=_parse_int,
    )
    if not isinstance(content, dict):
        raise ValueError("it is not an object")
    return content


def to_json(value: object, *, indent: int | None = None) -> str:
    """Return provenance as JSON text that ``parse_json`` reads again.

    Raises
    ------
    ValueError
        If it cannot be expressed so.
    """
    try:
        text = json.dumps(value, indent=indent, allow_nan=False, default=_plain)
        parse_json(text.encode())  # what is written must be read again
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"provenance must be expressible as JSON: {error}") from None


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"{type(value).__name__} is not")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a name stands twice")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _parse_int(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("a number is too long")
    return int(digits)


def _check_header(content: dict[str, Any], start: int, size: int, data: bytes) -> Header:
    metadata = content.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("__metadata__ must map names to strings")
    tensors = {name: _check_tensor(name, entry, start) for name, entry in content.items()}
    end = _check_contiguous(tensors.items(), start)
    if end != size:
        raise ValueError(f"its tensors end at byte {end}, the file at byte {size}")
    return Header(tensors, metadata, data)


def _check_tensor(name: str, entry: object, start: int) -> Tensor:
    shown = f"tensor {name[:40]!r}"
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{shown} must have dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _ITEM_BYTES:
        raise ValueError(f"{shown} has the unknown dtype {str(dtype)[:40]!r}")
    if not (_is_sizes(shape) and len(shape) <= 32):
        raise ValueError(f"{shown} must have a shape of whole numbers")
    if not (_is_sizes(offsets) and len(offsets) == 2 and offsets[0] <= offsets[1]):
        raise ValueError(f"{shown} must have two ascending data_offsets")
    need = math.prod(shape) * _ITEM_BYTES[dtype]
    if need != offsets[1] - offsets[0]:
        raise ValueError(f"{shown} must have as many bytes as its shape and dtype need")
    return Tensor(dtype, tuple(shape), start + offsets[0], start + offsets[1])


def _is_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(n) is int and n >= 0 for n in value)


def _check_contiguous(tensors: Iterable[tuple[str, Tensor]], start: int) -> int:
    end = start
    for name, tensor in sorted(tensors, key=lambda item: (item[1].begin, item[1].end)):
        if tensor.begin != end:
            raise ValueError(f"tensor {name[:40]!r} overlaps another or leaves a hole")
        end = tensor.end
    return end


def _fail(path: str | os.PathLike[str], offset: int, reason: str) -> NoReturn:
    raise FormatError(path, None, offset, reason)
