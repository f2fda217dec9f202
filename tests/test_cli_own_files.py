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
from embkit.errors import FormatError

TEXT = [["the", "cat", "sat"], ["the", "dog", "sat"]] * 9


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    rows = np.random.default_rng(1).standard_normal((9, 3))
    words = embkit.Embeddings.from_words([f"w{i}" for i in range(9)], rows)
    pairs = [(word, word) for word in words.words]
    embkit.map(words, words, dictionary=pairs, normalization="unit").save(tmp_path / "m")
    cooccur(TEXT, CooccurrenceConfig(min_count=1)).save(tmp_path / "c")
    (tmp_path / "text").write_text("the cat sat\n" * 9)
    return {name: str(tmp_path / name) for name in ("m", "c", "v.bin", "text")}


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
    shown = capsys.readouterr().out
    assert "format\tmap\n" in shown
    assert "\nstatistics verdict judgement\tdoubtful\n" in shown


def test_load_tells_what_reads_a_map_and_counts(own: dict[str, str]) -> None:
    with pytest.raises(FormatError, match=r"this is a map.*embkit\.Mapping\.open reads it"):
        embkit.load(own["m"])
    with pytest.raises(FormatError, match=r"co-occurrence counts.*Cooccurrence\.open of"):
        embkit.load(own["c"])


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
    for command in (
        ["query", "neighbors", own["m"], "w1"],
        ["convert", own["m"], own["v.bin"]],
        ["apply", own["m"], own["m"], "--side", "source", "--output", own["v.bin"]],
        ["map", own["m"], own["m"], "--identical", "--output", own["v.bin"]],
        ["train", "sgns", own["text"], "--init-from", own["m"], "--output", own["v.bin"]],
        ["eval", "diagnostics", own["m"]],
    ):
        assert run_main(command) == 3
        told = f"{own['m']}: this is a map, not vectors: embkit.Mapping.open reads it"
        assert told in capsys.readouterr().err
    assert run_main(["convert", own["c"], own["v.bin"]]) == 3
    assert "with --cooccurrence makes vectors" in capsys.readouterr().err
    for given in (own["m"], own["c"]):
        assert run_main(["train", "sgns", given, "--output", own["v.bin"]]) == 3
        told = f"{given}: this is no text but arrays, such as vectors, a map or counts"
        assert told in capsys.readouterr().err
    for method in ("glove", "ppmi", "svd"):
        assert run_main(["train", method, own["c"], "--output", own["v.bin"]]) == 2
        assert f"got counts: --cooccurrence {own['c']}" in capsys.readouterr().err
