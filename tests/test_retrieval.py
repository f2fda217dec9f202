"""Retrieval across two spaces against brute force in double precision, ties included."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import logsumexp

from embkit.neighbors import Neighbors, Ratio, Shifted, top_k
from embkit.retrieval import METHODS, RetrievalMethod, Retriever, hubness

Array = NDArray[Any]


def unit(rows: Array) -> Array:
    rows = rows.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units: Array = rows / np.where(lengths > 0, lengths, 1)
    return units


def all_scores(source: Array, target: Array, method: str, k: int, b: float) -> Array:
    """Score all pairs, straight from the definitions."""
    cosines = unit(source) @ unit(target).T
    of_source = np.sort(cosines, 1)[:, ::-1][:, :k].mean(1)[:, None]
    of_target = np.sort(cosines, 0)[::-1][:k].mean(0)[None]
    if method == "csls":
        return np.asarray(2 * cosines - of_source - of_target)
    if method == "inverted-softmax":
        return np.asarray(b * cosines - np.log(np.exp(b * cosines).sum(0))[None])
    if method == "margin":
        return np.asarray(2 * cosines / np.maximum(2e-6, of_source + of_target))
    return cosines


def two_spaces(num_sources: int, num_targets: int, dim: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(num_sources)
    shared = rng.standard_normal((max(num_sources, num_targets), dim))
    source = shared[:num_sources] + 0.3 * rng.standard_normal((num_sources, dim))
    target = shared[:num_targets] * rng.gamma(2, 1, (num_targets, 1))
    return source.astype(np.float32), target.astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_equals_brute_force(method: RetrievalMethod, device: str) -> None:
    source, target = two_spaces(300, 400, 20)
    found = Retriever(source, target, method=method, block_rows=70, device=device).search(
        source, 7
    )
    scores = all_scores(source, target, method, 10, 30.0)
    expected = np.argsort(-scores, 1, kind="stable")[:, :7]
    np.testing.assert_array_equal(found.rows, expected)
    np.testing.assert_allclose(
        found.scores, np.take_along_axis(scores, expected, 1), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("method", METHODS)
def test_ranks_are_the_places_in_a_full_search(method: RetrievalMethod, device: str) -> None:
    source, target = two_spaces(150, 60, 6)
    doubled = np.concatenate([target, target])
    retriever = Retriever(source, doubled, method=method, neighborhood=3, device=device)
    order = retriever.search(source, 120).rows
    wanted = [np.array([i % 60, 60 + i % 60, (7 * i) % 120]) for i in range(150)]
    for ranks, rows, found in zip(retriever.ranks(source, wanted), wanted, order, strict=True):
        assert [int(found[rank - 1]) for rank in ranks] == rows.tolist()


def test_ranks_by_margin_keep_to_the_floor_of_means_below_zero() -> None:
    source, target = two_spaces(40, 30, 6)
    source, target = np.abs(source), -np.abs(target)
    retriever = Retriever(source, target, method="margin", neighborhood=3)
    order = retriever.search(source, 30).rows
    for ranks, found in zip(retriever.ranks(source, [np.arange(30)] * 40), order, strict=True):
        assert found[ranks - 1].tolist() == list(range(30))


@pytest.mark.parametrize("method", METHODS)
def test_of_equal_scores_the_lower_row_comes_first(
    method: RetrievalMethod, device: str
) -> None:
    source, target = two_spaces(40, 60, 5)
    doubled = np.concatenate([target, target])
    found = Retriever(source, doubled, method=method, neighborhood=3, device=device).search(
        source, 4
    )
    assert (found.rows[:, 1] == found.rows[:, 0] + 60).all()
    assert (found.rows[:, 0] < 60).all()
    np.testing.assert_array_equal(found.scores[:, 0], found.scores[:, 1])


@pytest.mark.parametrize("method", METHODS)
def test_equal_rows_are_equal_wherever_in_a_block_they_stand(
    method: RetrievalMethod, device: str
) -> None:
    rng = np.random.default_rng(0)
    source = rng.standard_normal((1100, 40)).astype(np.float32)
    target = rng.standard_normal((1029, 40)).astype(np.float32)
    retriever = Retriever(source, np.tile(target, (2, 1)), method=method, device=device)
    found = retriever.search(source, 2)
    np.testing.assert_array_equal(found.rows[:, 1], found.rows[:, 0] + 1029)
    np.testing.assert_array_equal(found.scores[:, 1], found.scores[:, 0])
    metric, means = retriever._metric(np.tile(source, (2, 1)))
    np.testing.assert_array_equal(means[:1100], means[1100:])
    if isinstance(metric, Shifted | Ratio):
        atol = 1e-12 if method == "inverted-softmax" else 0  # of what is no mean of float32
        np.testing.assert_allclose(
            metric.shifts[:1029], metric.shifts[1029:], rtol=0, atol=atol
        )


@pytest.mark.parametrize("method", METHODS)
def test_blocks_and_threads_change_nothing(method: RetrievalMethod, device: str) -> None:
    source, target = two_spaces(200, 500, 16)
    expected = Retriever(source, target, method=method, threads=1, device=device).search(
        source, 5
    )
    for block_rows, threads in [(7, 2), (499, 3)]:
        options: dict[str, Any] = {"block_rows": block_rows, "threads": threads}
        found = Retriever(source, target, method=method, **options, device=device).search(
            source, 5
        )
        np.testing.assert_array_equal(found.rows, expected.rows)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_means_are_those_of_the_whole_other_side_not_of_the_queries(device: str) -> None:
    source, target = two_spaces(100, 90, 8)
    few = Retriever(source, target, method="csls", device=device).search(source[:3], 5)
    every = Retriever(source, target, method="csls", device=device).search(source, 5)
    np.testing.assert_array_equal(few.rows, every.rows[:3])


def test_zero_rows_and_zero_queries_are_similar_to_nothing(device: str) -> None:
    source, target = two_spaces(30, 30, 4)
    source[0], target[5] = 0, 0
    for method in METHODS:
        retriever = Retriever(source, target, method=method, neighborhood=2, device=device)  # type: ignore[arg-type]
        assert np.isfinite(retriever.search(source, 30).scores).all()


def test_excluded_targets_are_not_returned(device: str) -> None:
    source, target = two_spaces(20, 30, 4)
    retriever = Retriever(source, target, device=device)
    first = retriever.search(source, 1).rows
    assert (retriever.search(source, 1, exclude=first.tolist()).rows != first).all()


def test_hubness_counts_how_often_a_row_is_retrieved() -> None:
    rows = np.array([[0, 1], [0, 2], [0, 1]])
    report = hubness(Neighbors(rows, np.ones(rows.shape, np.float32)), 5)
    counts = np.array([3, 2, 1, 0, 0])
    centered = counts - counts.mean()
    assert report.skewness == pytest.approx((centered**3).mean() / counts.std() ** 3)
    assert (report.k, report.largest, report.never) == (2, 3, 0.4)


def test_csls_has_fewer_hubs_than_nearest_neighbours() -> None:
    rng = np.random.default_rng(1)
    target = rng.standard_normal((500, 30)).astype(np.float32)
    target[:5] = target.mean(0) + 0.1 * target[:5]
    target += 0.5
    source = (target + rng.standard_normal((500, 30))).astype(np.float32)
    nearest, csls = (
        hubness(Retriever(source, target, method=method).search(source, 5), 500)
        for method in ("nn", "csls")
    )
    assert csls.skewness < nearest.skewness


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (Shifted(1.0, np.zeros(3)), r"shifts must have shape \(4,\)"),
        (Shifted(1.0, np.array([0, np.nan, 0, 0])), "must be finite"),
        (Ratio(np.zeros(3), np.zeros(4)), r"bases must have shape \(2,\)"),
    ],
)
def test_shifts_must_fit(metric: Shifted | Ratio, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        top_k(np.ones((2, 2)), np.ones((4, 2), np.float32), 1, metric=metric)


def test_options_are_checked() -> None:
    rows = np.ones((3, 2), np.float32)
    with pytest.raises(ValueError, match="method must be one of"):
        Retriever(rows, rows, method="best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="same dim"):
        Retriever(rows, np.ones((3, 4), np.float32))


def test_the_inverted_softmax_does_not_copy_a_side() -> None:
    source = np.random.default_rng(1).standard_normal((100_000, 20)).astype(np.float32)
    retriever = Retriever(source, source[:8], method="inverted-softmax")
    tracemalloc.start()
    try:
        retriever.search(source[:2], 1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < source.nbytes / 2


@pytest.mark.parametrize("method", ["nn", "csls", "inverted-softmax", "margin"])
def test_no_target_has_a_rank_for_a_query_that_is_no_number(method: Any) -> None:
    rows = np.eye(3, dtype=np.float32)
    queries = np.array([[1, 0, np.nan]])
    with pytest.raises(ValueError, match="queries must be finite"):
        Retriever(rows, rows, method=method).ranks(queries, [np.array([0])])


@pytest.mark.parametrize("temperature", [30.0, 1000.0, 1e5])
def test_the_inverted_softmax_is_finite_at_any_temperature(
    temperature: float, device: str
) -> None:
    rng = np.random.default_rng(1)
    x, z = rng.standard_normal((2, 1500, 20)).astype(np.float32)
    options: dict[str, Any] = {"inverse_temperature": temperature, "device": device}
    found = Retriever(x, z, method="inverted-softmax", **options).search(x[:50], 1)
    units = [side / np.linalg.norm(side.astype(np.float64), axis=1)[:, None] for side in (x, z)]
    scores = temperature * (units[0] @ units[1].T)
    scores -= logsumexp(scores, axis=0)
    np.testing.assert_allclose(found.scores[:, 0], scores[:50].max(1), atol=1e-6 * temperature)
