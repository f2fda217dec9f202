"""Maps and counts given to commands: what they are is told, not that they are broken."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.cli import main as run_main
from embkit.config import CooccurrenceConfig
from embkit.counts.cooccurrence import cooccur

TEXT = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 9


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    rows = np.random.default_rng(1).standard_normal((9, 3))
    words = embkit.Embeddings.from_words([f"w{i}" for i in range(9)], rows)
    pairs = [(word, word) for word in words.words]
    embkit.map(words, words, dictionary=pairs, normalization="unit").save(tmp_path / "m")
    cooccur(TEXT, CooccurrenceConfig(min_count=1)).save(tmp_path / "c")
    return {name: str(tmp_path / name) for name in ("m", "c", "v.bin")}


def test_inspect_tells_of_a_map_and_of_counts(
    own: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(["inspect", own["m"], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["method"], told["source_dim"]) == ("map", "orthogonal", 3)
    assert told["statistics"]["dictionary"]["used"] == 9
    assert told["statistics"]["verdict"]["judgement"] == "doubtful"
    assert run_main(["inspect", own["c"], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["num_words"], told["num_pairs"]) == ("counts", 4, 10)
    assert run_main(["inspect", own["m"]]) == 0
    assert "format\tmap\n" in capsys.readouterr().out


def test_inspect_notices_a_damaged_map(
    own: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(Path(own["m"]).read_bytes())
    content[-1] ^= 1
    Path(own["m"]).write_bytes(content)
    assert run_main(["inspect", own["m"]]) == 3
    assert "is damaged: its checksum differs" in capsys.readouterr().err


def test_maps_and_counts_given_for_something_else_are_told(
    own: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(["query", "neighbors", own["m"], "w1"]) == 3
    assert "this is a map, which embkit apply and --mapping take" in capsys.readouterr().err
    assert run_main(["convert", own["c"], own["v.bin"]]) == 3
    assert "with --cooccurrence makes vectors" in capsys.readouterr().err
    for method in ("glove", "ppmi", "svd"):
        assert run_main(["train", method, own["c"], "--output", own["v.bin"]]) == 2
        assert f"got counts: --cooccurrence {own['c']}" in capsys.readouterr().err
