"""Self-learning's further runs: which are believed, where they meet, and what is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit import map
from embkit.mapping import learning
from embkit.mapping.self_learning import Learned, self_learn
from tests.test_mapping_learning import NUM_WORDS, language, planted, seeds, words
from tests.test_mapping_verdict import UNSUPERVISED, verdict_of

Array = NDArray[Any]


@pytest.mark.parametrize(
    ("dim", "seeds"),
    [(20, (11, 12)), (20, (23, 73)), (6, (6, 56))],  # of a few runs, or of the first, two meet
)
def test_spaces_without_relation_fail_though_runs_meet_by_chance(
    dim: int, seeds: tuple[int, int]
) -> None:
    source, target = (language(seed)[:, :dim] for seed in seeds)
    found = verdict_of(source, target, **UNSUPERVISED)
    assert found["judgement"] == "failed"
    assert found["figures"]["success_rate"] == 0.0
    if dim == 6:
        assert found["figures"]["repeated"] > 0.5
        assert found["reasons"][-2].startswith("but runs unlike them match the spaces as well")


@pytest.mark.parametrize(("dim", "judgement"), [(19, "doubtful"), (20, "good")])
def test_runs_that_meet_in_few_dimensions_confirm_nothing(dim: int, judgement: str) -> None:
    source = language(1)[:, :dim] * np.linspace(2, 0.5, dim)
    target = source @ np.linalg.qr(np.random.default_rng(1).standard_normal((dim, dim)))[0]
    found = verdict_of(source, target, **UNSUPERVISED)
    assert found["judgement"] == judgement
    assert found["figures"]["repeated"] > 0.9
    assert ("in 19 dimensions runs agree by chance" in found["reasons"][-1]) == (dim == 19)


def test_the_best_of_several_runs_is_taken_and_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target, gold = planted(noise=0.05)
    called: list[tuple[int, float]] = []

    def rising(*arguments: Any, **options: Any) -> Learned:
        learned = self_learn(*arguments, **options)
        called.append((options["seed"], arguments[3].keep_probability))
        best = replace(learned.best, objective=learned.best.objective + 0.01 * options["seed"])
        return replace(learned, best=best)

    monkeypatch.setattr(learning, "self_learn", rising)
    options = {**UNSUPERVISED, "dictionary": seeds(gold, 50), "restarts": 3}
    found = map(words("s", source), words("t", target), **options).statistics
    assert found["verdict"]["figures"]["objective"] == max(found["restarts"]["objectives"])
    assert np.argmax(found["restarts"]["objectives"]) == 2
    without_dropping = [seed for seed, keep in called if keep == 1]
    assert without_dropping == [1, 4]  # of the first run and of the one that checks


def go_astray(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first runs end with pairs that are wrong, each with others."""
    astray = iter(range(times))

    def learn(*arguments: Any, **options: Any) -> Learned:
        learned = self_learn(*arguments, **options)
        number = next(astray, None)
        if number is None:
            return learned
        wrong = np.random.default_rng(number).permutation(learned.pairs[1])
        return replace(learned, pairs=(learned.pairs[0], wrong))

    monkeypatch.setattr(learning, "self_learn", learn)


def test_further_runs_that_meet_replace_a_first_one_that_went_astray(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target, gold = planted(noise=0.05)
    go_astray(2, monkeypatch)
    mapping = map(words("s", source), words("t", target), **UNSUPERVISED)
    found = mapping.statistics
    assert found["verdict"]["judgement"] == "good"
    assert found["restarts"]["attempts"] == 3
    assert found["restarts"]["succeeded"] == 0
    assert found["verdict"]["figures"]["success_rate"] == 0.6  # the three of five that met
    mapped = (
        mapping.apply(words("s", source), "source").vectors,
        mapping.apply(words("t", target), "target").vectors,
    )
    nearest = (mapped[0] @ mapped[1].T).argmax(1)
    assert (nearest == gold).mean() > 0.8


def test_a_further_run_that_meets_the_first_confirms_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target, _ = planted(noise=0.05)
    called: list[int] = []

    def learn(*arguments: Any, **options: Any) -> Learned:
        called.append(0)
        learned = self_learn(*arguments, **options)
        if len(called) != 2:
            return learned
        wrong = np.random.default_rng(1).permutation(learned.pairs[1])
        return replace(learned, pairs=(learned.pairs[0], wrong))

    monkeypatch.setattr(learning, "self_learn", learn)
    found = map(words("s", source), words("t", target), **UNSUPERVISED).statistics
    assert found["verdict"]["judgement"] == "good"
    assert found["restarts"]["attempts"] == 3
    assert len(called) == 5


def test_what_comes_of_two_that_meet_may_still_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target, _ = planted(noise=0.05)
    go_astray(2, monkeypatch)
    shown, asked = learning._translate, []

    def translate(*arguments: Any) -> tuple[Array, float]:
        asked.append(0)
        found, closeness = shown(*arguments)
        # The first two went astray, the others meet, and the one learned from them is lost.
        if len(asked) == 6:
            found = np.random.default_rng(5).permutation(found)
        return found, closeness

    monkeypatch.setattr(learning, "_translate", translate)
    found = map(words("s", source), words("t", target), **UNSUPERVISED).statistics
    assert found["verdict"]["judgement"] == "failed"
    assert found["restarts"]["attempts"] == 3


@pytest.mark.parametrize(
    ("closeness", "attempts", "judgement"),
    [(0.60, 4, "good"), (0.53, 6, "failed"), (0.51, 6, "failed")],
)
def test_of_many_runs_two_that_meet_must_stand_out(
    closeness: float, attempts: int, judgement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target, _ = planted()
    # Runs 2 and 5 meet, and what is learned from them; the others bring words 0.5 close or
    # 0.52 at most.
    closest = iter([0.5, 0.52, closeness, 0.49, 0.51, closeness, closeness, 0.5, 0.5])
    called: list[int] = []

    def translate(*arguments: Any) -> tuple[Array, float]:
        called.append(0)
        number = len(called) - 1
        meets = number in (2, 5) or (attempts == 4 and number == 6)
        rng = np.random.default_rng(2 if meets else 50 + number)
        return rng.permutation(NUM_WORDS), next(closest)

    monkeypatch.setattr(learning, "_translate", translate)
    options = {**UNSUPERVISED, "iterations": 1, "initial_words": 50, "attempts": 6}
    found = map(words("s", source), words("t", target), **options).statistics
    assert found["restarts"]["attempts"] == attempts
    assert found["verdict"]["judgement"] == judgement


def test_without_attempts_a_run_that_goes_astray_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target, _ = planted(noise=0.05)
    go_astray(2, monkeypatch)
    options = {**UNSUPERVISED, "attempts": 0}
    found = map(words("s", source), words("t", target), **options).statistics
    assert found["verdict"]["judgement"] == "failed"
    assert found["restarts"]["attempts"] == 0
