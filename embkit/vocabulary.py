"""Words in the order of their rows, with their counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embkit._native import core

_MOST_COUNT = 2**63 - 1


def encode_word(word: str | bytes) -> bytes:
    """Return the bytes of a word; surrogate escapes become the bytes they stand for."""
    if isinstance(word, bytes):
        return word
    if not isinstance(word, str):
        raise TypeError(f"a word must be str or bytes, got {type(word).__name__}")
    return word.encode("utf-8", "surrogateescape")


def _checked_counts(counts: ArrayLike, num_words: int) -> NDArray[np.int64]:
    array = np.asarray(counts)
    if array.shape != (num_words,):
        raise ValueError(
            f"counts must have one number per word ({num_words}), got shape {array.shape}"
        )
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"counts must be whole numbers, got {array.dtype}")
    bad = np.flatnonzero((array < 0) | (array > _MOST_COUNT))
    if bad.size:
        allowed = "at least 0" if array[bad[0]] < 0 else f"at most {_MOST_COUNT}"
        raise ValueError(f"counts must be {allowed}, got {array[bad[0]]} in row {bad[0]}")
    return array.astype(np.int64, copy=False)


def _frozen(array: NDArray[Any], dtype: type[np.generic]) -> NDArray[Any]:
    view = np.ascontiguousarray(array, dtype).view()
    view.flags.writeable = False
    return view


class Vocabulary(Sequence[str]):
    """Words in row order: any bytes, immutable.

    Words are kept as one block of bytes, so a word need not be valid UTF-8; as ``str`` its
    bad bytes appear as surrogate escapes and find the same word again.

    Parameters
    ----------
    data : array of uint8
        The words' bytes, one after the other.
    offsets : array of uint64, shape (num_words + 1,)
        Where each word begins in ``data``; the last entry is its length.
    counts : array of int64, shape (num_words,), optional
        Occurrences in the corpus, where known.
    index : WordIndex, optional
        That of these very arrays, where a reader has made it; otherwise it is made when a
        word is first looked for.

    Examples
    --------
    >>> vocabulary = Vocabulary.from_words(["the", "cat"], counts=[7, 2])
    >>> vocabulary.id_of("cat"), vocabulary[0], "dog" in vocabulary
    (1, 'the', False)
    """

    def __init__(
        self,
        data: NDArray[np.uint8],
        offsets: NDArray[np.uint64],
        counts: NDArray[np.int64] | None = None,
        *,
        index: core.WordIndex | None = None,
    ) -> None:
        # Read-only, since the index views them and trusts what it checked.
        self.data: NDArray[np.uint8] = _frozen(data, np.uint8)
        self.offsets: NDArray[np.uint64] = _frozen(offsets, np.uint64)
        self.counts: NDArray[np.int64] | None = (
            None if counts is None else _frozen(counts, np.int64)
        )
        self._index = index

    def __reduce__(self) -> tuple[type[Vocabulary], tuple[Any, ...]]:
        """Copy the words alone, so that workers get them: the index is made again."""
        return Vocabulary, (self.data, self.offsets, self.counts)

    @classmethod
    def from_words(
        cls, words: Iterable[str | bytes], counts: Sequence[int] | None = None
    ) -> Vocabulary:
        """Build a vocabulary from words in row order.

        Raises
        ------
        TypeError
            If a word is neither ``str`` nor ``bytes``.
        ValueError
            If a word stands in place of a list, or the counts are not one number, 0 or more,
            for each word.
        """
        if isinstance(words, str | bytes):
            raise ValueError(f"words must be a list of words, got {words!r}")
        encoded = [encode_word(word) for word in words]
        offsets = np.zeros(len(encoded) + 1, np.uint64)
        np.cumsum([len(word) for word in encoded], out=offsets[1:])
        data = np.frombuffer(b"".join(encoded), np.uint8)
        checked = None if counts is None else _checked_counts(counts, len(encoded))
        return cls(data, offsets, checked)

    def with_counts(self, counts: NDArray[np.int64]) -> Vocabulary:
        """Return the same words with other counts, shape (num_words,).

        Raises
        ------
        ValueError
            If they are not one number, 0 or more, for each word.
        """
        checked = _checked_counts(counts, len(self))
        return Vocabulary(self.data, self.offsets, checked, index=self._index)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} words{'' if self.counts is None else ', counts'})"

    def bytes_of(self, row: int) -> bytes:
        """Return the bytes of the word of a row."""
        return self.data[int(self.offsets[row]) : int(self.offsets[row + 1])].tobytes()

    def __getitem__(self, row: int) -> str:  # type: ignore[override]
        """Return the word of a row; negative ones count from the end.

        Raises
        ------
        IndexError
            If there is no such row.
        TypeError
            If it is not a whole number: `id_of` finds a word's row.
        """
        if not isinstance(row, int | np.integer):
            allowed = "a row must be a whole number (id_of finds a word's)"
            raise TypeError(f"{allowed}, got {row!r}")
        if not -len(self) <= row < len(self):
            raise IndexError(f"row must be below {len(self)}, got {row}")
        return self.bytes_of(row % len(self)).decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        data = self.data.data
        for start, end in pairwise(self.offsets.tolist()):
            yield str(data[start:end], "utf-8", "surrogateescape")

    @property
    def word_index(self) -> core.WordIndex:
        """What finds a word's row; the core takes it too."""
        if self._index is None:
            self._index = core.WordIndex(self.data, self.offsets)
        return self._index

    @property
    def num_duplicates(self) -> int:
        """Number of rows whose word an earlier row has; they cannot be looked up."""
        return self.word_index.num_duplicates

    def __contains__(self, word: object) -> bool:
        return self.word_index.find(word) >= 0

    def id_of(self, word: str | bytes) -> int:
        """Return the row of a word, the first where several rows have it.

        Raises
        ------
        KeyError
            If the vocabulary lacks it.
        """
        row = self.word_index.find(word)
        if row < 0:
            raise KeyError(word)
        return row

    def ids_of(self, words: Iterable[str | bytes]) -> NDArray[np.int64]:
        """Return the row of each word, -1 for those the vocabulary lacks.

        Raises
        ------
        TypeError
            If a word is neither ``str`` nor ``bytes``.
        """
        return self.word_index.find_all(words)
