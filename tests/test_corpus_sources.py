"""encode: files, folders, patterns, pipes and compressed streams, and how each may fail."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit.config import VocabularyConfig
from embkit.corpus import EncodedCorpus, encode, encoded
from embkit.corpus.sources import find_files
from embkit.errors import CorpusError, FormatError
from embkit.training import train

KEEP_ALL = VocabularyConfig(min_count=1)
TEXT = b"the cat sat\nthe dog\r\nand the b\xc3\xa9e sat\n" * 40


def zstd(data: bytes) -> bytes:
    zstandard = pytest.importorskip("zstandard")
    packed: bytes = zstandard.ZstdCompressor().compress(data)
    return packed


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
}


@pytest.fixture
def plain(tmp_path: Path) -> EncodedCorpus:
    path = tmp_path / "plain"
    path.write_bytes(TEXT)
    return encode(path, config=KEEP_ALL)


@pytest.mark.parametrize("packer", PACKERS)
def test_compressed_files_are_told_by_content(
    tmp_path: Path, plain: EncodedCorpus, packer: str
) -> None:
    path = tmp_path / "no-extension"
    path.write_bytes(PACKERS[packer](TEXT))
    corpus = encode(path, config=KEEP_ALL)
    assert (corpus.digest, corpus.num_crlf) == (plain.digest, 40)


@pytest.mark.parametrize("packer", PACKERS)
def test_concatenated_members_are_one_text(
    tmp_path: Path, plain: EncodedCorpus, packer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoded, "_BLOCK_BYTES", 100)
    path = tmp_path / "members"
    path.write_bytes(PACKERS[packer](TEXT[:101]) + PACKERS[packer](TEXT[101:]))
    assert encode(path, config=KEEP_ALL).digest == plain.digest


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("threads", [1, 3])
def test_truncated_and_trailing_streams_are_errors(
    tmp_path: Path, packer: str, threads: int
) -> None:
    path = tmp_path / "broken"
    packed = PACKERS[packer](TEXT)
    for broken in (packed[:-5], packed + b"junk"):
        path.write_bytes(broken)
        with pytest.raises(FormatError) as caught:
            encode(path, config=KEEP_ALL, threads=threads)
        assert caught.value.path == str(path)


def test_bad_bytes_in_a_compressed_file_are_placed_in_its_text(tmp_path: Path) -> None:
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(b"fine\nbad \xff\n"))
    with pytest.raises(FormatError) as caught:
        encode(path, config=KEEP_ALL)
    assert (caught.value.path, caught.value.line, caught.value.offset) == (str(path), 2, 9)


def test_files_are_read_in_the_order_given_and_never_joined(tmp_path: Path) -> None:
    for name, text in (("b", b"one two"), ("a", b"three\nfour"), ("c", b"")):
        (tmp_path / name).write_bytes(text)
    paths: list[str | Path] = [tmp_path / "b", str(tmp_path / "c"), tmp_path / "a"]
    corpus = encode(paths, config=KEEP_ALL)
    words = corpus.vocabulary
    sentences = [[words[i] for i in corpus.ids[a:b]] for a, b in ((0, 2), (2, 3), (3, 4))]
    assert sentences == [["one", "two"], ["three"], ["four"]]
    assert corpus.sentence_offsets.tolist() == [0, 2, 3, 4]
    assert corpus.sources == (str(tmp_path / "b"), str(tmp_path / "c"), str(tmp_path / "a"))


def test_paths_come_in_any_iterable(tmp_path: Path) -> None:
    paths = [tmp_path / "two", tmp_path / "one"]
    for path in paths:
        path.write_text(f"{path.name} more\n")
    forms: Any = (paths, tuple(paths), iter(paths), dict.fromkeys(paths))
    for form in forms:
        assert encode(form, config=KEEP_ALL).sources == tuple(map(str, paths))


def test_a_text_in_place_of_its_file_is_told() -> None:
    with pytest.raises(OSError, match=r"if this is the text, split it into lists of tokens"):
        encode("the cat sat on the mat and so on " * 20, config=KEEP_ALL)


@pytest.mark.parametrize("place", [1, 2])
def test_files_and_sentences_are_not_mixed(tmp_path: Path, place: int) -> None:
    (tmp_path / "text").write_text("one more\n")
    mixed: list[Any] = [["one", "more"]]
    mixed.insert(place - 1, tmp_path / "text")
    for source in (mixed, iter(mixed)):
        with pytest.raises(TypeError, match=r"got (list as entry|PosixPath as sentence) 2"):
            encode(source, config=KEEP_ALL)


def test_a_folder_is_all_its_files_in_order_without_the_hidden(tmp_path: Path) -> None:
    (tmp_path / "sub" / ".hidden").mkdir(parents=True)
    for name in ("b.txt", "a.txt", "sub/c.txt", ".d.txt", "sub/.hidden/e.txt"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    (tmp_path / "z").symlink_to(tmp_path / "a.txt")
    os.mkfifo(tmp_path / "pipe")
    corpus = encode(tmp_path, config=KEEP_ALL)
    names = ("a.txt", "b.txt", "sub/c.txt", "z")
    assert corpus.sources == tuple(str(tmp_path / name) for name in names)
    assert corpus.vocabulary.counts is not None
    assert corpus.vocabulary.counts.tolist() == [2, 1, 1]


def test_folders_of_runs_are_not_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a b\na b\n", encoding="utf-8")
    options: dict[str, Any] = {"dim": 2, "min_count": 1, "threads": 1, "keep_run": True}
    run = tmp_path / "vectors.run"
    first = train("sgns", tmp_path, run=run, **options)
    assert sorted(path.name for path in run.iterdir())[-2:] == ["log.jsonl", "run.json"]
    again = train("sgns", tmp_path, run=run, **options)
    assert again.vectors.tobytes() == first.vectors.tobytes()
    pattern = find_files(str(tmp_path / "**"))
    assert [file.path for file in pattern.files] == [str(tmp_path / "a.txt")]
    (run / "run.json").write_text("a file that is only called so", encoding="utf-8")
    assert len(find_files(tmp_path).files) == len(list(run.iterdir())) + 1


def test_a_pattern_is_the_files_it_matches_in_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.dat"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    corpus = encode(str(tmp_path / "*.txt"), config=KEEP_ALL)
    assert corpus.sources == (str(tmp_path / "a.txt"), str(tmp_path / "b.txt"))
    (tmp_path / "odd[1]").write_text("a file may look like a pattern", encoding="utf-8")
    assert encode(tmp_path / "odd[1]", config=KEEP_ALL).num_tokens == 7
    with pytest.raises(FileNotFoundError, match=r"No file matches.*\*\.csv"):
        encode(str(tmp_path / "*.csv"), config=KEEP_ALL)


def test_missing_and_unreadable_files_are_found_before_any_work(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(b"\xff")
    with pytest.raises(FileNotFoundError, match="missing"):
        encode([good, tmp_path / "missing"], config=KEEP_ALL)
    with pytest.raises(FileNotFoundError, match="missing"):
        encode(tmp_path / "missing", config=KEEP_ALL)
    if os.geteuid() != 0:
        good.chmod(0)
        with pytest.raises(PermissionError, match="good"):
            encode(good, config=KEEP_ALL)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="holds no file"):
        encode(tmp_path / "empty", config=KEEP_ALL)


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_devices_are_refused(device: str) -> None:
    with pytest.raises(FormatError, match="device"):
        encode(device, config=KEEP_ALL)


def change(how: str, path: Path) -> None:
    if how == "append":
        with path.open("ab") as file:
            file.write(b"more\n")
    elif how == "replace":
        other = path.with_name("other")
        other.write_bytes(path.read_bytes())
        other.rename(path)
    else:
        path.unlink()


@pytest.mark.parametrize("how", ["append", "replace", "remove"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_changes_while_it_is_read_is_an_error(
    tmp_path: Path, how: str, packed: bool
) -> None:
    path = tmp_path / "text"
    path.write_bytes(gzip.compress(TEXT) if packed else TEXT)
    reading = find_files(path).open_all()
    next(reading)
    change(how, path)
    with pytest.raises(FormatError, match="changed while it was read"):
        next(reading)


def test_a_file_that_changes_before_its_turn_is_an_error(tmp_path: Path) -> None:
    path, pipe = tmp_path / "text", tmp_path / "pipe"
    path.write_bytes(TEXT)
    os.mkfifo(pipe)

    def feed() -> None:
        with pipe.open("wb") as stream:  # waits until encode() has looked at the files
            change("append", path)
            stream.write(TEXT)

    feeder = threading.Thread(target=feed)
    feeder.start()
    with pytest.raises(FormatError, match="changed while it was read"):
        encode([pipe, path], config=KEEP_ALL)
    feeder.join()


@pytest.mark.parametrize("packer", [None, "gzip"])
def test_a_fifo_is_read_once(tmp_path: Path, plain: EncodedCorpus, packer: str | None) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    data = TEXT if packer is None else PACKERS[packer](TEXT)
    feeder = threading.Thread(target=path.write_bytes, args=(data,))
    feeder.start()
    corpus = encode(path, config=KEEP_ALL)
    feeder.join()
    assert corpus.digest == plain.digest


SCRIPT = """
    import sys
    from embkit.config import VocabularyConfig
    from embkit.corpus import encode
    corpus = encode(sys.argv[1], config=VocabularyConfig(min_count=1))
    print(corpus.digest, corpus.sources[0])
"""


def run(argument: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT), argument]
    return subprocess.run(command, capture_output=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("packer", [None, "xz"])
def test_standard_input_is_read_once(plain: EncodedCorpus, packer: str | None) -> None:
    data = TEXT if packer is None else PACKERS[packer](TEXT)
    assert run("-", input=data).stdout.split() == [plain.digest.encode(), b"-"]


def test_nothing_depends_on_hash_seed_or_locale(plain: EncodedCorpus, tmp_path: Path) -> None:
    for variables in ({"PYTHONHASHSEED": "1", "LC_ALL": "C"}, {"PYTHONHASHSEED": "2"}):
        result = run(str(tmp_path / "plain"), env={**os.environ, **variables})
        assert result.stdout.split()[0] == plain.digest.encode()


WAITING = """
    import time
    from embkit.config import VocabularyConfig
    from embkit.corpus import encode
    try:
        report = lambda done, total: print("reading", flush=True)
        encode("-", config=VocabularyConfig(), progress=report)
    except KeyboardInterrupt:
        print(time.monotonic())
"""


def test_ctrl_c_ends_the_wait_for_a_pipe_within_a_second() -> None:
    command = [sys.executable, "-c", textwrap.dedent(WAITING)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(TEXT)
        process.stdin.flush()
        assert process.stdout.readline() == b"reading\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        stopped = process.stdout.read().split()[-1]
        assert process.wait(10) == 0
    assert float(stopped) - start < 1


def test_a_full_disk_is_an_os_error(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"a b c d e f g h\n" * 2000)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
    command = [sys.executable, "-c", limit + textwrap.dedent(SCRIPT), str(path)]
    result = subprocess.run(command, capture_output=True, check=False)
    assert result.returncode == 1
    assert b"OSError: [Errno 27]" in result.stderr


def test_progress_counts_the_bytes_and_may_stop_the_work(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    keep_open = os.open(tmp_path / "pipe", os.O_RDWR)
    os.write(keep_open, TEXT)
    seen: list[tuple[int, int | None]] = []

    def progress(done: int, total: int | None) -> None:
        seen.append((done, total))
        if len(seen) == 4:
            raise InterruptedError("enough")

    with pytest.raises(InterruptedError, match="enough"):
        encode(tmp_path / "pipe", config=KEEP_ALL, progress=progress)
    os.close(keep_open)
    assert seen[-1] == (len(TEXT), None)


def test_no_descriptor_and_no_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(TEXT)
    folder = tmp_path / "temporary"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(folder))
        before = len(list(Path("/dev/fd").iterdir()))
        corpus = encode(path, config=KEEP_ALL)
        assert list(folder.iterdir()) == []
        assert len(list(Path("/dev/fd").iterdir())) <= before + 2  # a map may keep its own
        assert corpus.ids.sum() > 0


@pytest.mark.skipif("EMBKIT_TEST_DATA" not in os.environ, reason="EMBKIT_TEST_DATA is not set")
@pytest.mark.parametrize("language", ["de", "en"])
def test_a_real_text_is_counted_as_a_counter_counts_it(language: str) -> None:
    data = Path(os.environ["EMBKIT_TEST_DATA"])
    path = data / "parallel" / f"europarl10k.{language}.xz"
    counts = Counter(lzma.decompress(path.read_bytes()).split())
    corpus = encode(path, config=VocabularyConfig(min_count=2, max_vocab=5000), threads=3)
    kept = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5000]
    words = [corpus.vocabulary.bytes_of(row) for row in range(len(corpus.vocabulary))]
    assert corpus.vocabulary.counts is not None
    assert list(zip(words, corpus.vocabulary.counts.tolist(), strict=True)) == kept
    assert np.array_equal(np.bincount(corpus.ids), corpus.vocabulary.counts)
    assert (corpus.num_tokens_read, corpus.num_types_read) == (counts.total(), len(counts))


def test_a_thousand_threads_change_nothing(tmp_path: Path, plain: EncodedCorpus) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    feeder = threading.Thread(target=path.write_bytes, args=(TEXT,))
    feeder.start()
    assert encode(path, config=KEEP_ALL, threads=1000).digest == plain.digest
    feeder.join()
