"""Memory that lanes of the CUDA kernels hand to each other: a barrier between, every time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.native import build

FLAGS = ("-std=c++17", "-g", "-O1", "-fsanitize=thread", "-Icsrc")
RACE = 66
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="needs Linux's contexts and the addresses of its programs"
)
KERNELS = ("words", "blocks", "batches")
# Of each kernel some barriers, by the line that they stand behind; without one there is a race.
NEEDED = {
    "words": [("kept_stream.h", "next_ += kWarpSize;"), ("targets.h", "list(0, center);")],
    "blocks": [
        ("block_trainer.h", "find_logits();"),
        ("block_trainer.h", "find_steps();"),
    ],
    "batches": [("batch_step.h", "// all have read"), ("batch_step.h", "places[i] =")],
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the command that runs the emulated kernels under ThreadSanitizer."""
    tools = build.Toolchain("g++", FLAGS)
    if shutil.which(tools.compiler) is None:
        pytest.skip("no g++")
    folder = tmp_path_factory.mktemp("races")
    try:
        objects = build.compile_objects(tools, ["tests/native/warp_races.cpp"], folder)
        program = build.link(tools, objects, folder / "races")
    except RuntimeError as error:
        if "tsan" not in str(error):
            raise
        pytest.skip("g++ without ThreadSanitizer")
    # Its shadow memory needs addresses as they are without randomisation.
    prefix = ["setarch", os.uname().machine, "-R"] if shutil.which("setarch") else []
    return [*prefix, str(program)]


def run(program: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    options = {"TSAN_OPTIONS": f"exitcode={RACE} halt_on_error=1"}
    done = subprocess.run(
        [*program, *arguments], capture_output=True, text=True, env=os.environ | options
    )
    if "FATAL: ThreadSanitizer" in done.stderr:
        pytest.skip(done.stderr.splitlines()[0])
    return done


def barrier_after(name: str, text: str) -> str:
    """Return the place of the first barrier at or after the line that holds ``text``."""
    lines = (build.ROOT / "csrc/cuda" / name).read_text().splitlines()
    (found,) = (i for i, line in enumerate(lines) if text in line)
    number = next(i for i in range(found, len(lines)) if re.search(r"\bsync\(\)", lines[i]))
    return f"{name}:{number + 1}"


@pytest.mark.parametrize("kernel", KERNELS)
def test_lanes_and_warps_wait_for_what_others_write(program: list[str], kernel: str) -> None:
    done = run(program, kernel)
    assert done.returncode == 0, done.stderr[:3000]
    assert len(done.stdout.splitlines()) > 4  # barriers that were met


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_barrier_that_orders_nothing_shows(program: list[str], kernel: str) -> None:
    for name, text in NEEDED[kernel]:
        place = barrier_after(name, text)
        done = run(program, kernel, place)
        assert done.returncode == RACE, place
        assert "data race" in done.stderr
