"""A map that cannot be trusted is called so, for the reason that it has."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit import Embeddings, map
from embkit.errors import DictionaryError
from embkit.mapping import SeedDictionary, project_aligned
from embkit.mapping.comparison import compare_spaces
from embkit.mapping.methods import METHODS
from embkit.mapping.verdict import (
    Verdict,
    distinct,
    judge,
    own_pairs,
    share_of_shuffles,
    split_half,
)
from tests import spaces
from tests.test_mapping_learning import NUM_WORDS, language, planted, seeds, words

Array = NDArray[Any]


def verdict_of(source: Array, target: Array, **options: Any) -> dict[str, Any]:
    mapping = map(words("s", source), words("t", target), **options)
    found: dict[str, Any] = mapping.statistics["verdict"]
    return found


UNSUPERVISED: dict[str, Any] = {"method": "self-learning", "patience": 4}


def test_a_planted_rotation_is_good() -> None:
    source, target, gold = planted(noise=0.05)
    found = verdict_of(source, target, **UNSUPERVISED)
    assert found["judgement"] == "good"
    assert found["figures"]["repeated"] > 0.7
    assert found["figures"]["success_rate"] == 1.0
    assert verdict_of(source, target, dictionary=seeds(gold, 200))["judgement"] == "good"


def test_isotropic_noise_fails_and_is_told_as_such() -> None:
    source, target = np.random.default_rng(1).standard_normal((2, 400, 20))
    found = verdict_of(source, target, **UNSUPERVISED, attempts=4)
    assert found["judgement"] == "failed"
    assert any("as noise is" in reason for reason in found["reasons"])


TAKES_A_DICTIONARY = [name for name, method in METHODS.items() if method.supervision != "none"]


@pytest.mark.parametrize("method", TAKES_A_DICTIONARY)
def test_a_wrong_dictionary_fails(method: str) -> None:
    source, target, gold = planted(noise=0.05)
    wrong = seeds(np.random.default_rng(1).permutation(gold), 200)
    if method == "alignment":
        projected = project_aligned(
            words("s", source), words("t", target), SeedDictionary(wrong)
        )
        found = projected.provenance["verdict"]
    else:
        options = {"patience": 4, "attempts": 0} if method == "self-learning" else {}
        found = verdict_of(source, target, method=method, dictionary=wrong, **options)
    assert found["judgement"] == "failed"


def test_a_map_that_loses_its_own_pairs_fails() -> None:
    source, target, gold = planted(noise=0.05)
    options: dict[str, Any] = {"method": "max-margin", "dictionary": seeds(gold, 200)}
    options |= {"negative_choice": "random", "epochs": 3}
    found = verdict_of(source, target, **options)
    assert found["judgement"] == "good"
    assert found["figures"]["fitted"] > 0.95
    found = verdict_of(source, target, **options, learning_rate=1e6)
    assert found["judgement"] == "failed"
    assert "but of its own pairs the map finds" in found["reasons"][0]
    assert found["figures"]["held_out"] > 0.9


def test_a_map_is_held_to_what_others_find_without_having_seen_its_pairs() -> None:
    shares = {0.8: "good", 0.6: "doubtful", 0.3: "failed", None: "good"}
    found = [judge(held_out=0.7, pairs=500, fitted=f).judgement for f in shares]
    assert found == list(shares.values())


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_words_that_are_alike_by_chance_fail(seed: int) -> None:
    names = [f"w{row}" for row in range(len(language(seed)))]
    spaces = (Embeddings.from_words(names, language(s)) for s in (seed, seed + 1))
    found = map(*spaces, **UNSUPERVISED).statistics
    assert found["start"]["kind"] == "identical"
    assert found["verdict"]["judgement"] == "failed"


def test_pairs_are_held_out_only_where_a_method_has_no_verdict_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, target, gold = planted(noise=0.05)
    monkeypatch.setattr("embkit.mapping.run.own_pairs", lambda *sides: pytest.fail("asked"))
    options = {**UNSUPERVISED, "dictionary": seeds(gold, 200)}
    assert verdict_of(source, target, **options)["judgement"] == "good"


def test_the_margin_is_that_of_the_map_itself_on_its_own_pairs() -> None:
    source, target, gold = planted(noise=0.3)
    margins = []
    for method in ("orthogonal", "cca"):
        found = map(
            words("s", source), words("t", target), dictionary=seeds(gold, 200), method=method
        )
        own = own_pairs(
            found.apply(words("s", source), "source").vectors[:200],
            found.apply(words("t", target), "target").vectors[gold[:200]],
        )
        assert own is not None
        margins.append(found.statistics["verdict"]["figures"]["csls_margin"])
        assert margins[-1] == pytest.approx(own.csls_margin, rel=1e-5)
    assert margins[0] != pytest.approx(margins[1], rel=0.02)


def test_a_dictionary_without_known_pairs_is_refused() -> None:
    source, target, _ = planted()
    with pytest.raises(DictionaryError, match="must have a pair"):
        verdict_of(source, target, dictionary=[("unknown", "words")])


def test_few_pairs_leave_it_doubtful() -> None:
    source, target, gold = planted()
    found = verdict_of(source, target, dictionary=seeds(gold, 20))
    assert found["judgement"] == "doubtful"
    assert "too few pairs" in found["reasons"][0]


def test_25_pairs_are_never_failed_and_wrong_ones_told_to_be_no_better_than_chance() -> None:
    told = []
    for seed in range(10):
        source, target, _ = spaces.planted(300, 40, seed=seed, noise=0.5)
        rows = np.random.default_rng(seed).permutation(300)[:25]
        wrong = [(f"s{i}", f"t{j}") for i, j in enumerate(rows)]
        for dictionary in (spaces.pairs(25), wrong):
            found = map(source, target, dictionary=dictionary).statistics["verdict"]
            assert found["judgement"] == "doubtful"
            told.append(found["reasons"][0])
    assert all("but words close on one side are close on the other" in t for t in told[::2])
    assert sum("the pairs may be wrong" in t for t in told[1::2]) >= 9


def test_right_pairs_too_few_for_their_map_to_find_more_than_chance_are_not_failed() -> None:
    shares = []
    for seed in range(10):
        source, target, _ = spaces.planted(300, 100, seed=seed, noise=3.0)
        found = map(source, target, dictionary=spaces.pairs(40)).statistics["verdict"]
        assert found["judgement"] != "failed", (seed, found["reasons"])
        shares.append(found["figures"]["held_out"])
    assert min(shares) < 0.15  # which chance finds too
    assert judge(held_out=min(shares), pairs=40).judgement == "failed"


def test_few_wrong_pairs_are_told_by_shuffles_as_counted() -> None:
    rng = np.random.default_rng(1)
    x, z = rng.standard_normal((2, 6, 4))
    z[:, :2] += x[:, :2]

    def agreement(order: Any) -> float:
        units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (x, z[order])]
        return float(
            sum(
                (units[0][i] @ units[0][j]) * (units[1][i] @ units[1][j])
                for i in range(6)
                for j in range(i)
            )
        )

    own = agreement(range(6)) - 1e-9
    every = [agreement(list(order)) >= own for order in permutations(range(6))]
    assert 0 < np.mean(every) < 1
    assert share_of_shuffles(x, z) == pytest.approx(np.mean(every), abs=0.04)


def test_restarts_tell_how_many_succeeded_and_how_far_they_agree() -> None:
    source, target, _ = planted(noise=0.05)
    mapping = map(words("s", source), words("t", target), restarts=2, **UNSUPERVISED)
    assert mapping.statistics["restarts"]["succeeded"] == 2
    assert mapping.statistics["verdict"]["figures"]["restarts_alike"] > 0.95


def test_runs_that_disagree_raise_a_doubt_and_then_fail() -> None:
    found = [judge(repeated=share).judgement for share in (0.9, 0.4, 0.1)]
    assert found == ["good", "doubtful", "failed"]
    found = [judge(held_out=share, pairs=500).judgement for share in (0.4, 0.1, 0.01)]
    assert found == ["good", "doubtful", "failed"]


def test_effective_rank_and_spectral_similarity_have_known_values() -> None:
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], np.float32)
    report = compare_spaces(signs, signs * np.array([1, 0], np.float32))
    assert report.source_rank == pytest.approx(2)
    assert report.target_rank == pytest.approx(1)
    assert report.spectral_similarity == pytest.approx(0.5)


def test_spaces_of_different_width_are_compared_and_judged() -> None:
    source, target, gold = planted()
    wide = np.concatenate([source, source[:, :5] * 0.1], 1)
    assert compare_spaces(wide, target).source_dim == 25
    found = split_half(wide[:200], target[gold[:200]])
    assert found.share is not None
    assert found.share > 0.9
    assert found.csls_margin is not None
    assert found.csls_margin > 0.1


def test_each_word_is_held_out_once() -> None:
    pairs = np.array([0, 0, 1, 2, 0]), np.array([5, 6, 5, 7, 5])
    assert distinct(pairs).tolist() == [0, 3]


def test_a_verdict_is_plain_data() -> None:
    found = Verdict("good", ("fine",), {"held_out": 1.0})
    assert found.to_dict() == {
        "judgement": "good",
        "reasons": ["fine"],
        "figures": {"held_out": 1.0},
    }


def test_identical_spaces_share_all_words() -> None:
    rows = language(1)
    space = Embeddings.from_words([f"w{i}" for i in range(len(rows))], rows)
    found = map(space, space, **UNSUPERVISED).statistics
    assert found["spaces"]["shared_words"] == 1.0


@pytest.mark.parametrize("count", [40, 50, 80])
def test_a_wrong_dictionary_of_few_pairs_fails(count: int) -> None:
    source, target, _ = planted(noise=0.05)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        rows = rng.permutation(NUM_WORDS)[:count], rng.permutation(NUM_WORDS)[:count]
        wrong = [(f"s{i}", f"t{j}") for i, j in zip(*rows, strict=True)]
        found = verdict_of(source, target, dictionary=wrong)
        assert found["judgement"] == "failed", (seed, found["reasons"])


def test_what_chance_might_find_as_well_has_failed() -> None:
    found = [judge(held_out=share, pairs=40) for share in (6 / 40, 8 / 40)]
    assert [verdict.judgement for verdict in found] == ["failed", "good"]
    assert found[0].reasons == (
        "of pairs held out, 15% are found among 20, and chance finds 5% of 40",
    )
    assert judge(held_out=0.15, pairs=100).judgement == "doubtful"
