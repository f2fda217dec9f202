"""The slow, obvious NumPy version of GloVe, in float64.

Written from Pennington, Socher and Manning (2014), from Duchi, Hazan and Singer (2011) for
AdaGrad, and from the statement of the random draws, not from the native code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests import reference

Floats = NDArray[np.float64]
CHUNK_EPOCH = reference.INITIAL_ROWS_EPOCH - 1


@dataclass
class Glove:
    """Word side 0, context side 1; each with vectors, biases and their squared gradients."""

    vectors: list[Floats]
    biases: list[Floats]
    vector_squares: list[Floats]
    bias_squares: list[Floats]

    @classmethod
    def of(cls, vectors: list[Floats], biases: list[Floats]) -> Glove:
        """Start AdaGrad's sums at 1."""
        ones = [np.ones_like(values) for values in (*vectors, *biases)]
        return cls(vectors, biases, ones[:2], ones[2:])


def weight(x: Floats, x_max: float, exponent: float) -> Floats:
    """Return f(x), equation 9 of the paper."""
    return np.minimum(1, (x / x_max) ** exponent)


def cost(model: Glove, row: int, column: int, log_x: float, f: float) -> float:
    """Return half of equation 8's term for one cell."""
    product = model.vectors[0][row] @ model.vectors[1][column]
    difference = product + model.biases[0][row] + model.biases[1][column] - log_x
    return float(0.5 * f * difference**2)


def step(
    model: Glove, row: int, column: int, log_x: float, f: float, rate: float, clip: float = 100
) -> float:
    """Train one cell; return its cost before. The rate of the biases is 1."""
    w, c = model.vectors[0][row].copy(), model.vectors[1][column].copy()
    difference = w @ c + model.biases[0][row] + model.biases[1][column] - log_x
    for side, word, other in ((0, row, c), (1, column, w)):
        g = rate * np.clip(f * difference * other, -clip, clip)
        model.vectors[side][word] -= g / np.sqrt(model.vector_squares[side][word])
        model.vector_squares[side][word] += g**2
        g = np.clip(f * difference, -clip, clip)
        model.biases[side][word] -= g / np.sqrt(model.bias_squares[side][word])
        model.bias_squares[side][word] += g**2
    return float(0.5 * f * difference**2)


# ------------------------------------------------------------------ a whole run


def first_rows(num_words: int, dim: int, seed: int) -> Glove:
    """Return the model before the first step: uniform in [-0.5, 0.5) / dim, biases too."""
    count = 2 * num_words * (dim + 1)
    draws = reference.random_draws(seed, reference.INITIAL_ROWS_EPOCH, np.arange(count), 0)
    values = ((reference.uniform(draws) - 0.5) / dim).reshape(2, num_words, dim + 1)
    values = values.astype(np.float32).astype(np.float64)
    return Glove.of([*values[:, :, :dim].copy()], [*values[:, :, dim].copy()])


def below(draws: reference.Draws, limit: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return integers below the limits, from the high half of draws."""
    return (((draws >> np.uint64(32)) * limit) >> np.uint64(32)).astype(np.int64)


def chunks(
    rows: NDArray[np.int64], columns: NDArray[np.int64], tile: int, size: int, seed: int
) -> list[NDArray[np.int64]]:
    """Return the cells of each chunk: tiles row by row, cut by a draw for each cell."""
    draws = reference.random_draws(seed, CHUNK_EPOCH, np.arange(len(rows)), 0)
    side = int(columns.max()) // tile + 1
    tiles = rows // tile * side + columns // tile
    result = []
    for number in np.unique(tiles):
        cells = np.flatnonzero(tiles == number)
        count = -(-len(cells) // size)
        parts = below(draws[cells], np.full(len(cells), count, np.uint64))
        result += [cells[parts == part] for part in range(count)]
    return result


def epoch_order(parts: list[NDArray[np.int64]], seed: int, epoch: int) -> Iterator[int]:
    """Yield the cells in the order of an epoch: Fisher and Yates over chunks, and in each."""
    count = len(parts)
    order = np.arange(count)
    draws = reference.random_draws(seed, epoch, np.arange(count), 0)
    for i in range(count - 1, 0, -1):
        j = below(draws[i : i + 1], np.array([i + 1], np.uint64))[0]
        order[[i, j]] = order[[j, i]]
    starts = np.cumsum([0, *map(len, parts)])
    for part in order:
        places = np.arange(len(parts[part]))
        draws = reference.random_draws(seed, epoch, count + starts[part] + places, 0)
        swaps = below(draws, (places + 1).astype(np.uint64))
        cells: list[int] = []
        for i, j in enumerate(swaps):
            cells.append(-1)
            cells[i] = cells[j]
            cells[j] = int(parts[part][i])
        yield from cells
