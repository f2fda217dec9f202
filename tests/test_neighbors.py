"""Exact top-k against brute force in double precision."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from embkit.neighbors import CosMul, Metric, row_norms, top_k
from tests.examples import examples

Array = NDArray[Any]


def unit(rows: Array) -> Array:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    units: Array = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return units


def all_scores(queries: Array, vectors: Array, metric: Metric) -> Array:
    """Score every row for every query, in float64, straight from the definitions."""
    queries, vectors = queries.astype(np.float64), vectors.astype(np.float64)
    scores: Array
    if metric in ("dot", "cosine"):
        scores = queries @ vectors.T
        if metric == "cosine":
            lengths = np.linalg.norm(queries, axis=1)[:, None] * np.linalg.norm(vectors, axis=1)
            scores = np.divide(scores, lengths, out=np.zeros_like(scores), where=lengths > 0)
        return scores
    if isinstance(metric, CosMul):
        shifted = (1 + unit(queries) @ unit(vectors).T) / 2
        above = shifted[:, : metric.num_positive].prod(1)
        scores = above / (shifted[:, metric.num_positive :].prod(1) + metric.epsilon)
        return scores
    direction, start = unit(queries[:, 0]), unit(queries[:, 1])
    steps = unit(vectors)[None] - start[:, None]
    steps[np.abs(steps).max(-1) < 1e-12] = 0
    scores = np.einsum("qnd,qd->qn", unit(steps), direction)
    scores[:, ~vectors.any(1)] = 0
    return scores


def brute_force(queries: Array, vectors: Array, k: int, metric: Metric) -> tuple[Array, Array]:
    """Rank all rows by score rounded to float32, then by row."""
    scores = all_scores(queries, vectors, metric).astype(np.float32)
    rows = np.array([np.lexsort((np.arange(len(vectors)), -s))[:k] for s in scores])
    rows = rows.reshape(len(queries), -1).astype(np.int64)
    return rows, np.take_along_axis(scores, rows, 1)


def check(queries: Array, vectors: Array, k: int, metric: Metric, **options: Any) -> None:
    found = top_k(queries, vectors, k, metric=metric, **options)
    rows, scores = brute_force(queries, vectors, k, metric)
    atol = 1e-12 if not isinstance(metric, CosMul) else 1e-14 / metric.epsilon
    np.testing.assert_allclose(found.scores, scores, rtol=2e-7, atol=atol)
    if metric in ("cosine", "dot"):
        np.testing.assert_array_equal(found.rows, rows)
    else:  # two roundings of a composite score may swap neighbours one float apart
        picked = np.take_along_axis(all_scores(queries, vectors, metric), found.rows, 1)
        np.testing.assert_allclose(picked, scores, rtol=2e-7, atol=atol)


METRICS: list[Metric] = ["cosine", "dot", CosMul(2), CosMul(1, 1e-6), "pairdirection"]


def random_problem(
    metric: Metric, num_queries: int, num_rows: int, dim: int
) -> tuple[Array, Array]:
    rng = np.random.default_rng(num_rows)
    vectors = rng.standard_normal((num_rows, dim), dtype=np.float32)
    vectors *= rng.gamma(2, 1, (num_rows, 1)).astype(np.float32)
    terms = {"cosine": (), "dot": (), "pairdirection": (2,)}
    shape = (3,) if isinstance(metric, CosMul) else terms[str(metric)]
    return rng.standard_normal((num_queries, *shape, dim)), vectors


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("num_rows", "dim", "k"), [(1, 1, 1), (300, 7, 5), (2500, 33, 40)])
def test_equals_brute_force(
    metric: Metric, num_rows: int, dim: int, k: int, device: str
) -> None:
    queries, vectors = random_problem(metric, 6, num_rows, dim)
    check(queries, vectors, k, metric, block_rows=700, device=device)


small = st.integers(-2, 2).map(float)


@settings(max_examples=examples(80))
@given(st.data(), st.sampled_from(METRICS), st.integers(1, 12), st.integers(1, 9))
def test_ties_duplicates_and_zero_rows(
    data: st.DataObject, metric: Metric, k: int, block_rows: int
) -> None:
    dim = data.draw(st.integers(1, 3))
    vectors = data.draw(
        hnp.arrays(np.float32, (data.draw(st.integers(1, 20)), dim), elements=small)
    )
    shape = (2, dim) if metric in ("cosine", "dot") else (2, 2, dim)
    queries = data.draw(hnp.arrays(np.float64, shape, elements=small))
    check(queries, vectors, k, metric, block_rows=block_rows, threads=2)


@pytest.mark.parametrize("metric", METRICS)
def test_blocks_and_threads_change_nothing(metric: Metric, device: str) -> None:
    queries, vectors = random_problem(metric, 40, 3000, 50)
    vectors[1000:2000] = vectors[:1000]  # ties across blocks
    expected = top_k(queries, vectors, 15, metric=metric, threads=1, device=device)
    for block_rows, threads in [(1, 2), (997, 3), (2048, 64), (5000, 1)]:
        options: dict[str, Any] = {"block_rows": block_rows, "threads": threads}
        found = top_k(
            queries[:5] if block_rows == 1 else queries,
            vectors,
            15,
            metric=metric,
            **options,
            device=device,
        )
        np.testing.assert_array_equal(found.rows, expected.rows[: len(found)])
        np.testing.assert_array_equal(found.scores, expected.scores[: len(found)])


def test_many_queries_equal_single_ones(device: str) -> None:
    queries, vectors = random_problem("cosine", 1100, 400, 5)  # more than one tile
    together = top_k(queries, vectors, 3, device=device)
    for i in range(0, 1100, 50):
        alone = top_k(queries[i : i + 1], vectors, 3, device=device)
        assert alone.pairs(0) == together.pairs(i)


def test_equal_scores_come_in_row_order(device: str) -> None:
    vectors = np.tile(np.array([[1, 2, 3]], np.float32), (500, 1))
    found = top_k([[1, 2, 3], [0, 0, 0]], vectors, 4, block_rows=64, device=device)
    assert found.rows.tolist() == [[0, 1, 2, 3]] * 2
    assert found.scores.tolist() == [[1, 1, 1, 1], [0, 0, 0, 0]]


def test_excluded_rows_are_left_out(device: str) -> None:
    vectors = np.array([[3, 0], [2, 0], [1, 0], [0, 1]], np.float32)
    found = top_k(
        [[1, 0]] * 3,
        vectors,
        3,
        metric="dot",
        exclude=[[0], [-1, 2, 0, 2], range(4)],
        device=device,
    )
    assert found.rows.tolist() == [[1, 2, 3], [1, 3, -1], [-1, -1, -1]]
    assert found.scores.tolist() == [[2, 1, 0], [2, 0, -np.inf], [-np.inf] * 3]
    assert found.pairs(1) == [(1, 2.0), (3, 0.0)]
    assert found.to_dict()["rows"][0] == [1, 2, 3]


def test_exclusions_follow_their_query_over_tiles(device: str) -> None:
    _, vectors = random_problem("cosine", 1, 1500, 4)
    found = top_k(vectors, vectors, 1, exclude=[[i] for i in range(1500)], device=device)
    assert not np.any(found.rows[:, 0] == np.arange(1500))
    assert top_k(vectors, vectors, 1, device=device).rows[:, 0].tolist() == list(range(1500))


def test_k_beyond_the_rows_gives_all(device: str) -> None:
    queries, vectors = random_problem("cosine", 3, 20, 4)
    assert top_k(queries, vectors, 50, device=device).rows.shape == (3, 20)
    check(queries, vectors, 50, "cosine", device=device)


def test_only_the_first_rows_are_searched(device: str) -> None:
    queries, vectors = random_problem("dot", 5, 500, 8)
    found = top_k(queries, vectors, 4, metric="dot", restrict_vocab=100, device=device)
    expected = top_k(queries, vectors[:100], 4, metric="dot", device=device)
    np.testing.assert_array_equal(found.rows, expected.rows)


def test_nothing_to_search_or_to_ask(device: str) -> None:
    vectors = np.ones((3, 2), np.float32)
    assert top_k(np.zeros((0, 2)), vectors, 2, device=device).rows.shape == (0, 2)
    assert top_k(np.ones((2, 2)), vectors[:0], 2, device=device).rows.shape == (2, 0)


@pytest.mark.parametrize("scale", [1e-44, 1e-38, 1e-20, 1e20, 3e38])
def test_extreme_lengths_do_not_spoil_cosines(scale: float, device: str) -> None:
    rng = np.random.default_rng(5)
    directions = rng.choice([-1.0, -0.5, 0.5, 1.0], (300, 9)).astype(np.float32)
    queries = rng.standard_normal((4, 9))
    expected = top_k(queries, directions, 300, device=device)
    scaled = directions.copy()
    scaled[::7] *= np.float32(2.0 ** np.floor(np.log2(scale)))
    found = top_k(queries * 1e200, scaled, 300, device=device)
    np.testing.assert_array_equal(found.rows, expected.rows)
    np.testing.assert_array_equal(found.scores, expected.scores)


def test_hard_cases_for_single_precision(device: str) -> None:
    """Rows whose float32 products cannot be told apart are ranked by their exact scores."""
    rng = np.random.default_rng(3)
    base = rng.standard_normal(300)
    noise = 1e-6 * rng.standard_normal((4000, 300))
    vectors = (base + noise).astype(np.float32)
    query = rng.standard_normal((1, 300))
    check(query, vectors, 50, "dot", device=device)
    check(query, vectors, 50, "cosine", device=device)


def test_mapped_rows_are_searched_in_place(tmp_path: Path, device: str) -> None:
    queries, vectors = random_problem("cosine", 2, 100, 6)
    vectors.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", np.float32, "r", shape=(100, 6))
    found = [top_k(queries, rows, 5, device=device).rows for rows in (mapped, vectors)]
    np.testing.assert_array_equal(found[0], found[1])


def test_memory_is_bounded_by_a_block() -> None:
    queries, vectors = random_problem("cosine", 4, 40_000, 64)  # 10 MB, 2.4 MB of row figures
    tracemalloc.start()
    try:
        top_k(queries, vectors, 5, block_rows=1000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3e6


def test_norms_are_those_of_double_precision() -> None:
    vectors = np.random.default_rng(0).standard_normal((70, 513), dtype=np.float32)
    expected = np.linalg.norm(vectors.astype(np.float64), axis=1)
    np.testing.assert_allclose(row_norms(vectors), expected, rtol=1e-15)
    np.testing.assert_array_equal(row_norms(vectors, threads=1), row_norms(vectors, threads=7))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"queries": [[1, 2, 3]]}, r"queries must have shape \(num_queries, 2\)"),
        ({"queries": [1, 2]}, r"queries must have shape"),
        ({"queries": [[np.nan, 2]]}, "queries must be finite"),
        ({"vectors": np.array([[1, 2], [np.inf, 1]], np.float32)}, "NaN or inf in row 1"),
        ({"vectors": np.ones(2, np.float32)}, "vectors must have 2 dimensions, got 1"),
        ({"metric": "euclid"}, "metric must be"),
        ({"metric": "pairdirection"}, r"\(num_queries, 2, 2\)"),
        ({"metric": CosMul(2), "queries": [[[1, 2]]]}, "at least 2 terms"),
        ({"exclude": [[1], [2]]}, r"one entry per query \(1\), got 2"),
        ({"threads": 0}, "threads must be at least 1, got 0"),
        ({"threads": 3 * 10**9}, "threads must be at most 1024, got 3000000000"),
        ({"restrict_vocab": 0}, "restrict_vocab must be at least 1, got 0"),
        ({"block_rows": 0}, "block_rows must be at least 1, got 0"),
    ],
)
def test_wrong_arguments_are_named(options: dict[str, Any], message: str) -> None:
    arguments = {"queries": [[1, 2]], "vectors": np.eye(2, dtype=np.float32), **options}
    with pytest.raises(ValueError, match=message):
        top_k(**arguments)
