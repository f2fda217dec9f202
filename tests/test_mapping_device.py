"""Every method gives the same map on every device."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.cli import main as run_main
from embkit.mapping.config import LinearConfig
from embkit.mapping.fit import fit_linear
from tests.spaces import pairs, planted
from tests.stand_in_cupy import StandIn
from tests.test_mapping_learning import planted as planted_language
from tests.test_mapping_learning import seeds, words

METHODS: dict[str, dict[str, Any]] = {
    "orthogonal": {},
    "linear": {"ridge": 0.1},
    "cca": {},
    "five-step": {"rounds": 1},
    "multi-cca": {},
    "rcsls": {"epochs": 3},
    "max-margin": {"epochs": 2},
    "hybrid": {},
    "refine": {"rounds": 2},
    "growing": {},
    "self-learning": {"patience": 3, "iterations": 30},
}


@pytest.mark.parametrize("method", METHODS)
def test_the_map_is_that_of_the_processor(method: str, stand_in: StandIn) -> None:
    source, target, gold = planted_language(noise=0.02)
    spaces = words("s", source), words("t", target)
    options = {"method": method, "dictionary": seeds(gold, 60), **METHODS[method]}
    maps = [embkit.map(*spaces, device=device, **options) for device in ("cpu", "cuda")]
    np.testing.assert_allclose(maps[1].source_map, maps[0].source_map, atol=2e-3)
    np.testing.assert_allclose(maps[1].target_map, maps[0].target_map, atol=2e-3)
    assert stand_in.uploads > 0
    assert stand_in.downloads > 0


def test_a_fit_takes_its_rows_in_blocks_where_memory_is_short(stand_in: StandIn) -> None:
    x, z = np.random.default_rng(1).standard_normal((2, 3000, 8))
    stand_in.capacity = 100_000
    found = fit_linear(x, z, device="cuda")
    np.testing.assert_allclose(found, fit_linear(x, z), rtol=1e-12)
    assert stand_in.refusals > 0
    with pytest.raises(ValueError, match="device must be cpu with solver sgd, got cuda"):
        LinearConfig(solver="sgd", device="cuda")


GROWN = ["growing.fit_orthogonal", "learning.fit_orthogonal"]


@pytest.mark.parametrize(
    ("options", "called"),
    [
        (
            {"method": "adversarial", "refinement": 1, "restarts": 2},
            [
                f"adversarial.{name}"
                for name in ("best_by_csls", "mutual_neighbors", "fit_orthogonal")
            ],
        ),
        ({"method": "refine"}, ["growing.best_by_csls", *GROWN]),
        ({"method": "growing"}, ["growing.induce", *GROWN]),
        ({"method": "self-learning", "iterations": 4}, ["learning.fit_orthogonal"]),
    ],
)
def test_every_search_and_fit_of_a_method_is_done_on_the_device(
    options: dict[str, Any],
    called: list[str],
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target, gold = planted_language(noise=0.02)
    devices: dict[str, set[str]] = {}

    def watched(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, device: str = "cpu", **others: Any) -> Any:
            devices.setdefault(name, set()).add(device)
            return function(*arguments, device=device, **others)

        return call

    for name in called:
        where = f"embkit.mapping.{name}"
        monkeypatch.setattr(where, watched(name, pkgutil.resolve_name(where)))
    if options["method"] == "adversarial":
        options = {**options, "samples": 64, "epochs": 1, "hidden": 4}
    else:
        options = {**options, "dictionary": seeds(gold, 60)}
    embkit.map(words("s", source), words("t", target), device="cuda", **options)
    assert devices == {name: {"cuda"} for name in called}


def test_self_learning_keeps_its_rows_on_the_gpu(stand_in: StandIn) -> None:
    source, target, gold = planted_language(noise=0.02)
    spaces = words("s", source), words("t", target)
    options: dict[str, Any] = {"method": "self-learning", "dictionary": seeds(gold, 60)}
    sizes = []
    for iterations in (4, 8):
        stand_in.uploads = 0
        embkit.map(*spaces, device="cuda", iterations=iterations, **options)
        sizes.append(stand_in.uploads)
    rows = 2 * len(source) * 2  # two runs of two sides, were each row brought over again
    assert 0 < sizes[1] - sizes[0] < rows  # a few small arrays for each iteration


def test_a_gpu_that_is_too_small_ends_the_run_with_one_line(
    stand_in: StandIn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    source, target, _ = planted(200, 6, seed=1)
    embkit.save(source, "s")
    embkit.save(target, "t")
    stand_in.capacity = 1000
    command = ["map", "s", "t", "--method", "self-learning", "--output", "m", "--quiet"]
    assert run_main([*command, "--device", "cuda"]) == 5
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("embkit: error: cuda needs about")
    assert not Path("m").exists()


def test_commands_take_a_device(
    device: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    source, target, _ = planted(200, 6, seed=1)
    embkit.save(source, "s")
    embkit.save(target, "t")
    lines = "".join(f"{s}\t{t}\n" for s, t in pairs(60))
    Path("d").write_text(lines, encoding="utf-8")
    where = ["--device", device]
    fit = ["map", "s", "t", "--dictionary", "d", "--output", "m", "--method", "rcsls"]
    assert run_main([*fit, *where, "--quiet"]) == 0
    across = ["s", "t", "--mapping", "m", *where]
    assert run_main(["translate", *across[:2], "s3", "s5", *across[2:], "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [found[word][0]["word"] for word in ("s3", "s5")] == ["t3", "t5"]
    assert run_main(["induce-dictionary", *across, "--output", "p", "--quiet"]) == 0
    assert len(Path("p").read_text(encoding="utf-8").splitlines()) > 170
    assert run_main(["eval", "translation", *across, "--dictionary", "d", "--json"]) == 0
    score = json.loads(capsys.readouterr().out)[0]
    assert score["precision_at"]["1"]["value"] > 0.9


@pytest.mark.parametrize(
    "command",
    [
        ["map", "s", "t", "--method", "self-learning", "--output", "m"],
        ["translate", "s", "t", "s1"],
        ["induce-dictionary", "s", "t", "--output", "p"],
        ["changes", "s", "t"],
        ["eval", "translation", "s", "t", "--dictionary", "d"],
    ],
)
def test_a_device_that_is_none_is_refused(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_main([*command, "--device", "tpu"]) == 2
    told = capsys.readouterr().err
    assert "device must be one of auto, cpu, cuda, cuda:N, got 'tpu'" in told
