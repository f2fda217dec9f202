"""What two spaces have in common before any map is fitted, and how far maps of them agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

# A space without structure spreads its variance over all axes; two languages' share most of it.
_ISOTROPIC_FROM = 0.97  # effective rank over dim
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
        What the two distributions of variance over principal axes (the eigenvalues of the
        covariance, largest first, over their sum) share, 0 to 1.
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

    def summary(self) -> str:
        """Return one line for people.

        Examples
        --------
        >>> SpacesReport(40.0, 35.5, 50, 50, 0.9, 0.125).summary()
        'spectral similarity 0.90; effective rank 40.0 and 35.5 of 50; 12.5% of words shared'
        """
        dims = [self.source_dim, self.target_dim]
        of = f"{dims[0]}" if dims[0] == dims[1] else f"{dims[0]} and {dims[1]}"
        parts = [
            f"spectral similarity {self.spectral_similarity:.2f}",
            f"effective rank {self.source_rank:.1f} and {self.target_rank:.1f} of {of}",
        ]
        if self.shared_words is not None:
            parts.append(f"{self.shared_words:.1%} of words shared")
        return "; ".join(parts)


def compare_spaces(
    source: Matrix, target: Matrix, *, shared_words: float | None = None
) -> SpacesReport:
    """Compare the shapes of two spaces by the variances along their principal axes.

    Parameters
    ----------
    source, target : array, shape (num_words, dim)
        Rows, normalised or not; the dims may differ.
    shared_words : float, optional
        What the report is to say of the vocabularies.

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
    dims = [len(spectrum) for spectrum in spectra]
    return SpacesReport(ranks[0], ranks[1], dims[0], dims[1], shared, shared_words)


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
