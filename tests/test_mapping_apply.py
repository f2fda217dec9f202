"""Maps applied to files: the same as in memory, in little memory, and whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.mapping import Mapping, apply_to_file
from tests.spaces import cloud, pairs, planted

# Reserve what is in use and a little more for private memory, then map 80 MB of vectors.
PROGRAM = """
import re, resource, sys
from pathlib import Path
import numpy as np
from embkit.mapping import Mapping, apply_to_file
mapping = Mapping.open(sys.argv[1])
mapping.map_source(np.ones((9000, 200), np.float32))  # buffers of BLAS
used = int(re.search(r"VmData:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + (60 << 20), -1))
apply_to_file(mapping, sys.argv[2], sys.argv[3], side="source", block_bytes=1 << 22)
"""


@pytest.fixture(scope="module")
def mapping() -> Mapping:
    source, target, _ = planted(200, 8, seed=1)
    return embkit.map(source, target, method="cca", dictionary=pairs(100))


@pytest.mark.parametrize("output", ["o.bin", "o.txt.gz", "o.npz", "out"])
@pytest.mark.parametrize("unit", [False, True])
def test_a_file_is_mapped_as_in_memory(
    output: str, unit: bool, mapping: Mapping, tmp_path: Path
) -> None:
    words = [f"w{i}" for i in range(500)]
    counts = list(range(500, 0, -1))
    v = Embeddings.from_words(words, cloud(500, 8, seed=2), counts=counts)
    embkit.save(v, tmp_path / "v")
    size = apply_to_file(
        mapping, tmp_path / "v", tmp_path / output, side="target", unit=unit, block_bytes=1000
    )
    expected, found = mapping.apply(v, "target", unit=unit), embkit.load(tmp_path / output)
    assert size == (500, 7)
    assert found.words == words
    np.testing.assert_allclose(found.vectors, expected.vectors, rtol=1e-5, atol=1e-7)
    if output == "out":
        assert found.provenance["mapping"] == expected.provenance["mapping"]
        assert found.counts is not None
        assert found.counts.tolist() == counts
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["v", output])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("name", ["v.bin", "v"])
def test_vectors_larger_than_the_memory_are_mapped(name: str, tmp_path: Path) -> None:
    rows = np.random.default_rng(3).standard_normal((100_000, 200), np.float32)
    words = [f"w{i}" for i in range(len(rows))]
    embkit.save(Embeddings.from_words(words, rows), tmp_path / name)
    Mapping(np.eye(200, dtype=np.float32)[:, ::-1], np.eye(200, dtype=np.float32)).save(
        tmp_path / "m"
    )
    arguments = [str(tmp_path / part) for part in ("m", name, "out")]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = embkit.load(tmp_path / "out")
    np.testing.assert_array_equal(found.vectors[-1], rows[-1, ::-1])


def test_a_broken_file_leaves_no_output(mapping: Mapping, tmp_path: Path) -> None:
    (tmp_path / "v").write_text("a 1 2 3 4 5 6 7 8\nb 1 2 3 4 5 6 7 x\n", encoding="utf-8")
    with pytest.raises(FormatError):
        apply_to_file(mapping, tmp_path / "v", tmp_path / "o.bin", side="source", block_bytes=1)
    assert [p.name for p in tmp_path.iterdir()] == ["v"]
    (tmp_path / "v").write_text("a 1 2\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"v: the map takes source vectors of 8 d.*got 2"):
        apply_to_file(mapping, tmp_path / "v", tmp_path / "o.bin", side="source")
