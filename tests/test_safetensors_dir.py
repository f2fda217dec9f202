"""embkit's saved form: what was saved comes back, and nothing is lost on the way."""

from __future__ import annotations

import errno
import json
import resource
import struct
import tempfile
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

import embkit
from embkit.embeddings import Embeddings
from embkit.errors import FormatError, OutputExistsError
from embkit.formats.safetensors_dir import read_embeddings
from embkit.formats.safetensors_header import FILE_NAME
from embkit.formats.safetensors_writer import save_directory
from embkit.vocabulary import Vocabulary
from tests.attacks.safetensors_files import WORDS, make, read, to_bytes


def assert_equal(ours: Embeddings, theirs: Embeddings) -> None:
    assert ours.words == theirs.words
    assert ours.provenance == theirs.provenance
    for name in ("vectors", "output", "counts"):
        left, right = getattr(ours, name), getattr(theirs, name)
        assert (left is None) == (right is None), name
        if left is not None:
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
    assert (ours.subwords is None) == (theirs.subwords is None)
    if ours.subwords is not None and theirs.subwords is not None:
        np.testing.assert_array_equal(
            ours.subwords.vector("unseen"), theirs.subwords.vector("unseen")
        )


@pytest.mark.parametrize("extras", [True, False])
def test_a_model_comes_back_as_it_was_saved(tmp_path: Path, extras: bool) -> None:
    embeddings = make(extras=extras)
    save_directory(embeddings, tmp_path / "model")
    assert_equal(read_embeddings(tmp_path / "model", verify=True), embeddings)
    assert_equal(read_embeddings(tmp_path / "model" / FILE_NAME), embeddings)


@given(
    words=st.lists(st.binary(min_size=1, max_size=20), max_size=20, unique=True),
    dim=st.integers(1, 20),
    data=st.data(),
)
@settings(deadline=None)
def test_any_words_and_values_come_back(
    words: list[bytes], dim: int, data: st.DataObject
) -> None:
    number = st.floats(width=32, allow_nan=False, allow_infinity=False)
    values = data.draw(st.lists(number, min_size=len(words) * dim, max_size=len(words) * dim))
    vectors = np.array(values, np.float32).reshape(len(words), dim)
    embeddings = Embeddings(Vocabulary.from_words(words), vectors)
    content = to_bytes(embeddings)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.safetensors"
        path.write_bytes(content)
        back = read_embeddings(path, verify=True)
    np.testing.assert_array_equal(back.vectors.view(np.uint32), vectors.view(np.uint32))
    assert [back.vocabulary.bytes_of(row) for row in range(len(back))] == words


def test_the_safetensors_package_reads_the_same(tmp_path: Path) -> None:
    embeddings = make()
    tensors = safetensors.numpy.load(to_bytes(embeddings))
    assert set(tensors) == {
        *("input", "output", "words", "word_offsets", "counts", "subwords"),
    }
    np.testing.assert_array_equal(tensors["input"], embeddings.vectors)
    np.testing.assert_array_equal(tensors["output"], embeddings.output)
    np.testing.assert_array_equal(tensors["counts"], embeddings.counts)
    assert tensors["words"].tobytes() == b"".join(
        w if isinstance(w, bytes) else w.encode() for w in WORDS
    )
    path = tmp_path / "model.safetensors"
    path.write_bytes(to_bytes(embeddings))
    with safetensors.safe_open(str(path), "numpy") as file:
        metadata = file.metadata()
    assert metadata["format_version"] == "1"
    assert json.loads(metadata["config"]) == {"dim": 3, "window": 5}
    sums = json.loads(metadata["crc32"])
    assert sums == {name: zlib.crc32(tensors[name].tobytes()) for name in tensors}


def test_what_the_safetensors_package_writes_is_read(tmp_path: Path) -> None:
    embeddings = make()
    data = to_bytes(embeddings)
    length = struct.unpack("<Q", data[:8])[0]
    metadata = json.loads(data[8 : 8 + length])["__metadata__"]
    theirs = safetensors.numpy.save(safetensors.numpy.load(data), metadata)
    assert theirs != data
    assert_equal(read(tmp_path, theirs), embeddings)
    with pytest.raises(FormatError, match="header was changed"):
        read(tmp_path, theirs, verify=True)


def test_matrices_are_mapped_read_only_and_aligned(tmp_path: Path) -> None:
    save_directory(make(), tmp_path / "model")
    embeddings = read_embeddings(tmp_path / "model")
    assert embeddings.output is not None
    for matrix in (embeddings.vectors, embeddings.output):
        assert not matrix.flags.writeable
        assert not matrix.flags.owndata
        assert matrix.flags.aligned
    assert embeddings.vectors.ctypes.data % 64 == 0


def test_writing_copies_no_matrix(tmp_path: Path) -> None:
    rows = np.ones((1 << 16, 256), np.float32)  # 64 MiB
    words = Vocabulary.from_words(str(row) for row in range(1 << 16))
    embeddings = Embeddings(words, rows)
    tracemalloc.start()
    save_directory(embeddings, tmp_path / "model")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes // 4


def test_model_json_repeats_the_metadata(tmp_path: Path) -> None:
    save_directory(make(), tmp_path / "model")
    card = json.loads((tmp_path / "model" / "model.json").read_text())
    assert card["config"] == {"dim": 3, "window": 5}
    assert card["tensors"]["input"] == {"dtype": "float32", "shape": [5, 3]}
    assert (card["num_words"], card["dim"], card["format_version"]) == (5, 3, 1)


def test_no_empty_folder_is_left_where_no_file_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    monkeypatch.setattr("embkit.formats.safetensors_writer.OutputFile", refuse)
    with pytest.raises(OSError, match="Too many open files"):
        save_directory(make(), tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_saving_over_a_model_must_be_asked_for(tmp_path: Path) -> None:
    save_directory(make(), tmp_path / "model")
    other = make(extras=False)
    with pytest.raises(OutputExistsError):
        save_directory(other, tmp_path / "model")
    assert_equal(read_embeddings(tmp_path / "model"), make())
    save_directory(other, tmp_path / "model", overwrite=True)
    assert_equal(read_embeddings(tmp_path / "model"), other)


def test_a_mapped_model_survives_being_saved_over(tmp_path: Path) -> None:
    save_directory(make(), tmp_path / "model")
    old = read_embeddings(tmp_path / "model")
    doubled = Embeddings(old.vocabulary, old.vectors * 2)
    save_directory(doubled, tmp_path / "model", overwrite=True)
    np.testing.assert_array_equal(old.vectors, make().vectors)
    np.testing.assert_array_equal(read_embeddings(tmp_path / "model").vectors, doubled.vectors)


def test_what_cannot_be_saved_leaves_nothing_behind(tmp_path: Path) -> None:
    rows = make().vectors.copy()
    rows[2, 1] = np.nan
    with pytest.raises(ValueError, match="row 2"):
        save_directory(Embeddings(Vocabulary.from_words(WORDS), rows), tmp_path / "model")
    with pytest.raises(ValueError, match="JSON"):
        save_directory(
            Embeddings(
                Vocabulary.from_words(WORDS), make().vectors, provenance={"x": object()}
            ),
            tmp_path / "model",
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", [float("nan"), 10**30, [[[[[[[[[1]]]]]]]]]])
def test_provenance_that_could_not_be_read_again_is_refused(value: object) -> None:
    words = Vocabulary.from_words(["a"])
    embeddings = Embeddings(words, np.ones((1, 2), np.float32), provenance={"x": value})
    with pytest.raises(ValueError, match="provenance"):
        to_bytes(embeddings)


def test_limit_keeps_the_first_rows(tmp_path: Path) -> None:
    part = read(tmp_path, to_bytes(make()), limit=2)
    assert part.words == ["the", "straße"]
    np.testing.assert_array_equal(part.vectors, make().vectors[:2])
    assert part.output is not None
    assert part.counts is not None
    assert (len(part.output), part.counts.tolist()) == (2, [9, 7])


def test_a_missing_file_is_the_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_embeddings(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        read_embeddings(tmp_path)


def test_a_full_disk_keeps_the_old_model_at_every_size(tmp_path: Path) -> None:
    old, new = make(extras=False), make()
    save_directory(old, tmp_path / "old")
    size = len(to_bytes(new))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for room in range(0, size, 150):
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
            for folder in ("old", "new"):
                with pytest.raises(OSError, match="File too large"):
                    save_directory(new, tmp_path / folder, overwrite=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert sorted(p.name for p in tmp_path.iterdir()) == ["old"]
        assert sorted(p.name for p in (tmp_path / "old").iterdir()) == [FILE_NAME, "model.json"]
        assert_equal(read_embeddings(tmp_path / "old", verify=True), old)


def test_full_disk_under_the_card_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("embkit.formats.safetensors_writer.describe", full)
    with pytest.raises(OSError, match=r"No space left on device: .*model\.json"):
        save_directory(Embeddings.from_words({"a": [1.0]}), tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [1, 4, 5, 6])
def test_limit_keeps_as_many_rows_as_there_are(tmp_path: Path, limit: int) -> None:
    part = read(tmp_path, to_bytes(make()), limit=limit)
    rows = min(limit, 5)
    assert part.words == make().words[:rows]
    assert part.output is not None
    np.testing.assert_array_equal(part.output, make().output[:rows])  # type: ignore[index]
    np.testing.assert_array_equal(part.vectors, make().vectors[:rows])


def test_a_model_that_cannot_be_mapped_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    embkit.save(embkit.Embeddings.from_words(["a", "b"], np.eye(2)), tmp_path / "model")
    monkeypatch.setattr(np, "memmap", fail)
    with pytest.raises(OSError, match=r"Too many open files: .*embeddings\.safetensors"):
        embkit.load(tmp_path / "model")
