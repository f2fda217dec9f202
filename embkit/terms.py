"""What is asked about: words, or vectors in place of words, one or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embkit.neighbors import Doubles

Term: TypeAlias = str | bytes | NDArray[Any]
"""A word, or a vector in place of one."""

Terms: TypeAlias = Sequence[Term] | NDArray[Any]
"""Several of them; a matrix holds one per row."""


def check_lists(**lists: object) -> None:
    """Refuse a word in place of a list, which would be taken for one of its letters."""
    for name, terms in lists.items():
        if isinstance(terms, str | bytes) or not hasattr(terms, "__len__"):
            is_word = isinstance(terms, str | bytes)
            found = repr(terms) if is_word else f"a {type(terms).__name__}"
            raise ValueError(f"{name} must be a list of words, got {found}")


def as_list(terms: Term | Terms) -> list[Term]:
    """Return several terms as they are, one as a list of itself."""
    if isinstance(terms, str | bytes) or (isinstance(terms, np.ndarray) and terms.ndim == 1):
        return [terms]
    return list(terms)


def checked_vector(term: object, dim: int) -> Doubles:
    """Return a vector given in place of a word, in double precision.

    Raises
    ------
    ValueError
        If it is none of this length, or not finite.
    """
    vector = np.asarray(term)
    if vector.dtype.kind not in "fiu" or vector.shape != (dim,):
        is_array = isinstance(term, np.ndarray)
        found = f"an array of shape {vector.shape}, {vector.dtype}" if is_array else repr(term)
        raise ValueError(f"a query must be a word or a vector of length {dim}, got {found}")
    if not np.isfinite(vector).all():
        raise ValueError("a query must be finite, got a vector with NaN or inf")
    return vector.astype(np.float64)


def unit_vectors(vectors: Doubles) -> Doubles:
    """Return each vector at unit length; zero stays zero."""
    scale = np.abs(vectors).max(-1, initial=0.0, keepdims=True)
    scaled = np.divide(vectors, scale, out=np.zeros_like(vectors), where=scale > 0)
    lengths = np.linalg.norm(scaled, axis=-1, keepdims=True)
    units: Doubles = np.divide(scaled, lengths, out=scaled, where=lengths > 0)
    return units
