"""A vocabulary as lines of a word and its count: what word2vec's ``-save-vocab`` writes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import pairwise

from embkit.errors import FormatError
from embkit.memory import ByteBudget
from embkit.output import OutputFile
from embkit.streams import open_input
from embkit.vocabulary import Vocabulary

_MOST_COUNT = 2**63 - 1
_LONGEST_LINE = 1 << 21  # bytes; a token has at most half as many
_LINE = re.compile(rb"(.*[^ \t])[ \t]+([0-9]+)[ \t]*\r?\n?", re.DOTALL)
_LINES_AT_ONCE = 10_000
_CHARGED_AT_ONCE = 1 << 18
_WORD_BYTES = 224  # of memory for a word and its count, beside its letters


def load_vocabulary(path: str | os.PathLike[str], *, least_count: int = 0) -> Vocabulary:
    r"""Read words and counts, one of each a line, in the order of the file.

    The count is what follows the last blank, so a word may hold blanks. Words may be any
    bytes; compressed files are told by content.

    Parameters
    ----------
    path : str or path
        The file, or ``-`` for standard input.
    least_count : int
        The smallest count that is allowed: 1 where words are drawn by their counts, though
        word2vec writes ``</s> 0`` for a text without newlines.

    Returns
    -------
    Vocabulary
        With counts; in whatever order the lines stand.

    Raises
    ------
    FormatError
        If the file has no line, or a line is not a word and a count from ``least_count`` to
        2^63 - 1, brings their sum above that, or repeats a word: it names the line.
    OSError
        If the file cannot be read.
    ResourceError
        If it does not fit in memory.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "vocabulary.txt"
    >>> _ = path.write_text("the 7\nnew york 2\n")
    >>> vocabulary = load_vocabulary(path)
    >>> list(vocabulary), vocabulary.counts.tolist()
    (['the', 'new york'], [7, 2])
    """
    words: list[bytes] = []
    counts: list[int] = []
    total = 0
    budget, num_bytes = ByteBudget(), 0
    name = os.fspath(path)
    with open_input(path) as stream:
        while line := stream.readline(_LONGEST_LINE):
            word, count = _parse(line, name, len(words) + 1, least_count)
            total += count
            if total > _MOST_COUNT:
                reason = f"the sum of the counts must be at most {_MOST_COUNT}, got {total}"
                raise FormatError(name, len(words) + 1, None, reason)
            words.append(word)
            counts.append(count)
            num_bytes += _WORD_BYTES + 2 * len(word)
            if num_bytes > _CHARGED_AT_ONCE:
                budget.charge(path, len(words), num_bytes)
                num_bytes = 0
    if not words:
        raise FormatError(name, None, 0, "a vocabulary must have words, got an empty file")
    vocabulary = Vocabulary.from_words(words, counts)
    if vocabulary.num_duplicates:
        first = vocabulary.ids_of(words)
        row = next(row for row, found in enumerate(first) if found != row)
        reason = f"{_shown(words[row])} stands in line {first[row] + 1} already"
        raise FormatError(name, row + 1, None, reason)
    return vocabulary


def _parse(line: bytes, path: str, number: int, least: int) -> tuple[bytes, int]:
    match = _LINE.fullmatch(line)
    if match is None:
        reason = f"a line must be a word and its count, got {_shown(line)}"
        raise FormatError(path, number, None, reason)
    word, digits = match.groups()
    if len(digits) > 19 or int(digits) > _MOST_COUNT:
        reason = f"a count must be at most {_MOST_COUNT}, got {_shown(digits)}"
        raise FormatError(path, number, None, reason)
    if int(digits) < least:
        reason = f"a count must be at least {least}, got {int(digits)}"
        raise FormatError(path, number, None, reason)
    return word, int(digits)


def _shown(text: bytes) -> str:
    cut = text.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
    return repr(cut if len(cut) <= 40 else cut[:40] + "...")


def save_vocabulary(
    vocabulary: Vocabulary, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    r"""Write each word and its count, one a line, in row order.

    Parameters
    ----------
    vocabulary : Vocabulary
        With counts.
    path : str or path
        The output; it is replaced whole or not at all.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    ValueError
        If the vocabulary has no counts, or a word would be read back as another.
    OutputExistsError
        If the file exists and ``overwrite`` is false.
    OSError
        If it cannot be written.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "vocabulary.txt"
    >>> save_vocabulary(Vocabulary.from_words(["the", "cat"], counts=[7, 2]), path)
    >>> path.read_text()
    'the 7\ncat 2\n'
    """
    lines = list(_lines(vocabulary))
    with OutputFile(path, overwrite=overwrite) as stream:
        for start in range(0, len(lines), _LINES_AT_ONCE):
            stream.write(b"".join(lines[start : start + _LINES_AT_ONCE]))


def _lines(vocabulary: Vocabulary) -> Iterator[bytes]:
    if vocabulary.counts is None:
        raise ValueError("vocabulary must have counts, got none")
    data = vocabulary.data.tobytes()
    bounds = pairwise(vocabulary.offsets.tolist())
    for (start, end), count in zip(bounds, vocabulary.counts.tolist(), strict=True):
        word = data[start:end]
        if not word or b"\n" in word or word[-1:] in b" \t\r":
            raise ValueError(
                "a word must not be empty, hold a newline or end in a blank, got "
                + _shown(word)
            )
        yield b"%s %d\n" % (word, count)
