"""The memory of mapping: what ``--memory`` refuses, and what a process really holds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.cli import main as run_main
from eval.process import run_measured

WORDS, DIM = 50_000, 200
SIDE = WORDS * DIM * 4 / 2**20  # MiB
STREAM = 140  # MiB: Python, NumPy, and a block of the file as read, normalised and mapped


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two spaces in files that are read into memory, a dictionary, a map."""
    folder = tmp_path_factory.mktemp("memory")
    rng = np.random.default_rng(1)
    scales = np.linspace(2, 0.5, DIM, dtype=np.float32)
    rows = rng.standard_normal((WORDS, DIM), dtype=np.float32) * scales
    for side in "st":
        space = embkit.Embeddings.from_words([f"{side}{i}" for i in range(WORDS)], rows)
        embkit.save(space, folder / f"{side}.bin")
    words = [f"s{i}" for i in range(WORDS)] + [f"other{i}" for i in range(3 * WORDS)]
    embkit.save(embkit.Embeddings.from_words(words, np.tile(rows, (4, 1))), folder / "s4.bin")
    wide = embkit.Embeddings.from_words(["s0", "t0"], np.ones((2, 2 * DIM), np.float32))
    embkit.save(wide, folder / "wide.bin")
    lines = "".join(f"s{i}\tt{i}\n" for i in range(1000))
    (folder / "d").write_text(lines, encoding="utf-8")
    identity = np.eye(DIM, dtype=np.float32)
    embkit.Mapping(identity, identity).save(folder / "given.map")
    (folder / "empty").touch()
    (folder / "many").mkdir()
    return folder


def arguments(folder: Path, command: str) -> list[str]:
    return [word.replace("@", f"{folder}/") for word in command.split()]


def peak(folder: Path, command: str) -> float:
    told = [sys.executable, "-m", "embkit", *arguments(folder, command)]
    found = run_measured(told, Path(), folder / "empty", folder / "out")
    return float(found["anonymous_mib"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what no file backs")
@pytest.mark.parametrize(
    ("command", "sides", "rest"),  # MiB: Python, NumPy, SciPy, the words, and blocks of work
    [
        ("map @s.bin @t.bin --dictionary @d --output-source @m.bin --force", 3, 100),
        (
            "map @s.bin @t.bin --dictionary @d --output @m --method self-learning --force"
            " --cutoff 1000 --initial-words 1000 --iterations 2",
            2,
            140,
        ),
        ("translate @s.bin @t.bin s1 s2 --mapping @given.map --retrieval nn", 4, 60),
        # both sides, the vectors that a block of words gets, and those that are written; the
        # frequent rows of both sides that are compared
        (
            "map @s.bin @t.bin --dictionary @d --method alignment --distance 0"
            " --output-source @a.bin",
            2,
            140,
        ),
        # of the first space's file, four times as long, only the words that are mapped stay
        (
            "map @s.bin @t.bin --method hybrid --first-source @s4.bin --first-target @t.bin"
            " --frequent 500 --output @h --force",
            5,
            140,
        ),
        ("map-many s=@s.bin t=@t.bin --pivot t --dictionary s-t=@d --output @many", 2, 140),
    ],
)
def test_no_command_holds_more_than_its_sides_and_copies(
    folder: Path, command: str, sides: float, rest: float
) -> None:
    assert peak(folder, f"{command} --quiet") < sides * SIDE + rest


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what no file backs")
def test_a_stream_of_any_length_is_mapped_in_the_same_memory(folder: Path) -> None:
    rows = np.tile(embkit.load(folder / "s.bin").vectors, (5, 1))
    words = [f"s{i}" for i in range(len(rows))]
    embkit.save(embkit.Embeddings.from_words(words, rows), folder / "long.bin")
    assert 5 * SIDE > STREAM
    command = "apply @given.map @long.bin --side source --output @applied.bin"
    assert peak(folder, f"{command} --quiet") < STREAM


@pytest.mark.parametrize(
    # sides: those loaded, their normalised copies, and a mapped one
    ("more", "sides", "learned"),
    [
        ("--output @n", 2, 0),
        ("--output-source @n.bin", 3, 0),
        ("--output @n --method rcsls", 5, 0),
        ("--output @n --method rcsls --candidates 5000", 2.3, 0),
        ("--output @n --method self-learning --cutoff 5000", 2.3, 10_000),
        ("--output @n --method growing --most-pairs 2000", 5, 2000),
        # a first space that is twice as wide, and pairs of its width
        (
            "--output @n --method hybrid --frequent 2000"
            " --first-source @wide.bin --first-target @wide.bin",
            8,
            2 * 2000 + 1600,
        ),
    ],
)
def test_what_a_map_needs_is_checked_before_the_work(
    folder: Path, more: str, sides: float, learned: int, capsys: pytest.CaptureFixture[str]
) -> None:
    command = f"map @s.bin @t.bin --dictionary @d {more} --memory 100M"
    assert run_main(arguments(folder, command)) == 5
    told = capsys.readouterr().err
    assert told.startswith("embkit: error: both sides need ")
    assert "over the limit of 100.0 MiB: --memory raises it, --limit reads" in told
    pairs = (8 * 1000 + 5 * learned) * DIM * 8 / 2**20
    assert f"need {sides * SIDE + pairs + 256:.1f} MiB" in told
    assert not (folder / "n").exists()
    assert not (folder / "n.bin").exists()
