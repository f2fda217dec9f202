"""Association tests: effects and p-values by the formula, words left out, what is no test."""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import comb
from pathlib import Path

import numpy as np
import pytest
import scipy.stats

from embkit.evaluation import datasets
from embkit.evaluation.bias import (
    effect_size,
    evaluate_bias,
    permutation_p,
    translate_test,
)
from tests.test_evaluation_tasks import Matrix, Sparse

WEAT = datasets.WeatTest(
    "t", "X", "Y", "A", "B", ("x1", "x2"), ("y1", "y2"), ("a1", "a2"), ("b1", "b2")
)


def weat_vectors(seed: int = 1) -> dict[str, Matrix]:
    rng = np.random.default_rng(seed)
    return {w: rng.standard_normal(5) for w in (*WEAT.x, *WEAT.y, *WEAT.a, *WEAT.b)}


def test_the_effect_is_that_of_the_formula() -> None:
    vectors = weat_vectors()
    units = {w: v / np.linalg.norm(v) for w, v in vectors.items()}
    s = [
        np.mean([units[w] @ units[a] for a in WEAT.a])
        - np.mean([units[w] @ units[b] for b in WEAT.b])
        for w in (*WEAT.x, *WEAT.y)
    ]
    expected = (np.mean(s[:2]) - np.mean(s[2:])) / np.std(s, ddof=1)
    sums = [sum(s[i] for i in chosen) for chosen in itertools.combinations(range(4), 2)]
    p_value = np.mean([total >= s[0] + s[1] - 1e-12 for total in sums])
    for form in (vectors, Sparse(vectors), {w: 9 * v for w, v in vectors.items()}):
        scored = evaluate_bias(form, WEAT)
        assert scored.effect.value == pytest.approx(expected)
        assert scored.p_value == pytest.approx(p_value)
        assert scored.p_method == "exact"


def test_the_p_value_is_scipys_exact_and_drawn() -> None:
    s = np.random.default_rng(2).standard_normal(12)
    result = scipy.stats.permutation_test(
        (s[:6], s[6:]),
        lambda x, y, axis: np.mean(x, axis) - np.mean(y, axis),
        vectorized=True,
        alternative="greater",
        n_resamples=comb(12, 6),
    )
    rng = np.random.default_rng(1)
    exact, method = permutation_p(s, 10_000, rng)
    assert exact == pytest.approx(float(result.pvalue))
    assert method == "exact"
    drawn, method = permutation_p(s, 900, rng)
    assert method == "900 splits"
    assert drawn == pytest.approx(float(result.pvalue), abs=0.06)
    assert permutation_p(np.array([5.0] * 10 + [0.0] * 10), 99, rng)[0] == 0.01


def test_unknown_targets_are_dropped_and_the_sides_balanced() -> None:
    vectors = weat_vectors()
    test = replace(WEAT, x=("x1", "gone", "x2"), y=("y1", "y2", "a1"), b=("b1", "lost"))
    scored = evaluate_bias(vectors, test)
    assert (scored.n_x, scored.n_y, scored.n_a, scored.n_b) == (2, 2, 1, 1)
    assert scored.unknown_words == ("gone", "lost")
    assert scored.dropped_words == ("a1", "a2")
    nothing = evaluate_bias({"x1": np.ones(2)}, WEAT)
    assert (nothing.effect.value, nothing.p_value) == (None, None)
    same = evaluate_bias(dict.fromkeys(vectors, np.ones(2)), WEAT)
    assert same.effect.reason == "all targets have the same association"
    assert effect_size(np.ones(4)) is None


def test_targets_and_attributes_may_be_of_two_languages() -> None:
    vectors = weat_vectors()
    german = {f"{word}_de": row for word, row in vectors.items()}
    translated = translate_test(WEAT, {w: [f"{w}_de"] for w in vectors}, targets=False)
    crossed = evaluate_bias(vectors, translated, attribute_vectors=german)
    assert crossed.effect.value == pytest.approx(evaluate_bias(vectors, WEAT).effect.value)
    both = translate_test(WEAT, {"x1": ["k1", "k2"], "x2": ["k2"], "a1": ["j"]})
    assert (both.x, both.y, both.a) == (("k1", "k2"), (), ("j",))
    with pytest.raises(ValueError, match="attribute_vectors must have dimension 5, got 2"):
        evaluate_bias(vectors, WEAT, attribute_vectors=dict.fromkeys(vectors, np.ones(2)))


def test_an_association_test_may_be_given_by_its_file_or_its_set(tmp_path: Path) -> None:
    roles = {"X": WEAT.x, "Y": WEAT.y, "A": WEAT.a, "B": WEAT.b}
    lines = [
        f"{name}\t{role}\tk{role}\t{word}\n"
        for name in ("one", "two")
        for role, words in roles.items()
        for word in words
    ]
    path = tmp_path / "one.tsv"
    path.write_text("".join(lines[: len(lines) // 2]), encoding="utf-8")
    vectors = weat_vectors()
    wanted = evaluate_bias(vectors, WEAT)
    for given in (path, str(path), datasets.read_weat(path)):
        found = evaluate_bias(vectors, given)
        assert (found.effect, found.p_value, found.set) == (
            *(wanted.effect, wanted.p_value),
            "one",
        )
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match="test must be one test, got the 2 of one: one, two"):
        evaluate_bias(vectors, path)


def test_what_is_no_association_test_is_refused() -> None:
    with pytest.raises(ValueError, match="weat"):
        evaluate_bias({"a": [1.0]}, "weat")
    with pytest.raises(ValueError, match="must be of kind bias, but ws353 is similarity"):
        evaluate_bias({"a": [1.0]}, "ws353")
    with pytest.raises(ValueError, match=r"test must be a WeatTest, a file or .* got int"):
        evaluate_bias({"a": [1.0]}, 6)  # type: ignore[arg-type]
