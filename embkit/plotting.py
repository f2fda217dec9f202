"""A look at vectors in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def principal_components(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the first two principal components of rows, shape (num_rows, 2).

    Each component's sign is such that its largest entry is positive, so that the picture does
    not depend on the linear algebra library.

    Raises
    ------
    ValueError
        If there are fewer than two rows.
    """
    if len(vectors) < 2:
        raise ValueError(f"words must be at least 2 to be drawn, got {len(vectors)}")
    centered = vectors - vectors.mean(0)
    left, sizes, _ = np.linalg.svd(centered, full_matrices=False)
    components = np.zeros((len(vectors), 2))
    num = min(2, len(sizes))
    components[:, :num] = left[:, :num] * sizes[:num]
    largest = components[np.abs(components).argmax(0), [0, 1]]
    return np.where(largest < 0, -components, components)


def plot_words(
    labels: Sequence[str], vectors: NDArray[np.float64], *, ax: Axes | None = None
) -> Axes:
    """Draw one labelled point per vector at its first two principal components.

    Parameters
    ----------
    labels : sequence of str
    vectors : array, shape (num_labels, dim)
    ax : matplotlib Axes, optional
        Where to draw; a new figure when left out.

    Raises
    ------
    ImportError
        If matplotlib is not installed (the extra ``embkit[viz]`` brings it).
    ValueError
        If there are fewer than two vectors.
    """
    points = principal_components(vectors)
    if ax is None:
        try:
            from matplotlib import pyplot as plt
        except ImportError as error:
            raise ImportError("plot needs matplotlib: pip install 'embkit[viz]'") from error

        _, ax = plt.subplots()
    ax.scatter(points[:, 0], points[:, 1], s=12)
    for label, (x, y) in zip(labels, points.tolist(), strict=True):
        text = ax.annotate(label, (x, y), xytext=(3, 3), textcoords="offset points")
        text.set_parse_math(False)  # a dollar sign is a dollar sign
    return ax
