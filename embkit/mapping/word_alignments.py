"""Word alignments of parallel text, read into a dictionary whose weights are counts."""

from __future__ import annotations

import os
import re
from collections import Counter
from itertools import zip_longest

from embkit.dictionaries.entries import Entry
from embkit.dictionaries.seed_dictionary import SeedDictionary
from embkit.errors import FormatError
from embkit.memory import ByteBudget
from embkit.streams import read_lines

# ``i-j``, ``i?j`` as some aligners write links they are not sure of, or ``i j``.
_LINK = re.compile(rb"(\d{1,9})([-?])(\d{1,9})")
_BARE = re.compile(rb"(?:\d{1,9}\s+\d{1,9}\s+)*\d{1,9}\s+\d{1,9}\s*")
_BARE_LINK = re.compile(rb"(\d+)\s+(\d+)")

_LETTER_BYTES = 64  # that splitting a line takes for each of its letters, at most
_PAIR_BYTES = 640  # of a counted pair, its words and its entry


def read_word_alignments(
    source_text: str | os.PathLike[str],
    target_text: str | os.PathLike[str],
    links: str | os.PathLike[str],
    *,
    reverse: bool = False,
) -> SeedDictionary:
    r"""Count how often each source word is aligned with each target word.

    Parameters
    ----------
    source_text, target_text : path
        Parallel text, a sentence a line, its words parted by blanks; may be compressed.
    links : path
        A line per sentence of links ``i-j``: word ``i`` of the source, from 0, is aligned with
        word ``j`` of the target. Lines of bare numbers ``i j i j`` are read too.
    reverse : bool
        The links are ``j-i``, target first.

    Returns
    -------
    SeedDictionary
        An entry for each aligned pair of words, its weight the count; by falling count.

    Raises
    ------
    FormatError
        If a file has more lines than another, is not UTF-8, or a link is malformed or leads
        to a word that is not there.
    OSError
        If a file cannot be opened.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> for name, text in {"en": "the dog\n", "de": "der Hund\n", "links": "0-0 1-1\n"}.items():
    ...     _ = (folder / name).write_text(text)
    >>> found = read_word_alignments(folder / "en", folder / "de", folder / "links")
    >>> [(e.source, e.target, e.weight) for e in found]
    [('the', 'der', 1.0), ('dog', 'Hund', 1.0)]
    """
    paths = tuple(os.fspath(path) for path in (source_text, target_text, links))
    counts: Counter[tuple[bytes, bytes]] = Counter()
    budget = ByteBudget()
    for number, lines in enumerate(zip_longest(*map(read_lines, paths)), start=1):
        if None in lines:
            reason = "the file ends here, but the text or links beside it go on"
            raise FormatError(paths[lines.index(None)], number, None, reason)
        budget.check(paths[2], number, _LETTER_BYTES * sum(map(len, lines)))
        known = len(counts)
        counts.update(_aligned_words(lines, paths[2], number, reverse=reverse))
        budget.charge(paths[2], number, _PAIR_BYTES * (len(counts) - known))
    if not counts:
        raise FormatError(paths[2], None, None, "alignments must have a link, got none")
    try:
        entries = [
            Entry(s.decode(), t.decode(), float(n)) for (s, t), n in counts.most_common()
        ]
    except UnicodeDecodeError as error:
        reason = f"aligned words must be UTF-8, got {error.object!r}"
        raise FormatError(paths[0], None, None, reason) from None
    return SeedDictionary(entries, path=paths[2])


def most_frequent(dictionary: SeedDictionary) -> SeedDictionary:
    """Keep for each source word its target of the largest weight, the first where equal.

    Faruqui and Dyer (2014) take their pairs so from word alignments.

    Examples
    --------
    >>> seeds = SeedDictionary([("a", "x", 2.0), ("a", "y", 3.0), ("b", "z", 1.0)])
    >>> [(e.source, e.target) for e in most_frequent(seeds)]
    [('a', 'y'), ('b', 'z')]
    """
    best: dict[str, Entry] = {}
    for entry in dictionary:
        if entry.source not in best or entry.weight > best[entry.source].weight:
            best[entry.source] = entry
    return SeedDictionary(best.values(), path=dictionary.path)


def parse_links(line: bytes) -> list[tuple[int, int, bool]]:
    """Return the links of a sentence, and whether each is sure (``i-j``, not ``i?j``).

    Raises
    ------
    ValueError
        If a link is of another form.

    Examples
    --------
    >>> parse_links(b"0-0 1?2"), parse_links(b"0 0 1 2")
    ([(0, 0, True), (1, 2, False)], [(0, 0, True), (1, 2, True)])
    """
    if _BARE.fullmatch(line):
        line = _BARE_LINK.sub(rb"\1-\2", line)
    links = []
    for link in line.split():
        match = _LINK.fullmatch(link)
        if match is None:
            shown = link[:40].decode("utf-8", "replace")
            raise ValueError(f"a link must be i-j or i?j, got {shown!r}")
        links.append((int(match[1]), int(match[3]), match[2] == b"-"))
    return links


def _aligned_words(
    lines: tuple[bytes, ...], path: str, number: int, *, reverse: bool
) -> list[tuple[bytes, bytes]]:
    source, target = lines[0].split(), lines[1].split()
    try:
        links = parse_links(lines[2])
    except ValueError as error:
        raise FormatError(path, number, None, str(error)) from None
    pairs = []
    for first, second, _ in links:
        i, j = (second, first) if reverse else (first, second)
        if i >= len(source) or j >= len(target):
            reason = (
                f"the link {first}-{second} must lead to words below {len(source)} and "
                f"{len(target)}"
            )
            raise FormatError(path, number, None, reason)
        pairs.append((source[i], target[j]))
    return pairs
