"""The files of one run: which checkpoints stay, which one is taken, and what is refused."""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit.config import CooccurrenceConfig, VocabularyConfig
from embkit.corpus import encode
from embkit.counts.cooccurrence import cooccur
from embkit.errors import DivergenceError, FormatError
from embkit.formats.safetensors_header import build_header
from embkit.training.checkpoint import (
    Checkpoints,
    State,
    read_checkpoint,
    saving_at_the_end,
    write_checkpoint,
)
from embkit.training.run import RunFolder, read_run, read_source, refuse_differences

IDENTITY = {"method": "sgns", "config": {"dim": 3, "epochs": 2}}
ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


class Trainer:
    """Something with a state."""

    def __init__(self, block: int = 0, *, is_whole: bool = True) -> None:
        self.block = block
        self.is_whole = is_whole

    def state(self) -> State | None:
        return State({"block": self.block}, {"input": ROWS}) if self.is_whole else None

    def restore(self, state: State) -> None:
        self.block = state.counters["block"]


def names_of(checkpoints: Checkpoints) -> list[str]:
    return [path.name for path in checkpoints.files()]


# ------------------------------------------------------------------ one file


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


# ------------------------------------------------------------------ those of a run


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


class SlowDisk:
    """A disk whose syncs end when they are told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self._sync = os.fsync
        monkeypatch.setattr(os, "fsync", self._wait)

    def _wait(self, descriptor: int) -> None:
        self.begun.set()
        assert self.goes_on.wait(timeout=60)
        self._sync(descriptor)


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


def test_folder_of_a_run_is_held_until_its_last_checkpoint_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.begun(run_identity(), CORPUS) as checkpoints:
        disk = SlowDisk(monkeypatch)
        checkpoints.begin_save(Trainer(1))
        assert disk.begun.wait(timeout=60)
        threading.Timer(0.1, disk.goes_on.set).start()
    assert names_of(checkpoints) == ["checkpoint-000001.safetensors"]


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


# ------------------------------------------------------------------ the folder


def run_identity(**others: Any) -> dict[str, Any]:
    plain = {"method": "sgns", "config": {"dim": 3, "epochs": 2}, "simd": "avx2", "embkit": "1"}
    digest = {"digest": CORPUS.digest, "num_words": 2}
    return {**plain, "corpus": digest, **others}


CORPUS = encode([["a", "b", "a"], ["b", "a"]], config=VocabularyConfig(min_count=1))


def test_run_is_begun_once_and_gone_on_with(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run", 7, output={"output": "v.bin"}, checkpoint_at_end=True)
    assert not folder.is_begun()
    with folder.begun(run_identity(), CORPUS) as checkpoints:
        assert checkpoints.at_end
        checkpoints.save(Trainer(1))
    assert folder.is_begun()
    (folder.path / ".checkpoint-000002.x.part").write_bytes(b"orphan")
    with folder.begun(run_identity(), CORPUS) as checkpoints:
        assert len(checkpoints.files()) == 1
        assert checkpoints.restore(Trainer())
    told = read_run(folder.path)
    assert told["identity"] == run_identity()
    assert (told["checkpoint_every"], told["output"]) == (7, {"output": "v.bin"})
    assert not list(folder.path.glob(".*.part"))
    source = read_source(folder.path, told["identity"])
    assert source.digest == CORPUS.digest
    folder.remove()
    assert not folder.path.exists()


def test_checkpoints_without_a_description_are_of_no_run(tmp_path: Path) -> None:
    Checkpoints(tmp_path, run_identity(), 10).save(Trainer(1))
    with RunFolder(tmp_path).begun(run_identity(), CORPUS) as checkpoints:
        assert checkpoints.files() == []


def test_removal_leaves_what_is_not_the_runs(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.begun(run_identity(), CORPUS):
        pass
    (folder.path / "notes.txt").write_text("mine")
    folder.remove()
    assert sorted(path.name for path in folder.path.iterdir()) == ["notes.txt"]


def test_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    folder = RunFolder(tmp_path / "run")
    with (
        pytest.raises(ValueError, match="run must be a new folder"),
        folder.begun(run_identity(), CORPUS),
    ):
        pass
    assert (tmp_path / "run").read_text() == "mine"


def test_only_epochs_may_differ_where_a_run_goes_further(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.begun(run_identity(), CORPUS):
        pass
    more = run_identity(config={"dim": 3, "epochs": 5})
    with (
        pytest.raises(ValueError, match="epochs is 2 in it, 5 now"),
        folder.begun(more, CORPUS),
    ):
        pass
    with folder.begun(more, CORPUS, goes_further=True):
        pass
    assert read_run(folder.path)["identity"] == more
    other = run_identity(config={"dim": 4, "epochs": 5})
    with (
        pytest.raises(ValueError, match="dim is 3 in it, 4 now"),
        folder.begun(other, CORPUS, goes_further=True),
    ):
        pass


@pytest.mark.parametrize(("method", "is_its"), [("glove", True), ("skipgram", False)])
def test_only_a_method_that_goes_further_takes_a_checkpoint_of_fewer_epochs(
    tmp_path: Path, method: str, is_its: bool
) -> None:
    folder, run = RunFolder(tmp_path / "run"), run_identity(method=method)
    with folder.begun(run, CORPUS) as checkpoints:
        checkpoints.save(Trainer(4))
    more = run_identity(method=method, config={"dim": 3, "epochs": 5})
    trainer = Trainer()
    with folder.begun(more, CORPUS, goes_further=True) as checkpoints:
        if is_its:
            assert checkpoints.restore(trainer)
        else:
            with pytest.raises(ValueError, match="must be a checkpoint of this run"):
                checkpoints.restore(trainer)
    assert trainer.block == (4 if is_its else 0)


def test_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-000001.safetensors").write_bytes(b"of a run that was cut short")
    (tmp_path / "notes.txt").write_text("mine")
    with (
        pytest.raises(ValueError, match="run must be a new folder or one of a run, got"),
        RunFolder(tmp_path).begun(run_identity(), CORPUS),
    ):
        pass
    assert len(list(tmp_path.iterdir())) == 2
    (tmp_path / "notes.txt").unlink()
    with RunFolder(tmp_path).begun(run_identity(), CORPUS) as checkpoints:
        assert checkpoints.files() == []


def test_seconds_between_checkpoints_are_more_than_none(tmp_path: Path) -> None:
    for every in (0, -1.0):
        with pytest.raises(ValueError, match="checkpoint_every must"):
            RunFolder(tmp_path, every)
    assert RunFolder(tmp_path).checkpoint_every == 600


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "embkit"},
        {"format_version": 2},
        {"identity": {"method": "sgns"}},
        {"identity": 3},
        {"identity": {name: v for name, v in run_identity().items() if name != "corpus"}},
        {"identity": run_identity(counts={"digest": "00"})},
        {"identity": run_identity(corpus={"digest": 3})},
        {"identity": run_identity(corpus=["digest"])},
        {"checkpoint_every": "10m"},
        {"output": "v.bin"},
        {"output": {"path": 3}},
    ],
)
def test_description_of_something_else_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    content = {
        "format": "embkit run", "format_version": 1, "identity": run_identity(),
        "checkpoint_every": 600.0, "output": None,
    }  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert read_run(tmp_path) == content
    (tmp_path / "run.json").write_text(json.dumps({**content, **changes}))
    with pytest.raises(FormatError, match="it must be an embkit run of version 1"):
        read_run(tmp_path)


def test_counts_of_another_run_are_refused(tmp_path: Path) -> None:
    counts, other = (
        cooccur(text, CooccurrenceConfig(min_count=1))
        for text in ([["a", "b", "a"]], [["b", "a"]])
    )
    folder = RunFolder(tmp_path / "run")
    identity = run_identity(counts={"digest": counts.digest, "num_words": 2})
    del identity["corpus"]
    with folder.begun(identity, counts):
        pass
    source = read_source(folder.path, identity)
    assert source.digest == counts.digest != other.digest
    other.save(folder.path / "counts", overwrite=True)
    with pytest.raises(FormatError, match="it holds another run's counts"):
        read_source(folder.path, identity)


def test_differences_are_told_with_the_way_to_the_runs_instructions() -> None:
    refuse_differences(run_identity(), run_identity())
    with pytest.raises(ValueError, match="simd is avx2 in it") as caught:
        refuse_differences(run_identity(), run_identity(simd="neon"))
    assert str(caught.value).endswith("neon now, EMBKIT_SIMD=avx2 chooses the run's")
    other = run_identity(corpus={"digest": "00", "num_words": 2}, init_from={"digest": "11"})
    with pytest.raises(ValueError, match="corpus digest is") as caught:
        refuse_differences(run_identity(), other)
    assert "init_from digest is None in it, 11 now" in str(caught.value)
    assert "EMBKIT_SIMD" not in str(caught.value)
