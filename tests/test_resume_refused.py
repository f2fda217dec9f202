"""Runs that are damaged, or another's: told, passed over where an older checkpoint is whole."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit._native import core
from embkit.cli.options import parse_duration
from embkit.errors import FormatError, LockedError
from embkit.output import locked
from embkit.training.checkpoint import State, read_checkpoint, write_checkpoint
from embkit.training.word2vec import Word2VecTrainer
from tests.interruptions import OPTIONS, SENTENCES, pausing
from tests.test_resume import InterruptError, bytes_of, interrupt_after

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
