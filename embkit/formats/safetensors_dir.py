"""embkit's own saved form: a directory whose ``embeddings.safetensors`` alone is complete.

Tensors: ``input`` (float32, a row per word), ``output`` where kept, ``words`` (all their bytes)
and ``word_offsets`` (where each begins), ``counts`` where known, and for models with subwords
``subwords`` and ``subword_kept``. Their metadata holds the format's version, the
configuration, the provenance and a CRC-32 of each tensor and of the header itself. Only a
single file can be replaced atomically, so ``model.json`` beside it repeats the metadata for
people and is never read. Sparse vectors have other tensors, see ``safetensors_sparse``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.file_arrays import map_array
from embkit.formats import safetensors_sparse
from embkit.formats.checks import checksum, first_not_finite
from embkit.formats.safetensors_header import (
    FILE_NAME,
    FORMAT_VERSION,
    Header,
    parse_json,
    read_header,
)
from embkit.sparse import SparseEmbeddings
from embkit.streams import open_file
from embkit.subwords import Subwords
from embkit.vocabulary import Vocabulary

# Each tensor with its dtype and number of dimensions.
_TENSORS = {
    "word_offsets": ("U64", 1),
    "counts": ("I64", 1),
    "row_offsets": ("I64", 1),
    "columns": ("I32", 1),
    "values": ("F32", 1),
    "input": ("F32", 2),
    "output": ("F32", 2),
    "subwords": ("F32", 2),
    "subword_kept": ("I32", 2),
    "words": ("U8", 1),
}
_REQUIRED = ("input", "words", "word_offsets")
# What embkit writes in the same container and that holds no vectors, with what reads it.
_NO_VECTORS = {
    "map": "this is a map, not vectors: embkit.Mapping.open reads it, embkit apply and "
    "--mapping take it",
    "counts": "these are co-occurrence counts, not vectors: Cooccurrence.open of "
    "embkit.counts.cooccurrence reads them, embkit train glove, ppmi or svd with "
    "--cooccurrence makes vectors",
}


def read_embeddings(
    path: str | os.PathLike[str],
    *,
    verify: bool = False,
    limit: int | None = None,
    lenient: bool = False,
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
    lenient : bool
        Return values that are not finite as they are, also where ``verify`` is true.

    Returns
    -------
    Embeddings
        Its matrices are read-only memory maps of the file; `SparseEmbeddings` where such were
        saved.

    Raises
    ------
    OSError
        If the file cannot be opened.
    FormatError
        If it is not such a file (a map or counts are told), is damaged, or was written in a
        newer format.
    """
    file = Path(path)
    if file.is_dir():
        file = file / FILE_NAME
    with open_file(file) as stream:
        model = _Model(file, read_header(stream, file))
        _check_version(model)
        _map_tensors(model, stream)
    if model.is_sparse:
        _check_words(model, safetensors_sparse.check_entries(model))
    else:
        _check_pairs(model)
    if verify:
        _verify(model, lenient=lenient)
    return cast("Embeddings", _assemble(model, limit))


@dataclass(frozen=True)
class _Model:
    """An open model: its header, and its tensors once they are mapped."""

    path: Path
    header: Header
    tensors: dict[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def is_sparse(self) -> bool:
        """Whether it holds sparse vectors."""
        return self.header.metadata.get("kind") == "sparse"

    def fail(self, reason: str, tensor: str | None = None) -> NoReturn:
        """Raise FormatError at the tensor, or at the header."""
        offset = 8 if tensor is None else self.header.tensors[tensor].begin
        raise FormatError(self.path, None, offset, reason)

    def parse(self, name: str) -> dict[str, Any]:
        """Return an entry of the metadata that is JSON."""
        try:
            return parse_json(self.header.metadata.get(name, "{}").encode("utf-8"))
        except ValueError as error:
            self.fail(f"the metadata's {name} is not valid: {error}")


def _map_tensors(model: _Model, stream: BinaryIO) -> None:
    for name in safetensors_sparse.REQUIRED if model.is_sparse else _REQUIRED:
        if name not in model.header.tensors:
            model.fail(f"tensor {name!r} is missing")
    file = map_array(stream, np.uint8, name=model.path)
    for name, (dtype, ndim) in _TENSORS.items():
        tensor = model.header.tensors.get(name)
        if tensor is None:
            continue
        if tensor.dtype != dtype or len(tensor.shape) != ndim:
            model.fail(f"tensor {name!r} must be {dtype} of {ndim} dimensions")
        model.tensors[name] = tensor.view(file)


def kind_without_vectors(header: Header) -> Literal["map", "counts"] | None:
    """Tell maps and counts of embkit from each other, and from everything else."""
    if header.metadata.get("format") == "embkit-mapping":
        return "map"
    return "counts" if "embkit_cooccurrence" in header.metadata else None


def _check_version(model: _Model) -> None:
    version = model.header.metadata.get("format_version", "")
    if (kind := kind_without_vectors(model.header)) is not None:
        raise FormatError(model.path, None, None, _NO_VECTORS[kind])
    if model.header.metadata.get("format") != "embkit":
        model.fail("embkit did not write this safetensors file: it says no format_version")
    if not re.fullmatch("[1-9][0-9]{0,8}", version):
        model.fail(f"format_version must be a number from 1, got {version[:20]!r}")
    if int(version) > FORMAT_VERSION:
        model.fail(
            f"format version {version} is newer than this embkit reads "
            f"(up to {FORMAT_VERSION}): pip install --upgrade embkit"
        )


def _check_pairs(model: _Model) -> None:
    """Refuse tensors that are each well formed but do not belong together."""
    tensors = model.tensors
    num_words, dim = tensors["input"].shape
    if dim < 1:
        model.fail("the vectors must have at least 1 dimension, got 0", "input")
    _check_words(model, num_words)
    for name in ("output", "subwords"):
        if name in tensors and tensors[name].shape[1] != dim:
            model.fail(f"{name} must have {dim} columns, got {tensors[name].shape[1]}", name)


def _check_words(model: _Model, num_words: int) -> None:
    tensors = model.tensors
    offsets, num_bytes = tensors["word_offsets"], len(tensors["words"])
    if len(offsets) != num_words + 1:
        reason = f"{num_words} rows need {num_words + 1} word_offsets, got {len(offsets)}"
        model.fail(reason, "word_offsets")
    if offsets[0] != 0 or offsets[-1] != num_bytes:
        model.fail(f"word_offsets must go from 0 to {num_bytes}", "word_offsets")
    if (offsets[1:] < offsets[:-1]).any():
        model.fail("word_offsets must not descend", "word_offsets")
    if "counts" in tensors and len(tensors["counts"]) != num_words:
        model.fail(f"{num_words} rows need as many counts", "counts")
    if "counts" in tensors and (tensors["counts"] < 0).any():
        model.fail("counts must be at least 0", "counts")


def _verify(model: _Model, *, lenient: bool) -> None:
    if not model.header.is_intact():
        model.fail("the header was changed after it was written: its checksum differs")
    sums = model.parse("crc32")
    for name, array in model.tensors.items():
        if sums.get(name) != checksum(array):
            model.fail(f"tensor {name!r} is damaged: its checksum differs", name)
    for name in ("subwords",) if lenient else ("input", "output", "subwords"):
        row = first_not_finite(model.tensors[name]) if name in model.tensors else None
        if row is not None:
            model.fail(f"row {row} of {name} is not finite", name)


def _assemble(model: _Model, limit: int | None) -> Embeddings | SparseEmbeddings:
    counts, num_words = model.tensors.get("counts"), len(model.tensors["word_offsets"]) - 1
    rows = num_words if limit is None else min(limit, num_words)
    vocabulary = Vocabulary(
        model.tensors["words"],
        model.tensors["word_offsets"][: rows + 1],
        None if counts is None else counts[:rows],
    )
    provenance = model.parse("provenance")
    if "config" in model.header.metadata:
        provenance["config"] = model.parse("config")
    if model.is_sparse:
        return safetensors_sparse.assemble(model, vocabulary, provenance)
    vectors, output = model.tensors["input"], model.tensors.get("output")
    if rows < len(vectors) and output is not None:
        output = output[:rows] if len(output) == len(vectors) else None
    return Embeddings(
        vocabulary,
        vectors[:rows],
        output=output,
        provenance=provenance,
        subwords=_subwords(model),
    )


def _subwords(model: _Model) -> Subwords | None:
    vectors, kept = model.tensors.get("subwords"), model.tensors.get("subword_kept")
    if vectors is None:
        return None
    rule = model.parse("subwords")
    if set(rule) != {"minn", "maxn", "bucket"}:
        model.fail("the metadata's subwords must have minn, maxn and bucket")
    if not all(type(value) is int and value < 2**31 for value in rule.values()):
        model.fail("the metadata's subwords must be whole numbers below 2^31")
    try:
        return Subwords(vectors, kept=kept, **rule)
    except ValueError as error:
        model.fail(f"the subwords do not fit together: {error}", "subwords")
