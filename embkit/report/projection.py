"""Words and their neighbours on a plane."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embkit.plotting import principal_components

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.sparse import SparseEmbeddings

Doubles: TypeAlias = NDArray[np.float64]
_EXACT = 500  # points up to which the exact method is the faster one
METHODS = ("pca", "tsne", "umap")


@dataclass(frozen=True)
class Projection:
    """How vectors are laid on a plane."""

    method: Literal["pca", "tsne", "umap"] = "tsne"
    seed: int = 1


@dataclass(frozen=True)
class WordMap:
    """Points with their words.

    Attributes
    ----------
    words : tuple of str
    groups : tuple of int
        For each word the number of the chosen word that brought it.
    is_chosen : tuple of bool
    points : array of float64, shape (num_words, 2)
        In [0, 1].
    caption : str
        How the points were found, or why there are none.
    """

    words: tuple[str, ...]
    groups: tuple[int, ...]
    is_chosen: tuple[bool, ...]
    points: Doubles
    caption: str


def map_words(
    vectors: Embeddings | SparseEmbeddings,
    neighbors: Mapping[str, tuple[tuple[str, float], ...] | None],
    projection: Projection,
) -> WordMap:
    """Lay chosen words and their neighbours on a plane.

    Raises
    ------
    ImportError
        If umap-learn is asked for and not installed.
    """
    groups: dict[str, int] = {}
    known = [(word, found) for word, found in neighbors.items() if found is not None]
    for number, (word, _) in enumerate(known):
        groups.setdefault(word, number)
    for number, (_, others) in enumerate(known):
        for other, _ in others:
            groups.setdefault(other, number)
    words = tuple(groups)
    chosen = {word for word, _ in known}
    if len(words) < 3:
        return WordMap((), (), (), np.zeros((0, 2)), f"no map: only {len(words)} words")
    found = vectors.lookup(words, oov="zero")
    rows = np.asarray(found if isinstance(found, np.ndarray) else found.toarray(), np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    units = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    points, caption = lay(units, projection)
    low, span = points.min(0), np.ptp(points, axis=0)
    scaled = (points - low) / np.where(span > 0, span, 1)
    return WordMap(
        words, tuple(groups.values()), tuple(word in chosen for word in words), scaled, caption
    )


def lay(units: Doubles, projection: Projection) -> tuple[Doubles, str]:
    """Return points of shape (num_rows, 2) and how they were found.

    Parameters
    ----------
    units : array, shape (num_rows, dim)
        At least three rows, of unit length.
    projection : Projection

    Raises
    ------
    ImportError
        If umap-learn is asked for and not installed.
    """
    if projection.method == "pca":
        points = principal_components(units)
        variance = ((units - units.mean(0)) ** 2).sum()
        share = (points**2).sum() / variance if variance > 0 else 1.0
        return points, f"first two principal components, {share:.0%} of the variance"
    if projection.method == "tsne":
        from sklearn.manifold import TSNE

        perplexity = min(15.0, (len(units) - 1) / 3)
        how = "exact" if len(units) <= _EXACT else "barnes_hut"
        model = TSNE(
            perplexity=perplexity, init="pca", method=how, random_state=projection.seed
        )
        caption = (
            f"t-SNE, perplexity {perplexity:.0f}: near words are alike, "
            "distances between groups mean little"
        )
        return np.asarray(model.fit_transform(units), np.float64), caption
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError("projection umap needs the package umap-learn") from error
    model = UMAP(n_neighbors=min(15, len(units) - 1), random_state=projection.seed)
    return np.asarray(model.fit_transform(units), np.float64), "UMAP"
