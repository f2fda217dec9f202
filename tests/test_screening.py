"""Top-k through an array library: what a GPU chooses, its memory, its errors."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

from embkit.backend import open_backend
from embkit.errors import CudaError, ResourceError
from embkit.neighbors import CosMul, Metric, Ratio, Shifted, top_k
from embkit.retrieval import Retriever
from embkit.scanning import Scan, Tile
from tests.stand_in_cupy import CUDARuntimeError, StandIn
from tests.test_neighbors import random_problem

NUM_ROWS, NUM_QUERIES, DIM = 5000, 60, 24
RNG = np.random.default_rng(7)
SHIFTS = RNG.uniform(0.1, 0.5, NUM_ROWS)
EVERY: list[Metric] = [
    *("cosine", "dot", "pairdirection"),
    CosMul(2),
    Shifted(2.0, -SHIFTS),
    Ratio(RNG.uniform(0.1, 0.5, NUM_QUERIES), SHIFTS),
]


def problem(metric: Metric) -> tuple[Any, Any]:
    plain: Metric = "cosine" if isinstance(metric, Shifted | Ratio) else metric
    return random_problem(plain, NUM_QUERIES, NUM_ROWS, DIM)


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: str(metric)[:8])
@pytest.mark.usefixtures("stand_in")
def test_the_gpu_alone_finds_the_rows_of_the_processor_to_the_last_bit(
    metric: Metric, monkeypatch: pytest.MonkeyPatch
) -> None:
    queries, vectors = problem(metric)
    expected = top_k(queries, vectors, 20, metric=metric)

    def refuse(*_: Any) -> None:
        raise AssertionError("left to the processor")

    monkeypatch.setattr(Scan, "_on_processor", refuse)
    for block_rows in (None, 613, 4999):
        options: dict[str, Any] = {"block_rows": block_rows, "device": "cuda"}
        found = top_k(queries, vectors, 20, metric=metric, **options)
        np.testing.assert_array_equal(found.rows, expected.rows)
        np.testing.assert_array_equal(found.scores, expected.scores)


def test_only_queries_rows_and_candidates_go_over(stand_in: StandIn) -> None:
    queries, vectors = problem("cosine")
    top_k(queries, vectors, 5, block_rows=1000, device="cuda")
    assert (
        stand_in.uploads == 6 + 3 * 5
    )  # the queries' numbers; rows, screens, shifts of blocks
    assert stand_in.downloads == 2


def test_rows_that_the_gpu_cannot_tell_apart_are_told_apart_here(stand_in: StandIn) -> None:
    queries, vectors = problem("cosine")
    vectors[:300] = vectors[0]
    calls: list[int] = []
    scan = Scan._on_processor

    def counted(self: Scan, tile: Tile, k: int) -> Any:
        calls.append(len(tile.terms))
        return scan(self, tile, k)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scan, "_on_processor", counted)
        found = top_k([*queries, vectors[0]], vectors, 5, device="cuda")
    assert sum(calls) <= 3
    assert found.rows[-1].tolist() == [0, 1, 2, 3, 4]
    assert stand_in.uploads


def test_memory_that_does_not_suffice_is_met_with_smaller_blocks(stand_in: StandIn) -> None:
    queries, vectors = problem("cosine")
    expected = top_k(queries, vectors, 5)
    top_k(queries, vectors, 5, device="cuda")
    stand_in.capacity, stand_in.highest = stand_in.highest // 3, 0
    found = top_k(queries, vectors, 5, device="cuda")
    np.testing.assert_array_equal(found.rows, expected.rows)
    assert stand_in.refusals > 0
    assert stand_in.highest <= stand_in.capacity


def test_memory_that_is_too_small_is_one_line_with_an_estimate(stand_in: StandIn) -> None:
    queries, vectors = problem("cosine")
    stand_in.capacity = 5000
    with pytest.raises(ResourceError) as told:
        top_k(queries, vectors, 5, device="cuda")
    message = str(told.value)
    assert message.startswith("cuda needs about ")
    assert message.endswith("MiB are free: --device cpu works without it")
    assert "\n" not in message


def test_smaller_blocks_serve_every_part_of_a_retrieval(stand_in: StandIn) -> None:
    queries, vectors = problem("cosine")
    rows = queries.astype(np.float32)
    wanted = [np.array([i]) for i in range(NUM_QUERIES)]
    plain = Retriever(rows, vectors, method="inverted-softmax", neighborhood=5)
    expected = plain.search(rows, 5), plain.ranks(rows, wanted)
    other = Retriever(rows, vectors, method="inverted-softmax", neighborhood=5, device="cuda")
    stand_in.capacity = 800_000
    found, ranks = other.search(rows, 5), other.ranks(rows, wanted)
    np.testing.assert_array_equal(found.rows, expected[0].rows)
    np.testing.assert_array_equal(ranks, expected[1])
    assert stand_in.refusals > 0


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("cudaErrorIllegalAddress: an illegal memory access", CudaError, "cuda: cudaErrorIll"),
        ("CUBLAS_STATUS_ALLOC_FAILED", ResourceError, "cuda needs about"),
    ],
)
def test_a_fault_of_the_gpu_ends_the_work_with_its_name(
    fault: str,
    kind: type[Exception],
    message: str,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queries, vectors = problem("cosine")

    def fail(*_: Any, **__: Any) -> None:
        raise CUDARuntimeError(fault)

    monkeypatch.setattr(stand_in, "matmul", fail)
    with pytest.raises(kind, match=message):
        top_k(queries, vectors, 5, device="cuda")


def test_a_numbered_gpu_gets_the_arrays(stand_in: StandIn) -> None:
    stand_in.devices = 2
    queries, vectors = problem("cosine")
    top_k(queries, vectors, 5, device="cuda:1")
    assert set(stand_in.used) == {1}


def test_the_stand_in_is_as_strict_as_cupy(stand_in: StandIn) -> None:
    backend = open_backend("cuda")
    array, plain = backend.asarray(np.ones(3)), np.ones(3)
    with pytest.raises(TypeError, match="Implicit conversion"):
        np.asarray(array)
    for mixed in (operator.add, operator.mul, operator.matmul):
        for pair in ((array, plain), (plain, array)):
            with pytest.raises(TypeError):
                mixed(*pair)
    with pytest.raises(TypeError, match="Unsupported type"):
        backend.xp.concatenate([array, plain])
    with pytest.raises(TypeError, match="Unsupported type"):
        array[:2] = plain[:2]
    with pytest.raises(AttributeError):
        _ = backend.xp.errstate
    assert backend.to_numpy(array + 1).tolist() == [2, 2, 2]
    assert float(np.sqrt(array).sum()) == 3
