"""Words within a small edit distance, found by what deletions leave in common."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from math import comb

import numpy as np

# Bytes of an entry while the index is built: hash and owner, their order, and both sorted.
_ENTRY = 40


class DeletionIndex:
    """Finds the words of a list within an edit distance of another word.

    Two words within distance d become equal by deleting at most d characters from each, so an
    index of all that deletions leave of the listed words gives every candidate by look-up
    (the idea of SymSpell), and only those are compared. The index holds hashes of what is
    left: two words that share one by chance are compared too, to no effect.

    Parameters
    ----------
    words : sequence of str
    distance : int
        The largest distance that will be asked for. The index grows as word length to the
        power of it.

    Examples
    --------
    >>> index = DeletionIndex(["house", "horse", "mouse"], 1)
    >>> index.within("houses")
    [0]
    >>> index.within("hose")
    [0, 1]
    """

    def __init__(self, words: Sequence[str], distance: int) -> None:
        self._words = words
        self._distance = distance
        hashes, owners = array("q"), array("q")
        for i, word in enumerate(words):
            left = deletions(word, distance)
            hashes.extend(map(hash, left))
            owners.extend([i] * len(left))
        unsorted = np.frombuffer(hashes, np.int64)
        order = np.argsort(unsorted, kind="stable")
        self._hashes = unsorted[order]
        self._owners = np.frombuffer(owners, np.int64)[order]

    @staticmethod
    def most_bytes(words: Iterable[str], distance: int) -> int:
        """Return what an index of some words takes at most while it is built.

        Examples
        --------
        >>> DeletionIndex.most_bytes(["abc"], 1)
        160
        """
        lengths = (len(word) for word in words)
        return _ENTRY * sum(comb(n, k) for n in lengths for k in range(distance + 1))

    def within(self, word: str) -> list[int]:
        """Return the numbers of the words within the distance, ascending."""
        wanted = np.fromiter(map(hash, deletions(word, self._distance)), np.int64)
        starts = np.searchsorted(self._hashes, wanted)
        ends = np.searchsorted(self._hashes, wanted, "right")
        candidates: set[int] = set()
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            candidates.update(self._owners[start:end].tolist())
        return sorted(
            i for i in candidates if levenshtein(word, self._words[i]) <= self._distance
        )


def deletions(word: str, most: int) -> set[str]:
    """Return what is left of a word after at most so many deletions, itself included.

    Examples
    --------
    >>> sorted(deletions("aab", 1))
    ['aa', 'aab', 'ab']
    """
    found = last = {word}
    for _ in range(most):
        last = set(_shortened(last))
        found = found | last
    return found


def _shortened(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        yield from (word[:i] + word[i + 1 :] for i in range(len(word)))


def levenshtein(a: str, b: str) -> int:
    """Return the fewest insertions, deletions and replacements that turn one into the other.

    Examples
    --------
    >>> levenshtein("kitten", "sitting")
    3
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]
