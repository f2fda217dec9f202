"""What is available: by the machine and by control groups of both versions; ways to shrink."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import embkit
from embkit.config import GloveConfig, SkipGramConfig
from embkit.errors import ResourceError
from embkit.memory import (
    available_memory,
    cgroup_available,
    cgroup_limit,
    memory_limit,
    physical_memory,
)
from embkit.training.estimate import refuse_too_large
from embkit.training.word2vec import memory_needed
from embkit.vocabulary import Vocabulary

MB = 1 << 20


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("-dot-", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def machine(root: Path, cgroup: str, available: int = 1000 * MB) -> Path:
    write(root, proc__meminfo=f"MemTotal: 1 kB\nMemAvailable:   {available // 1024} kB\n")
    write(root, proc__self__cgroup=cgroup)
    return root


def limit(root: Path, folder: str, **texts: str) -> None:
    path = root / folder
    path.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (path / f"memory.{name}").write_text(text, encoding="utf-8")


def test_limit_is_below_what_is_available_here() -> None:
    assert 0 < memory_limit() < available_memory() <= physical_memory()
    assert memory_limit(123) == 123
    assert (cgroup_limit() or 1) <= physical_memory()


def test_container_of_version_2_leaves_its_limit_minus_what_it_must_hold(
    tmp_path: Path,
) -> None:
    root = machine(tmp_path, "0::/box/job\n")
    stat = f"anon 1\ninactive_file {30 * MB}\nactive_file 9\n"
    used = {"current": str(80 * MB), "stat": stat}
    limit(root, "sys/fs/cgroup/box/job", max="max\n", **used)
    assert cgroup_available(root) is None
    limit(root, "sys/fs/cgroup/box", max=f"{200 * MB}\n", **used)
    assert cgroup_limit(root) == 200 * MB
    assert cgroup_available(root) == available_memory(root) == 150 * MB


def test_container_of_version_1_is_asked_too(tmp_path: Path) -> None:
    root = machine(tmp_path, "5:cpu:/a\n3:memory,hugetlb:/a\n")
    stat = f"inactive_file 7\ntotal_inactive_file {10 * MB}\n"
    texts = {"limit_in_bytes": str(64 * MB), "usage_in_bytes": str(50 * MB), "stat": stat}
    limit(root, "sys/fs/cgroup/memory/a", **texts)
    assert available_memory(root) == 24 * MB


def test_full_container_leaves_nothing_and_a_wide_one_the_machine(tmp_path: Path) -> None:
    root = machine(tmp_path, "0::/\n", available=300 * MB)
    limit(root, "sys/fs/cgroup", max=str(10 * MB), current=str(11 * MB))
    assert available_memory(root) == 0
    limit(root, "sys/fs/cgroup", max=str(10**15), current=str(11 * MB))
    assert available_memory(root) == 300 * MB


def test_container_limits_a_training_that_names_no_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = machine(tmp_path, "0::/\n")
    limit(root, "sys/fs/cgroup", max=str(1000), current="0")
    monkeypatch.setattr(available_memory, "__defaults__", (root,))
    sentences = [["a", "b", "c", "d"]] * 20
    for method in ("sgns", "glove"):
        with pytest.raises(ResourceError, match=r"memory allows 0\.[08]"):
            embkit.train(method, sentences, dim=64, min_count=1)


# ------------------------------------------------------------------ ways to shrink

WORDS = Vocabulary.from_words([f"w{i}" for i in range(1000)], range(1000, 0, -1))


@pytest.mark.parametrize("allowed", [2 * 1000 * 64 * 3, 2 * 1000 * 64 * 18 + 5, 200_000])
def test_each_way_that_is_named_is_enough_and_the_next_value_is_not(allowed: int) -> None:
    config = SkipGramConfig(dim=300)
    with pytest.raises(ResourceError, match=r"a model needs 2\.4 MB, memory allows") as caught:
        refuse_too_large("a model", config, WORDS, memory_needed, allowed)
    found = re.search(
        r"dim must be at most (\d+), or max_vocab at most (\d+), or min_count at least (\d+)$",
        str(caught.value),
    )
    assert found is not None
    dim, most, min_count = map(int, found.groups())
    assert memory_needed(SkipGramConfig(dim=dim), 1000) <= allowed
    assert memory_needed(SkipGramConfig(dim=dim + 1), 1000) > allowed
    assert memory_needed(config, most) <= allowed < memory_needed(config, most + 1)
    assert WORDS.counts is not None
    assert (WORDS.counts >= min_count).sum() == most


def test_what_cannot_be_shrunk_enough_is_said_without_false_advice() -> None:
    def cells_alone(_: Any, __: int) -> int:
        return 10_000

    with pytest.raises(ResourceError, match=r"10\.0 kB, memory allows 0\.1 kB: dim, max_vocab"):
        refuse_too_large("GloVe", GloveConfig(), WORDS, cells_alone, 100)


# ------------------------------------------------------------------ what training takes

WITH_MANY_THREADS = """
import numpy as np
import embkit
from eval.child import anonymous_bytes

words = [f"w{i}" for i in range(3000)]
rows = np.random.default_rng(1).zipf(1.3, (2000, 100)) % len(words)
text = [[words[i] for i in row] for row in rows]
embkit.train("skipgram", text[:10], loss="hs", threads=1, min_count=1, progress=False)
idle, seen = anonymous_bytes(), []
embkit.train("skipgram", text, loss="hs", threads=16, epochs=80, min_count=1, progress=False,
             callback=lambda report: seen.append(anonymous_bytes()))
print((max(seen) - idle) >> 20)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="other systems do not tell anonymous memory"
)
def test_copies_of_many_threads_take_what_they_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITH_MANY_THREADS], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) < 40  # 64 and more where each copy takes whole huge pages
