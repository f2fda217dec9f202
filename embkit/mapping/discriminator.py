"""A small network that tells two kinds of rows apart, with its own gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

_LEAK = 0.2


@dataclass(frozen=True)
class Layer:
    """A linear layer: ``rows @ weight + bias``."""

    weight: Floats
    bias: Floats


@dataclass(frozen=True)
class Pass:
    """What a forward pass leaves behind for the backward pass.

    Attributes
    ----------
    logits : array, shape (num_rows,)
        Log odds that a row is of the first kind.
    inputs : tuple of array
        What went into each layer.
    """

    logits: Floats
    inputs: tuple[Floats, ...]


class Discriminator:
    """Two hidden layers of leaky rectifiers and one output (as in Conneau et al. 2018).

    Parameters
    ----------
    dim : int
        Columns of the rows.
    hidden : int
        Width of the hidden layers.
    rng : Generator
        Draws the weights, uniform within one over the root of the layer's inputs; NumPy's, or
        CuPy's for a network on a GPU.
    dtype : dtype

    Examples
    --------
    >>> network = Discriminator(3, 8, np.random.default_rng(1), np.float64)
    >>> network.forward(np.ones((2, 3))).logits.shape
    (2,)
    """

    def __init__(
        self,
        dim: int,
        hidden: int,
        rng: np.random.Generator,
        dtype: type[np.floating] = np.float32,
    ) -> None:
        widths = [dim, hidden, hidden, 1]
        self.layers = [
            _draw_layer(before, after, rng, dtype) for before, after in pairwise(widths)
        ]

    def forward(self, rows: Floats) -> Pass:
        """Judge rows of shape (num_rows, dim)."""
        inputs = [rows]
        for layer in self.layers[:-1]:
            before = inputs[-1] @ layer.weight + layer.bias
            inputs.append(np.maximum(before, _LEAK * before))
        last = self.layers[-1]
        return Pass((inputs[-1] @ last.weight + last.bias)[:, 0], tuple(inputs))

    def backward(self, done: Pass, slope: Floats) -> tuple[list[Layer], Floats]:
        """Return the gradients by each layer and by the rows.

        Parameters
        ----------
        done : Pass
        slope : array, shape (num_rows,)
            Gradient by the logits.
        """
        flow = slope[:, None]
        slopes = []
        for layer, inputs in zip(self.layers[::-1], done.inputs[::-1], strict=True):
            slopes.append(Layer(inputs.T @ flow, flow.sum(axis=0)))
            flow = flow @ layer.weight.T
            if len(slopes) < len(self.layers):  # the rectifier before this layer
                flow = np.where(inputs > 0, flow, _LEAK * flow)
        return slopes[::-1], flow

    def step(self, slopes: list[Layer], rate: float) -> None:
        """Take one step of gradient descent, in place."""
        for layer, slope in zip(self.layers, slopes, strict=True):
            np.subtract(layer.weight, rate * slope.weight, out=layer.weight)
            np.subtract(layer.bias, rate * slope.bias, out=layer.bias)


def cross_entropy(logits: Floats, labels: Floats) -> tuple[float, Floats]:
    """Return the mean cross entropy of labels from 0 to 1, and its gradient by the logits.

    Examples
    --------
    >>> loss, slope = cross_entropy(np.zeros(2), np.array([1.0, 0.0]))
    >>> round(loss, 4), slope
    (0.6931, array([-0.25,  0.25]))
    """
    losses = np.logaddexp(0, logits) - labels * logits
    chances = np.exp(-np.logaddexp(0, -logits))
    return float(losses.mean()), (chances - labels) / len(labels)


def _draw_layer(
    before: int, after: int, rng: np.random.Generator, dtype: type[np.floating]
) -> Layer:
    bound = 1 / math.sqrt(before)
    weight = bound * (2 * rng.random((before, after)) - 1)
    bias = bound * (2 * rng.random(after) - 1)
    return Layer(weight.astype(dtype), bias.astype(dtype))
