"""The run record says what a number needs, and nothing of whose machine it was."""

from __future__ import annotations

import getpass
import json
import platform
import resource
import sys
from pathlib import Path

import pytest

from eval.process import peak_bytes
from eval.record import run_record, save_record


@pytest.fixture
def record(tmp_path: Path) -> dict[str, object]:
    corpus = tmp_path / "folder" / "corpus.txt"
    config = {"corpus": corpus, "command": f"word2vec -train {corpus}", "epochs": 5}
    return run_record(
        seed=3, config=config, metrics={"rows": [{"rate": 1.5, "unit": "words/s"}]}
    )


def test_record_has_what_a_number_needs(record: dict[str, object], tmp_path: Path) -> None:
    assert list(record) == ["commit", "machine", "software", "seed", "config", "metrics"]
    path = tmp_path / "results" / "speed.json"
    save_record(record, path)
    stored = json.loads(path.read_text(encoding="utf-8"))
    assert stored == record
    assert stored["seed"] == 3
    assert {"cpu", "cores", "memory_gib", "os", "load_average"} <= set(stored["machine"])
    assert stored["metrics"] == {"rows": [{"rate": 1.5, "unit": "words/s"}]}


def test_record_names_no_machine_user_or_folder(
    record: dict[str, object], tmp_path: Path
) -> None:
    assert record["config"] == {
        "corpus": "corpus.txt",
        "command": "word2vec -train corpus.txt",
        "epochs": 5,
    }
    text = json.dumps(record)
    secrets = (platform.node(), str(tmp_path), str(Path.home()), str(Path.cwd()))
    for secret in secrets:
        assert len(secret) < 3 or secret not in text
    # A short user name ("root") may stand in a word by chance: look for it as a whole value.
    assert f'"{getpass.getuser()}"' not in text


@pytest.mark.parametrize(("system", "unit"), [("linux", 1024), ("darwin", 1)])
def test_peak_of_memory_is_counted_in_bytes(
    system: str, unit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    assert peak_bytes(usage) == usage.ru_maxrss * unit
