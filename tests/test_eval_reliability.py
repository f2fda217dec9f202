"""The faults of eval.reliability: embkit does right by them, and a wrong tool is seen."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import pytest

from embkit import formats
from embkit.errors import FormatError
from eval.hostile import FAULTS as FAULTS_OF
from eval.hostile import NO_FAULT, training_faults, write_faults
from eval.reliability import run, totals, trainers, try_training

FAULTS = {fault.name: fault for fault in training_faults()}
EMBKIT = trainers(Namespace(word2vec=None, fasttext=None, glove=None))["embkit"]


@pytest.mark.parametrize("name", ["none: a good text", "byte-order mark", "disk full"])
def test_embkit_does_right(tmp_path: Path, name: str) -> None:
    assert try_training(EMBKIT, FAULTS[name], tmp_path / "run") == "right"


@pytest.mark.parametrize("form", FAULTS_OF)
def test_every_hostile_file_is_refused_and_without_its_fault_it_loads(
    tmp_path: Path, form: str
) -> None:
    paths = dict(write_faults(tmp_path, form))
    assert list(formats.load(paths.pop(NO_FAULT)).words) == ["the", "cat"]
    for path in paths.values():
        with pytest.raises(FormatError):
            formats.load(path)


def test_a_tool_that_does_nothing_is_silent_and_one_that_aborts_crashes(tmp_path: Path) -> None:
    nothing = [sys.executable, "-c", "pass"]
    assert try_training(nothing, FAULTS["none: a good text"], tmp_path / "run") == "silent"
    assert try_training(nothing, FAULTS["disk full"], tmp_path / "run") == "silent"
    aborts = [sys.executable, "-c", "import os; os.abort()"]
    assert run(aborts, tmp_path, None)[0] == "crash"


def test_outcomes_are_counted_by_tool_and_kind_of_fault() -> None:
    table = {
        "train: a": {"x": "right"},
        "train: b": {"x": "hang"},
        "load text: a": {"x": "right"},
    }
    found = {name: dict(counts) for name, counts in totals(table).items()}
    assert found == {"train: x": {"right": 1, "hang": 1}, "load text: x": {"right": 1}}


def test_a_full_disk_is_under_the_names_that_a_tool_writes(tmp_path: Path) -> None:
    writes = "import sys; open(sys.argv[1] + '.vec', 'w').write('x' * 99999)"
    command = [sys.executable, "-c", writes, "{output}"]
    run_folder = tmp_path / "run"
    assert try_training(command, FAULTS["disk full"], run_folder, (".vec",)) == "crash"
    assert not Path("/dev/full.vec").exists()
