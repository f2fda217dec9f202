"""Self-learning and growing find planted dictionaries, or say that they failed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit import Embeddings, Vocabulary, map
from embkit.mapping.growing import grow
from embkit.mapping.induction import Side, induce
from embkit.mapping.initial import (
    identical_dictionary,
    identical_words,
    numerals,
    similar_distributions,
)
from embkit.mapping.learning_config import SelfLearningConfig
from embkit.mapping.normalize import apply_steps, fit_steps
from embkit.mapping.self_learning import Iteration, join, self_learn
from embkit.retrieval import Retriever

Array = NDArray[Any]
NUM_WORDS, DIM = 400, 20
QUICK = SelfLearningConfig(patience=4, iterations=300)


def normalized(rows: Array) -> Array:
    steps = fit_steps(rows.astype(np.float32), "unit,center,unit")
    return np.asarray(apply_steps(rows.astype(np.float32), steps))


def language(seed: int) -> Array:
    """Words in clusters of uneven size along uneven axes, as real spaces have them."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((25, DIM)) * np.linspace(1.5, 0.3, DIM)
    member = rng.choice(25, NUM_WORDS, p=np.arange(1, 26) / 325)
    noise = rng.standard_normal((NUM_WORDS, DIM)) * np.linspace(1, 0.2, DIM)
    return np.asarray(centers[member] + noise)


def planted(noise: float = 0.0, seed: int = 1) -> tuple[Array, Array, Array]:
    """Return a language, the same turned and shuffled, and the row of each translation."""
    rng = np.random.default_rng(seed)
    source = language(seed)
    turn = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0]
    order = rng.permutation(NUM_WORDS)
    target = source @ turn + noise * source.std() * rng.standard_normal(source.shape)
    return source, target[order], np.argsort(order)


def words(prefix: str, rows: Array) -> Embeddings:
    return Embeddings.from_words([f"{prefix}{i}" for i in range(len(rows))], rows)


def accuracy(source: Array, target: Array, gold: Array, **options: Any) -> float:
    mapping = map(words("s", source), words("t", target), **options)
    mapped = mapping.map_source(source.astype(np.float32))
    space = mapping.map_target(target.astype(np.float32))
    found = Retriever(mapped, space).search(mapped, 1).rows[:, 0]
    return float((found == gold).mean())


def seeds(gold: Array, count: int) -> list[tuple[str, str]]:
    return [(f"s{i}", f"t{gold[i]}") for i in range(count)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_any_pair_a_planted_rotation_is_found(seed: int) -> None:
    source, target, gold = planted(seed=seed)
    found = accuracy(source, target, gold, method="self-learning", patience=4, seed=seed)
    assert found == 1.0


def test_few_pairs_or_none_do_as_well_as_many_where_noise_is_slight() -> None:
    source, target, gold = planted(noise=0.3)
    supervised = accuracy(source, target, gold, method="five-step", dictionary=seeds(gold, 300))
    options = {"method": "self-learning", "patience": 4}
    semi = accuracy(source, target, gold, dictionary=seeds(gold, 25), **options)
    none = accuracy(source, target, gold, **options)
    assert supervised >= semi >= none == 1.0


def test_self_learning_makes_more_of_few_pairs_than_a_fit_to_them() -> None:
    source, target, gold = planted(noise=0.6)
    few, many = (
        accuracy(source, target, gold, dictionary=seeds(gold, count)) for count in (25, 300)
    )
    pairs = seeds(gold, 25)
    learned = accuracy(source, target, gold, method="self-learning", dictionary=pairs)
    assert many > few + 0.2
    assert learned > few + 0.2


@pytest.mark.parametrize(
    "options",
    [
        {"method": "self-learning", "direction": "forward", "patience": 4},
        {
            "method": "self-learning",
            "direction": "mutual",
            "final": "orthogonal",
            "patience": 4,
        },
        {"method": "refine"},
        {"method": "growing"},
    ],
)
def test_every_way_of_growing_from_few_pairs_finds_a_planted_rotation(
    options: dict[str, Any],
) -> None:
    source, target, gold = planted(noise=0.02)
    assert accuracy(source, target, gold, dictionary=seeds(gold, 25), **options) > 0.97


@pytest.mark.parametrize("method", ["refine", "growing", "self-learning"])
@pytest.mark.parametrize(("normalization", "least"), [("none", 0.98), ("center", 0.86)])
def test_words_are_compared_by_the_cosine_whatever_lengths_a_normalisation_leaves(
    method: str, normalization: str, least: float
) -> None:
    source, target, gold = planted(noise=0.15)
    rng = np.random.default_rng(3)
    source, target = (
        (side - side.mean(0)) * rng.gamma(1, 1, (NUM_WORDS, 1)) for side in (source, target)
    )
    options: dict[str, Any] = {"patience": 4} if method == "self-learning" else {}
    options |= {"method": method, "normalization": normalization}
    options |= {"dictionary": seeds(gold, 25)}
    mapping = map(words("s", source), words("t", target), **options)
    columns = mapping.statistics["course_columns"]
    assert mapping.statistics["course"][-1][columns.index("objective")] < 1.0001  # a cosine
    assert accuracy(source, target, gold, **options) > least


def test_pairs_start_from_identical_words_and_from_numerals() -> None:
    source = Vocabulary.from_words(["the", "1999", "Berlin", "x1"])
    target = Vocabulary.from_words(["x1", "Berlin", "das", "1999"])
    assert [side.tolist() for side in identical_words(source, target)] == [[1, 2, 3], [3, 1, 0]]
    assert [side.tolist() for side in numerals(source, target)] == [[1], [3]]


def test_identical_words_are_a_dictionary_but_for_those_that_are_not_utf8() -> None:
    source = Vocabulary.from_words(["a", b"\xff", "new york", "b"])
    target = Vocabulary.from_words(["new york", b"\xff", "a"])
    found = identical_dictionary(source, target)
    assert [(pair.source, pair.target) for pair in found] == [
        ("a", "a"),
        ("new york", "new york"),
    ]
    assert len(found.find(source, target)) == 2
    with pytest.raises(ValueError, match="words that both spell alike, got none"):
        identical_dictionary(source, Vocabulary.from_words([b"\xff"]))


@pytest.mark.parametrize("start", ["identical", "numerals"])
def test_self_learning_starts_from_shared_words(start: str) -> None:
    source, target, gold = planted(noise=0.02)
    names = [str(i) if i < 25 else f"s{i}" for i in range(NUM_WORDS)]
    others = [f"t{i}" for i in range(NUM_WORDS)]
    for i in range(25):
        others[gold[i]] = str(i)
    left, right = Embeddings.from_words(names, source), Embeddings.from_words(others, target)
    mapping = map(left, right, method="self-learning", start=start, patience=4)
    assert mapping.statistics["start"] == {"pairs": 25, "kind": start}
    assert mapping.statistics["verdict"]["judgement"] == "good"


def test_sorted_similarities_are_the_same_in_any_rotation() -> None:
    source, target, gold = planted()
    left, right = similar_distributions(normalized(source), normalized(target))
    assert len(left) == 2 * NUM_WORDS
    assert (gold[left] == right).mean() > 0.95


def reference_self_learning(source: Array, target: Array, pairs: Any, rounds: int) -> Any:
    """Run the published loop without dropout: two-sided means, no lag, NumPy only."""
    for _ in range(rounds):
        u, _, vt = np.linalg.svd(source[pairs[0]].T @ target[pairs[1]])
        cosines = (source @ (u @ vt)) @ target.T
        of_source = np.sort(cosines, 1)[:, -10:].mean(1)
        of_target = np.sort(cosines, 0)[-10:].mean(0)
        every = np.arange(len(source))
        forward = (cosines - of_target[None] / 2).argmax(1)
        backward = (cosines - of_source[:, None] / 2).argmax(0)
        pairs = np.concatenate([every, backward]), np.concatenate([forward, every])
    return pairs


def test_without_dropout_the_fixed_point_is_that_of_the_published_loop() -> None:
    source, target, gold = planted(noise=0.1)
    x, z = normalized(source), normalized(target)
    first = np.arange(30), gold[:30]
    config = replace(QUICK, keep_probability=1.0, patience=10)
    learned = self_learn(x, z, first, config)
    expected = reference_self_learning(x.astype(np.float64), z.astype(np.float64), first, 60)
    same = [(a == b).mean() for a, b in zip(learned.pairs, expected, strict=True)]
    assert min(same) > 0.99
    assert learned.converged


def test_runs_with_the_same_seed_are_the_same_for_any_threads() -> None:
    source, target, _ = planted(noise=0.1)
    x, z = normalized(source), normalized(target)
    start = similar_distributions(x, z)
    config = replace(QUICK, iterations=12)
    runs = [self_learn(x, z, start, config, seed=s, threads=t) for s, t in [(7, 1), (7, 3)]]
    assert runs[0].course == runs[1].course
    assert self_learn(x, z, start, config, seed=8).course != runs[0].course


def test_stages_follow_each_other_and_early_ones_take_fewer_words() -> None:
    source, target, gold = planted(noise=0.1)
    told: list[Iteration] = []
    config = replace(QUICK, early_cutoff=200, cutoff=300, neighborhood=5)
    learned = self_learn(
        *(normalized(source), normalized(target), (np.arange(30), gold[:30]), config),
        on_iteration=lambda number, step: told.append(step),
    )
    assert told == learned.course
    kept = [step.keep_probability for step in told]
    assert kept == sorted(kept)
    assert sorted(set(kept)) == [0.1, 0.2, 0.4, 0.8, 1.0]
    assert {(step.keep_probability < 1, step.words) for step in told} == {
        (True, 200),
        (False, 300),
    }


def test_directions_join_as_said() -> None:
    none = np.zeros(3, np.float32)
    sources = Side(np.array([2, 0, -1]), none, none)
    targets = Side(np.array([1, 1, 2]), none, none)
    joined = {
        direction: list(
            zip(*(side.tolist() for side in join(sources, targets, direction)), strict=True)
        )
        for direction in ("forward", "backward", "mutual", "union")
    }
    assert joined["forward"] == [(0, 2), (1, 0)]
    assert joined["backward"] == [(1, 0), (1, 1), (2, 2)]
    assert joined["mutual"] == [(1, 0)]
    assert joined["union"] == joined["forward"] + joined["backward"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 0}, "patience must be at least 1"),
        ({"keep_probability": 0.0}, "keep_probability must be above 0"),
        ({"keep_growth": 1.0}, "keep_growth must be above 1"),
        ({"start": "guess"}, "start must be one of"),
        ({"direction": "both"}, "direction must be one of"),
        ({"start": "dictionary"}, "needs a dictionary"),
        ({"start": "numerals"}, "got none from numerals"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    rows = language(1)
    with pytest.raises(ValueError, match=message):
        map(words("s", rows), words("t", rows), method="self-learning", **options)


def test_an_empty_start_is_refused() -> None:
    rows = normalized(language(1))
    none = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for learn in (lambda: self_learn(rows, rows, none, QUICK), lambda: grow(rows, rows, none)):
        with pytest.raises(ValueError, match="at least one pair"):
            learn()


def test_the_pass_of_the_kernel_is_what_self_learning_calls() -> None:
    rows = normalized(language(3))
    sides = induce(rows, rows, neighborhood=10)
    np.testing.assert_array_equal(sides[0].best, np.arange(NUM_WORDS))


def reference_objective(source: Array, target: Array, pairs: Any) -> float:
    """Return both sides' mean highest cosine, rotated by pairs, NumPy only."""
    u, _, vt = np.linalg.svd(source[pairs[0]].T @ target[pairs[1]])
    cosines = (source @ (u @ vt)) @ target.T
    return float((cosines.max(1).mean() + cosines.max(0).mean()) / 2)


def test_a_start_is_never_left_for_a_dictionary_that_scores_lower() -> None:
    source, target, gold = planted(noise=1.0)
    x, z = normalized(source), normalized(target)
    whole = replace(QUICK, keep_probability=1.0)
    start = self_learn(x, z, (np.arange(NUM_WORDS), gold), whole).pairs
    left = self_learn(x, z, start, replace(QUICK, iterations=5, keep_growth=10.0, patience=1))
    assert left.course[-1].keep_probability == 1.0
    assert left.course[-1].objective < reference_objective(x, z, start)
    assert left.best.objective == pytest.approx(reference_objective(x, z, left.pairs), abs=1e-5)
    assert left.best.objective >= reference_objective(x, z, start) - 1e-5
    for side, first in zip(left.pairs, start, strict=True):
        np.testing.assert_array_equal(side, first)


def test_what_was_learned_is_kept_at_the_limit_of_iterations() -> None:
    source, target, gold = planted(noise=0.05)
    x, z = normalized(source), normalized(target)
    start = np.arange(30), gold[:30]
    learned = self_learn(x, z, start, replace(QUICK, keep_probability=1.0, iterations=1))
    assert not learned.converged
    assert len(learned.pairs[0]) > 30
    assert learned.best.objective > reference_objective(x, z, start)


@pytest.mark.parametrize(("shared", "kind"), [(100, "identical"), (99, "distributions")])
def test_enough_identical_words_are_the_start_when_none_is_named(
    shared: int, kind: str
) -> None:
    source, target, gold = planted(noise=0.02)
    names = [f"s{i}" if i < shared else str(i) for i in range(NUM_WORDS)]
    others = [str(i + NUM_WORDS // 2) for i in range(NUM_WORDS)]  # shares numerals as well
    for i in range(shared):
        others[gold[i]] = f"s{i}"
    left, right = Embeddings.from_words(names, source), Embeddings.from_words(others, target)
    mapping = map(left, right, method="self-learning", patience=4)
    assert mapping.statistics["start"]["kind"] == kind


def test_every_comparison_of_self_learning_takes_the_neighbourhood_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def watched(*arguments: Any, neighborhood: int = 10, **options: Any) -> Any:
        asked.append(neighborhood)
        return induce(*arguments, neighborhood=neighborhood, **options)

    for module in ("induction", "self_learning"):
        monkeypatch.setattr(f"embkit.mapping.{module}.induce", watched)
    source, target, _ = planted()
    options: dict[str, Any] = {"method": "self-learning", "neighborhood": 3, "iterations": 2}
    map(words("s", source), words("t", target), **options)
    assert set(asked) == {3}


def test_the_last_seed_is_followed_by_the_first() -> None:
    source, target, gold = planted(noise=0.02)
    options: dict[str, Any] = {"method": "self-learning", "patience": 2, "seed": 2**64 - 1}
    found = map(words("s", source), words("t", target), dictionary=seeds(gold, 30), **options)
    assert found.statistics["verdict"]["judgement"] == "good"
