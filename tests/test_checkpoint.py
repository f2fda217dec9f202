"""The files of one run: which checkpoints stay, which one is taken, and what is refused."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit.errors import DivergenceError, FormatError
from embkit.formats.safetensors_header import build_header
from embkit.training.checkpoint import (
    Checkpoints,
    State,
    read_checkpoint,
    saving_at_the_end,
    write_checkpoint,
)
from tests.checkpointed import ROWS, SlowDisk, Trainer

IDENTITY = {"method": "sgns", "config": {"dim": 3, "epochs": 2}}


def names_of(checkpoints: Checkpoints) -> list[str]:
    return [path.name for path in checkpoints.files()]


def test_state_goes_into_a_trainers_own_arrays() -> None:
    state = State({"block": 3}, {"input": ROWS})
    own = np.zeros((2, 3), np.float32)
    state.copy_into({"input": own}, {"block": 0})
    assert own.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("arrays", "counters", "message"),
    [
        ({"input": np.zeros((2, 2))}, {"block": 0}, r"matrices of {'input': \(2, 2\)}"),
        ({"other": np.zeros((2, 3))}, {"block": 0}, "matrices of {'other'"),
        ({"input": np.zeros((2, 3))}, {"row": 0}, r"counters \['row'\]"),
    ],
)
def test_state_of_another_trainer_is_refused(
    arrays: dict[str, Any], counters: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        State({"block": 3}, {"input": ROWS}).copy_into(arrays, counters)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "embkit"}, "it is not a checkpoint"),
        ({"format_version": "2"}, "format_version must be 1, got '2'"),
        ({"format_version": "2" * 21}, f"must be 1, got '{'2' * 20}'"),
        ({"format_version": None}, "format_version must be 1, got 'none'"),
        ({"crc32": "{}"}, "tensor 'input' is damaged"),
    ],
)
def test_whole_file_of_another_kind_is_refused(
    tmp_path: Path, changes: dict[str, str | None], reason: str
) -> None:
    path = tmp_path / "checkpoint-000001.safetensors"
    plain = {
        "format": "embkit checkpoint", "format_version": "1", "identity": "{}",
        "counters": "{}", "crc32": '{"input": 1}',
    }  # fmt: skip
    metadata = {name: text for name, text in {**plain, **changes}.items() if text is not None}
    header = build_header({"input": ROWS}, metadata)
    path.write_bytes(header + ROWS.tobytes())
    with pytest.raises(FormatError, match=reason) as caught:
        read_checkpoint(path)
    assert caught.value.offset == (len(header) if "crc32" in changes else 8)


def test_header_that_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint-000001.safetensors"
    write_checkpoint(path, State({"block": 3}, {"input": ROWS}), IDENTITY)
    path.write_bytes(path.read_bytes().replace(b'block\\": 3', b'block\\": 4'))
    with pytest.raises(FormatError, match="header was changed") as caught:
        read_checkpoint(path)
    assert caught.value.offset == 8


def test_last_checkpoint_and_the_one_before_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, IDENTITY, 10)
    assert checkpoints.files() == []
    for block in range(1, 5):
        checkpoints.save(Trainer(block))
        newest = [
            f"checkpoint-{block:06d}.safetensors",
            f"checkpoint-{block - 1:06d}.safetensors",
        ]
        assert names_of(checkpoints) == newest[: min(block, 2)]


def test_files_are_ordered_by_number_and_strangers_left_aside(tmp_path: Path) -> None:
    for name in ("000009", "000010", "1000000", "000000", "abc", "1.old"):
        (tmp_path / f"checkpoint-{name}.safetensors").write_bytes(b"")
    names = [f"checkpoint-{name}.safetensors" for name in ("1000000", "000010", "000009")]
    assert names_of(Checkpoints(tmp_path, IDENTITY, 10)) == names


def test_trainer_goes_on_from_the_last_whole_checkpoint(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(tmp_path, IDENTITY, 10)
    trainer = Trainer()
    assert not checkpoints.restore(trainer)
    assert trainer.block == 0
    checkpoints.save(Trainer(4))
    checkpoints.save(Trainer(7))
    assert checkpoints.restore(trainer)
    assert trainer.block == 7
    newest, before = checkpoints.files()
    newest.write_bytes(b"cut")
    assert checkpoints.restore(trainer)
    assert trainer.block == 4
    assert "the checkpoint before it is used" in caplog.text
    before.write_bytes(b"cut")
    with pytest.raises(FormatError):
        checkpoints.restore(trainer)


def test_whole_checkpoint_is_kept_beside_the_next_where_a_newer_one_was_damaged(
    tmp_path: Path,
) -> None:
    checkpoints = Checkpoints(tmp_path, IDENTITY, every=60)
    for block in (1, 2):
        checkpoints.save(Trainer(block))
    newest = checkpoints.files()[0]
    newest.write_bytes(newest.read_bytes()[:-1])
    checkpoints = Checkpoints(tmp_path, IDENTITY, every=60)
    assert checkpoints.restore(Trainer())
    checkpoints.save(Trainer(3))
    blocks = [read_checkpoint(path)[0].counters["block"] for path in checkpoints.files()]
    assert blocks == [3, 1]


def test_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    Checkpoints(tmp_path, IDENTITY, 10).save(Trainer(4))
    trainer = Trainer()
    with pytest.raises(ValueError, match="must be a checkpoint of this run, got another's"):
        Checkpoints(tmp_path, {"method": "cbow"}, 10).restore(trainer)
    assert trainer.block == 0


def test_next_checkpoint_is_due_after_the_interval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    checkpoints = Checkpoints(tmp_path, IDENTITY, 10)
    assert not checkpoints.is_due()
    now = 109.9
    assert not checkpoints.is_due()
    now = 110.0
    assert checkpoints.is_due()
    checkpoints.save(Trainer())
    assert not checkpoints.is_due()
    now = 120.0
    assert checkpoints.is_due()


def test_block_that_is_not_done_leaves_the_checkpoint_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(tmp_path, IDENTITY, 10)
    checkpoints.save(Trainer(4))
    checkpoints.save(Trainer(5, is_whole=False))
    assert names_of(checkpoints) == ["checkpoint-000001.safetensors"]
    assert "stopped within a block" in caplog.text


def test_full_disk_keeps_the_older_ones_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(tmp_path, IDENTITY, 10)
    checkpoints.save(Trainer(1))
    checkpoints.save(Trainer(2))

    def fsync(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    checkpoints.save(Trainer(3))
    assert len(names_of(checkpoints)) == 2
    assert "no checkpoint: " in caplog.text
    assert "No space left" in caplog.text


def test_rows_are_not_read_any_more_when_a_checkpoint_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = []

    def fail(_array: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def checksum(_array: object) -> int:
        time.sleep(0.2)
        ended.append(True)
        return 0

    monkeypatch.setattr("embkit.training.checkpoint.blocks", fail)
    monkeypatch.setattr("embkit.training.checkpoint.checksum", checksum)
    Checkpoints(tmp_path, IDENTITY, 10).save(Trainer(1))
    assert ended  # a trainer may free its rows at once


def test_training_goes_on_while_the_disk_keeps_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path, IDENTITY, every=1e-9)
    checkpoints.save(Trainer(1))
    checkpoints.save(Trainer(2))
    kept = names_of(checkpoints)
    rows = ROWS.copy()
    monkeypatch.setattr(Trainer, "state", lambda self: State({"block": 3}, {"input": rows}))
    disk = SlowDisk(monkeypatch)
    checkpoints.begin_save(Trainer(3))
    assert disk.begun.wait(timeout=60)
    rows[:] = 9  # the training goes on
    assert names_of(checkpoints) == kept
    assert not checkpoints.is_due()  # though the interval is over
    disk.goes_on.set()
    checkpoints.finish()
    assert checkpoints.is_due()
    assert names_of(checkpoints) == ["checkpoint-000003.safetensors", kept[0]]
    state, _ = read_checkpoint(checkpoints.files()[0])
    assert state.tensors["input"].tolist() == ROWS.tolist()


def test_checkpoint_is_written_where_no_thread_can_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    checkpoints = Checkpoints(tmp_path, IDENTITY, 10)
    checkpoints.begin_save(Trainer(1))
    assert names_of(checkpoints) == ["checkpoint-000001.safetensors"]
    checkpoints.finish()
    assert read_checkpoint(checkpoints.files()[0])[0].counters == {"block": 1}


def test_disk_that_fails_while_training_goes_on_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fsync(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    checkpoints = Checkpoints(tmp_path, IDENTITY, 10)
    monkeypatch.setattr(os, "fsync", fsync)
    checkpoints.begin_save(Trainer(1))
    checkpoints.finish()
    assert "no checkpoint: " in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_large_checkpoint_at_an_interruption_is_told_before_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("embkit.training.checkpoint._WORTH_TELLING", ROWS.nbytes)
    told_then: list[str] = []
    monkeypatch.setattr(
        Checkpoints, "save", lambda _self, _trainer: told_then.append(caplog.text)
    )
    checkpoints = Checkpoints(tmp_path, IDENTITY, 10)
    with pytest.raises(KeyboardInterrupt), saving_at_the_end(checkpoints, Trainer(1)):
        raise KeyboardInterrupt
    assert "interrupted: a checkpoint of 0 MiB is written" in told_then[0]


@pytest.mark.parametrize(
    ("raised", "at_end", "saved"),
    [
        (None, True, 1),
        (None, False, 0),
        (KeyboardInterrupt, False, 1),
        (DivergenceError, True, 0),
    ],
)
def test_training_that_ends_leaves_a_checkpoint_unless_it_diverged(
    tmp_path: Path, raised: type[BaseException] | None, at_end: bool, saved: int
) -> None:
    checkpoints = Checkpoints(tmp_path, IDENTITY, 10, at_end=at_end)
    if raised is None:
        with saving_at_the_end(checkpoints, Trainer(2)):
            pass
    else:
        with pytest.raises(raised), saving_at_the_end(checkpoints, Trainer(2)):
            raise raised
        with pytest.raises(raised), saving_at_the_end(None, Trainer(2)):
            raise raised
    assert len(checkpoints.files()) == saved
