"""Files of the embedding projector."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.cli import main
from embkit.report.projector import write_projector


def test_rows_are_read_back_to_the_bit_and_words_stay_on_their_lines(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).standard_normal((5, 7)).astype(np.float32)
    words = ["sun", "tab\there", "line\nbreak", "söl", "b\udcffad"]
    vectors = embkit.Embeddings.from_words(words, rows)
    write_projector(vectors, tmp_path / "projector")
    read = np.loadtxt(tmp_path / "projector/tensors.tsv", dtype=np.float32, delimiter="\t")
    np.testing.assert_array_equal(read, rows)
    metadata = (tmp_path / "projector/metadata.tsv").read_bytes()
    assert metadata.splitlines()[:4] == [b"sun", b"tab here", b"line break", "söl".encode()]
    assert metadata.splitlines()[4] == b"b\xffad"
    assert (
        'tensor_path: "tensors.tsv"'
        in (tmp_path / "projector/projector_config.pbtxt").read_text()
    )


def test_counts_make_a_second_column_under_a_header(tmp_path: Path) -> None:
    vectors = embkit.Embeddings.from_words(["a", "b"], np.eye(2), counts=[7, 3])
    write_projector(vectors, tmp_path / "p")
    assert (tmp_path / "p/metadata.tsv").read_text() == "word\tcount\na\t7\nb\t3\n"


def test_the_command_refuses_what_it_cannot_write(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    vectors = tmp_path / "v.txt"
    embkit.save(embkit.Embeddings.from_words(["a", "b"], np.eye(2)), vectors)
    command = ["export", "projector", str(vectors), str(tmp_path / "out")]
    assert main([*command, "--json"]) == 0
    assert len(json.loads(capfd.readouterr().out)["files"]) == 3
    assert main(command) == 2
    assert "tensors.tsv exists" in capfd.readouterr().err
    assert main([*command, "--overwrite"]) == 0
    assert main(["export", "projector", str(vectors), str(tmp_path / "no/out")]) == 4
    assert main(["export", "projector", str(vectors), str(vectors)]) == 4
    assert main(["export", "projector", str(tmp_path / "nothing"), str(tmp_path / "x")]) == 2


@pytest.mark.parametrize("is_there", [False, True])
def test_nothing_stays_of_an_export_that_fails(
    is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lines(_: embkit.Embeddings) -> Iterator[str]:
        yield "word\n"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("embkit.report.projector._metadata_lines", lines)
    folder = tmp_path / "p"
    if is_there:
        folder.mkdir()
    vectors = embkit.Embeddings.from_words(["a", "b"], np.eye(2))
    with pytest.raises(OSError, match=r"No space left.*metadata\.tsv"):
        write_projector(vectors, folder)
    assert list(tmp_path.rglob("*")) == ([folder] if is_there else [])
