"""The faults of eval.reliability: embkit does right by them, and a wrong tool is seen."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import pytest

from embkit import formats
from embkit.errors import FormatError
from eval.hostile import training_faults, write_faults
from eval.reliability import run, trainers, try_training

FAULTS = {fault.name: fault for fault in training_faults()}
EMBKIT = trainers(Namespace(word2vec=None, fasttext=None))["embkit"]


@pytest.mark.parametrize("name", ["none: a good text", "byte-order mark", "disk full"])
def test_embkit_does_right(tmp_path: Path, name: str) -> None:
    assert try_training(EMBKIT, FAULTS[name], tmp_path / "run") == "right"


def test_every_hostile_file_is_refused(tmp_path: Path) -> None:
    for path in write_faults(tmp_path).values():
        with pytest.raises(FormatError):
            formats.load(path)


def test_a_tool_that_does_nothing_is_silent_and_one_that_aborts_crashes(tmp_path: Path) -> None:
    nothing = [sys.executable, "-c", "pass"]
    assert try_training(nothing, FAULTS["none: a good text"], tmp_path / "run") == "silent"
    assert try_training(nothing, FAULTS["disk full"], tmp_path / "run") == "silent"
    aborts = [sys.executable, "-c", "import os; os.abort()"]
    assert run(aborts, tmp_path, None)[0] == "crash"
