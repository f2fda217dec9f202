"""How far two models, such as two runs of one method, agree on the neighbours of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embkit.evaluation.bootstrap import percentile_interval, resample
from embkit.evaluation.diagnostics import nearest, present
from embkit.evaluation.results import Estimate, Result
from embkit.evaluation.spaces import Ids, Space, Vectors, as_space
from embkit.evaluation.task_options import DiagnosticsOptions, resampling


@dataclass(frozen=True)
class Stability(Result):
    """How far two models agree on neighbours.

    Attributes
    ----------
    first, second : str
        Names.
    overlap : Estimate
        Share of the k nearest neighbours that both have, averaged over the words; the
        candidates are the words of both. The interval is a bootstrap over words.
    n_words : int
        Words of both.
    neighbors : int
        k.
    """

    first: str
    second: str
    overlap: Estimate
    n_words: int
    neighbors: int

    def rows(self) -> list[dict[str, Any]]:
        """Return one row."""
        interval = self.overlap.interval
        return [
            {
                "vectors": self.first,
                "other": self.second,
                "overlap": self.overlap.value,
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
                "k": self.neighbors,
                "words": self.n_words,
                "reason": self.overlap.reason,
            }
        ]


def compare_neighbors(
    first: Vectors,
    second: Vectors,
    options: DiagnosticsOptions | None = None,
    *,
    names: Sequence[str] = ("", ""),
) -> Stability:
    """Return how far two models, such as two runs, agree on the neighbours of words.

    Parameters
    ----------
    first, second : Embeddings, sparse embeddings or mapping of words to arrays
        The common words among the first ``restrict_vocab`` of each are looked at.
    options : DiagnosticsOptions, optional
    names : two of str

    Returns
    -------
    Stability
        Undefined where they share fewer than two words.

    Raises
    ------
    TypeError
        If vectors are none of the above.
    CudaError
        If the GPU that was asked for cannot be used.

    Examples
    --------
    >>> vectors = {"a": [1.0, 0.0], "b": [0.9, 0.1], "c": [0.0, 1.0]}
    >>> compare_neighbors(vectors, vectors, DiagnosticsOptions(neighbors=1)).overlap.value
    1.0
    """
    options = options or DiagnosticsOptions()
    spaces = as_space(first), as_space(second)
    rows, theirs = _common(spaces, options.restrict_vocab)
    k = min(options.neighbors, len(rows) - 1)
    if k < 1:
        reason = f"need 2 words of both, got {len(rows)}"
        return Stability(names[0], names[1], Estimate(None, reason=reason), len(rows), 0)
    device = options.device
    found = nearest(spaces[0], rows, k, device), nearest(spaces[1], theirs, k, device)
    # Positions stand for the same words on both sides; a pair that occurs twice is shared.
    pairs = np.sort(np.concatenate(found, axis=1), axis=1)
    shared = (pairs[:, 1:] == pairs[:, :-1]).sum(1) / k
    values = resample(len(shared), lambda w: w @ shared / len(shared), resampling(options))
    interval = percentile_interval(
        np.concatenate(values), "bootstrap over words", options.confidence
    )
    estimate = Estimate(float(shared.mean()), interval)
    return Stability(names[0], names[1], estimate, len(rows), k)


def _common(spaces: tuple[Space, Space], most: int | None) -> tuple[Ids, Ids]:
    """Return the rows of the words that both have, in the order of the first."""
    rows = present(spaces[0], most)
    theirs = spaces[1].ids_of([spaces[0].words[row] for row in rows.tolist()])
    known = theirs >= 0
    known[known] = spaces[1].norms[theirs[known]] > 0
    if most is not None:
        known &= theirs < most
    # A word that has several rows is found at its first.
    known &= spaces[0].ids_of([spaces[0].words[row] for row in rows.tolist()]) == rows
    return rows[known], theirs[known]
