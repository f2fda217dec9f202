"""Sparse vectors in embkit's own saved form.

Tensors: ``row_offsets`` (where each row's entries begin), ``columns`` and ``values`` (int32 and
float32, rising columns within a row), and ``words``, ``word_offsets`` and ``counts`` as dense
vectors have them. The metadata says ``kind`` sparse and the number of columns, ``dim``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from embkit.formats.safetensors_header import Header
from embkit.sparse import SparseEmbeddings
from embkit.vocabulary import Vocabulary

REQUIRED = ("row_offsets", "columns", "values", "words", "word_offsets")


class Model(Protocol):
    """An open file, as `safetensors_dir` knows it."""

    @property
    def header(self) -> Header:
        """Its checked header."""

    @property
    def tensors(self) -> dict[str, NDArray[Any]]:
        """Its tensors, mapped."""

    def fail(self, reason: str, tensor: str | None = None) -> NoReturn:
        """Raise FormatError at the tensor, or at the header."""


def check_entries(model: Model) -> int:
    """Refuse rows that do not fit together; return the number of rows."""
    tensors, dim = model.tensors, _dim(model)
    offsets, columns, values = (tensors[n] for n in ("row_offsets", "columns", "values"))
    if len(offsets) < 1:
        model.fail("row_offsets must not be empty", "row_offsets")
    if len(columns) != len(values):
        reason = f"{len(values)} values need as many columns, got {len(columns)}"
        model.fail(reason, "columns")
    if offsets[0] != 0 or offsets[-1] != len(values):
        model.fail(f"row_offsets must go from 0 to {len(values)}", "row_offsets")
    if (offsets[1:] < offsets[:-1]).any():
        model.fail("row_offsets must not descend", "row_offsets")
    outside = np.flatnonzero((columns < 0) | (columns >= dim))
    if outside.size:
        reason = f"columns must be below {dim}, got {columns[outside[0]]} at {outside[0]}"
        model.fail(reason, "columns")
    begins = np.zeros(len(columns) + 1, np.bool_)
    begins[offsets] = True
    falling = np.flatnonzero((columns[1:] <= columns[:-1]) & ~begins[1 : len(columns)])
    if falling.size:
        model.fail(f"columns must rise within a row, not so at {falling[0] + 1}", "columns")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        model.fail(f"value {bad[0]} is not finite", "values")
    return len(offsets) - 1


def assemble(
    model: Model, vocabulary: Vocabulary, provenance: Mapping[str, Any]
) -> SparseEmbeddings:
    """Return the vectors of the vocabulary's words, the first rows; values are not copied."""
    from scipy.sparse import csr_array

    tensors, num_rows = model.tensors, len(vocabulary)
    offsets = tensors["row_offsets"][: num_rows + 1]
    end = int(offsets[-1])
    matrix = csr_array(
        (tensors["values"][:end], tensors["columns"][:end], offsets),
        shape=(num_rows, _dim(model)),
        copy=False,
    )
    return SparseEmbeddings(vocabulary, matrix, provenance=provenance)


def tensors_of(embeddings: SparseEmbeddings) -> dict[str, NDArray[Any]]:
    """Return the arrays of the entries as they are written."""
    matrix = embeddings.matrix
    return {
        "row_offsets": np.asarray(matrix.indptr, "<i8"),
        "values": np.asarray(matrix.data, "<f4"),
        "columns": np.asarray(matrix.indices, "<i4"),
    }


def _dim(model: Model) -> int:
    text = model.header.metadata.get("dim", "")
    if not re.fullmatch("[1-9][0-9]{0,9}", text) or int(text) >= 2**31:
        model.fail(f"the metadata's dim must be a number from 1, got {text[:20]!r}")
    return int(text)
