"""What is odd or broken in vectors that are read as whole arrays: words and rows alike."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats.checks import not_finite_rows
from embkit.sparse import SparseEmbeddings
from embkit.vocabulary import Vocabulary


def word_oddities(vocabulary: Vocabulary) -> dict[str, int]:
    r"""Count the words that the readers of rows count too; only oddities that occur.

    Examples
    --------
    >>> word_oddities(Vocabulary.from_words(["new york", b"caf\xc3", "a", "a"]))
    {'duplicate_words': 1, 'words_not_utf8': 1, 'words_with_blanks': 1}
    """
    counted = {"duplicate_words": vocabulary.num_duplicates}
    if not _is_utf8(vocabulary):
        counted["words_not_utf8"] = sum(map(_is_escaped, vocabulary))
    blanks = np.flatnonzero((vocabulary.data == ord(" ")) | (vocabulary.data == ord("\t")))
    holders = np.searchsorted(vocabulary.offsets, blanks, side="right")
    counted["words_with_blanks"] = len(np.unique(holders))
    return {name: count for name, count in counted.items() if count}


def _is_utf8(vocabulary: Vocabulary) -> bool:
    """Tell whether all words are UTF-8, all at once: millions one by one take seconds."""
    starts = vocabulary.offsets[:-1][np.diff(vocabulary.offsets) > 0]
    if (vocabulary.data[starts] >> 6 == 0b10).any():  # within a character of the word before
        return False
    try:
        vocabulary.data.tobytes().decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_escaped(word: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in word)


def leave_out_bad_rows(
    embeddings: Embeddings, path: str | os.PathLike[str]
) -> tuple[Embeddings, int, tuple[str, ...]]:
    """Return what is finite of vectors, how many rows were not, and what is to be told.

    That is in the provenance's ``problems`` too. Sparse vectors stay as they are.

    Raises
    ------
    FormatError
        If no row is finite.
    """
    if isinstance(embeddings, SparseEmbeddings):
        return embeddings, 0, ()
    output = embeddings.output
    has_pairs = output is not None and len(output) == len(embeddings)
    bad = not_finite_rows(embeddings.vectors)
    if has_pairs and output is not None:
        bad |= not_finite_rows(output)
    problems = []
    if bad.any():
        problems.append(f"row {int(np.argmax(bad))} is not finite")
    if output is not None and not has_pairs and not_finite_rows(output).any():
        problems.append("the output vectors, which are left out, are not finite")
        output = None
    if not problems:
        return embeddings, 0, ()
    if bad.all():
        raise FormatError(path, None, None, "there is no row whose numbers are finite")
    kept = np.flatnonzero(~bad)
    whole = Embeddings(
        _words_of(embeddings.vocabulary, kept),
        embeddings.vectors[kept],
        output=output[kept] if has_pairs and output is not None else output,
        provenance={**embeddings.provenance, "problems": problems},
        subwords=embeddings.subwords,
    )
    return whole, int(bad.sum()), tuple(problems)


def _words_of(vocabulary: Vocabulary, rows: NDArray[np.int64]) -> Vocabulary:
    words = [vocabulary.bytes_of(row) for row in rows.tolist()]
    counts = None if vocabulary.counts is None else vocabulary.counts[rows].tolist()
    return Vocabulary.from_words(words, counts)
