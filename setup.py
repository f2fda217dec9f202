"""Build the native core: see [project] in pyproject.toml for everything else."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension
from setuptools import setup

ParallelCompile("EMBKIT_BUILD_JOBS").install()

HEADERS = sorted(str(path) for path in Path("csrc").rglob("*.h"))
WARNINGS = ["-Wall", "-Wextra", "-Wconversion"]
COMMON = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", *WARNINGS]

# One object per instruction set, all from the same source; a file for another processor is
# empty. On macOS one compiler call may build for both processors, hence -Xarch.
X86_FLAGS = {
    "baseline": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma",
               "-mprefer-vector-width=512"],
    "neon": [],
}  # fmt: skip


def instruction_set_flags(name: str) -> list[str]:
    flags = X86_FLAGS[name]
    if sys.platform == "darwin":
        return [part for flag in flags for part in ("-Xarch_x86_64", flag)]
    return flags if platform.machine().lower() in ("x86_64", "amd64") else []


def simd_library(name: str) -> tuple[str, dict[str, list[str]]]:
    flags = [*COMMON, "-Wno-psabi", "-ffp-contract=fast", *instruction_set_flags(name)]
    source = f"csrc/simd/kernels_{name}.cpp"
    return f"embkit_simd_{name}", {
        "sources": [source],
        "obj_deps": {"": HEADERS},  # type: ignore[dict-item]
        "include_dirs": ["csrc"],
        "cflags": flags,
    }


core = Pybind11Extension(
    "embkit._core",
    sorted(
        str(path)
        for path in Path("csrc").rglob("*.cpp")
        if path.parent.name != "cuda" and not path.name.startswith("kernels_")
    ),
    include_dirs=["csrc"],
    depends=HEADERS,
    cxx_std=17,
    extra_compile_args=COMMON[1:],
    extra_link_args=["-pthread"] if sys.platform != "darwin" else [],
)

setup(ext_modules=[core], libraries=[simd_library(name) for name in X86_FLAGS])
