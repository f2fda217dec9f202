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

NVCC = os.environ.get("EMBKIT_NVCC") or shutil.which("nvcc")
ARCHITECTURES = ("sm_80", "sm_90")
KERNELS = {
    "word2vec.cu": "train_words_kernel",
    "block.cu": "train_blocks_kernel",
    "deterministic.cu": "find_gains_kernel",
    "measure.cu": "scatter_rows_kernel",
}


def resources(source: str, architecture: str, folder: Path) -> dict[str, dict[str, int]]:
    """Return registers, stack and spills of each kernel, as the assembler reports them."""
    command = [
        *(str(NVCC), "-std=c++17", "-O3", f"-arch={architecture}", "-cubin", "-Xptxas", "-v"),
        *("-I", "csrc", f"csrc/cuda/{source}", "-o", str(folder / "kernel.cubin")),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = re.findall(
        r"properties for (\S+)\n\s*(\d+) bytes stack frame, (\d+) bytes spill stores, "
        r"(\d+) bytes spill loads\n.*Used (\d+) registers",
        done.stderr,
    )
    names = ("stack", "stores", "loads", "registers")
    return {name: dict(zip(names, map(int, rest), strict=True)) for name, *rest in found}


@pytest.mark.skipif(NVCC is None, reason="needs nvcc: set EMBKIT_NVCC or put it on the PATH")
@pytest.mark.parametrize(
    ("source", "architecture"),
    [
        *itertools.product(("word2vec.cu", "block.cu"), ARCHITECTURES),
        ("deterministic.cu", ARCHITECTURES[0]),
        ("measure.cu", ARCHITECTURES[1]),
    ],
)
def test_no_kernel_spills_its_registers(source: str, architecture: str, tmp_path: Path) -> None:
    kernels = resources(source, architecture, tmp_path)
    ours = {name: used for name, used in kernels.items() if "6embkit" in name}
    assert any(KERNELS[source] in name for name in ours)
    for name, used in ours.items():
        assert used["stores"] == used["loads"] == 0, name
        assert used["registers"] <= 255, name


@pytest.mark.skipif(NVCC is None, reason="needs nvcc: set EMBKIT_NVCC or put it on the PATH")
def test_spills_would_be_seen(tmp_path: Path) -> None:
    starved = tmp_path / "nvcc"
    starved.write_text(f'#!/bin/sh\nexec "{NVCC}" -maxrregcount=32 "$@"\n')
    starved.chmod(0o755)
    source = tmp_path / "kernel.cu"
    source.write_text(
        "__global__ void greedy_kernel(float* x) {\n  float v[64];\n#pragma unroll\n"
        "  for (int i = 0; i < 64; ++i) v[i] = x[i * 64 + threadIdx.x];\n"
        "  for (int k = 0; k < x[9]; ++k)\n#pragma unroll\n"
        "    for (int i = 0; i < 64; ++i) v[i] = v[i] * v[(i + 7) % 64] + k;\n#pragma unroll\n"
        "  for (int i = 0; i < 64; ++i) x[i * 64 + threadIdx.x] = v[i];\n}\n"
    )
    command = [str(starved), "-arch=sm_90", "-cubin", "-Xptxas", "-v", str(source)]
    done = subprocess.run([*command, "-o", str(tmp_path / "k")], capture_output=True, text=True)
    spilled = re.search(r"(\d+) bytes spill stores", done.stderr)
    assert spilled is not None
    assert int(spilled[1]) > 0
