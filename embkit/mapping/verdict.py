"""Telling whether a map can be trusted, without any test dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embkit.mapping.fit import fit_linear, fit_orthogonal
from embkit.mapping.initial import Pairs
from embkit.retrieval import Retriever

Matrix = NDArray[np.float32]
Judgement = Literal["good", "doubtful", "failed"]

MOST_CHECKED = 4000
"""Pairs that a check looks at: enough for an error of one in a hundred."""

# Shares of held-out pairs that a map from the other half finds again among all of them; a
# wrong dictionary stays within a few per cent of chance. Shares of words that two runs
# translate alike: unrelated spaces stay below 0.15, planted ones are above 0.75.
_HELD_OUT_FAILED = 0.05
_HELD_OUT_GOOD = 0.2
_REPEATED_FAILED = 0.2
_REPEATED_GOOD = 0.5
_LEAST_PAIRS = 40  # that a share can be taken of
_ISOTROPIC_FROM = 0.97  # effective rank over dim of a space without any structure
_SPECTRA_FROM = 0.5


@dataclass(frozen=True)
class SpacesReport:
    """What two spaces have in common before any map is fitted.

    Attributes
    ----------
    source_rank, target_rank : float
        Effective rank: the exponential of the entropy of the variances along the principal
        axes (Roy and Vetterli 2007).
    source_dim, target_dim : int
    spectral_similarity : float
        What the two distributions of variance over principal axes share, 0 to 1.
    shared_words : float or None
        Share of the smaller vocabulary that both spell alike, where the words are known.
    """

    source_rank: float
    target_rank: float
    source_dim: int
    target_dim: int
    spectral_similarity: float
    shared_words: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as a dictionary."""
        return asdict(self)

    def doubts(self) -> list[str]:
        """Return what speaks against mapping these spaces onto each other."""
        found = []
        sides = ("source", self.source_rank, self.source_dim), (
            "target", self.target_rank, self.target_dim,
        )  # fmt: skip
        for side, rank, dim in sides:
            if dim > 1 and rank > _ISOTROPIC_FROM * dim:
                found.append(
                    f"the {side} space is alike in all directions, as noise is "
                    f"(effective rank {rank:.0f} of {dim})"
                )
        if self.spectral_similarity < _SPECTRA_FROM:
            found.append(
                "the spaces vary differently along their axes "
                f"(spectral similarity {self.spectral_similarity:.2f})"
            )
        return found


def compare_spaces(source: Matrix, target: Matrix) -> SpacesReport:
    """Compare the shapes of two spaces by the variances along their principal axes.

    Parameters
    ----------
    source, target : array, shape (num_words, dim)
        Rows, normalised or not; the dims may differ.

    Raises
    ------
    ValueError
        If a space has no rows.

    Examples
    --------
    >>> rows = np.random.default_rng(1).standard_normal((500, 4)) * [4, 2, 1, 0.1]
    >>> report = compare_spaces(rows, rows[:, ::-1])
    >>> round(report.spectral_similarity, 3), round(report.source_rank, 1)
    (1.0, 2.0)
    """
    spectra = [_spectrum(np.asarray(rows)) for rows in (source, target)]
    size = max(len(spectrum) for spectrum in spectra)
    padded = [np.pad(spectrum, (0, size - len(spectrum))) for spectrum in spectra]
    ranks = [float(np.exp(-(p * np.log(np.where(p > 0, p, 1))).sum())) for p in spectra]
    shared = float(np.minimum(*padded).sum())
    return SpacesReport(ranks[0], ranks[1], len(spectra[0]), len(spectra[1]), shared)


def _spectrum(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the shares of the variance along the principal axes, largest first."""
    if len(rows) == 0:
        raise ValueError("a space must have a row, got none")
    mean = rows.mean(0, dtype=np.float64)
    gram = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), 1 << 14):
        block = rows[start : start + (1 << 14)].astype(np.float64) - mean
        gram += block.T @ block
    values = np.clip(np.linalg.eigvalsh(gram)[::-1], 0, None)
    total = float(values.sum())
    return values / total if total > 0 else np.full(len(values), 1 / max(1, len(values)))


@dataclass(frozen=True)
class Verdict:
    """Whether a map can be trusted, why, and the figures that it rests on."""

    judgement: Judgement
    reasons: tuple[str, ...]
    figures: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {
            "judgement": self.judgement,
            "reasons": list(self.reasons),
            "figures": self.figures,
        }

    def summary(self) -> str:
        """Return one line for people.

        Examples
        --------
        >>> Verdict("failed", ("the spaces have nothing in common",)).summary()
        'verdict failed: the spaces have nothing in common'
        """
        return f"verdict {self.judgement}: {'; '.join(self.reasons)}"


def split_half(
    source_rows: ArrayLike, target_rows: ArrayLike, *, seed: int = 1
) -> tuple[float | None, int]:
    """Return how many pairs of one half are found by a map fitted to the other half.

    The map is a rotation, or least squares where the dims differ.

    If the pairs are translations, what one half teaches holds for the other; pairs that a
    map merely fits, or that are wrong, teach nothing. Each pair's target is looked for among
    the targets of its half by CSLS, and both halves take turns.

    Parameters
    ----------
    source_rows, target_rows : array, shape (num_pairs, dim)
        Normalised rows of the pairs, each source word at most once.
    seed : int
        Of the division.

    Returns
    -------
    float or None
        The share that is found; None where there are too few pairs to tell.
    int
        Pairs looked at.

    Examples
    --------
    >>> rows = np.random.default_rng(1).standard_normal((100, 5)).astype(np.float32)
    >>> split_half(rows, rows[:, ::-1]), split_half(rows, rows[::-1])[0] < 0.2
    ((1.0, 100), True)
    """
    x, z = np.asarray(source_rows, np.float32), np.asarray(target_rows, np.float32)
    order = np.random.default_rng(seed).permutation(len(x))[:MOST_CHECKED]
    if len(order) < _LEAST_PAIRS:
        return None, len(order)
    found = 0
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    for learned, held_out in (halves, halves[::-1]):
        if x.shape[1] == z.shape[1]:
            fitted = fit_orthogonal(x[learned], z[learned])
        else:
            fitted = fit_linear(x[learned], z[learned])
        mapped = (x[held_out] @ fitted).astype(np.float32)
        best = Retriever(mapped, z[held_out], neighborhood=10).search(mapped, 1)
        found += int((best.rows[:, 0] == np.arange(len(held_out))).sum())
    return found / len(order), len(order)


def distinct(pairs: Pairs) -> Pairs:
    """Return the pairs with each source and each target word once, the first ones."""
    first = np.sort(np.unique(pairs[0], return_index=True)[1])
    source, target = pairs[0][first], pairs[1][first]
    first = np.sort(np.unique(target, return_index=True)[1])
    return source[first], target[first]


def translated_alike(first: Sequence[NDArray[np.int64]]) -> float | None:
    """Return the share of words whose translations agree, over all pairs of runs.

    Parameters
    ----------
    first : list of arrays of int64, shape (num_words,)
        Each run's translation of each word.

    Examples
    --------
    >>> translated_alike([np.array([1, 2]), np.array([1, 3])]), translated_alike([])
    (0.5, None)
    """
    shares = [float((a == b).mean()) for i, a in enumerate(first) for b in first[i + 1 :]]
    return float(np.mean(shares)) if shares else None


def judge(
    *,
    held_out: float | None = None,
    repeated: float | None = None,
    pairs: int = 0,
    spaces: SpacesReport | None = None,
    figures: dict[str, Any] | None = None,
) -> Verdict:
    """Return the verdict on a map.

    Parameters
    ----------
    held_out, pairs : float or None, int
        What :func:`split_half` returned for the dictionary that the map was learned from.
    repeated : float, optional
        For a map that induced its own dictionary, the share of frequent words that another
        run, from another start, translates alike. Such a dictionary fits its map whatever
        the spaces are, but in spaces without relation each run finds another one.
    spaces : SpacesReport, optional
        What the spaces have in common.
    figures : dict, optional
        Further figures to keep with the verdict.

    Examples
    --------
    >>> judge(held_out=0.9, pairs=2000).judgement, judge(repeated=0.01).judgement
    ('good', 'failed')
    >>> judge(pairs=12).judgement
    'doubtful'
    """
    told: dict[str, Any] = {"held_out": held_out, "pairs_checked": pairs, "repeated": repeated}
    told |= {"spaces": spaces.to_dict() if spaces is not None else None, **(figures or {})}
    doubts = [] if spaces is None else spaces.doubts()
    if repeated is not None:
        share = f"another run translates {repeated:.0%} of frequent words alike"
        is_failed, is_good = repeated < _REPEATED_FAILED, repeated >= _REPEATED_GOOD
    elif held_out is not None:
        share = f"of pairs held out, {held_out:.0%} are found"
        is_failed, is_good = held_out < _HELD_OUT_FAILED, held_out >= _HELD_OUT_GOOD
    else:
        share = f"too few pairs to hold some out ({pairs}, {_LEAST_PAIRS} are needed)"
        is_failed, is_good = False, False
    if is_failed:
        return Verdict("failed", (share, *doubts), told)
    if is_good and not doubts:
        return Verdict("good", (share,), told)
    return Verdict("doubtful", (share, *doubts), told)
