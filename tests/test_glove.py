"""GloVe: each step and a whole run against float64, the optimum, and the order of cells."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from embkit._native import core
from embkit.config import GloveConfig
from embkit.training.glove import GloveTrainer
from embkit.training.progress import Reporter
from tests import reference_glove as reference
from tests.glove_models import costs_of, trained, words, zipf_counts

LEVELS = core.simd_levels()
TOLERANCE = 3e-6  # as in test_simd.py

Floats = NDArray[np.float32]


# ------------------------------------------------------------------ one step


@dataclasses.dataclass
class Cells:
    """Some cells, as the core takes them."""

    rows: NDArray[np.uint32]
    columns: NDArray[np.uint32]
    log_values: Floats
    weights: Floats


def some_cells(rng: np.random.Generator, count: int, num_words: int) -> Cells:
    return Cells(
        rng.integers(0, num_words, count).astype(np.uint32),
        rng.integers(0, num_words, count).astype(np.uint32),
        rng.normal(2, 1, count).astype(np.float32),
        rng.random(count).astype(np.float32),
    )


def one_cell(row: int, column: int, log_value: float, weight: float) -> Cells:
    ids = (np.array([number], np.uint32) for number in (row, column))
    numbers = (np.array([number], np.float32) for number in (log_value, weight))
    return Cells(next(ids), next(ids), next(numbers), next(numbers))


def some_model(rng: np.random.Generator, num_words: int, dim: int) -> reference.Glove:
    """Return a model whose numbers are exact in float32."""

    def draw(*shape: int) -> NDArray[np.float64]:
        drawn = rng.normal(size=shape) * dim**-0.25
        return np.asarray(drawn.astype(np.float32), np.float64)

    model = reference.Glove.of(
        [draw(num_words, dim) for _ in range(2)], [draw(num_words) for _ in range(2)]
    )
    model.vector_squares = [1 + draw(num_words, dim) ** 2 for _ in range(2)]
    return model


def padded(model: reference.Glove, side: int) -> Floats:
    """Return a side's rows in the kernel's layout."""
    num_words, dim = model.vectors[side].shape
    stride = (dim + 2 + 15) // 16 * 16
    rows = np.zeros((num_words, 2 * stride), np.float32)
    rows[:, stride:] = 1
    bias = stride - 2 + side
    rows[:, :dim], rows[:, bias] = model.vectors[side], model.biases[side]
    rows[:, 2 * stride - 3 - bias] = 1
    rows[:, stride : stride + dim] = model.vector_squares[side]
    rows[:, stride + bias] = model.bias_squares[side]
    return rows


def run_kernel(
    level: str, model: reference.Glove, cells: Cells, rate: float, clip: float = 100
) -> tuple[Floats, Floats, float]:
    rows, columns = padded(model, 0), padded(model, 1)
    places = cells.rows, cells.columns, cells.log_values, cells.weights
    cost = core.simd_glove(level, *places, rows, columns, rate, 1.0, clip)
    return rows, columns, cost


def run_reference(
    model: reference.Glove, cells: Cells, rate: float, clip: float = 100
) -> float:
    each = zip(cells.rows, cells.columns, cells.log_values, cells.weights, strict=True)
    return sum(
        reference.step(model, int(i), int(j), float(log_x), float(f), rate, clip)
        for i, j, log_x, f in each
    )


@pytest.mark.parametrize("level", LEVELS)
def test_steps_equal_the_reference_on_any_dim(level: str) -> None:
    drawn = np.random.default_rng(8).integers(1, 514, 30).tolist()
    for dim in sorted({1, 2, 13, 14, 15, 16, 17, 30, 31, 100, 300, 512, 513, *drawn}):
        rng = np.random.default_rng(dim)
        model, cells = some_model(rng, 6, dim), some_cells(rng, 12, 6)
        rows, columns, cost = run_kernel(level, model, cells, 0.05)
        before = padded(model, 0)
        expected = run_reference(model, cells, 0.05)
        assert np.abs(padded(model, 0) - before).max() > 1e-3
        for side, found in enumerate((rows, columns)):
            wanted = padded(model, side)
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=2 * TOLERANCE)
        assert cost == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_gradients_are_clipped(level: str) -> None:
    rng = np.random.default_rng(3)
    model = some_model(rng, 2, 20)
    cells = one_cell(0, 1, 30.0, 1.0)
    rows, columns, _ = run_kernel(level, model, cells, 0.1, clip=0.5)
    run_reference(model, cells, 0.1, clip=0.5)
    np.testing.assert_allclose(rows, padded(model, 0), rtol=1e-5, atol=TOLERANCE)
    np.testing.assert_allclose(columns, padded(model, 1), rtol=1e-5, atol=TOLERANCE)
    assert model.biases[0][0] - run_kernel(level, model, cells, 0.1)[0][0, 30] < 0


@pytest.mark.parametrize("level", LEVELS)
def test_a_step_is_the_gradient_of_the_cost(level: str) -> None:
    # From squares of 1 a step is the rate times the gradient; central differences give that.
    rng = np.random.default_rng(4)
    model = some_model(rng, 1, 7)
    model = reference.Glove.of(model.vectors, model.biases)
    cells = one_cell(0, 0, 1.5, 0.7)
    after = run_kernel(level, model, cells, rate=1.0)[:2]
    log_x, f = float(cells.log_values[0]), float(cells.weights[0])
    for side in (0, 1):
        moved = padded(model, side)[0] - after[side][0]
        numbers = [(model.vectors[side][0], d, d) for d in range(7)]
        numbers.append((model.biases[side], 0, 14 + side))
        for array, place, lane in numbers:
            array[place] += 1e-5
            above = reference.cost(model, 0, 0, log_x, f)
            array[place] -= 2e-5
            gradient = (above - reference.cost(model, 0, 0, log_x, f)) / 2e-5
            array[place] += 1e-5
            assert moved[lane] == pytest.approx(gradient, abs=2e-5)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_that_is_not_finite_shows_in_the_cost(level: str, bad: float) -> None:
    rng = np.random.default_rng(5)
    model, cells = some_model(rng, 3, 20), some_cells(rng, 20, 3)
    model.vectors[1][2, 7] = bad
    assert not np.isfinite(run_kernel(level, model, cells, 0.05)[2])


def test_unknown_level_is_refused() -> None:
    rng = np.random.default_rng(6)
    with pytest.raises(ValueError, match=r"level must be one of"):
        run_kernel("sse9", some_model(rng, 1, 1), some_cells(rng, 1, 1), 0.1)


# ------------------------------------------------------------------ a whole run


@pytest.mark.parametrize(("tile", "chunk"), [(40, 10**6), (40, 50), (7, 10**6), (7, 20)])
def test_epochs_equal_the_reference(tile: int, chunk: int) -> None:
    counts = zipf_counts(40)
    options = {"dim": 9, "x_max": 10.0, "exponent": 0.75, "learning_rate": 0.05, "clip": 100.0}
    layout = {"seed": 3, "first_epoch": 0, "tile_words": tile, "chunk_cells": chunk}
    arrays = counts.indptr.astype(np.int64), counts.indices.astype(np.int32), counts.data
    model = core.GloVe({**options, **layout}, *arrays)
    model.arrange(1)
    while len(found := model.counters()["costs"]) < 2:
        model.train_epoch(1, lambda: None, max_chunks=3)

    cells = counts.tocoo()
    rows, columns = (axis.astype(np.int64) for axis in cells.coords)
    weights = reference.weight(cells.data, 10, 0.75)
    parts = reference.chunks(rows, columns, tile, chunk, seed=3)
    expected = reference.first_rows(40, 9, seed=3)
    for epoch, cost in enumerate(found):
        order = list(reference.epoch_order(parts, 3, epoch))
        assert sorted(order) == list(range(counts.nnz))
        total = 0.0
        for i in order:
            cell = rows[i], columns[i], float(np.log(cells.data[i])), float(weights[i])
            total += reference.step(expected, *cell, 0.05)
        assert cost == pytest.approx(total, rel=1e-5)
    for side in (0, 1):
        vectors, biases = model.rows(bool(side), False)
        np.testing.assert_allclose(vectors, expected.vectors[side], atol=2e-5)
        np.testing.assert_allclose(biases, expected.biases[side], atol=2e-5)
        squares, bias_squares = model.rows(bool(side), True)
        np.testing.assert_allclose(squares, expected.vector_squares[side], rtol=2e-5)
        np.testing.assert_allclose(bias_squares, expected.bias_squares[side], rtol=2e-5)


def test_full_rank_reaches_the_logarithms() -> None:
    rng = np.random.default_rng(7)
    dense = np.exp(rng.normal(1, 1.5, (8, 8)))
    config = GloveConfig(dim=8, epochs=6000, learning_rate=0.2, x_max=1.0, threads=1)
    trainer = GloveTrainer(csr_array(dense), words(8), config)
    with Reporter(1, 1) as reporter:
        trainer.train(reporter)
    assert trainer.costs()[-1] < 1e-9 < 1e-2 < trainer.costs()[0]
    (w, b), (c, b2) = (trainer.model.rows(bool(side), False) for side in (0, 1))
    np.testing.assert_allclose(w @ c.T + b[:, None] + b2, np.log(dense), atol=2e-4)


def test_order_within_tiles_reaches_the_cost_of_a_full_shuffle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embkit.training.glove.TILE_FLOATS", 1)  # tiles of 64 words: 25
    monkeypatch.setattr("embkit.training.glove.CHUNK_CELLS", 500)
    counts = zipf_counts(300, share=0.3)
    options: dict[str, Any] = {"epochs": 15, "dim": 20}

    def last_costs(order: str) -> NDArray[np.float64]:
        models = (trained(counts, **options, order=order, seed=seed) for seed in range(1, 6))
        return np.array([costs_of(model)[-1] for model in models])

    tiles, full = last_costs("tiles"), last_costs("full")
    assert abs(tiles.mean() - full.mean()) < 0.03 * full.mean()
    assert not np.isin(tiles, full).any()
    assert full.max() < 0.5 * costs_of(trained(counts, **options))[0]
