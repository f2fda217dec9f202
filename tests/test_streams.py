"""Compressed streams: recognised by content, whole or an error, in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from embkit.compression import compressed
from embkit.errors import FormatError
from embkit.streams import open_input, read_lines


def zstd(data: bytes) -> bytes:
    zstandard = pytest.importorskip("zstandard")
    return bytes(zstandard.ZstdCompressor().compress(data))


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
}
TEXT = bytes(random.Random(1).choices(b"abcdefgh \n", k=200_000))


def read(path: Path) -> bytes:
    with open_input(path) as stream:
        return stream.read()


@pytest.mark.parametrize("data", [b"", b"x", b"short", TEXT], ids=len)
def test_reads_plain_files_as_they_are(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "plain.gz"  # the name says nothing
    path.write_bytes(data)
    assert read(path) == data


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("data", [b"", b"x", TEXT], ids=len)
def test_reads_compressed_files_whatever_their_name(
    tmp_path: Path, codec: str, data: bytes
) -> None:
    path = tmp_path / "data.txt"
    path.write_bytes(CODECS[codec](data))
    assert read(path) == data


@pytest.mark.parametrize("codec", CODECS)
def test_reads_concatenated_members(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "data"
    members = [TEXT, b"", b"a", *([b"b"] * 2000), TEXT]
    path.write_bytes(b"".join(map(CODECS[codec], members)))
    assert read(path) == b"".join(members)


@pytest.mark.parametrize("codec", CODECS)
def test_every_truncation_is_an_error(tmp_path: Path, codec: str) -> None:
    packed = CODECS[codec](TEXT[:300])
    path = tmp_path / "data"
    for size in range(10, len(packed)):
        path.write_bytes(packed[:size])
        with pytest.raises(FormatError, match=f"the {codec} stream is cut short"):
            read(path)


@pytest.mark.parametrize("codec", CODECS)
def test_junk_after_the_stream_is_an_error_at_its_byte(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "data"
    path.write_bytes(CODECS[codec](TEXT) + b"junk")
    with pytest.raises(FormatError, match=f"junk follows the {codec} stream") as raised:
        read(path)
    assert raised.value.offset == path.stat().st_size - 4


@pytest.mark.parametrize("codec", ["gzip", "bzip2", "xz"])
def test_flipped_bits_are_an_error(tmp_path: Path, codec: str) -> None:
    packed = bytearray(CODECS[codec](TEXT))
    packed[len(packed) // 2] ^= 0x10
    path = tmp_path / "data"
    path.write_bytes(packed)
    with pytest.raises(FormatError, match=r"damaged|cut short"):
        read(path)


def test_zero_padding_after_gzip_is_allowed(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(gzip.compress(b"a") + bytes(100_000) + gzip.compress(b"b") + bytes(7))
    assert read(path) == b"ab"


@pytest.mark.parametrize("codec", CODECS)
def test_memory_stays_flat_on_a_bomb(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "bomb"
    fast: dict[str, Callable[[bytes], bytes]] = {
        **CODECS,
        "gzip": lambda data: gzip.compress(data, 1),
        "xz": lambda data: lzma.compress(data, preset=0),
    }
    path.write_bytes(fast[codec](bytes(100 << 20)))
    code = (
        "import resource, sys; from embkit.streams import open_input\n"
        "unit = 1 if sys.platform == 'darwin' else 1024\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit\n"
        "stream = open_input(sys.argv[1]); stream.read(1); before = peak()\n"
        "while stream.read(1 << 16): pass\n"
        "print(peak() - before)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, check=True, text=True
    )
    assert int(out.stdout) < 70 << 20


@pytest.mark.parametrize("codec", CODECS)
def test_reads_a_pipe_that_gives_single_bytes(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    packed = CODECS[codec](b"the cat")

    def feed() -> None:
        with path.open("wb", buffering=0) as pipe:
            for byte in packed:
                pipe.write(bytes([byte]))

    writer = threading.Thread(target=feed)
    writer.start()
    assert read(path) == b"the cat"
    writer.join()


def test_dash_is_standard_input() -> None:
    code = "from embkit.streams import open_input; print(open_input('-').read())"
    run = [sys.executable, "-W", "ignore", "-c", code]
    out = subprocess.run(run, input=gzip.compress(b"hi"), capture_output=True, check=True)
    assert out.stdout == b"b'hi'\n"


def test_a_device_is_refused() -> None:
    with pytest.raises(FormatError, match="device"):
        open_input("/dev/zero")


def test_a_folder_and_a_missing_file_are_system_errors(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        open_input(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_input(tmp_path / "missing")


def test_zstd_without_a_decoder_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data"
    path.write_bytes(zstd(b"a"))
    for module in ("zstandard", "compression"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(FormatError, match=r"pip install embkit\[zstd\]"):
        open_input(path)
    with pytest.raises(ValueError, match=r"embkit\[zstd\]"), compressed(io.BytesIO(), "a.zst"):
        pass


@pytest.mark.parametrize("extension", ["", ".txt", ".gz", ".bz2", ".xz", ".zst"])
def test_writes_what_the_extension_asks(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"data{extension}"
    for _ in range(2):
        before = path.read_bytes() if path.exists() else None
        with path.open("wb") as raw, compressed(raw, path) as out:
            out.write(TEXT)
        assert before in (None, path.read_bytes())
    assert read(path) == TEXT
    assert (path.read_bytes() == TEXT) == (extension in ("", ".txt"))


def test_a_line_or_a_text_that_is_too_long_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "lines.gz"
    path.write_bytes(gzip.compress(b"a\n" + bytes(40 << 20)))
    lines = read_lines(path)
    assert next(lines) == b"a\n"
    with pytest.raises(FormatError, match=r"lines\.gz:2: a line must have at most 16777216"):
        next(lines)
    with pytest.raises(FormatError, match=r"lines\.gz:1: the text must have at most 1 bytes"):
        list(read_lines(path, most=1))


def test_a_file_that_was_read_may_fail_to_close(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"the cat")
    with open_input(path) as stream:
        assert stream.read() == b"the cat"
        os.close(stream.fileno())


def test_a_failed_read_of_standard_input_says_so(tmp_path: Path) -> None:
    kept, wrong = os.dup(0), os.open(tmp_path / "written", os.O_WRONLY | os.O_CREAT)
    os.dup2(wrong, 0)
    try:
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            open_input("-")
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(wrong)
    assert caught.value.filename == "standard input"
