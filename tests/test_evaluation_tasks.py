"""Categorisation, outliers, diagnostics: known answers, and what must change nothing."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

import embkit
from embkit.evaluation import datasets, diagnostics
from embkit.evaluation.bias import (
    evaluate_bias,
)
from embkit.evaluation.categorization import evaluate_categorization
from embkit.evaluation.clustering import belongs, purity, spherical_kmeans
from embkit.evaluation.diagnostics import evaluate_diagnostics, isotropy, nearest
from embkit.evaluation.outliers import evaluate_outliers
from embkit.evaluation.spaces import as_space
from embkit.evaluation.stability import compare_neighbors
from embkit.evaluation.task_options import (
    BiasOptions,
    CategorizationOptions,
    DiagnosticsOptions,
    OutlierOptions,
    TaskOptions,
)
from tests.stand_in_cupy import StandIn

Matrix = NDArray[np.float64]


class Sparse:
    """The same words and rows, sparse."""

    def __init__(self, vectors: dict[str, Matrix]) -> None:
        import scipy.sparse

        self.words = list(vectors)
        self.matrix = scipy.sparse.csr_array(np.array(list(vectors.values())))


def planted(groups: int = 4, size: int = 6, noise: float = 0.1, seed: int = 0) -> Matrix:
    """Return rows around ``groups`` orthogonal directions, ``size`` each."""
    rng = np.random.default_rng(seed)
    centers = np.linalg.qr(rng.standard_normal((groups + 3, groups + 3)))[0][:groups]
    return np.repeat(centers, size, 0) + noise * rng.standard_normal(
        (groups * size, groups + 3)
    )


def named(rows: Matrix) -> dict[str, Matrix]:
    return {f"w{i}": row for i, row in enumerate(rows)}


def categories(groups: int = 4, size: int = 6) -> datasets.CategorizationSet:
    words = tuple(f"w{i}" for i in range(groups * size))
    gold = tuple(f"c{i // size}" for i in range(groups * size))
    return datasets.CategorizationSet("planted", words, gold)


@pytest.mark.parametrize(
    ("clusters", "gold", "expected"),
    [
        ([2, 2, 2, 2, 1], [1, 1, 2, 2, 3], 0.6),
        ([0, 1, 2], [5, 5, 6], 1.0),
        ([0, 0, 0, 0], ["a", "b", "c", "d"], 0.25),
    ],
)
def test_purity_of_hand_worked_cases(
    clusters: list[int], gold: list[object], expected: float
) -> None:
    assert purity(clusters, gold) == expected
    assert belongs(clusters, gold).sum() == expected * len(gold)


def test_clusters_are_recovered_whatever_the_scale_order_or_form() -> None:
    rows, data = planted(), categories()
    scored = evaluate_categorization(named(rows), data)
    assert (scored.purity.value, scored.v_measure.value, scored.ari.value) == (1, 1, 1)
    assert scored.chance is not None
    assert scored.chance < 0.6
    scaled = named(rows * np.linspace(1, 50, len(rows))[:, None])
    for other in (scaled, dict(reversed(named(rows).items())), Sparse(named(rows))):
        assert evaluate_categorization(other, data).purity.value == 1


def test_kmeans_agrees_with_scikit_learn_on_unit_rows() -> None:
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    rows = planted(noise=0.2, seed=3)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    ours = spherical_kmeans(units, 4, restarts=20)
    theirs = KMeans(4, n_init=20, random_state=0).fit(units).labels_
    assert adjusted_rand_score(ours.labels, theirs) == 1

    def tightness(labels: NDArray[np.int64]) -> float:
        sums = [np.linalg.norm(units[labels == k].sum(0)) for k in range(4)]
        return float(np.sum(sums)) / len(units)

    assert ours.tightness == pytest.approx(tightness(ours.labels), abs=1e-6)
    assert tightness(ours.labels) >= tightness(theirs) - 1e-6


def test_every_cluster_keeps_a_row_even_among_copies() -> None:
    rows = np.array([[1.0, 0.0]] * 5 + [[0.0, 1.0]])
    assert len(set(spherical_kmeans(rows, 4).labels.tolist())) == 4
    with pytest.raises(ValueError, match="num_clusters must be between 1 and 6, got 7"):
        spherical_kmeans(rows, 7)


def test_unknown_words_and_zero_rows_are_left_out_and_named() -> None:
    vectors = named(planted())
    vectors["w0"] = np.zeros(7)
    del vectors["w23"]
    scored = evaluate_categorization(vectors, categories())
    assert (scored.n_used, scored.n_total) == (22, 24)
    assert scored.unknown_words == ("w0", "w23")
    nothing = evaluate_categorization({"other": np.ones(2)}, categories())
    assert nothing.purity.value is None
    assert "0 of 24 words are known" in str(nothing.purity.reason)
    assert nothing.to_dict()["ari"]["value"] is None


def test_the_interval_of_purity_holds_it() -> None:
    scored = evaluate_categorization(named(planted(noise=0.5)), categories())
    interval = scored.purity.interval
    assert interval is not None
    assert interval.low < (scored.purity.value or 0) < interval.high


def compactness(units: Matrix) -> float:
    pairs = itertools.permutations(range(len(units)), 2)
    return float(np.mean([units[i] @ units[j] for i, j in pairs]))


def test_outliers_are_ranked_by_the_compactness_of_the_rest() -> None:
    rows = planted(groups=2, size=9, noise=0.5, seed=5)
    vectors = named(rows)
    inside = tuple(f"w{i}" for i in range(8))
    outliers = tuple(f"w{i}" for i in range(8, 18))
    data = datasets.OutlierSet("o", (datasets.OutlierGroup("g", inside, outliers),))
    found, places = 0, []
    for outlier in outliers:
        units = np.array([vectors[w] / np.linalg.norm(vectors[w]) for w in (*inside, outlier)])
        rest = [compactness(np.delete(units, i, 0)) for i in range(9)]
        place = int(np.argsort(np.argsort(rest))[-1])  # as published: 0 to 8
        found += place == 8
        places.append(place / 8)
    for form in (vectors, Sparse(vectors), named(3 * rows)):
        scored = evaluate_outliers(form, data)
        assert scored.accuracy.value == found / 10
        assert scored.opp.value == pytest.approx(np.mean(places))
    assert 0 < found < 10
    assert "only one cluster" in str(scored.accuracy.reason)


def test_ties_are_not_finds_and_coverage_is_told() -> None:
    same = {word: np.array([1.0, 1.0]) for word in "abcd"}
    group = datasets.OutlierGroup("g", ("a", "b", "c"), ("d", "lost"))
    scored = evaluate_outliers(same, datasets.OutlierSet("o", (group,)))
    assert (scored.accuracy.value, scored.opp.value) == (0.0, 0.5)
    assert (scored.n_used, scored.n_total) == (1, 2)
    assert scored.groups[0].unknown_words == ("lost",)
    nothing = evaluate_outliers({"x": np.ones(2)}, datasets.OutlierSet("o", (group,)))
    assert nothing.accuracy.value is None
    assert nothing.rows()[0]["used"] == "0/2"


def test_interval_of_outliers_is_one_over_clusters() -> None:
    easy = datasets.OutlierGroup("easy", ("w0", "w1", "w2"), ("w6", "w7", "w12"))
    hard = datasets.OutlierGroup("hard", ("w0", "w6", "w12"), ("w1", "w7", "w13"))
    scored = evaluate_outliers(named(planted()), datasets.OutlierSet("o", (easy, hard)))
    interval = scored.accuracy.interval
    assert interval is not None
    assert (interval.low, interval.high, interval.method) == (0, 1, "bootstrap over clusters")


def test_hubs_are_counted_as_a_full_sort_counts_them() -> None:
    rows = planted(noise=0.6, seed=2)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = units @ units.T
    np.fill_diagonal(cosines, -np.inf)
    expected = np.argsort(-cosines, axis=1, kind="stable")[:, :3]
    hits = np.bincount(expected.ravel(), minlength=len(rows))
    for form in (named(rows), Sparse(named(rows))):
        np.testing.assert_array_equal(nearest(as_space(form), np.arange(24), 3), expected)
        found = evaluate_diagnostics(form, DiagnosticsOptions(neighbors=3))
        assert found.hubness.value == pytest.approx(scipy.stats.skew(hits))
        assert (found.largest_n_k, found.largest_hub) == (hits.max(), f"w{hits.argmax()}")
        pairs = units @ units.T
        mean = (pairs.sum() - np.trace(pairs)) / (24 * 23)
        assert found.mean_cosine == pytest.approx(mean)


def test_neighbours_are_the_same_on_every_device(device: str) -> None:
    vectors, others = named(planted(noise=0.6, seed=2)), named(planted(noise=0.6, seed=3))
    found, expected = (
        (evaluate_diagnostics(vectors, options), compare_neighbors(vectors, others, options))
        for options in (
            DiagnosticsOptions(neighbors=3, device=where) for where in (device, "cpu")
        )
    )
    assert found == expected


def test_neighbours_are_searched_on_the_device_that_was_asked_for(stand_in: StandIn) -> None:
    vectors, options = named(planted()), DiagnosticsOptions(neighbors=3, device="cuda")
    evaluate_diagnostics(vectors, options)
    assert (before := stand_in.uploads) > 0
    compare_neighbors(vectors, vectors, options)
    assert stand_in.uploads > before
    with pytest.raises(ValueError, match="device must be one of auto, cpu, cuda, cuda:N"):
        DiagnosticsOptions(device="tpu")


def test_isotropy_is_one_for_a_cross_and_small_for_a_cone() -> None:
    cross = np.concatenate([np.eye(4), -np.eye(4)])
    assert isotropy(lambda: [cross]).value == pytest.approx(1)
    cone = np.array([[1.0, 0.1], [1.0, -0.1]])
    value = isotropy(lambda: [cone / np.linalg.norm(cone, axis=1, keepdims=True)]).value
    assert value is not None
    assert value < 0.2
    assert evaluate_diagnostics(Sparse(named(planted()))).isotropy.value is None


def test_blocks_of_any_size_tell_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = named(planted())
    whole = evaluate_diagnostics(vectors, DiagnosticsOptions(neighbors=3))
    monkeypatch.setattr(diagnostics, "_BLOCK", 5)
    assert 24 % 5 != 0
    parts = evaluate_diagnostics(vectors, DiagnosticsOptions(neighbors=3))
    assert parts.hubness.value == whole.hubness.value
    assert parts.largest_hub == whole.largest_hub
    assert parts.isotropy.value == pytest.approx(whole.isotropy.value)
    assert parts.mean_cosine == pytest.approx(whole.mean_cosine)


def test_frequency_is_that_of_counts_else_of_row_order() -> None:
    rows = np.array([[3.0, 0.0], [0.0, 2.0], [-1.0, 0.0], [0.0, -0.5]])
    by_order = evaluate_diagnostics(named(rows), DiagnosticsOptions(neighbors=1))
    assert (by_order.frequency_by, by_order.frequency_length.value) == ("row order", 1.0)
    counted = embkit.Embeddings.from_words(list("abcd"), rows, counts=[1, 2, 3, 4])
    by_counts = evaluate_diagnostics(counted, DiagnosticsOptions(neighbors=1))
    assert by_counts.frequency_length.value == pytest.approx(-1.0)
    unit = evaluate_diagnostics(named(rows / np.linalg.norm(rows, axis=1, keepdims=True)))
    assert unit.frequency_length.value is None
    with pytest.raises(ValueError, match="at least 2 words"):
        evaluate_diagnostics({"a": np.zeros(2), "b": np.ones(2)})


def test_neighbours_overlap_fully_with_a_rotation_and_by_chance_with_noise() -> None:
    rng = np.random.default_rng(4)
    rows = rng.standard_normal((200, 10))
    rotation = np.linalg.qr(rng.standard_normal((10, 10)))[0]
    options = DiagnosticsOptions(neighbors=5)
    assert compare_neighbors(named(rows), named(rows @ rotation), options).overlap.value == 1
    noise = named(rng.standard_normal((200, 10)))
    overlap = compare_neighbors(named(rows), noise, options).overlap
    assert overlap.interval is not None
    assert overlap.interval.low < 5 / 199 < overlap.interval.high
    expected = [
        len(set(a) & set(b)) / 5
        for a, b in zip(
            nearest(as_space(named(rows)), np.arange(200), 5).tolist(),
            nearest(as_space(noise), np.arange(200), 5).tolist(),
            strict=True,
        )
    ]
    assert overlap.value == pytest.approx(np.mean(expected))
    shuffled = dict(reversed(named(rows).items()))
    assert compare_neighbors(named(rows), shuffled, options).overlap.value == 1
    alone = compare_neighbors({"a": np.ones(2)}, {"b": np.ones(2)})
    assert alone.overlap.value is None


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (TaskOptions, {"case": "odd"}, "case must be"),
        (TaskOptions, {"confidence": 1.0}, "confidence must be between 0 and 1, got 1.0"),
        (OutlierOptions, {"restrict_vocab": 0}, "restrict_vocab must be at least 1"),
        (CategorizationOptions, {"restarts": 0}, "restarts must be at least 1"),
        (BiasOptions, {"permutations": 0}, "permutations must be at least 1"),
        (DiagnosticsOptions, {"neighbors": 0}, "neighbors must be at least 1"),
        (TaskOptions, {"resamples": 10**9}, "resamples must be at most 10000000, got"),
        (TaskOptions, {"seed": 2**64}, "seed must be from 0 to"),
    ],
)
def test_options_are_checked(
    kind: type[TaskOptions], options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        kind(**options)  # type: ignore[arg-type]


@pytest.mark.skipif("EMBKIT_TEST_DATA" not in os.environ, reason="EMBKIT_TEST_DATA is not set")
def test_a_seed_gives_the_same_figures_on_real_words() -> None:
    data = Path(os.environ["EMBKIT_TEST_DATA"])
    vectors = embkit.load(data / "vectors/cca-en-sample.40d.vec.xz")
    bless = datasets.read_categorization(data / "evaluation/categorization/bless.tsv")
    first, second = (evaluate_categorization(vectors, bless) for _ in range(2))
    assert first.rows() == second.rows()
    assert (first.purity.value or 0) > (first.chance or 1)


def test_the_package_offers_what_it_names() -> None:
    from embkit import evaluation

    for name in evaluation.__all__:
        assert callable(getattr(evaluation, name)), name
    assert evaluation.evaluate_bias is evaluate_bias
    with pytest.raises(AttributeError, match="no attribute 'evaluate_poetry'"):
        evaluation.evaluate_poetry  # noqa: B018
