"""The measurement on a GPU: from end to end on emulated kernels, and what it does in need."""

from __future__ import annotations

import json
import lzma
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eval import gpu, gpu_training
from eval.gpu_section import Clock, Findings, run_command, run_section
from eval.record import ROOT
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
    assert gpu.main([*arguments, "--sections=build,speed,ceilings,quality"]) == 0
    found = record_of(tmp_path)
    assert list(found) == ["build", "speed", "ceilings", "quality"]
    assert found["build"]["devices"][0]["name"] == "Emulated GPU"
    assert any("cuda core" in line for line in found["build"]["doctor"])
    assert len(found["ceilings"]["ceilings"]) == 4
    assert found["speed"]["tokens"] == 1200  # three times 400
    rows = found["speed"]["speed"]
    for row in rows:  # two slices of an epoch, however short they are
        assert row["words_per_second"] > 0
        assert row["steady"] == row["runs"][0]["steady"]
    assert {"nce", "cbow", "sgns"} == {row["method"] for row in rows}
    assert [row["prefetch"] for row in rows if "prefetch" in row] == [True]
    assert set(found["quality"]["runs"][0]["gpu"]) == {*SIMILARITY_SETS.values(), "Google"}
    assert len(found["quality"]["runs"]) == 2


def test_quality_is_measured_with_fewer_warps_too(
    fake_cuda: FakeCuda, arguments: list[str], tmp_path: Path
) -> None:
    assert gpu.main([*arguments, "--sections=concurrency"]) == 0
    found = record_of(tmp_path)["concurrency"]["concurrency"]
    assert [(row["max_warps"], row["shared_words"]) for row in found] == [(0, 0), (1, 300)]
    assert all(row["words_per_second"] > 0 and "MEN" in row["points"] for row in found)


def test_a_section_that_fails_stops_no_other(
    fake_cuda: FakeCuda, arguments: list[str], tmp_path: Path
) -> None:
    fake_cuda.fail("measure_rows", 3, 2)
    assert gpu.main([*arguments, "--sections=ceilings,quality"]) == 1
    found = record_of(tmp_path)
    assert "out of memory" in found["ceilings"]["error"]
    assert len(found["ceilings"]["ceilings"]) == 2  # what it had found before
    assert found["quality"]["difference"]


def test_a_cell_that_fails_stops_no_other(
    fake_cuda: FakeCuda,
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells = [{"method": "sgns", "dim": dim} for dim in (2000, 12)]
    monkeypatch.setattr(gpu_training, "speed_cells", lambda settings: cells)
    assert gpu.main([*arguments, "--sections=speed"]) == 1
    found = record_of(tmp_path)["speed"]
    assert found["error"] == "RuntimeError: 1 cells failed"
    assert list(found["failed"]) == [str(cells[0])]
    assert found["failed"][str(cells[0])].startswith("ValueError: dim must be")
    assert [row["dim"] for row in found["speed"]] == [12]


def test_a_section_that_ends_its_process_stops_no_other(tmp_path: Path) -> None:
    def crash(clock: Clock, found: Findings) -> None:
        found.put(first=1)
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(clock: Clock, found: Findings) -> None:
        found.put(first=2)
        time.sleep(60)

    broken = run_section(crash, Clock(30), tmp_path / "a")
    assert (broken["first"], broken["error"]) == (1, "the process ended with -9")
    slow = run_section(hang, Clock(60).part(0.5), tmp_path / "b")
    assert (slow["first"], slow["error"]) == (2, "TimeoutError: stopped from outside")


def test_without_time_the_rest_is_recorded_as_such(
    fake_cuda: FakeCuda, arguments: list[str], tmp_path: Path
) -> None:
    assert gpu.main([*arguments, "--minutes=0", "--sections=tests,speed"]) == 1
    found = record_of(tmp_path)
    assert found["speed"]["error"] == found["tests"]["error"] == "TimeoutError: no time left"


PEER = (
    f"#!{sys.executable}"
    + """
import sys
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert (options["-size"], options["-window"], options["-negative"]) == ("128", "3", "5")
words = sorted(set(open(options["-train"]).read().split()))
with open(options["-output"], "wb") as out:
    out.write(b"%d 128\\n" % len(words))
    for number, word in enumerate(words):
        row = bytes([0, 0, 128, 63]) * (number + 1)
        out.write(word.encode() + b" " + row.ljust(512, b"\\0") + b"\\n")
print("\\nOverall Words Per Second: 250.5000")
"""
)


@pytest.mark.parametrize("is_folder", [False, True])
def test_full_w2v_is_run_at_its_own_settings(
    fake_cuda: FakeCuda, arguments: list[str], tmp_path: Path, is_folder: bool
) -> None:
    program = tmp_path / "FULL-W2V_machine"
    program.write_text(PEER)
    program.chmod(0o755)
    given = tmp_path if is_folder else program
    assert gpu.main([*arguments, "--sections=full-w2v", f"--full-w2v={given}"]) == 0
    found = record_of(tmp_path)["full-w2v"]
    assert found["full_w2v_words_per_second"] == 250.5
    rate = found["embkit_rates"]["words_per_second"]
    assert found["times_faster"] == pytest.approx(rate / 250.5)
    assert set(found["scores"]) == {"embkit", "full_w2v"}
    assert set(found["scores"]["embkit"]) == {*SIMILARITY_SETS.values(), "Google"}


def test_a_full_w2v_that_fails_is_recorded(arguments: list[str], tmp_path: Path) -> None:
    for given, reason in (("/bin/false", "false failed (1)"), (tmp_path, "must be a program")):
        assert gpu.main([*arguments, "--sections=full-w2v", f"--full-w2v={given}"]) == 1
        assert reason in record_of(tmp_path)["full-w2v"]["error"]
    assert gpu.main([*arguments, "--sections=full-w2v"]) == 0


def test_a_command_is_recorded_with_its_exit_code_and_last_lines() -> None:
    result = run_command([sys.executable, "-c", "print('1 passed'); exit(3)"], Clock(60))
    assert result["exit_code"] == 3
    assert result["output"] == ["1 passed"]


def test_a_command_without_time_is_ended_with_its_children_and_keeps_its_output() -> None:
    code = "import subprocess; print('first', flush=True); subprocess.run(['sleep', '60'])"
    result = run_command([sys.executable, "-c", code], Clock(2))
    assert result["exit_code"] == 124
    assert result["output"] == ["first"]
    assert result["seconds"] < 30  # the child holds the output open for as long as it lives


def test_make_builds_for_the_gpu_that_is_there_on_all_cores(tmp_path: Path) -> None:
    if shutil.which("make") is None:
        pytest.skip("no make")
    tools, venv = tmp_path / "tools", tmp_path / "venv"
    told = "echo $EMBKIT_CUDA_ARCHITECTURES $EMBKIT_BUILD_JOBS $*"
    programs = {tools / "nvidia-smi": "echo 9.0; echo 8.0", tools / "nproc": "echo 16"}
    for path, code in (programs | {venv / "bin/python": told}).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{code}\n")
        path.chmod(0o755)
    search = f"{tools}{os.pathsep}{os.environ['PATH']}"
    names = ("EMBKIT_CUDA_ARCHITECTURES", "EMBKIT_BUILD_JOBS", "MAKEFLAGS")
    settings = {name: value for name, value in os.environ.items() if name not in names}
    command = ["make", "-s", "gpu", f"VENV={venv}", "CORPUS=text", "ARGS=--work w"]
    done = subprocess.run(
        command, cwd=ROOT, env=settings | {"PATH": search}, capture_output=True, text=True
    )
    installed, measured = done.stdout.splitlines()
    assert installed.startswith("9.0 16 -m pip install")
    assert measured.startswith("9.0 16 -m eval.gpu --corpus text --work w")


def test_the_sanitizer_is_found_beside_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "cuda/bin/compute-sanitizer"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_HOME", str(tmp_path / "cuda"))
    assert gpu.find_sanitizer() == str(program)


def test_warnings_of_other_packages_fail_no_test(monkeypatch: pytest.MonkeyPatch) -> None:
    settings: dict[str, str] = {}

    def keep(command: list[str], clock: Clock, **environment: str) -> dict[str, Any]:
        settings.update(environment)
        assert "-W default" in " ".join(command)
        return {"output": ["3 passed, 2 skipped"]}

    monkeypatch.setattr(gpu, "run_command", keep)
    assert gpu.run_tests(Clock(60))["passed"] == 3
    assert settings == {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@pytest.mark.parametrize("codes", [(9, 0), (0, 9), (-9, 1)])
def test_a_clean_check_hides_no_fault_of_the_other(
    codes: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = []

    def run_tests(clock: Clock, *_: str, **__: Any) -> dict[str, Any]:
        seconds.append(clock.left())
        return {"exit_code": codes[len(seconds) - 1]}

    monkeypatch.setattr(gpu, "run_tests", run_tests)
    monkeypatch.setattr(gpu, "find_sanitizer", lambda: "compute-sanitizer")
    gpu.sanitize(Clock(100), Findings(tmp_path / "found"))
    found = json.loads((tmp_path / "found").read_text())
    assert found["exit_code"] == max(codes, key=abs)
    assert [found[tool]["exit_code"] for tool in ("memcheck", "racecheck")] == list(codes)
    assert seconds == pytest.approx([50, 100], abs=2)
