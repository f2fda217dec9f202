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

from embkit.formats import sparse_entries
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

    def fail(tensor: str, reason: str) -> NoReturn:
        model.fail(reason, tensor)

    return sparse_entries.check_entries(model.tensors, _dim(model), fail)


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
