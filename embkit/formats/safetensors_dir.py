"""embkit's own saved form: a directory whose ``embeddings.safetensors`` alone is complete.

Tensors: ``input`` (float32, a row per word), ``output`` where kept, ``words`` (all their bytes)
and ``word_offsets`` (where each begins), ``counts`` where known, and for models with subwords
``subwords`` and ``subword_kept``. Their metadata holds the format's version, the
configuration, the provenance and a CRC-32 of each tensor and of the header itself. Only a
single file can be replaced atomically, so ``model.json`` beside it repeats the metadata for
people and is never read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats.checks import checksum, first_not_finite
from embkit.formats.safetensors_header import (
    FILE_NAME,
    FORMAT_VERSION,
    Header,
    parse_json,
    read_header,
)
from embkit.subwords import Subwords
from embkit.vocabulary import Vocabulary

# Each tensor with its dtype and number of dimensions.
_TENSORS = {
    "word_offsets": ("U64", 1),
    "counts": ("I64", 1),
    "input": ("F32", 2),
    "output": ("F32", 2),
    "subwords": ("F32", 2),
    "subword_kept": ("I32", 2),
    "words": ("U8", 1),
}
_REQUIRED = ("input", "words", "word_offsets")


def read_embeddings(
    path: str | os.PathLike[str], *, verify: bool = False, limit: int | None = None
) -> Embeddings:
    """Map a saved model: only its header, words and counts are read.

    Parameters
    ----------
    path : str or path
        The directory, or the safetensors file itself.
    verify : bool
        Also read every byte: checksums, and that all values are finite.
    limit : int, optional
        Keep only this many words, the first ones.

    Returns
    -------
    Embeddings
        Its matrices are read-only memory maps of the file.

    Raises
    ------
    OSError
        If the file cannot be opened.
    FormatError
        If it is not such a file, is damaged, or was written in a newer format.
    """
    file = Path(path)
    if file.is_dir():
        file = file / FILE_NAME
    with file.open("rb") as stream:
        header = read_header(stream, file)
        tensors = _map_tensors(stream, header, file)
    if verify:
        _verify(tensors, header, file)
    return _assemble(tensors, header, file, limit)


def _map_tensors(stream: BinaryIO, header: Header, path: Path) -> dict[str, NDArray[Any]]:
    _check_version(header, path)
    for name in _REQUIRED:
        if name not in header.tensors:
            _fail(path, f"tensor {name!r} is missing")
    file = np.memmap(stream, np.uint8, "r").view(np.ndarray)
    tensors = {}
    for name, (dtype, ndim) in _TENSORS.items():
        tensor = header.tensors.get(name)
        if tensor is None:
            continue
        if tensor.dtype != dtype or len(tensor.shape) != ndim:
            _fail(path, f"tensor {name!r} must be {dtype} of {ndim} dimensions")
        tensors[name] = tensor.view(file)
    _check_pairs(tensors, path)
    return tensors


def _check_version(header: Header, path: Path) -> None:
    version = header.metadata.get("format_version", "")
    if header.metadata.get("format") != "embkit" or not version.isascii():
        _fail(path, "embkit did not write this safetensors file: it says no format_version")
    if not version.isdigit() or len(version) > 9 or int(version) < 1:
        _fail(path, f"format_version must be a number from 1, got {version[:20]!r}")
    if int(version) > FORMAT_VERSION:
        _fail(
            path,
            f"format version {version} is newer than this embkit reads "
            f"(up to {FORMAT_VERSION}): pip install --upgrade embkit",
        )


def _check_pairs(tensors: Mapping[str, NDArray[Any]], path: Path) -> None:
    """Refuse tensors that are each well formed but do not belong together."""
    num_words, dim = tensors["input"].shape
    offsets = tensors["word_offsets"]
    if dim < 1:
        _fail(path, "the vectors must have at least 1 dimension, got 0")
    if len(offsets) != num_words + 1:
        _fail(path, f"{num_words} rows need {num_words + 1} word_offsets, got {len(offsets)}")
    if offsets[0] != 0 or offsets[-1] != len(tensors["words"]):
        _fail(path, f"word_offsets must go from 0 to {len(tensors['words'])}")
    if (offsets[1:] < offsets[:-1]).any():
        _fail(path, "word_offsets must not descend")
    if len(tensors.get("counts", offsets[1:])) != num_words:
        _fail(path, f"{num_words} rows need as many counts, got {len(tensors['counts'])}")
    if "counts" in tensors and (tensors["counts"] < 0).any():
        _fail(path, "counts must be at least 0")
    for name in ("output", "subwords"):
        if name in tensors and tensors[name].shape[1] != dim:
            _fail(path, f"{name} must have {dim} columns, got {tensors[name].shape[1]}")


def _verify(tensors: Mapping[str, NDArray[Any]], header: Header, path: Path) -> None:
    if not header.is_intact():
        _fail(path, "the header was changed after it was written: its checksum differs")
    sums = _parse_metadata(header, "crc32", path)
    for name, array in tensors.items():
        if sums.get(name) != checksum(array):
            _fail(path, f"tensor {name!r} is damaged: its checksum differs", header, name)
    for name in ("input", "output", "subwords"):
        row = first_not_finite(tensors[name]) if name in tensors else None
        if row is not None:
            _fail(path, f"row {row} of {name} is not finite", header, name)


def _assemble(
    tensors: Mapping[str, NDArray[Any]], header: Header, path: Path, limit: int | None
) -> Embeddings:
    num_words = len(tensors["input"])
    rows = num_words if limit is None else min(limit, num_words)
    counts = tensors.get("counts")
    offsets = tensors["word_offsets"][: rows + 1]
    vocabulary = Vocabulary(
        tensors["words"], offsets, None if counts is None else counts[:rows]
    )
    output = tensors.get("output")
    if rows < num_words and output is not None:
        output = output[:rows] if len(output) == num_words else None
    provenance = _parse_metadata(header, "provenance", path)
    if "config" in header.metadata:
        provenance["config"] = _parse_metadata(header, "config", path)
    return Embeddings(
        vocabulary,
        tensors["input"][:rows],
        output=output,
        provenance=provenance,
        subwords=_subwords(tensors, header, path),
    )


def _subwords(
    tensors: Mapping[str, NDArray[Any]], header: Header, path: Path
) -> Subwords | None:
    if "subwords" not in tensors:
        return None
    rule = _parse_metadata(header, "subwords", path)
    if set(rule) != {"minn", "maxn", "bucket"} or any(
        type(n) is not int for n in rule.values()
    ):
        _fail(path, "the metadata's subwords must have minn, maxn and bucket")
    if max(rule.values()) >= 2**31:
        _fail(path, "the metadata's subwords must be below 2^31")
    try:
        return Subwords(tensors["subwords"], kept=tensors.get("subword_kept"), **rule)
    except ValueError as error:
        _fail(path, f"the subwords do not fit together: {error}")


def _parse_metadata(header: Header, name: str, path: Path) -> dict[str, Any]:
    try:
        return parse_json(header.metadata.get(name, "{}").encode("utf-8"))
    except ValueError as error:
        _fail(path, f"the metadata's {name} is not valid: {error}")


def _fail(
    path: Path, reason: str, header: Header | None = None, tensor: str | None = None
) -> NoReturn:
    offset = None if header is None or tensor is None else header.tensors[tensor].begin
    raise FormatError(path, None, offset, reason)
