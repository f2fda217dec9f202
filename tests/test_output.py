"""Outputs are whole or absent, and what was there stays until the new one is complete."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from embkit.cli.exit_codes import exit_code_of
from embkit.config import VocabularyConfig
from embkit.corpus import encode
from embkit.errors import OutputError, OutputExistsError
from embkit.output import OutputFile


def write(path: Path, data: bytes = b"new", *, overwrite: bool = False) -> None:
    with OutputFile(path, overwrite=overwrite) as stream:
        stream.write(data)


def test_writes_one_file_with_the_users_mode(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write(tmp_path / "a")
    finally:
        os.umask(old)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_an_existing_file_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(OutputExistsError):
        OutputFile(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    output = OutputFile(tmp_path / "a")
    output.stream.write(b"new")
    (tmp_path / "a").write_bytes(b"theirs")
    with pytest.raises(OutputExistsError):
        output.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"theirs"


def test_overwriting_keeps_the_mode_and_old_readers(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o604)
    with path.open("rb") as reader:
        write(path, overwrite=True)
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "a").write_bytes(b"old")

    def work() -> None:
        with OutputFile(tmp_path / "a", overwrite=True) as stream:
            stream.write(b"new")
            raise error

    with pytest.raises(error):
        work()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


@pytest.mark.parametrize("call", ["fsync", "replace", "link", "fchmod"])
def test_every_failing_call_leaves_the_old_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    overwrite = call != "link"
    if overwrite:
        (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, call, fail)
    if call == "replace":
        monkeypatch.setattr(Path, "replace", fail)
    if call == "link":
        monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="Input/output error"):
        write(tmp_path / "a", overwrite=overwrite)
    assert [path.name for path in tmp_path.iterdir()] == (["a"] if overwrite else [])
    assert not overwrite or (tmp_path / "a").read_bytes() == b"old"


def test_a_missing_folder_is_found_at_once(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"folder does not exist.*nowhere"):
        OutputFile(tmp_path / "nowhere" / "a")
    with pytest.raises(IsADirectoryError):
        OutputFile(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_found_at_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        OutputFile(tmp_path / "a")


def test_a_symbolic_link_keeps_its_place(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "target")
    write(tmp_path / "link")
    write(tmp_path / "link", b"newer", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "target").read_bytes() == b"newer"


@pytest.mark.parametrize(
    ("refusal", "is_kept"), [(None, True), (errno.ENOTSUP, True), (errno.EIO, False)]
)
def test_macos_is_asked_to_empty_the_disks_own_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int | None, is_kept: bool
) -> None:
    asked = []

    def control(descriptor: int, command: int) -> int:
        asked.append((os.fstat(descriptor).st_size, command))
        if refusal is not None:
            raise OSError(refusal, os.strerror(refusal))
        return 0

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", control)
    with contextlib.nullcontext() if is_kept else pytest.raises(OSError, match="a"):
        write(tmp_path / "a")
    assert asked == [(3, 51)]
    assert (tmp_path / "a").exists() == is_kept


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_dev_full_is_an_error_with_its_name() -> None:
    with pytest.raises(OSError, match=r"No space left on device.*'/dev/full'"):
        write(Path("/dev/full"))
    with pytest.raises(OSError, match=r"No space left on device.*'/dev/full'"):
        write(Path("/dev/full"), bytes(3 << 20))


def test_a_pipe_is_streamed_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    write(tmp_path / "pipe")
    reader.join()
    assert received == [b"new"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_is_streamed_to_even_when_a_file(tmp_path: Path, name: str) -> None:
    if not Path(name).parent.exists():
        pytest.skip(f"there is no {name}")
    code = f"import embkit.output as o\nwith o.OutputFile({name!r}) as s: s.write(b'new')"
    with (tmp_path / "out").open("wb", buffering=0) as out:
        inode = os.fstat(out.fileno()).st_ino
        out.write(b"before, ")
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True)
    assert (tmp_path / "out").read_bytes() == b"before, new"
    assert (tmp_path / "out").stat().st_ino == inode


@pytest.mark.parametrize("name", ["a b\n'", "ü" * 127, "a" * 255, os.fsdecode(b"\xff\xfe")])
def test_any_name_works(tmp_path: Path, name: str) -> None:
    if sys.platform == "darwin" and not name.isprintable() and "\n" not in name:
        pytest.skip("names on macOS are UTF-8")
    write(tmp_path / name)
    write(tmp_path / name, b"newer", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_every_size_of_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from embkit.output import OutputFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in range(0, 3 << 20, 1 << 18):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        with OutputFile(sys.argv[1], overwrite=True) as stream:
            for _ in range(3 << 8):
                stream.write(bytes(1 << 12))
    except OSError as error:
        assert error.filename == sys.argv[1], error
    else:
        sys.exit(f"no error at {limit}")
"""
    (tmp_path / "a").write_bytes(b"old")
    subprocess.run([sys.executable, "-c", code, tmp_path / "a"], check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_no_folder_for_temporary_files_is_told_with_what_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.gettempdir", refuse)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with pytest.raises(OutputError, match=r"no folder for temporary files .* TMPDIR names one"):
        encode([["a", "b"]], config=VocabularyConfig(min_count=1))
    assert exit_code_of(OutputError(errno.ENOENT, "")) == 4
