"""The GPU part: found, left out or refused, and never touched by ``import embkit``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from embkit import _native
from embkit.cli.exit_codes import ExitCode, exit_code_of
from embkit.errors import CudaError

ROOT = Path(__file__).parents[1]


# setup.py on a system without CUDA's compiler, as far as it looks for that.
NO_COMPILER = """
import runpy, shutil, sys
import pybind11.setup_helpers, setuptools
setuptools.setup = lambda **how: None
shutil.which = lambda name: None
sys.platform = sys.argv[1]
runpy.run_path("setup.py")
"""


def setup(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the repository, without any of the caller's settings for CUDA."""
    settings = {name: value for name, value in os.environ.items() if "CUDA" not in name}
    settings.pop("NVCC", None)
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=settings | environment, capture_output=True, text=True
    )


def test_importing_embkit_touches_neither_the_gpu_part_nor_the_driver() -> None:
    code = """
import pathlib, sys, embkit, embkit.training, embkit.cli.app
assert "embkit._cuda" not in sys.modules
maps = pathlib.Path("/proc/self/maps")  # on Linux alone
assert not maps.exists() or "libcuda" not in maps.read_text()
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_a_build_without_the_gpu_part_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embkit._cuda", None)
    monkeypatch.delattr("embkit._cuda", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CudaError, match="built without CUDA") as caught:
        _native.cuda()
    assert exit_code_of(caught.value) == ExitCode.RESOURCE


def test_asking_for_a_compiler_that_is_not_there_names_the_places() -> None:
    command = ("-c", NO_COMPILER, "linux")
    done = setup(*command, EMBKIT_CUDA="1", CUDA_HOME="/nowhere", NVCC="mine")
    assert done.returncode != 0
    for place in ("NVCC=mine", "CUDA_HOME=/nowhere", "PATH", "/usr/local/cuda", "embkit[nvcc]"):
        assert place in done.stderr
    assert setup(*command, EMBKIT_CUDA="auto").returncode == 0


def test_the_gpu_part_cannot_be_asked_for_on_macos() -> None:
    done = setup("-c", NO_COMPILER, "darwin", EMBKIT_CUDA="1")
    assert done.returncode != 0
    assert "EMBKIT_CUDA is 1, but there is no CUDA for macOS" in done.stderr
    assert setup("-c", NO_COMPILER, "darwin", EMBKIT_CUDA="auto").returncode == 0


def test_a_wrong_choice_of_build_is_refused() -> None:
    done = setup("setup.py", "--name", EMBKIT_CUDA="yes")
    assert done.returncode != 0
    assert "EMBKIT_CUDA must be one of auto, 0, 1, got 'yes'" in done.stderr


def test_the_gpu_part_loads_where_there_is_no_driver_and_says_so() -> None:
    try:
        cuda = _native.cuda()
    except CudaError as error:
        pytest.skip(str(error))
    driver, runtime = cuda.versions()
    assert runtime >= 12000
    if driver == 0:
        with pytest.raises(CudaError, match="there is no NVIDIA driver"):
            cuda.devices()
