"""Arrays mapped from files: what cannot be mapped is told with the file's name."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.errors import FormatError, ResourceError
from embkit.file_arrays import map_array
from tests.fasttext_files import Model

PACKAGE = Path(__file__).parents[1] / "embkit"


def test_a_file_that_ends_before_its_array_is_named_with_both_sizes(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(bytes(12))
    with (
        path.open("rb") as file,
        pytest.raises(FormatError, match=r"numbers: the file must have 20 bytes, got 12"),
    ):
        map_array(file, np.int32, name=path, offset=4, size=4)


@pytest.mark.parametrize("size", [0, None])
def test_nothing_is_an_array_of_nothing(size: int | None, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    with path.open("rb") as file:
        assert map_array(file, np.float32, name=path, size=size).tolist() == []


def test_a_map_outlives_its_file_and_is_read_only(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(np.arange(5, dtype=np.int64).tobytes())
    with path.open("rb") as file:
        mapped = map_array(file, np.int64, name=path, offset=8, size=3)
    path.unlink()
    assert mapped.tolist() == [1, 2, 3]
    assert not mapped.flags.writeable


def failing(number: int) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_refused_map_has_the_name_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "numbers"
    path.write_bytes(bytes(8))
    with path.open("rb") as file:
        monkeypatch.setattr(np, "memmap", failing(errno.ENODEV))
        with pytest.raises(OSError, match=r"No such device: .*numbers"):
            map_array(file, np.int32, name=path)
        monkeypatch.setattr(np, "memmap", failing(errno.ENOMEM))
        with pytest.raises(ResourceError, match=r"numbers: not enough memory to map it"):
            map_array(file, np.int32, name=path)


def test_every_reader_that_maps_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = [["a", "b", "c"], ["a", "c", "b"]] * 9
    small: dict[str, Any] = {"dim": 4, "min_count": 1, "threads": 1}
    run = tmp_path / "run"
    embkit.train("sgns", text, **small, run=run, keep_run=True)
    embkit.save(embkit.train("sgns", text, **small), tmp_path / "model")
    (tmp_path / "f.bin").write_bytes(Model().to_bytes())
    monkeypatch.setattr(np, "memmap", failing(errno.ENODEV))
    for path, read in (
        (tmp_path / "model", embkit.load),
        (tmp_path / "f.bin", embkit.load),
        (run, embkit.resume),
        (Path("temporary"), lambda _: embkit.train("sgns", text, **small)),
    ):
        with pytest.raises(OSError, match="No such device") as raised:
            read(path)
        assert raised.value.filename


def test_nothing_else_maps_files() -> None:
    users = [
        path.name
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\bmmap\b|\bmemmap\(", path.read_text(encoding="utf-8"))
    ]
    assert users == ["file_arrays.py"]
