"""How a search scores a row for a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class CosMul:
    """The score of 3CosMul (Levy and Goldberg 2014), generalised to any number of terms.

    With cosines shifted to [0, 1] by (1 + cos) / 2, as the paper's footnote 7 says: the
    product over the positive terms, divided by ``epsilon`` plus that over the negative ones.
    """

    num_positive: int
    epsilon: float = 0.001


Doubles: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shifted:
    """The score ``gain * cosine + shifts[row]``: CSLS and the inverted softmax have this form.

    ``shifts`` has shape (num_rows,).
    """

    gain: float
    shifts: Doubles


@dataclass(frozen=True, eq=False)
class Ratio:
    """The score ``cosine / max(1e-6, bases[query] + shifts[row])``: the ratio margin.

    ``bases`` has shape (num_queries,), ``shifts`` (num_rows,).
    """

    bases: Doubles
    shifts: Doubles


Metric: TypeAlias = Literal["cosine", "dot", "pairdirection"] | CosMul | Shifted | Ratio


def scoring_of(
    metric: Metric,
) -> Literal["linear", "shifted", "ratio", "cosmul", "pairdirection"]:
    """Return the core's name for the form of a metric's score."""
    if isinstance(metric, CosMul):
        return "cosmul"
    if isinstance(metric, Shifted | Ratio):
        return "shifted" if isinstance(metric, Shifted) else "ratio"
    return "pairdirection" if metric == "pairdirection" else "linear"
