"""Sparse vectors as npz: SciPy reads them, SciPy's own are read, what is broken is refused."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import embkit
from embkit.counts.ppmi import ppmi_matrix
from embkit.errors import FormatError, ResourceError
from embkit.formats.npz import read_embeddings
from embkit.sparse import SparseEmbeddings
from embkit.vocabulary import Vocabulary
from tests.reference_counts import random_counts

WORDS = np.array([f"w{i}" for i in range(12)])


@pytest.fixture
def matrix() -> Any:
    return ppmi_matrix(random_counts(12, 0.5, seed=1))


def parts(matrix: Any) -> dict[str, Any]:
    """Return the arrays as SciPy names them."""
    return {
        "indices": matrix.indices,
        "indptr": matrix.indptr,
        "format": np.array(b"csr"),
        "shape": np.array(matrix.shape),
        "data": matrix.data,
        "words": WORDS,
    }


def test_scipy_reads_what_is_saved(matrix: Any, tmp_path: Path) -> None:
    vectors = SparseEmbeddings(Vocabulary.from_words(WORDS.tolist()), matrix)
    embkit.save(vectors, tmp_path / "v.npz")
    found = scipy.sparse.load_npz(tmp_path / "v.npz")
    assert isinstance(found, scipy.sparse.csr_array)
    np.testing.assert_array_equal(found.toarray(), matrix.toarray())


def test_equal_vectors_give_equal_bytes(matrix: Any, tmp_path: Path) -> None:
    vectors = SparseEmbeddings(Vocabulary.from_words(WORDS.tolist()), matrix)
    for name in ("a.npz", "b.npz"):
        embkit.save(vectors, tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


@pytest.mark.parametrize("kind", [np.float64, np.float32, np.int64])
def test_scipys_arrays_with_words_are_read(matrix: Any, kind: Any, tmp_path: Path) -> None:
    given = matrix.astype(kind)
    scipy.sparse.save_npz(tmp_path / "bare.npz", given)
    with np.load(tmp_path / "bare.npz") as bare:
        np.savez_compressed(tmp_path / "v.npz", words=WORDS, **dict(bare))
    found: Any = embkit.load(tmp_path / "v.npz")
    assert isinstance(found, SparseEmbeddings)
    assert found.words == WORDS.tolist()
    np.testing.assert_array_equal(found.matrix.toarray(), given.toarray().astype(np.float32))


def test_scipys_archive_without_words_is_refused(matrix: Any, tmp_path: Path) -> None:
    scipy.sparse.save_npz(tmp_path / "bare.npz", matrix)
    with pytest.raises(FormatError, match="no array of words"):
        embkit.load(tmp_path / "bare.npz")


def test_arrays_beyond_the_memory_are_refused(matrix: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", **parts(matrix))
    with pytest.raises(ResourceError):
        embkit.load(tmp_path / "v.npz", memory=100)


def at(place: int, value: float) -> Any:
    return lambda a: np.where(np.arange(len(a)) == place, np.asarray(value), a)


BROKEN = {
    "column-beyond": ("indices", at(3, 12), "columns must be below 12, got 12 at 3"),
    "column-below": ("indices", at(3, -1), "got -1 at 3"),
    "column-far-beyond": (
        "indices",
        lambda a: a.astype(np.int64) + 2**40,
        "columns must be below 12",
    ),
    "columns-fall": ("indices", lambda a: a[::-1].copy(), "columns must rise within a row"),
    "columns-missing": ("indices", lambda a: a[:-1], "values need as many columns"),
    "columns-are-floats": ("indices", lambda a: a * 1.0, "indices must be numbers in 1"),
    "columns-in-a-table": ("indices", lambda a: a[None], "indices must be numbers in 1"),
    "value-nan": ("data", at(2, np.nan), "value 2 is not finite"),
    "value-too-large": ("data", lambda a: a * 1e300, "value 0 is not finite"),
    "values-are-text": ("data", lambda a: a.astype(str), "data must be numbers in 1"),
    "offsets-short": ("indptr", lambda a: a[:-1], "row_offsets must go from 0 to"),
    "offsets-fall": ("indptr", lambda a: np.r_[a[:1], a[2:3], a[1:2], a[3:]], "not descend"),
    "offsets-empty": ("indptr", lambda a: a[:0], "row_offsets must not be empty"),
    "offsets-huge": ("indptr", at(3, 1 << 62), "row_offsets must not descend"),
    "offsets-more": ("indptr", lambda a: np.r_[a, a[-1:]], "12 rows need 13 row_offsets"),
    "shape-of-three": ("shape", lambda a: np.r_[a, 1], "shape must be two whole numbers"),
    "shape-negative": ("shape", lambda a: a * [-1, 1], "shape must be rows and"),
    "shape-no-columns": ("shape", lambda a: a * [1, 0], "shape must be rows and"),
    "shape-too-wide": ("shape", lambda a: a * [1, 1 << 40], "shape must be rows and"),
    "other-format": ("format", lambda a: np.array(b"csc"), "in the format csr, got b'csc'"),
    "format-a-number": ("format", lambda a: np.array(7), "in the format csr, got b''"),
    "words-missing": ("words", lambda a: a[:-1], "12 rows need as many words, got 11"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_arrays_are_refused(matrix: Any, case: str, tmp_path: Path) -> None:
    name, change, reason = BROKEN[case]
    arrays = parts(matrix.astype(np.float64))
    np.savez(tmp_path / "v.npz", **(arrays | {name: change(arrays[name])}))
    with pytest.raises(FormatError, match=re.escape(reason)) as caught:
        embkit.load(tmp_path / "v.npz")
    assert caught.value.offset is not None


def test_mutations_are_read_or_refused(matrix: Any, tmp_path: Path) -> None:
    path = tmp_path / "v.npz"
    np.savez(path, **parts(matrix))
    original, rng, outcomes = path.read_bytes(), random.Random(7), set()
    for _ in range(600):
        data = bytearray(original)
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.choice([0, 1, 127, 255, rng.randrange(256)])
        path.write_bytes(data)
        try:
            found: Any = read_embeddings(path)
            assert np.isfinite(found.matrix.data).all()
            outcomes.add("read")
        except (FormatError, ResourceError):
            outcomes.add("refused")
    assert "refused" in outcomes


@pytest.mark.parametrize("columns", [1, 2**31 - 1])
def test_any_number_of_columns_below_2_to_the_31_is_read(columns: int, tmp_path: Path) -> None:
    arrays = parts(scipy.sparse.csr_array(np.ones((12, 1), np.float32)))
    arrays["shape"] = np.array([12, columns])
    np.savez(tmp_path / "v.npz", **arrays)
    found = read_embeddings(tmp_path / "v.npz")
    assert isinstance(found, SparseEmbeddings)
    assert found.matrix.shape == (12, columns)
    arrays["shape"] = np.array([12, columns + 1 if columns > 1 else 0])
    np.savez(tmp_path / "v.npz", **arrays)
    with pytest.raises(FormatError, match=r"shape must be rows and 1 to 2\^31 - 1 columns"):
        read_embeddings(tmp_path / "v.npz")


@pytest.mark.parametrize("rows", [0, -1])
def test_no_rows_are_read_but_not_fewer(rows: int, tmp_path: Path) -> None:
    arrays = parts(scipy.sparse.csr_array((0, 3), dtype=np.float32))
    arrays |= {"words": WORDS[:0], "shape": np.array([rows, 3])}
    np.savez(tmp_path / "v.npz", **arrays)
    if rows == 0:
        assert len(read_embeddings(tmp_path / "v.npz")) == 0
    else:
        with pytest.raises(FormatError, match="shape must be rows"):
            read_embeddings(tmp_path / "v.npz")
