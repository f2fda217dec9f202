"""Files of the embedding projector."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.cli import main
from embkit.report.projector import write_projector


def tables_of(folder: Path) -> dict[str, Path]:
    """Return the tables that the configuration names, by what it calls them."""
    told = (folder / "projector_config.pbtxt").read_text()
    return {key: folder / name for key, name in re.findall(r'(\w+_path): "(.*)"', told)}


def test_rows_are_read_back_to_the_bit_and_words_stay_on_their_lines(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).standard_normal((5, 7)).astype(np.float32)
    words = ["sun", "tab\there", "line\nbreak", "söl", "b\udcffad"]
    vectors = embkit.Embeddings.from_words(words, rows)
    write_projector(vectors, tmp_path / "projector")
    shown = tables_of(tmp_path / "projector")
    read = np.loadtxt(shown["tensor_path"], dtype=np.float32, delimiter="\t")
    np.testing.assert_array_equal(read, rows)
    metadata = shown["metadata_path"].read_bytes()
    assert metadata.splitlines()[:4] == [b"sun", b"tab here", b"line break", "söl".encode()]
    assert metadata.splitlines()[4] == b"b\xffad"


def test_counts_make_a_second_column_under_a_header(tmp_path: Path) -> None:
    vectors = embkit.Embeddings.from_words(["a", "b"], np.eye(2), counts=[7, 3])
    write_projector(vectors, tmp_path / "p")
    metadata = tables_of(tmp_path / "p")["metadata_path"]
    assert metadata.read_text() == "word\tcount\na\t7\nb\t3\n"


def test_the_command_refuses_what_it_cannot_write(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    vectors = tmp_path / "v.txt"
    embkit.save(embkit.Embeddings.from_words(["a", "b"], np.eye(2)), vectors)
    command = ["export", "projector", str(vectors), str(tmp_path / "out")]
    assert main([*command, "--json"]) == 0
    assert len(json.loads(capfd.readouterr().out)["files"]) == 3
    assert main(command) == 2
    assert "projector_config.pbtxt exists" in capfd.readouterr().err
    assert main([*command, "--overwrite"]) == 0
    assert main(["export", "projector", str(vectors), str(tmp_path / "no/out")]) == 4
    assert main(["export", "projector", str(vectors), str(vectors)]) == 4
    assert main(["export", "projector", str(tmp_path / "nothing"), str(tmp_path / "x")]) == 2


@pytest.mark.parametrize("is_there", [False, True])
def test_nothing_stays_of_an_export_that_fails(
    is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter((True, False))  # for the digest, and to be written

    def lines(_: embkit.Embeddings) -> Iterator[str]:
        yield "word\n"
        if not next(calls):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("embkit.report.projector._metadata_lines", lines)
    folder = tmp_path / "p"
    if is_there:
        folder.mkdir()
    vectors = embkit.Embeddings.from_words(["a", "b"], np.eye(2))
    with pytest.raises(OSError, match=r"No space left.*metadata-\w+\.tsv"):
        write_projector(vectors, folder)
    assert list(tmp_path.rglob("*")) == ([folder] if is_there else [])


FIRST = embkit.Embeddings.from_words(["a", "b"], np.eye(2))
SECOND = embkit.Embeddings.from_words(["c", "d", "e"], np.ones((3, 4)))


def contents_of(folder: Path) -> list[bytes]:
    return [table.read_bytes() for table in tables_of(folder).values()]


def test_replaced_tables_go_when_the_new_ones_are_shown(tmp_path: Path) -> None:
    write_projector(FIRST, tmp_path)
    (tmp_path / "mine.tsv").touch()
    (tmp_path / ".tensors-0123abcd.tsv.0123456789abcdef.part").touch()  # of one that was killed
    paths = write_projector(SECOND, tmp_path, overwrite=True)
    assert {*tmp_path.iterdir()} == {*paths, tmp_path / "mine.tsv"}
    again = write_projector(SECOND, tmp_path, overwrite=True)
    assert (again, {*tmp_path.iterdir()}) == (paths, {*paths, tmp_path / "mine.tsv"})


def test_an_export_that_is_killed_anywhere_shows_the_old_tables_or_the_new(
    tmp_path: Path,
) -> None:
    old, new, folder = tmp_path / "old", tmp_path / "new", tmp_path / "p"
    write_projector(FIRST, old)
    write_projector(SECOND, new)
    found = []
    for number in range(1, 100):
        write_projector(FIRST, folder, overwrite=True)
        if not _killed_at(number, SECOND, folder):
            break
        found.append(contents_of(folder))
    assert number > 6
    assert found[0] == contents_of(old)
    assert contents_of(old) in found
    assert found[-1] == contents_of(folder) == contents_of(new)
    assert all(tables in (contents_of(old), contents_of(new)) for tables in found)


def _killed_at(number: int, vectors: embkit.Embeddings, folder: Path) -> bool:
    """Export in a fork that ends before it touches a file for the so manyeth time."""
    if (child := os.fork()) == 0:
        touches = 0

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal touches
            is_touch = event in ("open", "os.rename", "os.remove", "os.mkdir")
            touches += is_touch and str(folder) in str(arguments[0])
            if touches == number:
                os._exit(9)

        sys.addaudithook(hook)
        write_projector(vectors, folder, overwrite=True)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
