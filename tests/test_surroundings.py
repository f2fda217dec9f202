"""What surrounds a run may be narrow, slow or odd: limits, pauses, threads, forks, folders."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.cli import main
from embkit.cli.training_run import Trained
from embkit.streams import open_file, open_input
from embkit.training import TrainingProgress
from embkit.training.progress import Reporter
from tests.models import random_sentences

ROOT = Path(__file__).parents[1]
SENTENCES = random_sentences(60, [200] * 40, seed=3)
OPTIONS: dict[str, Any] = {"dim": 8, "min_count": 1, "threads": 1, "epochs": 1}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(map(" ".join, SENTENCES)), encoding="utf-8")
    return path


def embkit_train(
    corpus: object, output: Path, *options: str, **how: Any
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "embkit", "train", "sgns", str(corpus), "--output"]
    small = [] if "--dim" in options else ["--dim", "8"]
    command += [str(output), *small, "--min-count", "1", "--quiet", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
    environment |= how.pop("variables", {})
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, **how
    )


def limited(kind: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (most, most))


@pytest.mark.parametrize(
    ("kind", "most", "codes"),
    [
        (resource.RLIMIT_FSIZE, 2000, {4}),
        (resource.RLIMIT_NOFILE, 6, {4, 5}),
        pytest.param(
            *(resource.RLIMIT_AS, 1 << 30, {5}),
            marks=pytest.mark.skipif(
                sys.platform != "linux", reason="needs a limit on the address space"
            ),
        ),
    ],
)
def test_limits_of_the_system_end_a_run_by_an_error_and_no_signal(
    kind: int, most: int, codes: set[int], corpus: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "v.bin"
    output.parent.mkdir()
    large = ["--dim", "60000"] if kind == resource.RLIMIT_AS else []
    if large:
        many = random_sentences(6000, [6000] * 3, seed=1)
        corpus.write_text("\n".join(map(" ".join, many)))
        large += ["--memory", "1T"]
    done = embkit_train(corpus, output, *large, preexec_fn=limited(kind, most))
    assert done.returncode in codes, done.stderr
    assert done.stderr.startswith("embkit: error: ")
    assert done.stderr.count("\n") == 1
    assert list(output.parent.iterdir()) == []


@pytest.mark.skipif(
    not hasattr(os, "posix_fallocate"), reason="the system cannot promise space for a file"
)
def test_space_for_the_output_is_tried_before_the_training(
    corpus: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out" / "v.bin"
    output.parent.mkdir()
    endless = ["--epochs", "1000000", "--dim", "2000"]  # 480,000 bytes
    limit = limited(resource.RLIMIT_FSIZE, 100_000)
    done = embkit_train(corpus, output, *endless, preexec_fn=limit, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "v.bin: File too large" in done.stderr
    assert list(output.parent.iterdir()) == []


def test_folder_of_the_user_and_of_temporary_files_need_not_be_named(
    corpus: Path, tmp_path: Path
) -> None:
    variables = {"HOME": "/proc/none", "XDG_CACHE_HOME": "/proc/none", "TMPDIR": ""}
    done = embkit_train(corpus, tmp_path / "v.bin", variables=variables)
    assert (done.returncode, done.stderr) == (0, "")


def test_error_of_the_disk_while_the_text_is_read_is_told(tmp_path: Path) -> None:
    if not Path("/proc/self/mem").exists():
        pytest.skip("no /proc/self/mem, whose first byte is an error to read")
    done = embkit_train("/proc/self/mem", tmp_path / "v.bin")
    assert done.returncode == 4
    assert done.stderr == "embkit: error: /proc/self/mem: Input/output error\n"
    assert list(tmp_path.iterdir()) == []


def test_counts_that_find_no_room_name_their_file_and_not_the_temporary_ones(
    tmp_path: Path,
) -> None:
    text, output = tmp_path / "text", tmp_path / "counts"
    sentences = random_sentences(400, [100] * 30, seed=1)
    text.write_text("\n".join(map(" ".join, sentences)), encoding="utf-8")
    command = [sys.executable, "-m", "embkit", "cooccur", str(text), "--output", str(output)]
    done = subprocess.run(
        [*command, "--min-count", "1", "--threads", "1"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=limited(resource.RLIMIT_FSIZE, 200_000),  # of two files, the larger
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (4, f"embkit: error: {output}: File too large\n")
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_mapped_rows_that_find_no_room_name_the_output(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(5000, 8)).astype(np.float32)
    embkit.save(
        embkit.Embeddings.from_words([f"w{i}" for i in range(5000)], rows), tmp_path / "v"
    )
    same = np.eye(8, dtype=np.float32)
    embkit.Mapping(same, same).save(tmp_path / "m")
    output = tmp_path / "out" / "w.bin"
    output.parent.mkdir()
    command = [
        sys.executable,
        "-m",
        "embkit",
        "apply",
        str(tmp_path / "m"),
        str(tmp_path / "v"),
    ]
    done = subprocess.run(
        [*command, "--side", "source", "--output", str(output)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        preexec_fn=limited(resource.RLIMIT_FSIZE, 100_000),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (4, f"embkit: error: {output}: File too large\n")
    assert list(output.parent.iterdir()) == []


def test_current_folder_that_is_gone_is_told(corpus: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    program = (
        "import os, sys; os.rmdir(os.getcwd()); from embkit.cli import main; "
        "sys.exit(main(sys.argv[1:]))"
    )
    command = ["train", "sgns", str(corpus), "--output", "v.bin", "--min-count", "1"]
    done = subprocess.run(
        [sys.executable, "-c", program, *command],
        cwd=gone,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    reason = "the current folder does not exist any more"
    assert (done.returncode, done.stderr) == (2, f"embkit: error: {reason}\n")


MAP = ["translate", "VECTORS", "VECTORS", "a", "--mapping"]
COUNTS = ["train", "glove", "--output", "v.bin", "--cooccurrence"]


@pytest.mark.parametrize(
    "command", [["inspect"], MAP, COUNTS, ["query", "neighbors", "VECTORS", "a", "--config"]]
)
def test_error_of_the_disk_names_the_file_whatever_it_holds(
    command: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not Path("/proc/self/mem").exists():
        pytest.skip("no /proc/self/mem, whose first byte is an error to read")
    monkeypatch.setattr("embkit.cli.app.install_handlers", lambda: None)
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("1 1\na 1\n")
    given = [str(vectors) if word == "VECTORS" else word for word in command]
    assert main([*given, "/proc/self/mem"]) == 4
    assert capsys.readouterr().err == "embkit: error: /proc/self/mem: Input/output error\n"


def test_any_read_of_an_input_names_it(tmp_path: Path) -> None:
    if not Path("/proc/self/mem").exists():
        pytest.skip("no /proc/self/mem, whose first byte is an error to read")
    path = tmp_path / "text"
    path.touch()
    with open_input(path) as opened, open_file("/proc/self/mem") as failing:
        assert type(opened.raw) is type(failing.raw)  # type: ignore[attr-defined]
        raw = failing.raw  # type: ignore[attr-defined]
        reads: list[Callable[[], object]] = [
            lambda: raw.readinto(bytearray(9)),
            lambda: raw.read(9),
            raw.readall,
        ]
        for read in reads:
            with pytest.raises(OSError, match=r"Input/output error: '/proc/self/mem'"):
                read()


def test_stopped_and_continued_run_ends_the_same(corpus: Path, tmp_path: Path) -> None:
    options = ["--epochs", "60", "--threads", "1"]
    assert embkit_train(corpus, tmp_path / "whole.bin", *options).returncode == 0
    command = [sys.executable, "-m", "embkit", "train", "sgns", str(corpus), "--output"]
    command += [str(tmp_path / "v.bin"), "--dim", "8", "--min-count", "1", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [*command, "--log", "log"], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL
    ) as run:
        while not (tmp_path / "log").exists():
            assert run.poll() is None
            time.sleep(0.01)
        for _ in range(3):
            run.send_signal(signal.SIGSTOP)
            time.sleep(0.1)
            run.send_signal(signal.SIGCONT)
    assert run.returncode == 0
    assert (tmp_path / "v.bin").read_bytes() == (tmp_path / "whole.bin").read_bytes()


def test_clock_that_stands_still_divides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 5.0)
    reports: list[TrainingProgress] = []
    with Reporter(100, 50, callback=reports.append) as reporter:
        reporter.update(50, 1.0, 10, 0.1, last=True)
        reporter.update(100, 1.0, 10, 0.1, last=True)
    assert [report.words_per_second for report in reports] == [0.0, 0.0]
    assert [report.seconds_left for report in reports] == [0.0, 0.0]


def test_speed_after_an_interruption_leaves_out_what_was_trained_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 5.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    reports: list[TrainingProgress] = []
    with Reporter(1000, 100, callback=reports.append) as reporter:
        reporter.go_on_from(900, 9.0, 90, 0.1)
        now += 10
        reporter.update(960, 9.6, 96, 0.1)
    vectors = embkit.Embeddings.from_words(["a"], np.ones((1, 1), np.float32))
    assert Trained(vectors, Path("v.bin"), reports[-1]).speed == 6
    assert reports[-1].tokens == 960


@pytest.mark.parametrize("method", ["sgns", "glove"])
def test_training_in_another_thread_is_the_same(method: str) -> None:
    oracle = embkit.train(method, SENTENCES, **OPTIONS)
    found: list[Any] = []
    work = threading.Thread(
        target=lambda: found.append(embkit.train(method, SENTENCES, **OPTIONS))
    )
    work.start()
    work.join(timeout=60)
    assert found[0].vectors.tobytes() == oracle.vectors.tobytes()


def _train_in_a_fork(_: int) -> bytes:
    return embkit.train("sgns", SENTENCES, **OPTIONS).vectors.tobytes()


def test_process_that_has_trained_on_threads_may_fork() -> None:
    oracle = embkit.train("sgns", SENTENCES, **OPTIONS).vectors.tobytes()
    embkit.train("sgns", SENTENCES, **{**OPTIONS, "threads": 4})
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(_train_in_a_fork, range(2)).get(timeout=60) == [oracle] * 2


def test_words_that_other_tools_reserve_are_ordinary_words(tmp_path: Path) -> None:
    words = ["</s>", "<unk>", "<w>", "__label__x", "plain"]
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join([" ".join(words)] * 50) + "\n", encoding="utf-8")
    for method in ("sgns", "cbow", "glove"):
        model = embkit.train(method, path, **{**OPTIONS, "epochs": 2})
        assert sorted(model.words) == sorted(words)
        counts = model.vocabulary.counts
        assert counts is not None
        assert counts.tolist() == [50] * 5
        assert np.isfinite(model.vectors).all()


def test_last_word_without_a_newline_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"a b c\na b last")
    assert "last" in embkit.train("sgns", path, **OPTIONS)


def test_blanks_of_unicode_and_composed_letters_are_left_as_they_are(tmp_path: Path) -> None:
    words = ["a\u00a0b", "e\u0301", "\u00e9", "x\u0085y", "z\u200bz", "\uff21"]
    path = tmp_path / "corpus.txt"
    path.write_text(" ".join(words) + "\n", encoding="utf-8")
    assert sorted(embkit.train("sgns", path, **OPTIONS).words) == sorted(words)
