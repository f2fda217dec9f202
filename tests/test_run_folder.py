"""The folder of a run: begun once, gone on with, and never another's."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from embkit.config import CooccurrenceConfig, VocabularyConfig
from embkit.corpus import encode
from embkit.counts.cooccurrence import cooccur
from embkit.errors import FormatError
from embkit.training.checkpoint import Checkpoints
from embkit.training.run import RunFolder, read_run, read_source, refuse_differences
from tests.checkpointed import SlowDisk, Trainer


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
        {"format_version": 1},
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
        "format": "embkit run", "format_version": 2, "identity": run_identity(),
        "checkpoint_every": 600.0, "output": None,
    }  # fmt: skip
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert read_run(tmp_path) == content
    (tmp_path / "run.json").write_text(json.dumps({**content, **changes}))
    with pytest.raises(FormatError, match="it must be an embkit run of version 2"):
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


def test_folder_of_a_run_is_held_until_its_last_checkpoint_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.begun(run_identity(), CORPUS) as checkpoints:
        disk = SlowDisk(monkeypatch)
        checkpoints.begin_save(Trainer(1))
        assert disk.begun.wait(timeout=60)
        threading.Timer(0.1, disk.goes_on.set).start()
    assert [path.name for path in checkpoints.files()] == ["checkpoint-000001.safetensors"]
