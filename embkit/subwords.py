"""Vectors from a word's character n-grams, for words outside the vocabulary."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embkit._native import core
from embkit.errors import NotFiniteError


class Subwords:
    """The n-gram rows of a fastText model, which give any word a vector.

    A word is bounded by ``<`` and ``>``; each of its n-grams of ``minn`` to ``maxn``
    characters is hashed (FNV-1a over signed bytes) to one of ``bucket`` values, each of
    which has a row; the word's vector is the mean of these rows (Bojanowski et al. 2017).

    Parameters
    ----------
    vectors : array of float32, shape (num_rows, dim)
        A row per hash value, or per entry of ``kept``. Kept as it is, also when it is a
        read-only memory map.
    minn, maxn : int
        Characters in the shortest and in the longest n-gram.
    bucket : int
        Number of hash values.
    kept : array of int32, shape (num_rows, 2), optional
        Pairs (hash value, row) where the model was pruned: other n-grams are left out.

    Raises
    ------
    ValueError
        If the rows do not fit the rest.

    Examples
    --------
    >>> subwords = Subwords(np.ones((10, 2), np.float32), minn=3, maxn=4, bucket=10)
    >>> subwords.vector("unseen")
    array([1., 1.], dtype=float32)
    """

    def __init__(
        self,
        vectors: NDArray[np.float32],
        *,
        minn: int,
        maxn: int,
        bucket: int,
        kept: ArrayLike | None = None,
    ) -> None:
        if not 0 < minn <= maxn:
            raise ValueError(f"minn must be from 1 to maxn ({maxn}), got {minn}")
        if not 0 < bucket < 2**31:
            raise ValueError(f"bucket must be from 1 to {2**31 - 1}, got {bucket}")
        self.vectors = vectors
        self.kept = None if kept is None else _sorted_pairs(kept, len(vectors), bucket)
        num_rows = bucket if self.kept is None else len(self.kept)
        if vectors.ndim != 2 or len(vectors) != num_rows:
            raise ValueError(
                f"vectors must have 2 dimensions and {num_rows} rows, got {vectors.shape}"
            )
        pairs = None if self.kept is None else [(int(a), int(b)) for a, b in self.kept]
        self._rule = core.SubwordRule(minn=minn, maxn=maxn, bucket=bucket, kept=pairs)

    @property
    def minn(self) -> int:
        """Characters in the shortest n-gram."""
        return self._rule.minn

    @property
    def maxn(self) -> int:
        """Characters in the longest n-gram."""
        return self._rule.maxn

    @property
    def bucket(self) -> int:
        """Number of hash values."""
        return self._rule.bucket

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.vectors.shape[1])

    def rows(self, word: str | bytes) -> NDArray[np.int64]:
        """Return the row of each n-gram of a word, in fastText's order.

        Examples
        --------
        >>> Subwords(np.ones((9, 2), np.float32), minn=3, maxn=3, bucket=9).rows("ab").shape
        (2,)
        """
        data = word if isinstance(word, bytes) else word.encode("utf-8", "surrogateescape")
        return self._rule.rows(data)

    def vector(self, word: str | bytes) -> NDArray[np.float32]:
        """Return the vector of a word outside the vocabulary: its n-grams' mean.

        Parameters
        ----------
        word : str or bytes
            Any word.

        Returns
        -------
        array of float32, shape (dim,)
            The same values as fastText's; zeros, as there, for a word without n-grams
            (shorter than ``minn``, or ``</s>``).

        Raises
        ------
        NotFiniteError
            If a value is not finite: the model is damaged.
        """
        rows = self.rows(word)
        if len(rows) == 0:
            return np.zeros(self.dim, np.float32)
        total: NDArray[Any] = np.add.reduce(self.vectors[rows], axis=0, dtype=np.float32)
        mean: NDArray[np.float32] = total * np.float32(1.0 / len(rows))
        if not np.isfinite(mean).all():
            raise NotFiniteError(f"the subword vectors of {word!r} must be finite")
        return mean

    def __repr__(self) -> str:
        shape = f"{len(self.vectors)} x {self.dim}"
        return f"Subwords({shape}, minn={self.minn}, maxn={self.maxn}, bucket={self.bucket})"


def _sorted_pairs(kept: ArrayLike, num_rows: int, bucket: int) -> NDArray[np.int32]:
    """Return the pairs by hash value; ValueError unless they are a map into the rows."""
    pairs = np.asarray(kept, np.int32).reshape(-1, 2)
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    hashes, rows = pairs[:, 0], pairs[:, 1]
    fits = (hashes >= 0).all() and (hashes < bucket).all()
    if not (
        fits and (rows >= 0).all() and (rows < num_rows).all() and (np.diff(hashes) > 0).all()
    ):
        raise ValueError("kept must map different hash values to rows, got others")
    return pairs
