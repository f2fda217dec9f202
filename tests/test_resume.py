"""A run that is interrupted anywhere goes on to the bytes of the run that was not."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit._native import core
from embkit.cli.options import parse_duration
from embkit.embeddings import Embeddings
from embkit.errors import FormatError, LockedError
from embkit.output import locked
from embkit.training.checkpoint import State, read_checkpoint, write_checkpoint
from embkit.training.run import read_run
from embkit.training.word2vec import Word2VecTrainer
from tests.interruptions import OPTIONS, SENTENCES, pausing
from tests.models import MODES, SMALL, random_sentences, without_noise

ROOT = Path(__file__).parents[1]


class InterruptError(Exception):
    """What ends a run in these tests."""


def interrupt_after(monkeypatch: pytest.MonkeyPatch, pauses: int, blocks: int = 3) -> None:
    """End the next run with InterruptError when it pauses for the so manyeth time."""
    left = pauses

    def pause() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise InterruptError

    monkeypatch.setattr(Word2VecTrainer, "__init__", pausing(blocks, pause))


def bytes_of(model: Embeddings) -> bytes:
    output = b"" if model.output is None else model.output.tobytes()
    return model.vectors.tobytes() + output + json.dumps(model.provenance).encode()


# ------------------------------------------------------------------ the same bytes


@pytest.mark.parametrize("mode", MODES)
def test_resumed_run_has_the_bytes_of_the_uninterrupted_one(
    mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = without_noise({**SMALL, **MODES[mode], "min_count": 1, "threads": 1})
    options["keep_output"] = True
    method = options.pop("method")
    oracle = embkit.train(method, SENTENCES, **options)
    for pauses in (1, 4):
        folder = tmp_path / f"run-{pauses}"
        with monkeypatch.context() as patch:
            interrupt_after(patch, pauses)
            with pytest.raises(InterruptError):
                embkit.train(method, SENTENCES, run=folder, **options)
        assert bytes_of(embkit.resume(folder)) == bytes_of(oracle)


def test_run_interrupted_at_every_block_has_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = embkit.train("sgns", SENTENCES, **OPTIONS)
    folder, interruptions = tmp_path / "run", 0
    monkeypatch.setattr(Word2VecTrainer, "__init__", pausing(1, raise_interrupt))
    while True:
        try:
            result = embkit.train("sgns", SENTENCES, run=folder, **OPTIONS)
        except InterruptError:
            interruptions += 1
        else:
            break
    assert interruptions == 2 * 10 - 1  # of ten blocks an epoch
    assert bytes_of(result) == bytes_of(oracle)


def raise_interrupt() -> None:
    raise InterruptError


@pytest.mark.parametrize("threads", [2, 5])
def test_several_threads_train_every_token_exactly_once(
    threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**OPTIONS, "threads": threads}
    oracle = embkit.train("sgns", SENTENCES, **{**OPTIONS, "learning_rate": 1e-30})
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3, blocks=threads + 1)
        with pytest.raises(InterruptError):
            embkit.train("sgns", SENTENCES, run=tmp_path / "run", **options)
    reports: list[Any] = []
    state, _ = read_checkpoint(next((tmp_path / "run").glob("checkpoint-*")))
    assert state.counters["next_block"] > 0
    result = embkit.resume(tmp_path / "run", callback=reports.append)
    assert reports[-1].tokens == reports[-1].total_tokens == 2 * 10_000
    assert result.words == oracle.words


def test_final_loss_is_that_of_the_last_epoch() -> None:
    reports: list[Any] = []
    options = {**OPTIONS, "learning_rate": 1e-30, "epochs": 3}
    model = embkit.train("sgns", SENTENCES, callback=reports.append, **options)
    # Untrained, every pair costs one bit for the centre and each noise word.
    most = (1 + 5) * np.log(2)
    assert 0.7 * most < model.provenance["final_loss"] <= most + 1e-6


# ------------------------------------------------------------------ killed


def kill_at(folder: Path, number: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.interruptions", str(folder), str(number)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_run_killed_at_any_touch_of_its_folder_goes_on(tmp_path: Path) -> None:
    oracle = embkit.train("sgns", SENTENCES, **OPTIONS)
    whole = kill_at(tmp_path / "whole.run", 0)
    assert whole.returncode == 0, whole.stderr
    count = int(whole.stdout)
    assert count > 40
    # The beginning one by one, where everything is done once; then samples.
    for number in [*range(1, 12, 2), *range(14, count, count // 6), count]:
        folder = tmp_path / f"{number}.run"
        killed = kill_at(folder, number)
        assert killed.returncode == -signal.SIGKILL, (number, killed.stderr)
        try:
            result = embkit.resume(folder)
        except FileNotFoundError:  # it had not begun to train, or it had ended
            result = embkit.train("sgns", SENTENCES, run=folder, **OPTIONS)
        assert bytes_of(result) == bytes_of(oracle), number
        assert not folder.exists(), number


@pytest.fixture(scope="module")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Return a corpus, and the file of an uninterrupted run on it."""
    folder = tmp_path_factory.mktemp("oracle")
    path = folder / "corpus.txt"
    sentences = random_sentences(3000, [500] * 400, seed=5)
    path.write_text("\n".join(map(" ".join, sentences)), encoding="utf-8")
    oracle = embkit.train("cbow", path, dim=64, epochs=40, threads=1, min_count=1)
    embkit.save(oracle, folder / "model")
    return path, (folder / "model" / "embeddings.safetensors").read_bytes()


def spawn(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "embkit", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )


LONG = ["--dim", "64", "--epochs", "40", "--threads", "1", "--min-count", "1", "-q"]


@pytest.mark.parametrize(
    ("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGKILL", -9)]
)
def test_run_ended_by_a_signal_resumes_to_the_same_file(
    name: str, code: int, tmp_path: Path, long_run: tuple[Path, bytes]
) -> None:
    corpus, whole = long_run
    arguments = ["train", "cbow", str(corpus), "--output", "model", "--checkpoint-every"]
    with spawn([*arguments, "0.1s", *LONG], tmp_path) as run:
        wait_for(lambda: any((tmp_path / "model.run").glob("checkpoint-*.safetensors")))
        run.send_signal(getattr(signal, name))
        run.wait(timeout=20)
    assert run.returncode == code
    assert not (tmp_path / "model").exists()
    before = read_run(tmp_path / "model.run")
    assert before["identity"]["config"]["epochs"] == 40
    with spawn(["resume", "model.run", "-q"], tmp_path) as resumed:
        _, message = resumed.communicate()
    assert (resumed.returncode, message) == (0, "")
    assert not (tmp_path / "model.run").exists()
    assert (tmp_path / "model" / "embeddings.safetensors").read_bytes() == whole


def test_second_signal_ends_a_run_at_once_and_it_still_resumes(
    tmp_path: Path, long_run: tuple[Path, bytes]
) -> None:
    corpus, whole = long_run
    arguments = ["train", "cbow", str(corpus), "--output", "model", "--checkpoint-every"]
    with spawn([*arguments, "0.1s", *LONG], tmp_path) as run:
        wait_for(lambda: any((tmp_path / "model.run").glob("checkpoint-*.safetensors")))
        run.send_signal(signal.SIGINT)
        time.sleep(0.1)  # apart from the first, and while that is waited for
        run.send_signal(signal.SIGINT)
        sent = time.monotonic()
        run.wait(timeout=20)
    # As Python ends it gives signals back to the system; a shell tells 130 for both.
    assert run.returncode in (130, -signal.SIGINT)
    assert time.monotonic() - sent < 10  # at once on a machine that is not busy
    with spawn(["resume", "model.run", "-q"], tmp_path) as resumed:
        assert resumed.communicate()[1] == ""
    assert (tmp_path / "model" / "embeddings.safetensors").read_bytes() == whole


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# ------------------------------------------------------------------ damage


SMALL_STATE = State({"next_block": 3}, {"input": np.arange(6, dtype=np.float32)})


def test_every_truncation_and_flipped_bit_of_a_checkpoint_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint-000001.safetensors"
    write_checkpoint(path, SMALL_STATE, {"method": "sgns"})
    whole = path.read_bytes()
    state, identity = read_checkpoint(path)
    assert (dict(state.counters), identity) == ({"next_block": 3}, {"method": "sgns"})
    assert state.tensors["input"].tolist() == [0, 1, 2, 3, 4, 5]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError):
            read_checkpoint(path)
    path.write_bytes(whole)
    with path.open("r+b", buffering=0) as file:
        for position in range(len(whole)):
            for bit in range(8):
                os.pwrite(file.fileno(), flipped(whole, position, bit), 0)
                with pytest.raises(FormatError):
                    read_checkpoint(path)


def flipped(data: bytes, position: int, bit: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= 1 << bit
    return bytes(changed)


def interrupted_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Make a run with two checkpoints; return them, the newest first."""
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3)
        with pytest.raises(InterruptError):
            embkit.train("sgns", SENTENCES, run=folder, **OPTIONS)
    return sorted(folder.glob("checkpoint-*"), reverse=True)


def test_damaged_checkpoint_falls_back_to_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    newest, _ = interrupted_run(tmp_path / "run", monkeypatch)
    data = newest.read_bytes()
    newest.write_bytes(flipped(data, len(data) - 9, 4))
    oracle = embkit.train("sgns", SENTENCES, **OPTIONS)
    assert bytes_of(embkit.resume(tmp_path / "run", keep_run=True)) == bytes_of(oracle)
    assert "damaged" in caplog.text
    damaged = sorted((tmp_path / "run").glob("checkpoint-*"))
    for path in damaged:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError):
        embkit.resume(tmp_path / "run")
    assert sorted((tmp_path / "run").glob("checkpoint-*")) == damaged


def test_damaged_corpus_of_a_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_run(tmp_path / "run", monkeypatch)
    path = tmp_path / "run" / "corpus"
    data = path.read_bytes()
    path.write_bytes(flipped(data, len(data) - 5, 0))
    with pytest.raises(FormatError, match="damaged"):
        embkit.resume(tmp_path / "run")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format": "embkit run"}', b"\xff"])
def test_damaged_description_of_a_run_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(FormatError, match="embkit run"):
        embkit.resume(tmp_path)


def test_checkpoint_that_cannot_be_written_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    oracle = embkit.train("sgns", SENTENCES, **OPTIONS)
    monkeypatch.setattr(Word2VecTrainer, "__init__", pausing(3))
    sync, calls = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 8:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    result = embkit.train("sgns", SENTENCES, run=tmp_path / "run", keep_run=True, **OPTIONS)
    assert bytes_of(result) == bytes_of(oracle)
    assert "No space left" in caplog.text
    assert not list((tmp_path / "run").glob(".*.part"))


# ------------------------------------------------------------------ another run


def test_another_option_corpus_or_method_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    interrupted_run(folder, monkeypatch)
    with pytest.raises(ValueError, match=r"dim is 8 in it, 9 now, seed is 1 in it, 7 now$"):
        embkit.train("sgns", SENTENCES, run=folder, **{**OPTIONS, "dim": 9, "seed": 7})
    with pytest.raises(ValueError, match=r"corpus digest is .* in it, .* now$"):
        embkit.train("sgns", SENTENCES[1:], run=folder, **OPTIONS)
    with pytest.raises(ValueError, match="method is sgns in it, cbow now"):
        embkit.train("cbow", SENTENCES, run=folder, **OPTIONS)
    with pytest.raises(ValueError, match="threads is 1 in it, 2 now"):
        embkit.train("sgns", SENTENCES, run=folder, **{**OPTIONS, "threads": 2})
    same = embkit.train("sgns", SENTENCES, run=folder, **OPTIONS)
    assert bytes_of(same) == bytes_of(embkit.train("sgns", SENTENCES, **OPTIONS))


def test_run_of_another_simd_level_or_version_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_run(tmp_path, monkeypatch)
    path = tmp_path / "run.json"
    text = path.read_text()
    path.write_text(text.replace(f'"simd": "{core.simd_level()}"', '"simd": "mmx"'))
    with pytest.raises(ValueError, match=r"simd is mmx in it, .* EMBKIT_SIMD=mmx"):
        embkit.resume(tmp_path)
    path.write_text(text.replace(embkit.__version__, "0.0.0"))
    with pytest.raises(ValueError, match=r"embkit is 0\.0\.0 in it"):
        embkit.resume(tmp_path)
    path.write_text(text)
    embkit.resume(tmp_path)


def test_checkpoint_of_another_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (newest, _) = interrupted_run(tmp_path, monkeypatch)
    state, identity = read_checkpoint(newest)
    write_checkpoint(newest, state, {**identity, "method": "cbow"})
    with pytest.raises(ValueError, match="must be a checkpoint of this run"):
        embkit.resume(tmp_path)
    tensors = {name: array[:-1] for name, array in state.tensors.items()}
    write_checkpoint(newest, State(state.counters, tensors), identity)
    with pytest.raises(ValueError, match="must have matrices of"):
        embkit.resume(tmp_path)


def test_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="run must be a new folder or one of a run"):
        embkit.train("sgns", SENTENCES, run=tmp_path, **OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_two_processes_cannot_be_at_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_run(tmp_path, monkeypatch)
    with locked(tmp_path / "lock", "run"), pytest.raises(LockedError, match="process"):
        embkit.resume(tmp_path)


def test_folder_goes_after_success_unless_it_is_kept(tmp_path: Path) -> None:
    embkit.train("sgns", SENTENCES, run=tmp_path / "gone", **OPTIONS)
    embkit.train("sgns", SENTENCES, run=tmp_path / "kept", keep_run=True, **OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    names = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert names == ["checkpoint-000001.safetensors", "corpus", "log.jsonl", "run.json"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint_every": 5}, "run must be given with checkpoint_every"),
        ({"run": "r", "checkpoint_every": 0}, "checkpoint_every must be positive, got 0"),
    ],
)
def test_wrong_run_options_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        embkit.train("sgns", SENTENCES, **options, **OPTIONS)


def test_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"run\.json"):
        embkit.resume(tmp_path)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30.0), ("90s", 90.0), ("10m", 600.0), ("1.5h", 5400.0)]
)
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0m", "-1s", "10 m", "1d", "m", "1e3", "nan"])
def test_wrong_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a duration must be like 90s, 10m or 1h, got"):
        parse_duration(text)
