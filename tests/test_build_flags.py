"""setup.py gives each instruction set the flags of the system and processor it is built on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ASK = """
import json, os, platform, runpy, sys
import setuptools
import pybind11.setup_helpers
os.environ["EMBKIT_CUDA"] = "0"
told = {}
setuptools.setup = told.update
sys.platform, machine = sys.argv[1:]
platform.machine = lambda: machine
runpy.run_path("setup.py")
flags = {name.removeprefix("embkit_simd_"): how["cflags"] for name, how in told["libraries"]}
links = [extension.extra_link_args for extension in told["ext_modules"]]
print(json.dumps([flags, links]))
"""


def flags_of(system: str, machine: str) -> tuple[dict[str, list[str]], list[list[str]]]:
    """Return each kernel file's flags, and the flags that link each extension."""
    command = [sys.executable, "-c", ASK, system, machine]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    kernels, links = json.loads(done.stdout)
    return kernels, links


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_macos_flags_name_the_processor_they_are_for(machine: str) -> None:
    kernels, links = flags_of("darwin", machine)
    assert links == [[]]  # ld64 knows neither -pthread nor the flags of GNU's linker
    for level, flags in kernels.items():
        own = [i for i, flag in enumerate(flags) if flag.startswith("-m")]
        assert all(flags[i - 1] == "-Xarch_x86_64" for i in own)
        assert bool(own) == (level in ("avx2", "avx512"))


@pytest.mark.parametrize(("machine", "has_avx"), [("x86_64", True), ("aarch64", False)])
def test_linux_gives_flags_of_x86_to_x86_alone(machine: str, has_avx: bool) -> None:
    kernels, links = flags_of("linux", machine)
    assert links == [["-pthread"]]
    for level, flags in kernels.items():
        own = [flag for flag in flags if flag.startswith("-m")]
        assert bool(own) == (has_avx and level in ("avx2", "avx512"))
        assert "-march=native" not in flags
        assert "-ffast-math" not in flags
        assert "-Xarch_x86_64" not in flags
