"""What ``embkit map`` tells before, during and after a run, and where it failed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.cli import main as run_main
from embkit.mapping import Mapping, SpacesReport
from tests.spaces import pairs, planted, space
from tests.test_mapping_learning import language
from tests.test_mapping_learning import planted as planted_language

LEARN = ["--method", "self-learning", "--patience", "3", "--iterations", "60"]


@pytest.fixture
def related(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    source, target, _ = planted_language(noise=0.05)
    embkit.save(space(source, "s"), "s")
    names = [*(f"s{i}" for i in range(40)), *(f"t{i}" for i in range(40, len(target)))]
    embkit.save(embkit.Embeddings.from_words(names, target.astype(np.float32)), "t")
    return ["s", "t"]


def test_the_report_comes_before_the_fit_and_is_kept(
    related: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(f"s{i} s{i}\n" for i in range(40))
    Path("d.txt").write_text(lines, encoding="utf-8")
    assert run_main(["map", *related, "--dictionary", "d.txt", "--output", "m", "--force"]) == 0
    first = capsys.readouterr().err.splitlines()[0]
    assert first.startswith("embkit: before: spectral similarity 1.00; effective rank 13")
    assert first.endswith("10.0% of words shared")
    kept = Mapping.open("m").statistics["spaces"]
    assert kept["shared_words"] == pytest.approx(0.1)
    assert 0.99 < kept["spectral_similarity"] <= 1
    assert 1 < kept["source_rank"] < 20
    assert kept["source_dim"] == kept["target_dim"] == 20


def test_what_is_told_before_is_told_before() -> None:
    source, target, _ = planted(100, 5, seed=1)
    order: list[str] = []

    def before(found: SpacesReport) -> None:
        order.append(f"rank {found.source_rank:.0f}")

    def step(done: int, total: int, told: dict[str, float]) -> None:
        order.append("step")

    embkit.map(
        *(source, target),
        dictionary=pairs(50),
        method="rcsls",
        epochs=2,
        callback=step,
        on_spaces=before,
    )
    assert order[0].startswith("rank ")
    assert order[1:] == ["step", "step"]


def test_the_course_the_restarts_and_the_margin_are_told(
    related: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main(["map", *related, *LEARN, "--restarts", "3", "--output", "m"]) == 0
    told = capsys.readouterr().err
    assert "3 of 3 runs succeeded; they translate" in told
    assert "of cycles closed" in told
    assert "CSLS margin 0." in told
    assert "verdict good: another run translates" in told
    found = Mapping.open("m").statistics
    assert found["restarts"]["succeeded"] == found["restarts"]["runs"] == 3
    assert len(found["restarts"]["objectives"]) == 3
    assert found["verdict"]["figures"]["success_rate"] == 1.0
    assert {"objective", "pairs", "cycles"} < set(found["course_columns"])


@pytest.mark.parametrize("method", ["refine", "growing"])
def test_rounds_tell_dictionary_size_cycles_and_objective(method: str) -> None:
    source, target, gold = planted_language(noise=0.02)
    seen: list[dict[str, float]] = []
    mapping = embkit.map(
        *(space(source, "s"), space(target, "t")),
        method=method,
        dictionary=[(f"s{i}", f"t{gold[i]}") for i in range(50)],
        callback=lambda done, total, told: seen.append(told),
    )
    found = mapping.statistics
    assert list(found["course_columns"]) == ["pairs", "cycles", "objective"]
    assert [list(told.values()) for told in seen] == found["course"]
    assert found["course"][-1][1] > 0.9
    assert 0.9 < found["course"][-1][2] <= 1.0001


def test_unrelated_spaces_exit_with_7_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, seed in (("s", 1), ("t", 2)):
        embkit.save(space(language(seed), name), name)
    learn = [*LEARN, "--attempts", "2"]
    assert run_main(["map", "s", "t", *learn, "--output", "m", "--quiet"]) == 7
    told = capsys.readouterr().err
    assert "verdict failed: another run translates" in told
    assert "to mend it, start from identical words, numerals or a dictionary" in told
    assert not Path("m").exists()
    assert run_main(["map", "s", "t", *learn, "--output", "m", "--force", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["statistics"]
    assert found["restarts"]["succeeded"] == 0
    assert found["verdict"]["figures"]["success_rate"] == 0.0


def test_shuffled_alignments_exit_with_7_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    source, target, _ = planted(300, 8, seed=1, noise=0.05)
    embkit.save(source, "s")
    embkit.save(target, "t")
    wrong = np.random.default_rng(1).permutation(200)
    for name, order in (("right", range(200)), ("wrong", wrong)):
        lines = [f"s{i} t{j}\n" for i, j in enumerate(order)]
        Path(f"{name}.txt").write_text("".join(lines), encoding="utf-8")
    command = ["map", "s", "t", "--method", "alignment", "--output-source", "o.bin"]
    assert run_main([*command, "--dictionary", "wrong.txt", "--quiet"]) == 7
    told = capsys.readouterr().err
    assert "verdict failed: of pairs held out" in told
    assert "nothing written; --force writes it nevertheless" in told
    assert not Path("o.bin").exists()
    assert run_main([*command, "--dictionary", "wrong.txt", "--force", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["provenance"]["verdict"]["judgement"] == "failed"
    assert found["outputs"] == {"source": "o.bin"}
    assert run_main([*command, "--dictionary", "right.txt", "--overwrite"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("embkit: before: spectral similarity")
    assert "200 aligned" in told
    assert "verdict good: of pairs held out" in told
    assert "wrote o.bin" in told


def test_a_first_space_without_a_dictionary_has_a_verdict_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source, target, _ = planted(300, 8, seed=1, noise=0.02)
    embkit.map(source, target, dictionary=pairs(100)).save("first")
    found = embkit.map(source, target, method="hybrid", first="first").statistics
    assert found["verdict"]["judgement"] == "doubtful"
    assert found["verdict"]["figures"]["held_out"] > 0.9
    assert found["verdict"]["figures"]["csls_margin"] > 0


def test_many_languages_exit_with_7_where_one_failed(
    related: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = np.random.default_rng(1).permutation(range(40, 340))
    lines = [f"s{i} t{j}\n" for i, j in zip(range(300), wrong, strict=True)]
    Path("d.txt").write_text("".join(lines), encoding="utf-8")
    Path("maps").mkdir()
    command = ["map-many", "s=s", "t=t", "--pivot", "t", "--dictionary", "s-t=d.txt"]
    for method in ("multi-cca", "orthogonal"):
        arguments = [*command, "--method", method, "--output", "maps"]
        for old in Path("maps").glob("*.map"):
            old.unlink()
        assert run_main([*arguments, "--quiet"]) == 7
        assert "s: verdict failed" in capsys.readouterr().err
        assert not list(Path("maps").glob("*.map"))
        assert run_main([*arguments, "--force", "--overwrite", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["verdicts"]["s"]["judgement"] == "failed"
        assert set(told["outputs"]) == {"s", "t"}
        assert Path("maps/s.map").exists()
