"""Many languages into one pivot: identities, detours, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embkit.dictionaries.seed_pairs import SeedPairs, SeedReport
from embkit.embeddings import Embeddings
from embkit.mapping import SeedDictionary, map_many
from embkit.mapping.fit import fit_orthogonal
from embkit.mapping.many import Edge, rotate_together
from tests.spaces import cloud, precision_at_1, random_rotation, space

Pairs = list[tuple[str, str]]


def languages(names: str, noise: float = 0.0) -> dict[str, Embeddings]:
    """Return rotated and disturbed copies of one space; word ``a3`` is ``b3`` in another."""
    rows = cloud(300, 8, seed=1)
    rng = np.random.default_rng(2)
    return {
        name: space(
            (rows + noise * rows.std() * rng.standard_normal(rows.shape))
            @ random_rotation(8, seed=10 + i),
            name,
        )
        for i, name in enumerate(names)
    }


def pairs(first: str, second: str, count: int) -> Pairs:
    return [(f"{first}{i}", f"{second}{i}") for i in range(count)]


def found(maps: dict[str, Any], spaces: dict[str, Embeddings], name: str, pivot: str) -> float:
    source = maps[name].map_source(spaces[name].vectors).astype(np.float64)
    return precision_at_1(source, maps[name].map_target(spaces[pivot].vectors).astype(float))


@pytest.mark.parametrize("method", ["multi-cca", "orthogonal"])
def test_all_languages_come_to_the_pivot(method: Any) -> None:
    spaces = languages("abc")
    seeds = {("a", "b"): pairs("a", "b", 40), ("b", "c"): pairs("b", "c", 40)}
    maps = map_many(spaces, seeds, pivot="b", method=method)
    assert list(maps) == ["a", "b", "c"]
    np.testing.assert_allclose(maps["b"].source_map, np.eye(8), atol=1e-5)
    for name in "abc":
        assert found(maps, spaces, name, "b") == 1


def test_a_language_reaches_the_pivot_through_another_one() -> None:
    spaces = languages("abc", noise=0.02)
    seeds = {("a", "b"): pairs("a", "b", 200), ("c", "b"): pairs("c", "b", 200)}
    few = {**seeds, ("c", "a"): pairs("c", "a", 3)}
    for dictionaries in (seeds, few):
        maps = map_many(spaces, dictionaries, pivot="a", method="orthogonal")
        assert found(maps, spaces, "c", "a") > 0.9
    alone = map_many(
        {name: spaces[name] for name in "ac"},
        {("c", "a"): few["c", "a"]},
        pivot="a",
        method="orthogonal",
    )
    assert found(alone, spaces, "c", "a") < 0.5


@pytest.mark.parametrize("weighted", [True, False])
def test_weights_count_only_when_asked_for(weighted: bool) -> None:
    spaces = languages("ab", noise=0.3)
    counts = np.random.default_rng(5).gamma(0.5, 1, 60) + 1e-3
    seeds = SeedDictionary(
        [(a, b, float(w)) for (a, b), w in zip(pairs("a", "b", 60), counts, strict=True)]
    )
    options: dict[str, Any] = {"normalization": "none", "weights": weighted}
    maps = map_many(spaces, {("a", "b"): seeds}, pivot="b", method="orthogonal", **options)
    rows = spaces["a"].vectors[:60], spaces["b"].vectors[:60]
    expected = fit_orthogonal(*rows, weights=counts if weighted else None)
    np.testing.assert_allclose(maps["a"].source_map, expected, atol=1e-5)


def test_no_round_raises_the_objective() -> None:
    rng = np.random.default_rng(3)
    rows = np.arange(30)
    found = SeedPairs(rows, rows, np.ones(30), SeedReport(30, 30))
    edges = [
        Edge(first, second, rng.standard_normal((30, 6)), rng.standard_normal((30, 6)), found)
        for first, second in ("ab", "bc", "ca", "cd")
    ]
    turns, objectives = rotate_together(edges, "a", list("abcd"), 6)
    assert len(objectives) > 3
    assert objectives == sorted(objectives, reverse=True)
    for turn in turns.values():
        np.testing.assert_allclose(turn @ turn.T, np.eye(6), atol=1e-10)
    np.testing.assert_array_equal(turns["a"], np.eye(6))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pivot": "x"}, "pivot must be one of a, b, c, got 'x'"),
        ({"method": "cca"}, "method must be one of multi-cca, orthogonal"),
        ({"method": "multi-cca"}, "one between c and the pivot a for multi-cca"),
        (
            {"dictionaries": {("a", "b"): pairs("a", "b", 40)}},
            "must lead from c to the pivot a",
        ),
        ({"dictionaries": {("a", "x"): [("a1", "x1")]}}, "languages of a dictionary must be"),
        (
            {"dictionaries": {("a", "b"): [("q", "q")]}},
            "a-b: dictionary must have a pair",
        ),
        (
            {
                "dictionaries": {("b", "a"): pairs("b", "a", 40), ("c", "a"): [("q", "q")]},
                "method": "multi-cca",
            },
            "c-a: dictionary must have a pair that both vocabularies know: 0 of 1",
        ),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    seeds = {("a", "b"): pairs("a", "b", 40), ("b", "c"): pairs("b", "c", 40)}
    options = {"dictionaries": seeds, "pivot": "a", "method": "orthogonal", **changes}
    with pytest.raises(ValueError, match=message):
        map_many(languages("abc"), **options)


def test_dictionaries_of_both_directions_are_taken_together() -> None:
    spaces = languages("ab")
    there, back = pairs("a", "b", 40)[:25], [(b, a) for a, b in pairs("a", "b", 40)[20:]]
    for seeds in ({("a", "b"): there, ("b", "a"): back}, {("b", "a"): back, ("a", "b"): there}):
        told = map_many(spaces, seeds, pivot="b")["a"].statistics["dictionary"]
        assert (told["used"], told["unused"]) == (40, {"pair stands twice": 5})


def test_the_pivot_stays_as_it_is_whatever_its_rank() -> None:
    flat = np.repeat(cloud(200, 4, seed=1), 2, axis=1)
    spaces = {"a": space(flat, "a"), "b": space(flat, "b")}
    maps = map_many(spaces, {("a", "b"): pairs("a", "b", 100)}, pivot="b")
    np.testing.assert_array_equal(maps["b"].source_map, np.eye(8))
    np.testing.assert_allclose(
        maps["b"].map_source(spaces["b"].vectors),
        maps["a"].map_target(spaces["b"].vectors),
        rtol=1e-6,
    )


@pytest.mark.parametrize("method", ["multi-cca", "orthogonal"])
def test_each_language_has_a_verdict_of_its_own(method: Any) -> None:
    spaces = languages("abc", noise=0.02)
    wrong = [(f"c{i}", f"a{(7 * i + 3) % 300}") for i in range(200)]
    seeds: dict[tuple[str, str], Pairs] = {
        ("b", "a"): pairs("b", "a", 200),
        ("c", "a"): wrong,
    }
    maps = map_many(spaces, seeds, pivot="a", method=method)
    judged = {name: maps[name].statistics["verdict"]["judgement"] for name in "bc"}
    assert judged == {"b": "good", "c": "failed"}


@pytest.mark.parametrize("neighbors", [1, 2, 4])
def test_a_language_of_many_neighbours_is_judged_as_one_of_a_single_one(neighbors: int) -> None:
    names = "abcde"[: neighbors + 1]
    spaces = languages(names, noise=0.02)
    seeds = {("a", name): pairs("a", name, 100) for name in names[1:]}
    maps = map_many(spaces, seeds, pivot="b", method="orthogonal")
    verdict = maps["a"].statistics["verdict"]
    assert verdict["figures"]["held_out"] > 0.95
    assert verdict["figures"]["fitted"] > 0.95
    assert verdict["judgement"] == "good"


def test_the_worst_of_a_languages_dictionaries_is_told() -> None:
    spaces = languages("abc", noise=0.02)
    wrong = [(f"a{i}", f"c{(7 * i + 3) % 300}") for i in range(100)]
    seeds = {("a", "b"): pairs("a", "b", 100), ("a", "c"): wrong}
    few = {**seeds, ("a", "c"): pairs("a", "c", 9)}
    verdicts = [
        map_many(spaces, some, pivot="b", method="orthogonal")["a"].statistics["verdict"]
        for some in (seeds, few)
    ]
    assert verdicts[0]["judgement"] == "failed"
    assert verdicts[0]["reasons"][0].startswith("a-c: of pairs held out")
    assert verdicts[1]["judgement"] == "good"  # nine pairs tell nothing


def test_a_dictionary_given_in_both_directions_teaches_itself_nothing() -> None:
    a, b = (space(cloud(600, 40, seed), name) for seed, name in ((1, "a"), (2, "b")))
    rng = np.random.default_rng(3)
    rows = rng.permutation(600)[:200].tolist(), rng.permutation(600)[:200].tolist()
    there = [(f"a{i}", f"b{j}") for i, j in zip(*rows, strict=True)]
    seeds = {("a", "b"): there, ("b", "a"): [(y, x) for x, y in there]}
    fitted = map_many({"a": a, "b": b}, seeds, pivot="b", method="orthogonal")["a"]
    assert list(fitted.statistics["dictionaries"]) == ["a-b"]
    assert fitted.statistics["verdict"]["judgement"] == "failed"


@pytest.mark.parametrize("method", ["multi-cca", "orthogonal"])
def test_the_pivot_may_be_alone(method: Any) -> None:
    spaces = languages("a")
    maps = map_many(spaces, {}, pivot="a", method=method)
    np.testing.assert_array_equal(maps["a"].source_map, np.eye(8))
    with pytest.raises(ValueError, match="languages of a dictionary must be two, got a twice"):
        map_many(spaces, {("a", "a"): pairs("a", "a", 9)}, pivot="a", method=method)
