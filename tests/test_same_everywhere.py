"""The same bytes wherever one thread trains: golden digests, terminals, folders, blocks."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from embkit._native import core
from tests.models import random_sentences

ROOT = Path(__file__).parents[1]
GOLDENS = Path(__file__).parent / "goldens" / "trained.json"
MODELS: dict[str, dict[str, Any]] = {
    "skipgram": {"method": "skipgram"},
    "skipgram-pair": {"method": "skipgram", "negative_sharing": "pair"},
    "skipgram-hs": {"method": "skipgram", "loss": "hs"},
    "cbow": {"method": "cbow"},
    "cbow-hs": {"method": "cbow", "loss": "hs"},
    "glove": {"method": "glove", "x_max": 10.0},
}
TRAIN_ALL = """
import hashlib, json, sys
import embkit
from tests.test_same_everywhere import MODELS, sentences
for name, options in MODELS.items():
    method = options.pop("method")
    v = embkit.train(method, sentences(), dim=24, min_count=1, epochs=2, threads=1, **options)
    print(name, hashlib.sha256(v.vectors.tobytes()).hexdigest())
"""


def sentences() -> list[list[str]]:
    return random_sentences(80, [30, 1, 200, 7] * 12, seed=42)


def digests(level: str, **variables: str) -> dict[str, str]:
    """Return the digest of each model's vectors, trained in a process of its own."""
    environment = {**os.environ, "EMBKIT_SIMD": level, **variables}
    command = [sys.executable, "-c", TRAIN_ALL]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return dict(line.split() for line in run.stdout.splitlines())


def toolchain() -> str:
    """Return what the digests also depend on: the library of mathematics and the compiler."""
    return f"{' '.join(platform.libc_ver())}, {core.compiler()}"


@pytest.mark.parametrize("level", core.simd_levels())
def test_one_thread_gives_the_golden_digest_of_its_level(level: str) -> None:
    """Made with ``python -m tests.test_same_everywhere`` where a change is meant."""
    goldens = json.loads(GOLDENS.read_text()).get(platform.machine(), {})
    if (known := goldens.get(level)) is None:
        pytest.skip(f"no golden digest of {level} on {platform.machine()} is recorded")
    found = digests(level)
    if found != known and (here := toolchain()) != goldens["made_with"]:
        pytest.skip(f"recorded with {goldens['made_with']}, here is {here}")
    assert found == known


def test_levels_have_digests_of_their_own_or_share_one() -> None:
    for goldens in json.loads(GOLDENS.read_text()).values():
        for level in set(goldens) - {"made_with"}:
            assert set(goldens[level]) == set(MODELS)
            assert len(set(goldens[level].values())) == len(MODELS)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "corpus.txt"
    path.write_text("\n".join(map(" ".join, sentences())) + "\n", encoding="utf-8")
    return path


def train(method: str, corpus: str, output: Path, **where: Any) -> bytes:
    command = [sys.executable, "-m", "embkit", "train", method, corpus, "--output", str(output)]
    command += ["--dim", "8", "--min-count", "1", "--threads", "1", "--epochs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **where.pop("variables", {})}
    subprocess.run(command, env=environment, check=True, **where)
    return output.read_bytes()


@pytest.mark.parametrize("method", ["sgns", "glove"])
def test_terminal_folder_and_environment_change_no_byte(
    method: str, corpus: Path, tmp_path: Path
) -> None:
    plain = train(method, str(corpus), tmp_path / "a.bin", stderr=subprocess.DEVNULL)
    ours, theirs = pty.openpty()  # bars are shown on it
    shown = train(method, str(corpus), tmp_path / "b.bin", stderr=theirs, stdout=theirs)
    assert b"wrote" in os.read(ours, 1 << 16)  # macOS forgets it when the other end closes
    os.close(theirs)
    os.close(ours)
    moved = train(
        *(method, corpus.name, tmp_path / "c.bin"),
        cwd=corpus.parent,
        stderr=subprocess.DEVNULL,
        variables={
            "PYTHONHASHSEED": "7",
            "LC_ALL": "C",
            "HOME": "/nonexistent",
            "COLUMNS": "20",
        },
    )
    assert plain == shown == moved


@pytest.mark.parametrize("method", ["sgns", "cbow", "glove"])
def test_size_of_the_blocks_that_are_read_changes_no_byte(
    method: str, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import embkit

    found = set()
    for size in (1 << 20, 4096, 64, 7):
        monkeypatch.setattr("embkit.corpus.encoded._BLOCK_BYTES", size)
        model = embkit.train(method, corpus, dim=8, min_count=1, epochs=1, threads=1)
        found.add(hashlib.sha256(model.vectors.tobytes()).hexdigest())
    assert len(found) == 1


def main() -> None:
    """Record the digests of this processor's levels, beside those of others.

    Each processor has its own: baseline multiplies and adds in one step on ARM64 alone.
    """
    goldens = json.loads(GOLDENS.read_text()) if GOLDENS.exists() else {}
    found = {level: digests(level) for level in core.simd_levels()}
    goldens[platform.machine()] = {"made_with": toolchain(), **found}
    GOLDENS.write_text(json.dumps(goldens, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
