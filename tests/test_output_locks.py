"""An output is held by one run: its lock, and what killed runs leave."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from embkit.cli import main as run_main
from embkit.cli.outputs import reserved_output
from embkit.errors import LockedError
from embkit.output import OutputFile


def test_a_reservation_leaves_nothing_behind(tmp_path: Path) -> None:
    with reserved_output(tmp_path / "out.bin", overwrite=False):
        assert [path.name for path in tmp_path.iterdir()] == [".out.bin.lock"]
    assert list(tmp_path.iterdir()) == []


def test_a_second_run_is_told_who_holds_the_output(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    with (
        reserved_output(target, overwrite=False),
        pytest.raises(LockedError, match=f"written by process {os.getpid()} on"),
        reserved_output(target, overwrite=False),
    ):
        pass


def test_the_lock_of_a_dead_run_is_no_hindrance(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    program = (
        "import os, sys, pathlib; from embkit.cli.outputs import reserved_output\n"
        "with reserved_output(pathlib.Path(sys.argv[1]), overwrite=False): os._exit(9)"
    )
    dead = subprocess.run([sys.executable, "-c", program, target], check=False)
    assert dead.returncode == 9
    assert (tmp_path / ".out.bin.lock").exists()
    with reserved_output(target, overwrite=False):
        pass


@pytest.mark.parametrize("content", [b"[[package]]\n", b"process of law\n"])
def test_a_file_that_is_only_called_like_a_lock_is_kept(content: bytes, tmp_path: Path) -> None:
    target, other = tmp_path / "poetry", tmp_path / ".poetry.lock"
    other.write_bytes(content)
    with (
        pytest.raises(FileExistsError, match=r"no lock of embkit's.*\.poetry\.lock"),
        reserved_output(target, overwrite=False),
    ):
        pass
    assert other.read_bytes() == content


@pytest.mark.parametrize("left", [b"", b"process 12 on a longer name of a host", bytes(30)])
def test_a_lock_tells_its_holder_whatever_was_left_in_it(left: bytes, tmp_path: Path) -> None:
    lock = tmp_path / ".out.bin.lock"
    lock.write_bytes(left)
    with reserved_output(tmp_path / "out.bin", overwrite=False):
        assert lock.read_bytes().startswith(f"process {os.getpid()} on ".encode())
        assert b"\0" not in lock.read_bytes()
    assert not lock.exists()


def test_where_there_are_no_locks_outputs_are_written_nevertheless(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    number = errno.ENOSYS
    with reserved_output(tmp_path / "out.bin", overwrite=False):
        pass
    number = errno.EIO
    with (
        pytest.raises(OSError, match=r"\.out\.bin\.lock"),
        reserved_output(tmp_path / "out.bin", overwrite=False),
    ):
        pass


def test_no_lock_is_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("a b c\n", "utf-8")
    output = tmp_path / "joined.txt"
    table = tmp_path.with_name("table.tsv")
    command = ["phrases", "learn", str(tmp_path), "--min-count", "1", "--output", str(table)]
    assert run_main(command) == 0
    for texts in (tmp_path, tmp_path / "*"):
        applied = ["phrases", "apply", str(table), str(texts), "--output", str(output)]
        assert run_main(applied) == 0
        assert output.read_text("utf-8") == "a b c\n"
        output.unlink()


def test_an_output_has_one_lock_however_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("out.bin")
    with (
        reserved_output(tmp_path / "link", overwrite=False),
        pytest.raises(LockedError),
        reserved_output(tmp_path / "out.bin", overwrite=False),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_streams_are_not_locked() -> None:
    with (
        reserved_output(Path("/dev/null"), overwrite=False),
        reserved_output(Path("/dev/null"), overwrite=False),
    ):
        assert not Path("/dev/.null.lock").exists()


def test_what_a_killed_run_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out.bin"
    orphan = tmp_path / ".out.bin.0123456789abcdef.part"
    folder_orphan = tmp_path / "model" / ".embeddings.safetensors.0123456789abcdef.part"
    others = [tmp_path / ".out.bin.part", tmp_path / ".other.bin.0123456789abcdef.part"]
    folder_orphan.parent.mkdir()
    for path in (orphan, folder_orphan, *others):
        path.touch()
    with OutputFile(target, overwrite=True) as stream:
        with reserved_output(target, overwrite=True):
            assert len(list(tmp_path.glob(".out.bin.*.part"))) == 1  # what is being written
        stream.write(b"whole")
    with reserved_output(tmp_path / "model", overwrite=True):
        pass
    assert target.read_bytes() == b"whole"
    assert sorted(tmp_path.iterdir()) == sorted([*others, target, tmp_path / "model"])
    assert list((tmp_path / "model").iterdir()) == []
