"""Files loaded and let go ten thousand times leave no memory behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import embkit
from tests.attacks import safetensors_files, word_files
from tests.fasttext_files import Model

# Each file, whole or cut, as often as any other.
PROGRAM = """
import gc, pathlib, sys
from embkit import formats
from embkit.errors import FormatError

files = sorted(pathlib.Path(sys.argv[1]).iterdir())

def load(count):
    refused = 0
    for i in range(count):
        try:
            formats.load(files[i % len(files)])
        except FormatError:
            refused += 1
    return refused

def resident():
    gc.collect()
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

load(500)  # what is made once: imports, the allocator's first pools
before = resident()
print(load(10_000), resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")
def test_ten_thousand_loads_take_less_than_a_megabyte(tmp_path: Path) -> None:
    model = safetensors_files.make(extras=False)
    (tmp_path / "v.txt").write_bytes(word_files.GOOD_TEXT)
    (tmp_path / "v.bin").write_bytes(word_files.GOOD_BINARY)
    (tmp_path / "cut").write_bytes(word_files.GOOD_BINARY[:-3])
    (tmp_path / "fasttext").write_bytes(Model().to_bytes())
    embkit.save(model, tmp_path / "v.npz")
    embkit.save(model, tmp_path / "v.safetensors")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    refused, kibibytes = map(int, done.stdout.split())
    assert refused >= 10_000 // 6
    assert kibibytes < 1024
