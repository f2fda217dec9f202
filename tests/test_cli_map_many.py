"""``embkit map-many``: what it writes, tells and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.cli import main as run_main
from embkit.mapping import Mapping
from tests.spaces import write_planted
from tests.test_cli_map import map_arguments

Files = dict[str, str]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return write_planted(tmp_path)


def test_many_languages_get_a_map_each(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "maps"
    named = ["map-many", f"s={files['s.bin']}", f"t={files['t']}", "--pivot", "t"]
    seeds = ["--dictionary", f"s-t={files['d.txt']}", "--output", str(folder)]
    assert run_main([*named, *seeds, "--memory", "1M"]) == 5
    assert not folder.exists()
    assert run_main([*named, *seeds[:-1], str(folder / "below")]) == 4
    assert run_main([*named, *seeds[:-1], files["d.txt"]]) == 4
    capsys.readouterr()
    for method in ("multi-cca", "orthogonal"):
        assert run_main([*named, *seeds, "--method", method, "--overwrite", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        source, pivot = (Mapping.open(told["outputs"][name]) for name in "st")
        np.testing.assert_allclose(pivot.source_map, np.eye(6), atol=1e-5)
        np.testing.assert_allclose(
            source.map_source(embkit.load(files["s.bin"]).vectors),
            pivot.map_source(embkit.load(files["t"]).vectors),
            atol=1e-4,
        )


@pytest.mark.parametrize("method", ["multi-cca", "orthogonal"])
def test_what_is_told_of_one_map_is_told_and_kept_of_each_of_many(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    folder = tmp_path / "maps"
    named = ["map-many", f"s={files['s.bin']}", f"t={files['t']}", "--pivot", "t"]
    seeds = ["--dictionary", f"s-t={files['d.txt']}", "--output", str(folder)]
    assert run_main([*named, *seeds, "--method", method]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("embkit: s: before: spectral similarity 1.00; effective rank")
    assert any("s" in a and "40 of 41 pairs used" in a for a in lines)
    assert any(line.startswith("embkit: s: CSLS margin") for line in lines)
    assert any(line.startswith("embkit: s: verdict good: of pairs held") for line in lines)
    kept = Mapping.open(folder / "s.map")
    alone = map_arguments(files, "--method", method, "--output", files["m"])
    assert run_main(alone) == 0
    expected = Mapping.open(files["m"])
    assert kept.statistics["spaces"] == expected.statistics["spaces"]
    for side, name in (("source", "s"), ("target", "t")):
        assert kept.provenance[side] == {"name": name, **expected.provenance[side]}
        assert Mapping.open(folder / "t.map").provenance[side]["name"] == "t"
    capsys.readouterr()
    assert run_main([*named, *seeds, "--method", method, "--overwrite", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["statistics"]["s"] == kept.statistics
    assert told["provenance"]["s"] == kept.provenance


def test_names_of_languages_may_have_dashes(
    files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "maps"
    named = ["map-many", f"pt-br={files['s.bin']}", f"t={files['t']}", "--pivot", "t"]
    seeds = ["--dictionary", f"pt-br-t={files['d.txt']}", "--output", str(folder)]
    assert run_main([*named, *seeds]) == 0
    assert (folder / "pt-br.map").exists()
    named = [f"{name}={files['t']}" for name in ("a", "b", "a-b", "b-a")]
    rest = ["--pivot", "a", "--dictionary", f"a-b-a={files['d.txt']}", "--output", str(folder)]
    assert run_main(["map-many", *named, *rest]) == 2
    told = capsys.readouterr().err
    assert "dictionary must name two languages, got 'a-b-a=" in told
    assert "of a, b-a and a-b, a" in told


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"s": "s.bin"}, "languages must be given as NAME=FILE, got 's.bin'"),
        ({"pivot": "x"}, "pivot must be one of s, t, got 'x'"),
        ({"pair": "s-x"}, "dictionary must be NAME-NAME=FILE of two languages"),
        ({"pair": "t-t"}, "dictionary must be NAME-NAME=FILE of two languages"),
        ({"s": "t=s.bin"}, "languages must be two or more of different names"),
        ({"more": "s-t"}, "dictionary must name each two languages once, got 's-t="),
    ],
)
def test_languages_that_do_not_fit_are_refused(
    changes: dict[str, str],
    message: str,
    files: Files,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = {"s": "s=s.bin", "pivot": "t", "pair": "s-t", **changes}
    arguments = ["map-many", chosen["s"], "t=t", "--pivot", chosen["pivot"], "--output", "."]
    for pair in (chosen["pair"], chosen.get("more")):
        arguments += ["--dictionary", f"{pair}={files['d.txt']}"] if pair else []
    assert run_main(arguments) == 2
    assert message in capsys.readouterr().err
