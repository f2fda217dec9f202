"""The GPU part: found, left out or refused, and never touched by ``import embkit``."""

from __future__ import annotations

import os
import re
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


# What setup.py's compiler would be told to build for.
TARGETS = """
import os, runpy, sys
import pybind11.setup_helpers, setuptools
setuptools.setup = lambda **how: None
os.environ["EMBKIT_CUDA"] = "0"
print(*runpy.run_path("setup.py")["Nvcc"]([sys.argv[1]]).targets())
"""

# setup.py as far as it builds the GPU part.
GPU_PART = """
import runpy
import pybind11.setup_helpers, setuptools
from setuptools import setup
def build(ext_modules, cmdclass, **others):
    parts = [part for part in ext_modules if part.name == "embkit._cuda"]
    print(len(parts), "part")
    setup(name="part", packages=[], ext_modules=parts, cmdclass=cmdclass)
setuptools.setup = build
runpy.run_path("setup.py")
"""

# The same, but what would be linked is only listed.
WITHOUT_LINKING = """
from setuptools.command.build_ext import build_ext
def list_objects(self, part):
    print("linked of", *sorted(path for path in part.depends if path.endswith(".o")))
build_ext.build_extension = list_objects
"""

ARCHITECTURES = {
    "12.4": (50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90),
    "12.9": (50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 89, 90, 100, 101, 103, 120, 121),
    "13.0": (75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121),
}


MAKES_OBJECT = "while [ $1 != -o ]; do shift; done; echo $2 >>made; touch $2"


def compiler(folder: Path, version: str = "13.0", *, compiles: bool = True) -> Path:
    """Write a stand-in for nvcc that answers questions, and makes no object."""
    makes_object = MAKES_OBJECT if compiles else "exit 1"
    listed = " ".join(f"compute_{number}" for number in ARCHITECTURES[version])
    path = folder / "bin" / "nvcc"
    path.parent.mkdir()
    (folder / "libcudart_static.a").touch()
    path.write_text(
        '#!/bin/sh\ncase "$1" in\n'
        f"--list-gpu-arch) echo {listed};;\n"
        f"--dryrun) echo '#$ INCLUDES=\"-I{folder}\"'; echo '#$ LIBRARIES=\"-L{folder}\"';;\n"
        f"*) {makes_object.replace('made', str(folder / 'made'))};;\nesac\n"
    )
    path.chmod(0o755)
    return path


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


@pytest.mark.parametrize(
    ("version", "generations", "newest"),
    [
        ("12.4", (75, 80, 90), 90),
        ("12.9", (75, 80, 90, 100, 120), 121),
        ("13.0", (75, 80, 90, 100, 110, 120), 121),
    ],
)
def test_machine_code_is_for_every_generation_and_ptx_for_what_comes_after(
    tmp_path: Path, version: str, generations: tuple[int, ...], newest: int
) -> None:
    done = setup("-c", TARGETS, str(compiler(tmp_path, version)))
    codes = [f"-gencode=arch=compute_{n},code=sm_{n}" for n in generations]
    ptx = f"-gencode=arch=compute_{newest},code=compute_{newest}"
    assert done.stdout.split() == [*codes, ptx], done.stderr


def test_other_architectures_may_be_asked_for(tmp_path: Path) -> None:
    path = str(compiler(tmp_path))
    done = setup("-c", TARGETS, path, EMBKIT_CUDA_ARCHITECTURES="9.0,8.6")
    assert re.findall(r",code=(\w+)", done.stdout) == ["sm_86", "sm_90", "compute_90"]


@pytest.mark.parametrize("asked", ["9.0a", "7.0", "80", "8.0,", "hopper"])
def test_architectures_that_the_compiler_lacks_are_refused_with_those_it_has(
    tmp_path: Path, asked: str
) -> None:
    path = str(compiler(tmp_path))
    done = setup("-c", TARGETS, path, EMBKIT_CUDA_ARCHITECTURES=asked)
    last = done.stderr.splitlines()[-1]
    assert "EMBKIT_CUDA_ARCHITECTURES must be some of 7.5,8.0,8.6," in last
    assert last.endswith(f"with this compiler, got {asked}")


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("it compiles nothing", "nvcc failed on csrc/cuda/"),
        ("its runtime is missing", "libcudart_static.a must be in one of"),
        ("it is no program", "does not work: [Errno 8] Exec format error"),
        ("it is asked for a chip it lacks", "EMBKIT_CUDA_ARCHITECTURES must be some of"),
    ],
)
def test_a_compiler_that_cannot_build_the_gpu_part_stops_only_who_asked_for_it(
    tmp_path: Path, broken: str, reason: str
) -> None:
    path = compiler(tmp_path, compiles=False)
    if broken == "its runtime is missing":
        (tmp_path / "libcudart_static.a").unlink()
    if broken == "it is no program":
        path.write_bytes(b"\x7fELF")
    where = ["--build-temp", str(tmp_path / "temp"), "--build-lib", str(tmp_path / "lib")]
    settings = {"CUDA_HOME": str(tmp_path)}
    if broken == "it is asked for a chip it lacks":
        settings["EMBKIT_CUDA_ARCHITECTURES"] = "3.5"
    for wanted in ("auto", "1"):
        done = setup("-c", GPU_PART, "build_ext", *where, EMBKIT_CUDA=wanted, **settings)
        assert (done.returncode == 0) == (wanted == "auto"), done.stderr
        assert reason in done.stdout + done.stderr


def test_objects_are_made_anew_for_other_architectures_and_linked(tmp_path: Path) -> None:
    compiler(tmp_path)
    where = ["build_ext", "--build-temp", str(tmp_path / "temp")]

    def build(architectures: str) -> str:
        settings = {"CUDA_HOME": str(tmp_path), "EMBKIT_CUDA_ARCHITECTURES": architectures}
        code = WITHOUT_LINKING + GPU_PART
        done = setup("-c", code, *where, EMBKIT_CUDA="1", **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    sources = len(list((ROOT / "csrc/cuda").glob("*.cu")))
    made = []
    for asked in ("9.0", "9.0", "8.0"):
        build(asked)
        made.append(len((tmp_path / "made").read_text().splitlines()))
    assert made == [sources, sources, 2 * sources]
    linked = build("8.0").partition("linked of ")[2].split()
    assert linked == sorted(map(str, (tmp_path / "temp/csrc/cuda").glob("*.cu.o")))


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
