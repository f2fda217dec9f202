"""The program that measures maps between languages runs, keeps its cells, and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import embkit
from eval import held_out, mapped_memory
from eval.cells import cell, digest
from eval.crosslingual import main
from eval.muse import Muse
from eval.paired import against, pooled
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

MUSE = """
import sys, shutil, pathlib
told = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert told["--dico_eval"] == told["--dico_train"] and told["--n_refinement"] in ("0", "5")
assert len(pathlib.Path(told["--dico_train"]).read_text().splitlines()) == 80
folder = pathlib.Path(told["--exp_path"], told["--exp_name"], told["--exp_id"])
folder.mkdir(parents=True)
for side in ("src", "tgt"):
    shutil.copy(told[f"--{side}_emb"], folder / f"vectors-{told[f'--{side}_lang']}.txt")
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


def reversed_dictionaries(folder: Path) -> list[str]:
    """Write the dictionaries of the other direction; return the options that name them."""
    found = []
    for name in ("train", "test"):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        turned = ["\t".join(reversed(line.split("\t"))) for line in lines]
        (folder / f"{name}-back").write_text("\n".join(turned), encoding="utf-8")
        found += [f"--reverse-{name}", str(folder / f"{name}-back")]
    return found


def test_a_small_run_is_recorded_and_not_measured_again(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = stand_in(tmp_path / "vecmap", iterations=2, pause=0.0)
    command = [*arguments, "--parts", "real", "--vecmap", str(tool)]
    record = main([*command, *reversed_dictionaries(tmp_path)])
    real = record["metrics"]["real"]
    for way in ("forward", "reverse"):
        assert real[way]["embkit orthogonal"]["nn"]["P@1"] > 0.9
        assert real[way]["embkit orthogonal"]["nn"]["words"] == 30
        assert set(real[way]) >= {"embkit five-step", "embkit rcsls", "vecmap orthogonal"}
        assert real[way]["vecmap supervised"]["nn"]["P@1"] < 0.5
    told = "embkit refine against vecmap supervised"
    ways = [real[way][told]["nn"] for way in ("forward", "reverse", "both")]
    assert "held out" in real["chosen"]
    assert [found["words"] for found in ways] == [30, 30, 60]
    both = (ways[0]["difference"] + ways[1]["difference"]) / 2
    assert ways[2]["difference"] == pytest.approx(both)
    assert ways[2]["interval"][0] > 0
    assert "embkit orthogonal against vecmap orthogonal" in real["both"]
    assert (tmp_path / "work" / "vecmap-orthogonal" / "log.tsv").exists()
    assert not (tmp_path / "work" / "vecmap-orthogonal" / "source.txt").exists()
    again = main(command)["metrics"]["real"]
    assert again["forward"] == real["forward"]
    assert not {"reverse", "both"} & again.keys()
    some = main([*command, "--methods", "rcsls"])["metrics"]["real: rcsls"]["forward"]
    told = "embkit rcsls against vecmap supervised"
    assert set(some) == {"embkit rcsls", "vecmap supervised", told}
    assert "embkit rcsls" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*command, "--reverse-train", "train"])


def test_parts_that_are_not_measured_stay_in_the_record_with_their_origin(
    arguments: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "out.json"
    before = {"commit": "a", "machine": {}, "software": {}, "config": {"threads": 1}}
    old = {**before, "seed": 1, "metrics": {"real": {"x": 1}, "timing": {"y": 2}}}
    path.write_text(json.dumps(old), encoding="utf-8")
    command = [*arguments, "--parts", "starts", "--starts", "25 pairs", "--cutoff"]
    main([*command, "60"])
    main([*command, "50"])
    record = main([*command, "60"])
    assert record == json.loads(path.read_text(encoding="utf-8"))
    assert record["metrics"]["real"] == {"x": 1}
    assert record["origins"]["timing"] == before
    assert set(record["metrics"]) == {"real", "timing", "starts among 50", "starts among 60"}
    assert set(record["metrics"]["starts among 60"]) == {"embkit 25 pairs 1 60"}
    assert record["origins"]["starts among 50"]["config"]["cutoff"] == 50
    assert record["origins"]["starts among 60"]["commit"] == record["commit"] != "a"


def test_starts_are_compared_among_equally_many_words(
    arguments: list[str], tmp_path: Path
) -> None:
    tool = stand_in(tmp_path / "vecmap", iterations=2, pause=0.0)
    chosen = ["--parts", "starts", "--cutoff", "60", "--seeds", "2"]
    found = main([*arguments, *chosen, "--vecmap", str(tool)])["metrics"]["starts among 60"]
    assert found["embkit 25 pairs 1 60"]["nn"]["P@1"] > 0.9
    assert "embkit 25 pairs 2 60" in found
    assert found["vecmap 25 pairs 60"]["complete"]
    assert found["vecmap 25 pairs 60"]["median_iteration_s"] == 0.25
    assert found["embkit against vecmap 25 pairs 60"]["csls"]["interval"][0] > 0
    assert "none from numerals" in found["embkit numerals 1 60"]["refused"]
    assert "vecmap numerals 60" not in found


def test_maps_by_identical_words_are_compared_with_self_learning_from_them(
    arguments: list[str], tmp_path: Path
) -> None:
    shared, target = embkit.load(tmp_path / "s").words[:60], embkit.load(tmp_path / "t")
    words = [*shared, *target.words[60:]]
    spelt = embkit.Embeddings.from_words(words, target.vectors, counts=range(120, 0, -1))
    embkit.save(spelt, tmp_path / "t", overwrite=True)
    tool = stand_in(tmp_path / "vecmap", iterations=2, pause=0.0)
    command = [*arguments, "--parts", "identical", "--cutoff", "100", "--vecmap", str(tool)]
    found = main([*command, *reversed_dictionaries(tmp_path)])["metrics"]["identical among 100"]
    for way in ("forward", "reverse"):
        assert found[way]["embkit identical five-step spelling 100"]["nn"]["P@1"] > 0.9
    told = "embkit identical five-step spelling against vecmap identical"
    assert [found[way][told]["nn"]["words"] for way in ("forward", "both")] == [30, 60]
    assert found["both"][told]["nn"]["interval"][0] > 0
    assert found["options"]["five-step spelling"]["spelling"] > 0


def test_options_are_measured_on_words_that_no_part_learns(
    arguments: list[str], tmp_path: Path
) -> None:
    some = [("a", "x"), ("b", "y"), ("a", "z"), ("c", "x"), ("d", "w")]
    parts = [held_out.part(some, number, 3) for number in range(3)]
    assert sorted(pair for _, held in parts for pair in held) == sorted(some)
    for learned, held in parts:
        assert sorted(learned + held) == sorted(some)
        assert not {source for source, _ in learned} & {source for source, _ in held}
    learned, held = held_out.part(some, 0, 1, last=2)
    assert {source for source, _ in held} == {"c", "d"}
    assert len(learned) == 3
    output = tmp_path / "held-out.json"
    chosen = ["--output", str(output), "--only", "2", "--method", "five-step"]
    chosen += ["--options", "rare=20", "source_dewhiten=source"]
    found = held_out.main([*arguments[:6], *arguments[8:10], *chosen])
    assert 0.5 < found["nn"] <= 1
    held_out.main([*arguments[:6], *arguments[8:10], *chosen, "--options", "rare=20"])
    rows = json.loads(output.read_text(encoding="utf-8"))["metrics"]
    assert [len(name.split()) for name in rows] == [4, 3]
    assert rows["train five-step rare=20 source_dewhiten=source"]["nn"] == found["nn"]
    with pytest.raises(ValueError, match="options of five-step must be among"):
        held_out.main([*arguments[:6], *arguments[8:10], *chosen, "magic=1"])


def test_two_cells_are_compared_on_the_same_words() -> None:
    ours, theirs = ({"nn": {"hits": hits}, "csls": {"hits": hits}} for hits in ("1110", "0010"))
    told = against(ours, theirs)["nn"]
    assert told["difference"] == 0.5
    assert told["p"] == 0.5  # two words tell them apart, both to one side
    assert told["interval"][0] == 0.0
    assert told["P@1"] == [0.75, 0.25]
    assert against(ours, ours)["csls"]["interval"] == [0.0, 0.0]
    both = against(pooled([ours, theirs]), pooled([theirs, theirs]))["nn"]
    assert (both["words"], both["difference"]) == (8, 0.25)


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
    assert ratio["usual, at least"] == 255 * 0.25 / timing["usual"]["embkit"]["seconds"]
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
    command = ["--work", work, "--parts", "planted", *sample, *output]
    metrics = main([*command, "--noises", "0.3"])["metrics"]
    assert metrics["planted"] == record["metrics"]["planted"]
    assert set(metrics["planted at 0.3"]) == {"planted 0.3 embkit 0"}


def test_unrelated_spaces_are_counted_by_what_was_told_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.crosslingual.DIMS", (8,))
    output = ["--output", str(tmp_path / "record.json"), "--planted-seeds", "1"]
    record = main(["--work", str(tmp_path), "--parts", "unrelated", *output])
    found = record["metrics"]["unrelated"]
    assert found["told"] == {"failed": 1}
    assert found["unrelated 8 0"]["verdict"] == "failed"
    assert found["unrelated 8 0"]["attempts"] == 24


def test_a_cell_is_kept_as_long_as_its_sources_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(seconds: float) -> float:
        return float(cell(tmp_path, "a b/c", lambda: {"seconds": seconds})["seconds"])

    assert [measured(1.0), measured(2.0)] == [1.0, 1.0]
    (kept,) = (tmp_path / "cells").iterdir()
    assert kept.name.startswith("a_b-c.")
    assert "commit" in json.loads(kept.read_text(encoding="utf-8"))
    monkeypatch.setattr("eval.cells.digest", lambda _: "other")
    assert measured(2.0) == 2.0


def test_a_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "alone.py").write_text("0")
    found = []
    for name, text in (("a.py", "1"), ("a.py", "2"), ("b.h", "2"), ("notes.txt", "2")):
        (tmp_path / "some" / name).write_text(text)
        found.append(digest(("some", "alone.py"), tmp_path))
    assert len(set(found)) == 3
    assert found[2] == found[3]
    assert digest(("alone.py",), tmp_path) not in found


ORIGIN = {"commit", "cpu"}


def test_the_memory_of_commands_is_measured_and_held_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods = {"five-step": [], "alignment": [], "adversarial": ["--hidden", "8"]}
    methods["adversarial"] += ["--epochs", "1", "--samples", "64", "--frequent", "500"]
    methods["adversarial"] += ["--restarts", "1"]
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
    assert "cpu" not in again["five-step"]
    with pytest.raises(SystemExit, match="memory must be that of the record, 1G"):
        mapped_memory.main([*command, "2G", "--only", "five-step"])
    with pytest.raises(SystemExit, match=r"the peak of .* MiB is over 20M"):  # all is kept
        mapped_memory.main([*command, "20M"])


def test_muse_is_compared_with_the_methods_that_do_the_same(
    arguments: list[str], tmp_path: Path
) -> None:
    tool = tmp_path / "muse"
    tool.mkdir()
    (tool / "supervised.py").write_text(MUSE, encoding="utf-8")
    (tmp_path / "work" / "muse-orthogonal" / "muse" / "run").mkdir(parents=True)
    chosen = ["--parts", "real", "--methods", "orthogonal,refine", "--muse", str(tool)]
    found = main([*arguments, *chosen])["metrics"]["real: orthogonal,refine"]["forward"]
    assert found["muse orthogonal"]["nn"]["P@1"] < 0.5  # the spaces as they were
    assert found["muse refine"]["nn"]["hits"] == found["muse orthogonal"]["nn"]["hits"]
    assert found["embkit orthogonal against muse orthogonal"]["nn"]["interval"][0] > 0
    assert not (tmp_path / "work" / "muse-orthogonal").exists()
    (tool / "supervised.py").write_text("raise SystemExit('no torch')", encoding="utf-8")
    with pytest.raises(RuntimeError, match="MUSE failed: no torch"):
        Muse(tool).run((tmp_path, tmp_path), tmp_path, tmp_path / "w", refinements=0, dim=2)
