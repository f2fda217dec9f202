"""Word similarity: policies for unknown words and case, coverage, invariances, reasons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from embkit.embeddings import Embeddings
from embkit.evaluation.datasets import SimilaritySet
from embkit.evaluation.options import SimilarityOptions
from embkit.evaluation.similarity import (
    SimilarityScore,
    evaluate_similarity,
    mean_over_sets,
    on_common_pairs,
)
from embkit.subwords import Subwords

WORDS = [f"w{number}" for number in range(40)]


def vectors() -> Embeddings:
    rows = np.random.default_rng(4).standard_normal((40, 8)).astype(np.float32)
    return Embeddings.from_words(WORDS, rows)


def data(*unknown: tuple[str, str, float]) -> SimilaritySet:
    rng = np.random.default_rng(6)
    pairs = [(f"w{i}", f"w{39 - i}") for i in range(20)]
    scores = [*rng.integers(5, size=20).astype(float), *(score for *_, score in unknown)]
    return SimilaritySet("set", tuple(pairs) + tuple(u[:2] for u in unknown), np.array(scores))


def evaluate(model: Any, pairs: SimilaritySet, **options: Any) -> SimilarityScore:
    return evaluate_similarity(model, pairs, SimilarityOptions(resamples=200, **options))


def cosine(a: str, b: str) -> float:
    x, y = (vectors()[word].astype(np.float64) for word in (a, b))
    return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))


def test_correlations_equal_scipy_on_the_covered_pairs() -> None:
    pairs = data(("w0", "unknown", 9.0))
    score = evaluate(vectors(), pairs)
    cosines = [cosine(a, b) for a, b in pairs.pairs[:20]]
    assert score.spearman.value == pytest.approx(spearmanr(cosines, pairs.scores[:20])[0])
    assert score.pearson.value == pytest.approx(pearsonr(cosines, pairs.scores[:20])[0])
    assert (score.n_used, score.n_total, score.n_unknown) == (20, 21, 1)
    assert score.unknown_words == ("unknown",)
    assert score.used.tolist() == [True] * 20 + [False]
    assert score.rows()[0]["used"] == "20/21"


def test_each_policy_for_unknown_words() -> None:
    pairs = data(("w0", "unknown", 9.0), ("none", "unknown", 1.0))
    assert np.isnan(evaluate(vectors(), pairs, oov="skip").predicted[20:]).all()
    zero = evaluate(vectors(), pairs, oov="zero")
    assert zero.predicted[20:].tolist() == [0, 0]
    assert (zero.n_used, zero.n_unknown) == (22, 2)
    mean = evaluate(vectors(), pairs, oov="mean")
    units = vectors().normalized().vectors.astype(np.float64)
    centre = units.mean(axis=0) / np.linalg.norm(units.mean(axis=0))
    assert mean.predicted[20:] == pytest.approx([units[0] @ centre, 1.0], abs=1e-6)
    assert mean.n_used == 22


def test_backoff_tries_other_cases_then_subwords_then_a_fixed_score() -> None:
    pairs = data(("W0", "w1", 9.0), ("w2", "zzz", 1.0))
    plain = evaluate(vectors(), pairs, oov="backoff", case="exact")
    assert plain.predicted[20] == pytest.approx(cosine("w0", "w1"))
    assert np.isnan(plain.predicted[21])
    fixed = evaluate(vectors(), pairs, oov="backoff", case="exact", oov_score=0.3)
    assert fixed.predicted[21] == 0.3
    assert (fixed.n_used, fixed.n_unknown) == (22, 2)
    buckets = np.random.default_rng(8).standard_normal((50, 8)).astype(np.float32)
    model = Embeddings(
        vectors().vocabulary,
        vectors().vectors,
        subwords=Subwords(buckets, minn=2, maxn=3, bucket=50),
    )
    word = "w0"
    made = model.lookup([word + "x"], oov="subword")[0].astype(np.float64)
    known = model[word].astype(np.float64)
    tiny = SimilaritySet("tiny", ((word, word + "x"), (word, word)), np.array([1.0, 2]))
    found = evaluate(model, tiny, oov="backoff")
    expected = made @ known / np.linalg.norm(made) / np.linalg.norm(known)
    assert found.predicted[0] == pytest.approx(expected, abs=1e-6)


def test_restricted_vocabulary_knows_only_the_first_words() -> None:
    score = evaluate(vectors(), data(), restrict_vocab=30)
    assert score.n_used == 10
    assert score.restrict_vocab == 30


def test_order_of_rows_and_of_pairs_and_length_of_vectors_change_nothing() -> None:
    model, pairs = vectors(), data()
    order = np.random.default_rng(1).permutation(40)
    lengths = np.random.default_rng(2).uniform(0.1, 9, 40)[:, None]
    other = Embeddings.from_words([WORDS[i] for i in order], (model.vectors * lengths)[order])
    first, second = evaluate(model, pairs), evaluate(other, pairs)
    assert second.spearman.value == first.spearman.value
    assert second.pearson.value == pytest.approx(first.pearson.value, abs=1e-6)
    back = SimilaritySet("back", pairs.pairs[::-1], pairs.scores[::-1])
    assert evaluate(model, back).spearman.value == pytest.approx(first.spearman.value)


def test_undefined_scores_have_their_reason_and_no_interval() -> None:
    model, pairs = vectors(), data()
    constant = SimilaritySet("set", pairs.pairs, np.ones(20))
    score = evaluate(model, constant)
    assert score.spearman.value is None
    assert score.to_dict()["spearman"]["value"] is None
    assert score.rows()[0]["reason"] == "all human scores are equal"
    assert score.harmonic_mean.reason == "all human scores are equal"
    same = Embeddings.from_words(WORDS, np.ones((40, 3)))
    assert evaluate(same, pairs).spearman.reason == "all similarities of the model are equal"
    nothing = evaluate({"other": [1.0]}, pairs)
    assert nothing.spearman.reason == "a correlation needs at least 2 pairs, got 0"
    assert (nothing.n_used, len(nothing.unknown_words)) == (0, 40)
    empty = evaluate(Embeddings.from_words([], np.zeros((0, 3))), pairs, oov="mean")
    assert empty.n_used == 0
    two = SimilaritySet("two", pairs.pairs[:2], np.array([1.0, 2]))
    few = evaluate(model, two, interval="analytic").spearman
    assert few.interval is None
    assert few.reason == "too few different pairs for an interval"


def test_vectors_of_zeros_are_similar_to_nothing() -> None:
    rows = {"a": [0.0, 0.0], "b": [1.0, 0.0], "c": [1.0, 1.0]}
    pairs = SimilaritySet("s", (("a", "b"), ("b", "c"), ("a", "a")), np.array([1.0, 2, 3]))
    assert evaluate(rows, pairs).predicted == pytest.approx([0, 0.5**0.5, 0])


def test_intervals_hold_the_value_and_come_of_the_chosen_method() -> None:
    for method, name in (("bootstrap", "bootstrap over pairs"), ("analytic", "Fisher z, Fie")):
        score = evaluate(vectors(), data(), interval=method)
        interval = score.spearman.interval
        assert interval is not None
        assert interval.method.startswith(name)
        assert score.spearman.value is not None
        assert interval.low < score.spearman.value < interval.high


def test_means_of_different_coverage_are_refused_and_the_common_pairs_offered() -> None:
    model = vectors()
    part = Embeddings.from_words(WORDS[:35], model.vectors[:35] + 1)
    options = SimilarityOptions(resamples=50)
    scores = [
        evaluate_similarity(v, data(), options, name=n) for v, n in ((model, "a"), (part, "b"))
    ]
    with pytest.raises(ValueError, match="but a uses 20 and b 15 of set's 20, not the same"):
        mean_over_sets([scores])
    common = on_common_pairs(scores, options)
    assert [score.n_used for score in common] == [15, 15]
    assert common[1].spearman == scores[1].spearman
    known = SimilaritySet("set", data().pairs[5:], data().scores[5:])
    assert common[0].spearman.value == evaluate(model, known).spearman.value
    means = mean_over_sets([common, common])
    assert means[0].value == pytest.approx(common[0].spearman.value)
    undefined = evaluate(model, SimilaritySet("none", (), np.zeros(0)))
    assert mean_over_sets([[undefined], [common[0]]])[0].reason == "undefined on 1 of 2 sets"


def test_bad_options_name_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="oov must be one of skip, zero, mean, backoff"):
        SimilarityOptions(oov="first")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="oov_score must be left out unless oov is backoff"):
        SimilarityOptions(oov_score=0.0)
    with pytest.raises(ValueError, match="confidence must be between 0 and 1, got 95"):
        SimilarityOptions(confidence=95)
    with pytest.raises(ValueError, match="restrict_vocab must be at least 1, got 0"):
        SimilarityOptions(restrict_vocab=0)
