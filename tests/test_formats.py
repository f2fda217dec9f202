"""Files are read for what they hold, written for what they are called."""

from __future__ import annotations

import gzip
import io
import logging
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embkit import formats
from embkit.compression import compressed
from embkit.embeddings import Embeddings
from embkit.errors import FormatError, NotFiniteError, OutputExistsError, ResourceError
from embkit.vocabulary import Vocabulary
from tests.examples import examples
from tests.fasttext_files import Model

WORDS = ["the", "wört", "new_york", "\udcc3"]
VECTORS = np.random.default_rng(4).standard_normal((4, 6)).astype(np.float32)
NAMES = {
    "v.bin": "word2vec-binary",
    "v.txt": "word2vec-text",
    "v.vec": "word2vec-text",
    "v.glove": "glove-text",
    "v.npz": "npz",
    "v.safetensors": "safetensors",
    "v": "safetensors",
}
COMPRESSED = [
    name + extension
    for name in ("v.bin", "v.txt", "v.vec", "v.glove")
    for extension in (".gz", ".bz2", ".xz", ".zst")
]


def embeddings() -> Embeddings:
    return Embeddings.from_words(WORDS, VECTORS)


def assert_same(path: Path) -> None:
    read = formats.load(path)
    assert read.words == WORDS
    assert read.vectors.tobytes() == VECTORS.tobytes()


@pytest.mark.parametrize("name", [*NAMES, *COMPRESSED])
def test_what_is_saved_is_loaded(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    formats.save(embeddings(), path)
    assert_same(path)
    report = formats.inspect(path)
    assert (
        report.format == NAMES[name.removesuffix(path.suffix) if name in COMPRESSED else name]
    )
    kinds = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}
    assert report.compression == kinds.get(path.suffix)
    assert (report.num_words, report.dim, report.problems) == (4, 6, ())
    assert report.to_dict()["path"] == str(path)


@pytest.mark.parametrize("name", [*NAMES, "v.bin.gz"])
def test_saving_twice_gives_equal_bytes_and_needs_overwrite(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    file = path / "embeddings.safetensors" if name == "v" else path
    formats.save(embeddings(), path)
    before = file.read_bytes()
    with pytest.raises(OutputExistsError):
        formats.save(embeddings(), path)
    formats.save(embeddings(), path, overwrite=True)
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", [*(name for name in NAMES if name != "v"), "v.txt.gz"])
def test_the_name_tells_a_reader_nothing(tmp_path: Path, name: str) -> None:
    formats.save(embeddings(), tmp_path / name)
    for other in ("v.bin.zst", "v.kv", "plain"):
        (tmp_path / other).write_bytes((tmp_path / name).read_bytes())
        assert_same(tmp_path / other)


@pytest.mark.parametrize("name", ["v.foo", "v.gz", "v.model.gz", "-", "/dev/stdout"])
def test_an_unknown_extension_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=r"extension must be one of \.bin .*\.npz"):
        formats.save(embeddings(), name)


def test_the_command_line_refuses_a_name_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("a b a b\n" * 100)
    for arguments in (
        ["train", "sgns", "corpus", "--output", "v.foo"],
        ["convert", "corpus", "v.foo"],
    ):
        run = [sys.executable, "-m", "embkit", *arguments]
        path = os.pathsep.join([str(Path.cwd()), *sys.path])
        out = subprocess.run(
            run, capture_output=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}
        )
        assert out.returncode == 2, out.stderr
        assert b"extension must be one of" in out.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["corpus"]


def test_the_format_may_be_given(tmp_path: Path) -> None:
    formats.save(embeddings(), tmp_path / "v.foo", format="glove-text")
    assert formats.inspect(tmp_path / "v.foo").format == "glove-text"
    for name in ("pickle", "fasttext-binary"):
        with pytest.raises(ValueError, match="format must be one of word2vec-binary"):
            formats.save(embeddings(), tmp_path / "w", format=name)
    for name in ("npz", "safetensors", "directory"):
        with pytest.raises(ValueError, match="cannot be compressed"):
            formats.save(embeddings(), tmp_path / "w.gz", format=name)


def test_an_existing_folder_becomes_a_model(tmp_path: Path) -> None:
    (tmp_path / "v.bin").mkdir()
    formats.save(embeddings(), tmp_path / "v.bin")
    assert_same(tmp_path / "v.bin")


@pytest.mark.parametrize("name", ["v.bin", "v.txt", "v.glove", "v.bin.gz", "v.txt.xz"])
def test_a_pipe_is_read(tmp_path: Path, name: str) -> None:
    formats.save(embeddings(), tmp_path / name)
    os.mkfifo(tmp_path / "pipe")
    content = (tmp_path / name).read_bytes()
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(content))
    writer.start()
    assert_same(tmp_path / "pipe")
    writer.join()


@pytest.mark.parametrize("name", ["v.npz", "v.safetensors"])
def test_a_format_that_must_be_mapped_says_so_of_a_pipe(tmp_path: Path, name: str) -> None:
    formats.save(embeddings(), tmp_path / name)
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress((tmp_path / name).read_bytes()))
    with pytest.raises(FormatError, match="must be decompressed first"):
        formats.load(packed)


def test_standard_input_and_output_work() -> None:
    code = (
        "from embkit import formats\n"
        "formats.save(formats.load('-'), '-', format='word2vec-text')"
    )
    run = [sys.executable, "-c", code]
    out = subprocess.run(run, input=b"the 1 2\ncat .5 -4\n", capture_output=True, check=True)
    assert out.stdout == b"2 2\nthe 1 2\ncat 0.5 -4\n"


def test_oddities_are_logged_once_as_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "v.txt"
    path.write_bytes(b"the 1 2\r\nthe 3 4\r\n")
    formats.load(path)
    assert caplog.record_tuples == [
        ("embkit", logging.WARNING, f"{path}: 1 duplicate words; 2 crlf lines")
    ]
    caplog.clear()
    path.write_bytes(b"the 1 2\n")
    formats.load(path)
    assert not caplog.records


@pytest.mark.parametrize("name", ["v.bin", "v.txt", "v.npz", "v.txt.gz", "v.bin.zst"])
def test_truncation_is_an_error(tmp_path: Path, name: str) -> None:
    formats.save(embeddings(), tmp_path / name)
    content = (tmp_path / name).read_bytes()
    path = tmp_path / "cut"
    for size in range(0, len(content), 11 if name == "v.npz" else 1):
        path.write_bytes(content[:size])
        with pytest.raises(FormatError):
            formats.load(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("name", ["v.bin", "v.txt", "v.glove"])
def test_a_full_disk_is_an_error(name: str) -> None:
    with pytest.raises(OSError, match=r"No space left on device.*/dev/full"):
        formats.save(embeddings(), "/dev/full", format=NAMES[name])


def test_a_full_disk_keeps_the_old_file_at_every_size(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
import numpy as np
from embkit import formats
from embkit.embeddings import Embeddings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
embeddings = Embeddings.from_words([str(i) for i in range(500)], np.ones((500, 10)) / 3)
for name in ("a.bin", "a.txt", "a.glove", "a.npz", "a.txt.gz", "a.bin.xz"):
    path = f"{sys.argv[1]}/{name}"
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
    formats.save(embeddings, path)
    size = len(open(path, "rb").read())
    open(path, "wb").write(b"old")
    for limit in range(0, size, max(size // 20, 1)):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            formats.save(embeddings, path, overwrite=True)
        except OSError:
            assert open(path, "rb").read() == b"old"
        else:
            sys.exit(f"{name}: no error at {limit}")
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, tmp_path], check=True)
    assert len(list(tmp_path.iterdir())) == 6


def test_what_is_no_path_or_flag_is_named(tmp_path: Path) -> None:
    wrong: Any = 3
    with pytest.raises(ValueError, match="overwrite must be True or False, got 3"):
        formats.save(embeddings(), tmp_path / "v.bin", overwrite=wrong)
    for call in (lambda: formats.save(embeddings(), wrong), lambda: formats.load(wrong)):
        with pytest.raises(ValueError, match="path must be a path, got 3"):
            call()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "v.bin"
    formats.save(embeddings(), path)
    bad = Embeddings.from_words(["a", "b"], [[1.0], [np.nan]])
    with pytest.raises(NotFiniteError, match="not finite"):
        formats.save(bad, path, overwrite=True)
    assert_same(path)
    assert [file.name for file in tmp_path.iterdir()] == ["v.bin"]


def test_a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    formats.save(embeddings(), tmp_path / "v")
    old = formats.load(tmp_path / "v")
    other = Embeddings.from_words(["x"], [[1.0, 2.0]])
    formats.save(other, tmp_path / "v", overwrite=True)
    assert old.vectors.tobytes() == VECTORS.tobytes()
    assert formats.load(tmp_path / "v").words == ["x"]


def test_overwriting_keeps_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    formats.save(embeddings(), path)
    path.chmod(0o640)
    formats.save(embeddings(), path, overwrite=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_missing_files_are_system_errors(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        formats.load(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        formats.load(tmp_path)  # a folder without a model


def test_more_than_the_allowed_memory_is_a_memory_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = io.BytesIO()
    with compressed(packed, "bomb.gz") as out:  # 100 times as large when inflated
        out.write(b"20000 1000\n")
        for i in range(20_000):
            out.write(b"w%d " % i + bytes(4000))
    (tmp_path / "bomb").write_bytes(packed.getvalue())
    monkeypatch.setattr("embkit.formats.words.memory_limit", lambda given: given or 20 << 20)
    with pytest.raises(MemoryError, match="more than the 20 MiB"):
        formats.load(tmp_path / "bomb")


@settings(max_examples=examples(200))
@given(st.binary(max_size=200) | st.text("12 .\nab\t-e", max_size=60).map(str.encode))
def test_any_bytes_give_vectors_or_a_format_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    for lenient in (False, True):
        path.write_bytes(content)
        try:
            read = formats.load(path, lenient=lenient)
        except FormatError:
            continue
        assert len(read) >= 1
        assert np.isfinite(read.vectors).all()


def test_peers_published_samples_load() -> None:
    folder = os.environ.get("EMBKIT_TEST_DATA")
    if not folder:
        pytest.skip("EMBKIT_TEST_DATA names no folder with real data")
    sizes = {
        "cca-en-sample.40d.vec.xz": (10_000, 40),
        "googlenews-top1000.300d.vec.xz": (1000, 300),
    }
    for name, size in sizes.items():
        report = formats.inspect(Path(folder) / "vectors" / name)
        assert (report.num_words, report.dim) == size
        assert not report.problems


@pytest.mark.parametrize("kind", ["npz", "word2vec-binary", "word2vec-text", "fasttext-binary"])
def test_no_format_takes_more_memory_than_it_may(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "vectors"
    if kind == "fasttext-binary":
        path.write_bytes(Model().to_bytes())
    else:
        words = {f"w{i}": [float(i)] * 50 for i in range(20)}
        formats.save(Embeddings.from_words(words), path, format=kind)
    with pytest.raises(ResourceError):
        formats.load(path, memory=90)
    assert len(formats.load(path, memory=1 << 20)) > 1


@pytest.mark.parametrize("shape", [(0, 3), (2, 0)])
@pytest.mark.parametrize("name", ["v.txt", "v.bin", "v.glove"])
def test_nothing_is_not_written(tmp_path: Path, name: str, shape: tuple[int, int]) -> None:
    words = Vocabulary.from_words([f"w{i}" for i in range(shape[0])])
    empty = Embeddings(words, np.zeros(shape, np.float32))
    with pytest.raises(ValueError, match="must have a row and a number"):
        formats.save(empty, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "details"),
    [
        (b"a 1\nb 2\n", {}),
        (b"2 1\na 1\nb 2\n", {"rows_stated_by_header": 2}),
        (
            b"1 1\na \0\0\x80\x3f",
            {"rows_stated_by_header": 1, "newline_after_rows": False},
        ),
        (
            b"1 1\na \0\0\x80\x3f\n",
            {"rows_stated_by_header": 1, "newline_after_rows": True},
        ),
    ],
)
def test_header_and_newlines_are_reported(
    tmp_path: Path, content: bytes, details: dict[str, int]
) -> None:
    (tmp_path / "v").write_bytes(content)
    assert formats.inspect(tmp_path / "v").details == details
