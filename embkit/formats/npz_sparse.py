"""Sparse vectors in a NumPy archive: what ``scipy.sparse.save_npz`` writes, and the words.

``scipy.sparse.load_npz`` reads such an archive too, and passes over the words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from embkit.formats.sparse_entries import check_entries
from embkit.sparse import SparseEmbeddings

if TYPE_CHECKING:
    from scipy.sparse import csr_array

MEMBERS = {
    "row_offsets": "indptr",
    "columns": "indices",
    "values": "data",
    "shape": "shape",
    "format": "format",
}
"""The parts of compressed rows, and SciPy's names of them."""
_KINDS = {"row_offsets": "iu", "columns": "iu", "values": "fiu", "shape": "iu"}


class Content(Protocol):
    """The arrays of an open archive, as `npz` knows them."""

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Each part's array."""

    def fail(self, part: str, reason: str) -> NoReturn:
        """Raise FormatError at the part's member."""


def is_sparse(names: Iterable[str]) -> bool:
    """Tell whether an archive's arrays are those of a sparse matrix."""
    return set(MEMBERS.values()) <= set(names)


def arrays_of(embeddings: SparseEmbeddings) -> dict[str, NDArray[Any]]:
    """Return the arrays of the matrix as they are written."""
    matrix = embeddings.matrix
    return {
        "indices": np.asarray(matrix.indices, "<i4"),
        "indptr": np.asarray(matrix.indptr, "<i8"),
        "format": np.array(b"csr"),
        "shape": np.array(matrix.shape, "<i8"),
        "data": np.asarray(matrix.data, "<f4"),
        "_is_array": np.array(True),
    }


def read_matrix(content: Content) -> csr_array[Any, tuple[int, int]]:
    """Return the checked matrix."""
    from scipy.sparse import csr_array

    num_rows, dim = _shape(content)
    for part, kinds in _KINDS.items():
        if content.arrays[part].dtype.kind not in kinds or content.arrays[part].ndim != 1:
            content.fail(part, f"{MEMBERS[part]} must be numbers in 1 dimension")
    with np.errstate(over="ignore"):
        values: NDArray[Any] = content.arrays["values"].astype(np.float32)
    offsets, columns = (content.arrays[n].astype(np.int64) for n in ("row_offsets", "columns"))
    arrays: dict[str, NDArray[Any]] = {
        "row_offsets": offsets,
        "columns": columns,
        "values": values,
    }
    if check_entries(arrays, dim, content.fail) != num_rows:
        reason = f"{num_rows} rows need {num_rows + 1} row_offsets, got {len(offsets)}"
        content.fail("row_offsets", reason)
    return csr_array((values, columns, offsets), shape=(num_rows, dim), copy=False)


def _shape(content: Content) -> tuple[int, int]:
    form, shape = content.arrays["format"], content.arrays["shape"]
    text = form.item() if form.shape == () and form.dtype.kind in "US" else b""
    if text not in (b"csr", "csr"):
        content.fail("format", f"a sparse matrix must be in the format csr, got {text!r}")
    if shape.dtype.kind not in "iu" or shape.shape != (2,):
        content.fail("shape", "shape must be two whole numbers")
    num_rows, dim = (int(n) for n in shape)
    if num_rows < 0 or not 1 <= dim < 2**31:
        content.fail("shape", f"shape must be rows and 1 to 2^31 - 1 columns, got {shape}")
    return num_rows, dim
