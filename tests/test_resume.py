"""A run that is interrupted anywhere goes on to the bytes of the run that was not."""

from __future__ import annotations

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
from embkit.embeddings import Embeddings
from embkit.training.checkpoint import read_checkpoint
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
