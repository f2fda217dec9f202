"""A frozen table of phrases, and its file."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.config import PhraseConfig
from embkit.errors import FormatError
from embkit.memory import ByteBudget
from embkit.output import OutputFile
from embkit.streams import open_input
from embkit.vocabulary import Vocabulary, encode_word

_MARK = b"# embkit phrases 1"
_COLUMNS = b"pass\tleft\tright\tcount\tscore"
_OPTIONS = ("scoring", "thresholds", "min_count", "delimiter", "segmentation", "across_lines")
_LONGEST_LINE = 1 << 24  # bytes
_PAIR_BYTES = 640  # of memory for a pair, beside its letters

CorePairs = tuple[
    NDArray[np.uint32], NDArray[np.uint32], NDArray[np.uint32], NDArray[np.float32]
]


@dataclass(frozen=True)
class PhrasePass:
    """The pairs that one pass joins, the best first."""

    left: Sequence[bytes]
    right: Sequence[bytes]
    counts: Sequence[int]
    scores: Sequence[float]


@dataclass(frozen=True, eq=False)
class PhraseTable:
    """Which neighbours become one word, in each pass; see `learn_phrases`."""

    config: PhraseConfig
    """The options it was learned with; delimiter and segmentation hold for its use too."""
    passes: tuple[PhrasePass, ...]
    """In the order in which they are done."""

    def __len__(self) -> int:
        return sum(len(pairs.left) for pairs in self.passes)

    def joined(self, left: bytes, right: bytes) -> bytes:
        """Return the phrase of two neighbours."""
        return left + encode_word(self.config.delimiter) + right

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """All words and phrases of the table."""
        words: dict[bytes, None] = {}
        for pairs in self.passes:
            for left, right in zip(pairs.left, pairs.right, strict=True):
                words.update(dict.fromkeys((left, right, self.joined(left, right))))
        return Vocabulary.from_words(words)

    @cached_property
    def joiner(self) -> core.PhraseJoiner:
        """What joins words in the core; threads may share it."""
        return core.PhraseJoiner(
            self.vocabulary.word_index,
            [self._core_pairs(pairs) for pairs in self.passes],
            optimal=self.config.segmentation == "optimal",
            delimiter=encode_word(self.config.delimiter),
        )

    def _core_pairs(self, pairs: PhrasePass) -> CorePairs:
        joined = [self.joined(*pair) for pair in zip(pairs.left, pairs.right, strict=True)]
        left, right, whole = (
            self.vocabulary.ids_of(words).astype(np.uint32)
            for words in (pairs.left, pairs.right, joined)
        )
        return left, right, whole, np.array(pairs.scores, np.float32)

    def segment(self, tokens: Sequence[str]) -> list[str]:
        """Return a sentence with its phrases joined.

        Examples
        --------
        >>> table = PhraseTable(PhraseConfig(), (PhrasePass([b"new"], [b"york"], [9], [200]),))
        >>> table.segment(["in", "new", "york", "now"])
        ['in', 'new_york', 'now']
        """
        ids = self.vocabulary.ids_of(tokens).astype(np.uint32)  # -1 is the core's "no word"
        begins = [*self.joiner.segment(ids).tolist(), len(tokens)]
        return [
            self.config.delimiter.join(tokens[begin:end]) for begin, end in pairwise(begins)
        ]

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the table as text: options, then a line for each pair, parted by tabs.

        Raises
        ------
        OutputExistsError
            If the file exists and ``overwrite`` is false.
        OSError
            If it cannot be written.
        ValueError
            If a word holds a tab or a newline.
        """
        with OutputFile(path, overwrite=overwrite) as stream:
            stream.write(_MARK + b"\n")
            for name in _OPTIONS:
                value = getattr(self.config, name)
                text = " ".join(map(repr, value)) if name == "thresholds" else str(value)
                stream.write(b"# %s %s\n" % (name.encode(), encode_word(text)))
            stream.write(_COLUMNS + b"\n")
            for number, pairs in enumerate(self.passes, 1):
                _write_pairs(stream, number, pairs)


def _write_pairs(stream: BinaryIO, number: int, pairs: PhrasePass) -> None:
    rows = zip(pairs.left, pairs.right, pairs.counts, pairs.scores, strict=True)
    for left, right, count, score in rows:
        if any(c in word for word in (left, right) for c in (b"\t", b"\n")):
            raise ValueError(f"a word must not hold a tab or newline, got {left!r}, {right!r}")
        end = f"{count}\t{float(score)!r}\n".encode()
        stream.write(b"%d\t%s\t%s\t%s" % (number, left, right, end))


def load_phrases(path: str | os.PathLike[str]) -> PhraseTable:
    """Read a table that `PhraseTable.save` wrote.

    Raises
    ------
    FormatError
        If it is none, or a line is wrong: it names the line.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "phrases.tsv"
    >>> table = PhraseTable(PhraseConfig(), (PhrasePass([b"new"], [b"york"], [9], [200.5]),))
    >>> table.save(path)
    >>> load_phrases(path).passes
    (PhrasePass(left=[b'new'], right=[b'york'], counts=[9], scores=[200.5]),)
    """
    name = os.fspath(path)
    with open_input(path) as stream:
        config, line = _read_options(name, stream)
        rows: list[list[tuple[bytes, bytes, int, float]]] = [[] for _ in config.thresholds]
        seen: set[tuple[int, bytes, bytes]] = set()
        budget = ByteBudget()
        while text := stream.readline(_LONGEST_LINE):
            line += 1
            number, left, right, count, score = _parse(name, line, text, len(rows))
            budget.charge(name, line, _PAIR_BYTES + 2 * len(text))
            if (number, left, right) in seen:
                raise FormatError(name, line, None, "a pair must stand once in a pass")
            seen.add((number, left, right))
            rows[number - 1].append((left, right, count, score))
    return PhraseTable(config, tuple(_pass_of(pairs) for pairs in rows))


def _pass_of(rows: list[tuple[bytes, bytes, int, float]]) -> PhrasePass:
    return PhrasePass(*([row[i] for row in rows] for i in range(4)))  # type: ignore[arg-type]


def _read_options(name: str, stream: BinaryIO) -> tuple[PhraseConfig, int]:
    first = stream.readline(_LONGEST_LINE).rstrip(b"\r\n")
    if first != _MARK:
        raise FormatError(name, 1, 0, f"a table of phrases must begin with {_MARK.decode()!r}")
    options: dict[str, str] = {}
    line = 1
    while (text := stream.readline(_LONGEST_LINE).rstrip(b"\r\n")) != _COLUMNS:
        line += 1
        key, _, value = text.decode("utf-8", "surrogateescape")[2:].partition(" ")
        if not text.startswith(b"# ") or key not in _OPTIONS or key in options:
            raise FormatError(name, line, None, f"expected an option, got {text[:40]!r}")
        options[key] = value
    try:
        config = PhraseConfig(
            scoring=options["scoring"],  # type: ignore[arg-type]
            thresholds=tuple(float(value) for value in options["thresholds"].split()),
            min_count=int(options["min_count"]),
            delimiter=options["delimiter"],
            segmentation=options["segmentation"],  # type: ignore[arg-type]
            across_lines={"True": True, "False": False}[options["across_lines"]],
        )
    except (KeyError, ValueError) as error:
        raise FormatError(name, line + 1, None, f"the options are not valid: {error}") from None
    return config, line + 1


def _parse(
    name: str, line: int, text: bytes, num_passes: int
) -> tuple[int, bytes, bytes, int, float]:
    try:
        number, left, right, count, score = text.rstrip(b"\r\n").split(b"\t")
        row = int(number), left, right, int(count), float(score)
    except ValueError:
        row = 0, b"", b"", 0, math.nan
    if not (1 <= row[0] <= num_passes and row[1] and row[2] and row[3] > 0):
        reason = "a line must be pass, left, right, count and score, parted by tabs, "
        raise FormatError(name, line, None, f"{reason}got {text[:60]!r}")
    if not math.isfinite(row[4]):
        raise FormatError(name, line, None, f"a score must be finite, got {row[4]}")
    return row
