"""The faults that `eval.reliability` puts to each tool: what is given, and what is right."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LEAST_COUNT = 5


def _make_sentences() -> str:
    """Return lines of 300 words, each often enough to be kept."""
    chosen = random.Random(1)
    words = ["the", "cat", *(f"word{i}" for i in range(298))]
    lines = ([*chosen.sample(words, 14), "the", "cat"] for _ in range(400))
    return "".join(" ".join(line) + "\n" for line in lines)


SENTENCES = _make_sentences()


@dataclass(frozen=True)
class TrainingFault:
    """A corpus or an output that is not as it should be."""

    name: str
    corpus: bytes
    """What the file holds; it is piped in where ``piped``."""
    output: str = "vectors.txt"
    piped: bool = False
    expected: tuple[str, ...] | None = None
    """Words that must have vectors, where the text is good; None: it must be refused."""
    options: Mapping[str, str] | None = None
    """Values that replace an option's."""


def training_faults() -> list[TrainingFault]:
    """Return what goes wrong between a text and its vectors."""
    text = SENTENCES.encode()
    words = ("the", "cat")
    long_word = b"x" * 5000
    return [
        TrainingFault("none: a good text", text, expected=words),
        TrainingFault("disk full", text, output="/dev/full"),
        TrainingFault("output folder missing", text, output="missing/vectors.txt"),
        TrainingFault("corpus through a pipe", text, piped=True, expected=words),
        TrainingFault("gzip corpus", gzip.compress(text), expected=words),
        TrainingFault("blank corpus", b"\n \n" * 100),
        TrainingFault(
            "no newline at the end",
            text + b"last the cat\n" * (LEAST_COUNT - 1) + b"cat last",
            expected=("last",),
        ),
        TrainingFault(
            "byte-order mark",
            b"\xef\xbb\xbf" + b"first the cat\n" * LEAST_COUNT + text,
            expected=("first",),
        ),
        TrainingFault(
            "word of 5,000 bytes",
            text + (b"the " + long_word + b" sat\n") * LEAST_COUNT,
            expected=(long_word.decode(),),
        ),
        TrainingFault("UTF-16 text", SENTENCES.encode("utf-16")),
        TrainingFault("learning rate nan", text, options={"learning_rate": "nan"}),
        TrainingFault("window 0", text, options={"window": "0"}),
        TrainingFault("no such corpus", b"", options={"corpus": "missing.txt"}),
    ]


def _binary(rows: str, *body: bytes) -> bytes:
    return rows.encode() + b"\n" + b"".join(body)


def _row(word: bytes, *values: float) -> bytes:
    return word + b" " + struct.pack(f"<{len(values)}f", *values) + b"\n"


GOOD = _binary("2 2", _row(b"the", 1, 2), _row(b"cat", 3, 4))

NO_FAULT = "none: a good file"

# name: (bytes of a word2vec binary file); all but the first must be refused with a message.
BINARY_FAULTS: dict[str, bytes] = {
    NO_FAULT: GOOD,
    "cut inside a row": GOOD[:-6],
    "fewer rows than stated": _binary("3 2", GOOD[4:]),
    "more rows than stated": _binary("1 2", GOOD[4:]),
    "10^12 rows stated": _binary("1000000000000 300", GOOD[4:]),
    "negative rows stated": _binary("-2 2", GOOD[4:]),
    "dim 0": _binary("2 0", b"the \ncat \n"),
    "NaN in a row": _binary("2 2", _row(b"the", 1, float("nan")), _row(b"cat", 3, 4)),
    "empty file": b"",
    "HTML error page": b"<!DOCTYPE html><html>404</html>\n",
}


_TEXT_ROWS = b"the 1 2\ncat 3 4.5\n"

# The same of word2vec text.
TEXT_FAULTS: dict[str, bytes] = {
    NO_FAULT: b"2 2\n" + _TEXT_ROWS,
    "cut inside a row": b"2 2\n" + _TEXT_ROWS[:-3],
    "fewer rows than stated": b"3 2\n" + _TEXT_ROWS,
    "more rows than stated": b"1 2\n" + _TEXT_ROWS,
    "10^12 rows stated": b"1000000000000 300\n" + _TEXT_ROWS,
    "negative rows stated": b"-2 2\n" + _TEXT_ROWS,
    "dim 0": b"2 0\nthe \ncat \n",
    "NaN in a row": b"2 2\nthe 1 nan\ncat 3 4.5\n",
    "empty file": b"",
    "HTML error page": BINARY_FAULTS["HTML error page"],
}


def _fasttext(
    *, dim: int = 2, stated: int = 4, first: float = 1, cut: int | None = None
) -> bytes:
    """Return a fastText model of two words and two buckets, its 4 input rows ``stated``."""
    numbers = (793712314, 12, dim, 5, 5, 1, 5, 1, 2, 2, 2, 3, 6, 100)  # of version 12
    header = struct.pack("<14id", *numbers, 1e-4)
    dictionary = struct.pack("<3i2q", 2, 2, 0, 1000, -1)
    words = b"".join(word + b"\0" + struct.pack("<qb", 9, 0) for word in (b"the", b"cat"))
    rows = struct.pack("<?2q8f", False, stated, dim, first, *range(7))
    output = struct.pack("<?2q4f", False, 2, dim, *range(4))
    return (header + dictionary + words + rows)[:cut] + (output if cut is None else b"")


# The same of a fastText model.
FASTTEXT_FAULTS: dict[str, bytes] = {
    NO_FAULT: _fasttext(),
    "cut inside a row": _fasttext(cut=-6),
    "fewer rows than stated": _fasttext(stated=5),
    "more rows than stated": _fasttext(stated=3),
    "10^12 rows stated": _fasttext(stated=10**12),
    "negative rows stated": _fasttext(stated=-4),
    "dim 0": _fasttext(dim=0),
    "NaN in a row": _fasttext(first=float("nan")),
    "empty file": b"",
    "HTML error page": BINARY_FAULTS["HTML error page"],
}
FAULTS = {"binary": BINARY_FAULTS, "text": TEXT_FAULTS, "fasttext": FASTTEXT_FAULTS}


def write_faults(folder: Path, form: str) -> Mapping[str, Path]:
    """Write the hostile files of a form of ``FAULTS`` below ``folder``; return them by name."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for number, (name, content) in enumerate(FAULTS[form].items()):
        paths[name] = folder / f"fault-{number}.{form}"
        paths[name].write_bytes(content)
    return paths
