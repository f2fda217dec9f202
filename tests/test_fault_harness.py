"""The harness of ``make faults`` sees what it looks for: torn files, lost names, lost runs."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

if sys.platform != "linux":
    pytest.skip("the faults are put to Linux only", allow_module_level=True)

import embkit
from embkit.training.checkpoint import Checkpoints, State, write_checkpoint
from embkit.training.glove import GloveTrainer
from embkit.training.word2vec import Word2VecTrainer
from tests.interruptions import OPTIONS, SENTENCES, pausing
from tests.native import fault_record, faults, power, rooms, stops
from tests.native import pausing as pausing_module
from tests.native.fault_cases import CASES, is_old_or_new, is_whole, other_inputs
from tests.native.faults import wanted_slices
from tests.native.forks import Ended
from tests.native.kills import kind_of, last_checkpoint, plan_points
from tests.native.power import Disk
from tests.native.rooms import torn_checkpoints
from tests.native.watching import Watcher


def replay(room: Path, lines: list[str], data: bytes) -> dict[str, dict[str, bytes]]:
    """Return what may be left after the last line, by the kind of loss, with relative names."""
    disk, left = Disk(room), memoryview(data)
    for line in lines:
        left = left[disk.apply(line.replace("ROOM", str(room)), left) :]
    return {
        why: {path.removeprefix(f"{room}/"): found for path, found in tree.items()}
        for why, tree in disk.after_the_cut()
    }


WRITE = ["open ROOM/.new", "data 0 5 ROOM/.new"]
RENAME = ["from ROOM/.new", "rename ROOM/out"]


def test_rename_before_the_sync_is_seen_as_a_torn_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    left = replay(tmp_path, [*WRITE, *RENAME, "fsync ROOM/.new"], b"whole")
    assert left["synced"] == {"out": b"old"}
    torn = replay(tmp_path, [*WRITE, *RENAME], b"whole")
    assert torn == {
        "synced": {"out": b"old"},
        "names": {"out": b""},
        "zeros": {"out": bytes(5)},
    }


def test_synced_and_renamed_file_is_old_or_new_and_new_from_the_folders_sync_on(
    tmp_path: Path,
) -> None:
    (tmp_path / "out").write_bytes(b"old")
    lines = [*WRITE, "fsync ROOM/.new", *RENAME]
    left = replay(tmp_path, lines, b"whole")
    assert [tree["out"] for tree in left.values()] == [b"old", b"whole", b"whole"]
    left = replay(tmp_path, [*lines, "fsync ROOM"], b"whole")
    assert [tree["out"] for tree in left.values()] == [b"whole"] * 3


def test_what_was_removed_is_gone_only_after_the_folders_sync(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"old")
    left = replay(tmp_path, ["unlink ROOM/out"], b"")
    assert left == {"synced": {"out": b"old"}, "names": {}, "zeros": {}}
    left = replay(tmp_path, ["unlink ROOM/out", "fsync ROOM"], b"")
    assert left["synced"] == {}


def test_file_in_a_folder_that_was_not_synced_is_lost(tmp_path: Path) -> None:
    lines = ["mkdir ROOM/run", "open ROOM/run/a", "data 0 2 ROOM/run/a", "fsync ROOM/run/a"]
    left = replay(tmp_path, [*lines, "fsync ROOM/run"], b"ab")
    assert left == {"synced": {}, "names": {"run/a": b"ab"}, "zeros": {"run/a": b"ab"}}
    left = replay(tmp_path, [*lines, "fsync ROOM/run", "fsync ROOM"], b"ab")
    assert left["synced"] == {"run/a": b"ab"}


def test_file_without_a_name_leaves_nothing(tmp_path: Path) -> None:
    lines = ["open ROOM/(unnamed)", "data 0 5 ROOM/(unnamed)", *WRITE, "fsync ROOM/.new"]
    left = replay(tmp_path, [*lines, *RENAME, "fsync ROOM"], b"sparewhole")
    assert list(left.values()) == [{"out": b"whole"}] * 3


def test_torn_checkpoint_is_named(tmp_path: Path) -> None:
    for number in (1, 2):
        path = tmp_path / f"checkpoint-{number:06d}.safetensors"
        write_checkpoint(path, State({}, {}), {})
    path.write_bytes(path.read_bytes()[:-1])
    assert torn_checkpoints(tmp_path) == ["checkpoint-000002.safetensors"]
    assert last_checkpoint(tmp_path) == 2


def test_points_are_named_ones_and_as_many_random_ones() -> None:
    plan = plan_points(random.Random(1), 50, 93, 2.0)
    named = [number for number, after in plan if after is None]
    assert len(plan) == 50
    assert len(named) == len(set(named)) == 25
    assert min(named) == 1
    assert max(named) <= 93
    assert all(0 <= after <= 2 for _, after in plan if after is not None)
    assert (
        len({n for n, after in plan_points(random.Random(1), 50, 9, 1) if after is None}) == 9
    )


def test_points_are_told_without_numbers_and_random_parts() -> None:
    part = "/room/run/.checkpoint-000003.safetensors.0123456789abcdef.part"
    assert kind_of(part, "/room") == "run/.checkpoint.safetensors.part"


def test_record_adds_up_slices_of_the_same_sources_and_names_the_others(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    wanted = wanted_slices(("faults", "kills"), ["train", "resume"], ["open"])
    assert len(wanted) == 7
    config = {"sources": "a"}
    fault_record.add(path, {"faults train open": {"tried": 5, "wrong": []}}, config, wanted)
    found = {"faults resume open": {"tried": 2, "wrong": ["torn"]}}
    fault_record.add(
        path, {**found, "kills resume 0": {"points": 9, "wrong": []}}, config, wanted
    )
    metrics = json.loads(path.read_text())["metrics"]
    assert metrics["summary"] == {
        "faults": {"wrong": 1, "tried": 7},
        "kills": {"wrong": 0, "points": 9},
    }
    assert metrics["not_run"] == [f"kills resume {share}" for share in range(1, 5)]
    fault_record.add(path, found, {"sources": "b"}, wanted)
    assert fault_record.read_slices(path, "b") == found
    assert fault_record.read_slices(path, "a") == {}


def test_watcher_sees_a_torn_checkpoint_and_one_that_is_gone(tmp_path: Path) -> None:
    paths = [tmp_path / f"checkpoint-{number:06d}.safetensors" for number in (1, 2)]
    for path in paths:
        write_checkpoint(path, State({}, {}), {})
    watcher = Watcher(tmp_path)
    watcher.look()
    assert (watcher.opened, watcher.problem) == (1, None)
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    watcher.look()
    assert "checkpoint-000002" in str(watcher.problem)
    watcher.problem = None
    for path in paths:
        path.unlink()
    watcher.look()
    assert watcher.problem is None  # the run has ended
    (tmp_path / "run.json").touch()
    watcher.look()
    assert watcher.problem == "no checkpoint is there any more"


def test_a_watcher_bears_a_folder_that_goes_and_tells_its_own_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(path: Path, pattern: str) -> list[Path]:
        raise FileNotFoundError(path / pattern)

    def broken(path: Path) -> State:
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "glob", gone)
        watcher = Watcher(tmp_path)
        watcher.look()
        assert watcher.problem is None
    write_checkpoint(tmp_path / "checkpoint-000001.safetensors", State({}, {}), {})
    monkeypatch.setattr("tests.native.watching.read_checkpoint", broken)
    with Watcher(tmp_path) as watcher:
        watcher._thread.join(timeout=60)
    assert watcher.problem == "the watcher failed: RuntimeError('broken')"


@pytest.mark.parametrize("method", ["sgns", "glove"])
def test_a_checkpoint_can_be_read_at_every_moment_of_a_run(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = {"sgns": Word2VecTrainer, "glove": GloveTrainer}[method]
    monkeypatch.setattr(trainer, "__init__", pausing(1, trainer=trainer))
    monkeypatch.setattr(Checkpoints, "is_due", lambda self: True)
    watcher = Watcher(tmp_path / "run")
    with watcher:
        embkit.train(method, SENTENCES, run=tmp_path / "run", **OPTIONS)
    assert watcher.problem is None
    assert watcher.opened > 0


def test_tokens_that_a_run_lost_or_trained_twice_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, counts = tmp_path / "room", tmp_path / "room.tokens"
    for folder in (room, tmp_path / "new" / "checkpoints-threads"):
        folder.mkdir(parents=True)
        embkit.save(embkit.Embeddings.from_words(["a"], np.ones((1, 2))), folder / "model")
    model = SimpleNamespace(progress=lambda: (99, 0.0, 0, 0.1))
    trainer = SimpleNamespace(
        model=model, corpus=SimpleNamespace(num_tokens=25), config=SimpleNamespace(epochs=4)
    )
    pausing_module._counting(lambda _: None, counts)(trainer)
    monkeypatch.setattr(rooms, "main_in_fork", lambda *_, **__: Ended(0, []))
    problem = rooms.problem_at_the_end(tmp_path, room, "checkpoints-threads")
    assert problem == "99 tokens or cells were trained, not 100"
    counts.write_text("100 100")
    assert rooms.problem_at_the_end(tmp_path, room, "checkpoints-threads") is None


def test_slice_in_which_nothing_failed_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "run_kind", lambda *_: iter(()))
    found = faults.put_faults(Path(), "new-binary", "link")
    assert found["wrong"] == [
        "new-binary link: no call of this kind was made, so that none could fail"
    ]


def test_each_kind_is_put_to_the_cases_that_make_such_calls() -> None:
    wanted = wanted_slices(("faults",), list(CASES), faults.KINDS)
    with_faults = {name for name, case in CASES.items() if "faults" in case.parts}
    assert {name.split()[1] for name in wanted} == with_faults != set(CASES)
    assert {f"faults {name} memory" for name in with_faults} <= set(wanted)
    linked = {name for name in CASES if f"faults {name} link" in wanted}
    assert linked == {name for name, case in CASES.items() if case.is_new} != set()


def test_outputs_of_one_command_may_be_old_and_new_where_each_is_its_own() -> None:
    old: dict[str, bytes] = {}
    new = {"a.map": b"1", "b.map": b"2"}
    for name, is_allowed in (("map-many", True), ("projector", False)):
        assert is_old_or_new(old, old, new, case=CASES[name])
        assert is_old_or_new(new, old, new, case=CASES[name])
        assert is_old_or_new({"a.map": b"1"}, old, new, case=CASES[name]) == is_allowed
        assert not is_old_or_new({"a.map": b"2"}, old, new, case=CASES[name])
        assert not is_old_or_new({**new, "c.map": b"3"}, old, new, case=CASES[name])


@pytest.mark.parametrize(("number", "fails"), [(1, True), (9, False)])
def test_pages_fail_as_other_memory_does(number: int, fails: bool, tmp_path: Path) -> None:
    lines = ("import mmap", "open('room/a', 'x')", "mmap.mmap(-1, 1 << 20)")
    variables = {"LD_PRELOAD": str(faults.build_shim(tmp_path / "shim")), "FAULT_ROOT": "room"}
    variables |= {"FAULT_KIND": "memory", "FAULT_NUMBER": str(number)}
    (tmp_path / "room").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "; ".join(lines)],
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ("Cannot allocate memory" in done.stderr, done.returncode) == (fails, int(fails))


def test_old_output_of_a_case_is_made_of_other_inputs() -> None:
    assert other_inputs(("{text}", "--seed", "{vectors}")) == (
        "{other_text}",
        "--seed",
        "{other_vectors}",
    )


def test_other_vectors_of_the_same_words_are_whole_but_not_those_that_were_there(
    tmp_path: Path,
) -> None:
    names = ("new", "again", "old", "torn", "gone")
    rooms = {name: tmp_path / name / "train" for name in names}
    for room in rooms.values():
        room.mkdir(parents=True)
    for name, words in (("new", "ab"), ("again", "ab"), ("old", "cd"), ("torn", "ab")):
        rows = np.random.default_rng(len(name)).normal(size=(2, 4))
        embkit.save(embkit.Embeddings.from_words(list(words), rows), rooms[name] / "model")
    torn = rooms["torn"] / "model" / "embeddings.safetensors"
    torn.write_bytes(torn.read_bytes()[:-1])
    whole = {name: is_whole(room, rooms["new"]) for name, room in rooms.items()}
    assert whole == {"new": True, "again": True, "old": False, "torn": False, "gone": False}


def test_tables_of_the_projector_count_where_its_configuration_names_them() -> None:
    shown = {"p/projector_config.pbtxt": b'"t-1.tsv"', "p/t-1.tsv": b"1"}
    assert power._visible({**shown, "p/t-2.tsv": b"2", "p/.t-3.part": b""}) == shown
    assert power._visible({"counts.tsv": b"1"}) == {"counts.tsv": b"1"}


def test_stopped_command_that_leaves_a_file_or_tells_too_much_is_seen(tmp_path: Path) -> None:
    told = ["embkit: error: interrupted"]
    number, whole = signal.SIGINT, {"model": hashlib.sha256(b"whole").hexdigest()}
    find = partial(stops.find_problem, whole=whole)
    assert find(tmp_path, Ended(130, told), number) is None
    assert find(tmp_path, Ended(143, told), number) == f"exit code 143, not 130: {told}"
    assert find(tmp_path, Ended(130, ["Traceback", *told]), number) is not None
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "log.jsonl").touch()
    assert find(tmp_path, Ended(130, told), number) is None
    (tmp_path / "run" / "checkpoint-000001.safetensors").touch()
    torn = find(tmp_path, Ended(130, told), number)
    assert torn == "not whole: ['checkpoint-000001.safetensors']"
    (tmp_path / ".model.part").touch()
    assert find(tmp_path, Ended(130, told), number) == "files are left: ['.model.part']"
    (tmp_path / ".model.part").unlink()
    (tmp_path / "run" / "checkpoint-000001.safetensors").unlink()
    (tmp_path / "model").write_bytes(b"whole")
    assert find(tmp_path, Ended(130, told), number) is None
    (tmp_path / "model").write_bytes(b"who")
    assert find(tmp_path, Ended(130, told), number) == "files are left: ['model']"
    assert find(tmp_path, Ended(0, []), number) is None
