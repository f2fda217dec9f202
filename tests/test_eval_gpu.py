"""The measurement on a GPU: from end to end on emulated kernels, and what it does in need."""

from __future__ import annotations

import json
import lzma
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval import gpu
from eval.scores import ANALOGY_SET, SIMILARITY_SETS
from tests.models import random_sentences
from tests.native.fake_cuda import FakeCuda

WORDS = [f"w{i}" for i in range(20)]


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Write a small corpus and small test sets; return what the program is called with."""
    text = "\n".join(map(" ".join, random_sentences(20, [40] * 10, seed=1)))
    (tmp_path / "en.txt.xz").write_bytes(lzma.compress(text.encode()))
    data = tmp_path / "data"
    (data / "similarity").mkdir(parents=True)
    (data / "analogy").mkdir()
    rng = np.random.default_rng(1)
    for name in SIMILARITY_SETS:
        pairs = [f"{WORDS[i]}\t{WORDS[i + 1]}\t{rng.random():.3f}" for i in range(10)]
        (data / "similarity" / f"{name}.tsv").write_text("\n".join(pairs) + "\n")
    questions = ["\t".join(["section", *WORDS[i : i + 4]]) for i in range(8)]
    (data / "analogy" / f"{ANALOGY_SET}.tsv").write_text("\n".join(questions) + "\n")
    paths = {"corpus": tmp_path / "en.txt.xz", "data": data, "work": tmp_path / "work"}
    given = [f"--{name}={path}" for name, path in paths.items()]
    sizes = ["--tokens=900", "--seeds=2", "--small"]
    return [*given, *sizes, f"--output={tmp_path / 'gpu.json'}"]


def record_of(tmp_path: Path) -> Any:
    return json.loads((tmp_path / "gpu.json").read_text())["metrics"]


def test_every_section_is_measured_and_recorded(
    fake_cuda: FakeCuda, arguments: list[str], tmp_path: Path
) -> None:
    assert gpu.main([*arguments, "--sections=build,ceilings,speed,quality"]) == 0
    found = record_of(tmp_path)
    assert found["build"]["devices"][0]["name"] == "Emulated GPU"
    assert len(found["ceilings"]["ceilings"]) == 4
    assert found["speed"]["tokens"] == 1200  # three times 400
    assert all(row["words_per_second"] > 0 for row in found["speed"]["speed"])
    assert set(found["quality"]["runs"][0]["gpu"]) == {*SIMILARITY_SETS.values(), "Google"}
    assert len(found["quality"]["runs"]) == 2
    assert fake_cuda.calls("measure_rows") == 4


def test_a_section_that_fails_stops_no_other(
    fake_cuda: FakeCuda, arguments: list[str], tmp_path: Path
) -> None:
    fake_cuda.fail("measure_rows", 1, 2)
    assert gpu.main([*arguments, "--sections=ceilings,speed"]) == 1
    found = record_of(tmp_path)
    assert "out of memory" in found["ceilings"]["error"]
    assert found["speed"]["speed"]


def test_without_time_the_rest_is_recorded_as_such(
    fake_cuda: FakeCuda, arguments: list[str], tmp_path: Path
) -> None:
    assert gpu.main([*arguments, "--minutes=0", "--sections=tests,speed"]) == 1
    found = record_of(tmp_path)
    assert found["speed"]["error"] == found["tests"]["error"] == "TimeoutError: no time left"
    assert fake_cuda.calls("train") == 0


def test_a_command_is_recorded_with_its_exit_code_and_last_lines() -> None:
    result = gpu.run_command([sys.executable, "-c", "print('1 passed'); exit(3)"], gpu.Clock(1))
    assert result["exit_code"] == 3
    assert result["output"] == ["1 passed"]
