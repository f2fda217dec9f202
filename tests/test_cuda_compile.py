"""The CUDA kernels compile for two architectures, and keep their registers to themselves."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.native.build import ROOT

NVCC = next(
    filter(
        shutil.which,
        (os.environ.get("EMBKIT_NVCC", ""), "nvcc", "/usr/local/cuda/bin/nvcc"),
    ),
    "",
)
WITHOUT_NVCC = "needs nvcc: set EMBKIT_NVCC, or put it on the PATH or into /usr/local/cuda"
ARCHITECTURES = ("sm_80", "sm_90")
KERNELS = {
    "word2vec.cu": "train_words_kernel",
    "block.cu": "train_blocks_kernel",
    "deterministic.cu": "find_gains_kernel",
    "measure.cu": "scatter_rows_kernel",
}
pytestmark = pytest.mark.skipif(not NVCC, reason=WITHOUT_NVCC)


def resources(
    source: Path, architecture: str, folder: Path, *flags: str
) -> dict[str, dict[str, int]]:
    """Return the bytes of stack and spills of each kernel, as the assembler reports them."""
    command = [
        *(NVCC, "-std=c++17", "-O3", f"-arch={architecture}", "-cubin", "-Xptxas", "-v"),
        *("-I", "csrc", str(source), "-o", str(folder / "kernel.cubin"), *flags),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = re.findall(
        r"properties for (\S+)\n\s*(\d+) bytes stack frame, (\d+) bytes spill stores, "
        r"(\d+) bytes spill loads",
        done.stderr,
    )
    names = ("stack", "stores", "loads")
    return {name: dict(zip(names, map(int, rest), strict=True)) for name, *rest in found}


@pytest.mark.parametrize(
    ("source", "architecture"),
    [
        *itertools.product(("word2vec.cu", "block.cu"), ARCHITECTURES),
        ("deterministic.cu", ARCHITECTURES[0]),
        ("measure.cu", ARCHITECTURES[1]),
    ],
)
def test_no_kernel_spills_its_registers(source: str, architecture: str, tmp_path: Path) -> None:
    kernels = resources(ROOT / "csrc/cuda" / source, architecture, tmp_path)
    ours = {name: used for name, used in kernels.items() if "6embkit" in name}
    assert any(KERNELS[source] in name for name in ours)
    for name, used in ours.items():
        assert used["stores"] == used["loads"] == used["stack"] == 0, name


def test_spills_would_be_seen(tmp_path: Path) -> None:
    source = tmp_path / "kernel.cu"
    source.write_text(
        "__global__ void greedy_kernel(float* x) {\n  float v[64];\n#pragma unroll\n"
        "  for (int i = 0; i < 64; ++i) v[i] = x[i * 64 + threadIdx.x];\n"
        "  for (int k = 0; k < x[9]; ++k)\n#pragma unroll\n"
        "    for (int i = 0; i < 64; ++i) v[i] = v[i] * v[(i + 7) % 64] + k;\n#pragma unroll\n"
        "  for (int i = 0; i < 64; ++i) x[i * 64 + threadIdx.x] = v[i];\n}\n"
        "__global__ void indexed_kernel(float* x, int n) {\n  float v[64];\n"
        "  for (int i = 0; i < n; ++i) v[i % 64] = x[i];\n"
        "  for (int i = 0; i < n; ++i) x[i] = v[(i * 7) % 64];\n}\n"
    )
    found = resources(source, "sm_90", tmp_path, "-maxrregcount=32")
    (greedy,) = (used for name, used in found.items() if "greedy_kernel" in name)
    (indexed,) = (used for name, used in found.items() if "indexed_kernel" in name)
    assert greedy["stores"] > 0
    assert greedy["loads"] > 0
    assert indexed["stack"] >= 256  # an array that no register holds
