"""What vectors look like from inside: hubs, isotropy, frequency."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial, reduce
from typing import Any

import numpy as np

from embkit.evaluation.results import Estimate, Result
from embkit.evaluation.spaces import Doubles, Ids, Space, SparseSpace, Vectors, as_space
from embkit.evaluation.task_options import DiagnosticsOptions
from embkit.neighbors import top_k

_BLOCK = 1024  # rows that are taken at a time: in float64, or their products with all


@dataclass(frozen=True)
class Diagnostics(Result):
    """Figures that need no test set.

    Attributes
    ----------
    vectors : str
    n_words : int
        Words looked at, the first ones; those with a vector of zeros are left out.
    neighbors : int
        k, the number of neighbours.
    hubness : Estimate
        Skewness of N_k, how often a word is among the k nearest of others (Radovanovic et al.
        2010); 0 would be none.
    largest_hub : str
        The word with the largest N_k.
    largest_n_k : int
    orphans : float
        Share of words that are nobody's neighbour.
    isotropy : Estimate
        min Z / max Z over the principal directions and their opposites, where
        ``Z(c) = sum exp(c . w)`` over words at unit length (Mu and Viswanath 2018); 1 is
        perfect.
    mean_cosine : float
        Of all pairs of different words; 0 where directions are evenly spread.
    frequency_length, frequency_hubness : Estimate
        Spearman's correlation of the words' frequency with the length of their vectors, and
        with N_k.
    frequency_by : str
        "counts", or "row order" where there are none: rows are supposed to fall in frequency.
    """

    vectors: str
    n_words: int
    neighbors: int
    hubness: Estimate
    largest_hub: str
    largest_n_k: int
    orphans: float
    isotropy: Estimate
    mean_cosine: float
    frequency_length: Estimate
    frequency_hubness: Estimate
    frequency_by: str

    def undefined(self) -> str | None:
        """Return why there is no figure at all, or None."""
        found = (self.hubness, self.isotropy)
        return None if any(e.value is not None for e in found) else super().undefined()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row of figures."""
        undefined = [e for e in (self.hubness, self.isotropy) if e.value is None]
        return [
            {
                "vectors": self.vectors,
                "words": self.n_words,
                f"hubness_N{self.neighbors}": self.hubness.value,
                "largest": self.largest_n_k,
                "hub": self.largest_hub,
                "orphans": self.orphans,
                "isotropy": self.isotropy.value,
                "mean_cosine": self.mean_cosine,
                "freq_length": self.frequency_length.value,
                "freq_hubness": self.frequency_hubness.value,
                "freq_by": self.frequency_by,
                "reason": next((e.reason for e in undefined), None),
            }
        ]


def evaluate_diagnostics(
    vectors: Vectors, options: DiagnosticsOptions | None = None, *, name: str = ""
) -> Diagnostics:
    """Look at vectors without a test set.

    Parameters
    ----------
    vectors : Embeddings, sparse embeddings or mapping of words to arrays
    options : DiagnosticsOptions, optional
        ``restrict_vocab`` bounds the work, which grows with the square of the words.
    name : str
        Name of the vectors in the result.

    Returns
    -------
    Diagnostics

    Raises
    ------
    TypeError
        If ``vectors`` is none of the above.
    ValueError
        If fewer than two words have a vector that is not zero.
    CudaError
        If the GPU that was asked for cannot be used.

    Examples
    --------
    >>> vectors = {"a": [1.0, 0.0], "b": [0.0, 2.0], "c": [-1.0, 0.0], "d": [0.0, -1.0]}
    >>> found = evaluate_diagnostics(vectors, DiagnosticsOptions(neighbors=1))
    >>> round(found.mean_cosine, 3), round(found.isotropy.value, 3)
    (-0.333, 1.0)
    """
    options = options or DiagnosticsOptions()
    space = as_space(vectors)
    rows = present(space, options.restrict_vocab)
    if len(rows) < 2:
        raise ValueError(
            f"vectors must have at least 2 words that are not zero, got {len(rows)}"
        )
    k = min(options.neighbors, len(rows) - 1)
    hits = np.bincount(nearest(space, rows, k, options.device).ravel(), minlength=len(rows))
    blocks = partial(_unit_blocks, space, rows)
    sum_of_units = np.sum([np.asarray(b.sum(axis=0)).ravel() for b in blocks()], axis=0)
    n = len(rows)
    frequency, frequency_by = _frequency(space, rows)
    return Diagnostics(
        name,
        n,
        k,
        _skewness(hits.astype(np.float64)),
        space.words[int(rows[hits.argmax()])],
        int(hits.max()),
        float((hits == 0).mean()),
        isotropy(blocks) if not space.is_sparse else _SPARSE,
        float((sum_of_units @ sum_of_units - n) / (n * (n - 1))),
        _rank_correlation(frequency, space.norms[rows]),
        _rank_correlation(frequency, hits.astype(np.float64)),
        frequency_by,
    )


_SPARSE = Estimate(None, reason="isotropy needs dense vectors")


def present(space: Space, most: int | None) -> Ids:
    """Return the rows, of the first so many, that are not zero."""
    limit = len(space) if most is None else min(most, len(space))
    return np.flatnonzero(space.norms[:limit] > 0)


def nearest(space: Space, rows: Ids, k: int, device: str = "cpu") -> Ids:
    """Return the k nearest of each row among them by the cosine, as positions in ``rows``.

    Shape (num_rows, k); of equal cosines the earlier row comes first. Sparse rows are compared
    on the processor whatever the device.
    """
    if not space.is_sparse:
        units = np.concatenate([b.astype(np.float32) for b in _unit_blocks(space, rows)])
        found = np.empty((len(rows), k), np.int64)
        for start in range(0, len(rows), _BLOCK):
            block = units[start : start + _BLOCK]
            themselves = [[start + i] for i in range(len(block))]
            best = top_k(block, units, k, exclude=themselves, device=device)
            found[start : start + _BLOCK] = best.rows
        return found
    found = np.empty((len(rows), k), np.int64)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        products = space.products(space.units(block), rows)
        products[np.arange(len(block)), start + np.arange(len(block))] = -np.inf
        found[start : start + len(block)] = np.argsort(-products, axis=1, kind="stable")[:, :k]
    return found


def _unit_blocks(space: Space, rows: Ids) -> Iterator[Any]:
    """Yield the rows at unit length, some at a time: all in float64 would fill the memory."""
    for start in range(0, len(rows), _BLOCK):
        yield space.units(rows[start : start + _BLOCK])


def isotropy(blocks: Callable[[], Iterable[Doubles]]) -> Estimate:
    """Return min Z / max Z over the principal directions of rows and their opposites.

    ``blocks`` returns the rows, some at a time, and is called twice.

    Examples
    --------
    >>> isotropy(lambda: [np.array([[1.0, 0.0], [1.0, 0.0]])]).value == 1 / np.exp(2)
    np.True_
    """
    _, directions = np.linalg.eigh(reduce(np.add, (units.T @ units for units in blocks())))
    turned = (units @ directions for units in blocks())
    z = reduce(np.add, (np.concatenate([np.exp(x).sum(0), np.exp(-x).sum(0)]) for x in turned))
    return Estimate(float(z.min() / z.max()), reason="no interval: a property of all words")


def _skewness(values: Doubles) -> Estimate:
    from scipy.stats import skew

    if np.ptp(values) == 0:
        return Estimate(None, reason="all words are neighbours equally often: no skewness")
    return Estimate(float(skew(values)), reason="no interval: a property of all words")


def _frequency(space: Space, rows: Ids) -> tuple[Doubles, str]:
    source = space.source if isinstance(space, SparseSpace) else space.embeddings
    counts = getattr(getattr(source, "vocabulary", None), "counts", None)
    if counts is not None:
        return counts[rows].astype(np.float64), "counts"
    return -rows.astype(np.float64), "row order"


def _rank_correlation(frequency: Doubles, values: Doubles) -> Estimate:
    from scipy.stats import spearmanr

    # Lengths of unit vectors differ by rounding alone.
    values = np.round(values, 6)
    if np.ptp(values) == 0 or np.ptp(frequency) == 0:
        return Estimate(None, reason="constant values have no correlation")
    return Estimate(
        float(spearmanr(frequency, values).statistic), reason="no interval: all words are used"
    )
