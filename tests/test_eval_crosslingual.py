"""The program that measures maps between languages runs, keeps its cells, and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import embkit
from eval import held_out, mapped_memory, starts
from eval.cells import cell
from eval.crosslingual import main
from eval.paired import against
from eval.planted_rotation import plant
from eval.vecmap import VecMap
from tests.spaces import pairs, planted

SCRIPT = """
import sys, shutil, time
arguments = sys.argv[1:]
source, target, out_source, out_target = arguments[-4:]
sys.stderr.write("WARNING: OOV dictionary entry\\n" * 10_000)  # more than a pipe holds
with open(arguments[arguments.index("--log") + 1], "w") as log:
    for i in range({iterations}):
        log.write(f"{{i}}\\t50.0\\t\\t0.25\\n"); log.flush(); time.sleep({pause})
shutil.copy(source, out_source)
shutil.copy(target, out_target)
"""


def stand_in(folder: Path, *, iterations: int, pause: float) -> Path:
    """Write a program with VecMap's arguments, log and outputs that maps nothing."""
    folder.mkdir()
    script = SCRIPT.format(iterations=iterations, pause=pause)
    (folder / "map_embeddings.py").write_text(script, encoding="utf-8")
    return folder


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    source, target, _ = planted(120, 6, seed=1, noise=0.02)
    counts = list(range(1200, 0, -10))
    for name, space in (("s", source), ("t", target)):
        counted = embkit.Embeddings.from_words(space.words, space.vectors, counts=counts)
        embkit.save(counted, tmp_path / name)
    for name, some in (("train", pairs(80)), ("test", pairs(30, start=85))):
        lines = [f"{s}\t{t}\n" for s, t in some]
        (tmp_path / name).write_text("".join(lines), encoding="utf-8")
    named = {"source": "s", "target": "t", "train": "train", "test": "test", "work": "work"}
    found = [part for key, name in named.items() for part in (f"--{key}", str(tmp_path / name))]
    return [*found, "--output", str(tmp_path / "out.json")]


def test_a_small_run_is_recorded_and_not_measured_again(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = stand_in(tmp_path / "vecmap", iterations=2, pause=0.0)
    command = [*arguments, "--parts", "real", "--vecmap", str(tool)]
    record = main(command)
    real = record["metrics"]["real"]
    assert real["embkit orthogonal"]["nn"]["P@1"] > 0.9
    assert real["embkit orthogonal"]["nn"]["words"] == 30
    assert set(real) >= {"embkit five-step", "embkit rcsls", "embkit self-learning none 1"}
    assert "none from numerals" in real["embkit self-learning numerals 1"]["refused"]
    assert real["vecmap supervised"]["median_iteration_s"] == 0.25
    assert real["vecmap supervised"]["nn"]["P@1"] < 0.5
    assert real["embkit five-step extended against vecmap supervised"]["nn"]["interval"][0] > 0
    assert real["embkit orthogonal against vecmap orthogonal"]["csls"]["interval"][0] > 0
    assert main(command)["metrics"] == record["metrics"]
    assert "embkit rcsls" in capsys.readouterr().out
    assert json.loads((tmp_path / "out.json").read_text()) is not None


def test_starts_are_measured_as_asked(arguments: list[str]) -> None:
    chosen = ["--starts", "25 pairs,identical", "--cutoff", "60", "--early-cutoff", "60"]
    record = starts.main([*arguments, *chosen, "--keep-probability", "1.0", "--seeds", "2"])
    found = record["metrics"]
    kinds = ("25 pairs 1", "25 pairs 2", "identical 1", "identical 2")
    assert [name.removesuffix(" 60 60 8 1.0") for name in found] == list(kinds)
    assert found["25 pairs 1 60 60 8 1.0"]["nn"]["P@1"] > 0.9
    assert "none from identical" in found["identical 1 60 60 8 1.0"]["refused"]


def test_options_are_measured_on_words_that_no_part_learns(
    arguments: list[str], tmp_path: Path
) -> None:
    some = [("a", "x"), ("b", "y"), ("a", "z"), ("c", "x"), ("d", "w")]
    parts = [held_out.part(some, number, 3) for number in range(3)]
    assert sorted(pair for _, held in parts for pair in held) == sorted(some)
    for learned, held in parts:
        assert sorted(learned + held) == sorted(some)
        assert not {source for source, _ in learned} & {source for source, _ in held}
    chosen = ["--method", "five-step", "--options", "rare=20", "source_dewhiten=source"]
    found = held_out.main([*arguments[:6], *arguments[8:10], *chosen, "--only", "2"])
    assert 0.5 < found["nn"] <= 1
    with pytest.raises(ValueError, match="options of five-step must be among"):
        held_out.main([*arguments[:6], *arguments[8:10], *chosen, "magic=1"])


def test_two_cells_are_compared_on_the_same_words() -> None:
    ours, theirs = ({"nn": {"hits": hits}, "csls": {"hits": hits}} for hits in ("1110", "0010"))
    told = against(ours, theirs)["nn"]
    assert told["difference"] == 0.5
    assert told["p"] == 0.5  # two words tell them apart, both to one side
    assert told["interval"][0] == 0.0
    assert against(ours, ours)["csls"]["interval"] == [0.0, 0.0]


def test_timing_compares_an_iteration_and_the_whole_among_equally_many_words(
    arguments: list[str], tmp_path: Path
) -> None:
    tool = stand_in(tmp_path / "vecmap", iterations=40, pause=0.05)
    command = [*arguments, "--parts", "timing", "--vecmap", str(tool)]
    command += ["--vecmap-iterations", "3", "--timing-words", "100", "--whole-words", "60"]
    timing = main(command)["metrics"]["timing"]
    step, whole = timing["iteration"], timing["whole"]
    assert step["embkit"]["iterations"] == 3
    assert not step["vecmap"]["complete"]
    assert 0 < step["embkit"]["median_iteration_s"] < step["embkit"]["seconds"]
    ratio = timing["VecMap over embkit"]
    assert ratio["iteration"] == 0.25 / step["embkit"]["median_iteration_s"]
    assert whole["vecmap"]["iterations_s"] == 40 * 0.25
    assert ratio["whole"] == 10.0 / whole["embkit"]["seconds"]
    assert whole["embkit"]["iterations"] > 3
    assert "nn" not in whole["embkit"]
    with pytest.raises(SystemExit, match="timing needs --vecmap"):
        main([*arguments, "--parts", "timing"])


def test_a_peer_run_is_ended_after_the_iterations_asked_for(tmp_path: Path) -> None:
    tool = VecMap(stand_in(tmp_path / "vecmap", iterations=500, pause=0.05))
    told = tool.run(tmp_path / "s", tmp_path / "t", tmp_path / "work", [], most=3)
    assert not told["complete"]
    assert 3 <= told["iterations"] < 200


def test_a_planted_pair_without_noise_is_a_rotation() -> None:
    vectors = planted(50, 6, seed=3)[0]
    source, target, gold = plant(vectors, 0.0, seed=1, words=40)
    rows = target.lookup([word for _, word in gold])
    np.testing.assert_allclose(rows @ rows.T, source.vectors @ source.vectors.T, atol=1e-4)
    assert len(source) == len(target) == len(gold) == 40


def test_planted_rotations_are_measured_for_every_noise(
    arguments: list[str], tmp_path: Path
) -> None:
    work = arguments[arguments.index("--work") + 1]
    embkit.save(planted(60, 6, seed=3)[0], tmp_path / "sample")
    sample = ["--sample", str(tmp_path / "sample"), "--planted-seeds", "1"]
    output = ["--output", str(tmp_path / "planted.json")]
    record = main(["--work", work, "--parts", "planted", *sample, *output])
    assert len(record["metrics"]["planted"]) == 5


def test_a_cell_is_kept(tmp_path: Path) -> None:
    assert cell(tmp_path, "a b/c", lambda: {"seconds": 1.0}) == {"seconds": 1.0}
    assert [path.name for path in (tmp_path / "cells").iterdir()] == ["a_b-c.json"]
    assert cell(tmp_path, "a b/c", lambda: {"seconds": 2.0}) == {"seconds": 1.0}


ORIGIN = {"commit", "cpu"}


def test_the_memory_of_commands_is_measured_and_held_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {"five-step": [], "alignment": [], "adversarial": ["--hidden", "8"]}
    methods["adversarial"] += ["--epochs", "1", "--samples", "64", "--frequent", "500"]
    monkeypatch.setattr(mapped_memory, "ALLOWED", methods)
    sizes = ["--words", "7000", "--dim", "8", "--output", str(tmp_path / "m.json")]
    command = ["--work", str(tmp_path / "work"), *sizes, "--memory"]
    found = mapped_memory.main([*command, "1G"])["metrics"]
    assert set(found) == {
        *methods,
        *("apply", "map-many", "translate nn", "induce-dictionary", "eval translation csls"),
    }
    assert all(20 < told["anonymous_mib"] < 1024 for told in found.values())
    again = mapped_memory.main([*command, "1G", "--only", "five-step"])["metrics"]
    assert set(again) == set(found)
    assert again["alignment"] == {
        **found["alignment"],
        **{k: again["alignment"][k] for k in ORIGIN},
    }
    assert not ORIGIN & again["five-step"].keys()
    with pytest.raises(SystemExit, match="memory must be that of the record, 1G"):
        mapped_memory.main([*command, "2G", "--only", "five-step"])
    with pytest.raises(SystemExit, match=r"the peak of .* MiB is over 20M"):  # all is kept
        mapped_memory.main([*command, "20M"])
