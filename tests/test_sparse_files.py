"""Sparse vectors in embkit's own form: everything comes back; what is broken is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.counts.ppmi import ppmi_matrix
from embkit.errors import FormatError
from embkit.formats.safetensors_header import build_header, read_header
from embkit.sparse import SparseEmbeddings
from embkit.vocabulary import Vocabulary
from tests.reference_counts import random_counts


@pytest.fixture
def vectors() -> SparseEmbeddings:
    words = Vocabulary.from_words([f"w{i}" for i in range(30)], list(range(100, 70, -1)))
    matrix = ppmi_matrix(random_counts(30, 0.5, seed=1))
    return SparseEmbeddings(words, matrix, provenance={"method": "ppmi", "config": {"a": 1}})


@pytest.mark.parametrize("name", ["model", "v.safetensors", "v.npz"])
def test_what_is_saved_is_loaded(vectors: SparseEmbeddings, name: str, tmp_path: Path) -> None:
    embkit.save(vectors, tmp_path / name)
    found: Any = embkit.load(tmp_path / name, verify=True)
    assert isinstance(found, SparseEmbeddings)
    assert found.words == vectors.words
    assert found.counts is not None
    assert found.counts.tolist() == list(range(100, 70, -1))
    np.testing.assert_array_equal(found.matrix.toarray(), vectors.matrix.toarray())
    assert found.provenance == vectors.provenance
    assert found.most_similar("w1", topn=3) == vectors.most_similar("w1", topn=3)


@pytest.mark.parametrize("name", ["model", "v.npz"])
def test_the_first_words_alone_can_be_loaded(
    vectors: SparseEmbeddings, name: str, tmp_path: Path
) -> None:
    embkit.save(vectors, tmp_path / name)
    found: Any = embkit.load(tmp_path / name, limit=7)
    assert len(found) == 7
    assert found.dim == 30
    np.testing.assert_array_equal(found.matrix.toarray(), vectors.matrix.toarray()[:7])


def test_other_formats_are_refused_before_anything_is_written(
    vectors: SparseEmbeddings, tmp_path: Path
) -> None:
    for name in ("v.bin", "v.txt", "v.glove"):
        with pytest.raises(ValueError, match=r"a directory, a \.safetensors or a \.npz file"):
            embkit.save(vectors, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_inspection_tells_the_entries(vectors: SparseEmbeddings, tmp_path: Path) -> None:
    from embkit import formats

    embkit.save(vectors, tmp_path / "model")
    report = formats.inspect(tmp_path / "model")
    assert (report.num_words, report.dim) == (30, 30)
    assert report.details["sparse_entries"] == vectors.num_entries


def changed(path: Path, metadata: dict[str, str], **arrays: Any) -> None:
    """Write the file again with other tensors or metadata, its checksums left aside."""
    with path.open("rb") as stream:
        header = read_header(stream, path)
    data = np.fromfile(path, np.uint8)
    tensors = {name: tensor.view(data) for name, tensor in header.tensors.items()} | arrays
    kept = {k: v for k, v in header.metadata.items() if k != "header_crc32"}
    parts = [build_header(tensors, kept | metadata), *(a.tobytes() for a in tensors.values())]
    path.write_bytes(b"".join(parts))


@pytest.mark.parametrize(
    ("tensor", "change", "message"),
    [
        (
            "columns",
            lambda a: np.where(np.arange(len(a)) == 3, 30, a),
            "must be below 30, got 30",
        ),
        ("columns", lambda a: np.where(np.arange(len(a)) == 3, -1, a), "got -1 at 3"),
        ("columns", lambda a: a[::-1].copy(), "columns must rise within a row"),
        ("columns", lambda a: a[:-1].copy(), "values need as many columns"),
        (
            "values",
            lambda a: np.where(np.arange(len(a)) == 2, np.nan, a),
            "value 2 is not finite",
        ),
        ("row_offsets", lambda a: a[:-1].copy(), "row_offsets must go from 0 to"),
        ("row_offsets", lambda a: np.r_[a[:1], a[2:3], a[1:2], a[3:]], "must not descend"),
        ("row_offsets", lambda a: a[:0].copy(), "row_offsets must not be empty"),
        ("row_offsets", lambda a: np.r_[a, a[-1:]], "31 rows need 32 word_offsets, got 31"),
    ],
)
def test_broken_entries_are_refused(
    vectors: SparseEmbeddings, tensor: str, change: Any, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "v.safetensors"
    embkit.save(vectors, path)
    with path.open("rb") as stream:
        old = read_header(stream, path).tensors[tensor].view(np.fromfile(path, np.uint8))
    changed(path, {}, **{tensor: change(old).astype(old.dtype)})
    with pytest.raises(FormatError, match=message):
        embkit.load(path)


@pytest.mark.parametrize("dim", ["", "0", "-3", "99999999999", "3000000000"])
def test_a_bad_number_of_columns_is_refused(
    vectors: SparseEmbeddings, dim: str, tmp_path: Path
) -> None:
    path = tmp_path / "v.safetensors"
    embkit.save(vectors, path)
    changed(path, {"dim": dim})
    with pytest.raises(FormatError, match="dim must be a number"):
        embkit.load(path)


def test_damage_is_seen_when_asked(vectors: SparseEmbeddings, tmp_path: Path) -> None:
    path = tmp_path / "v.safetensors"
    embkit.save(vectors, path)
    data = bytearray(path.read_bytes())
    with path.open("rb") as stream:
        data[read_header(stream, path).tensors["values"].begin] ^= 1
    path.write_bytes(data)
    embkit.load(path)
    with pytest.raises(FormatError, match="'values' is damaged"):
        embkit.load(path, verify=True)
