"""A small generated model with test sets that make the tools' conventions differ.

All numbers come of whole-number arithmetic, so that they are the same everywhere: the figures
that other tools printed for this model stand in the tests as constants.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings

DIM = 16
SECTIONS = {
    "capitals": ("Athens Greece", "Oslo Norway", "Rome Italy", "Paris France"),
    "currency": ("Japan yen", "Peru sol", "India rupee"),
    "states": ("Dallas Texas", "Miami Florida", "Reno Nevada"),
    "family": ("man woman", "king queen", "boy girl", "son daughter"),
    "cities": ("Kyoto Japan", "Lima Peru", "Delhi India"),
    "gram1-plural": ("cat cats", "dog dogs", "car cars", "tree trees"),
    "gram2-past": ("go went", "see saw", "eat ate", "run ran"),
}
UNKNOWN = ("Peru", "sol", "Reno", "saw", "Kyoto")
VARIANTS = ("man", "king", "cat", "go", "rome", "GO", "Woman", "QUEEN", "dogs", "Dogs")


def _noise(row: int) -> NDArray[np.float64]:
    """Return a vector with entries in [-0.5, 0.5], of no pattern that matters."""
    state = row * 2654435761 + 97
    values = []
    for _ in range(DIM):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((state >> 40) / 2**24 - 0.5)
    return np.array(values)


def model_rows() -> dict[str, NDArray[np.float32]]:
    """Return words and vectors: relations are offsets with noise, variants are near."""
    rows: dict[str, NDArray[np.float64]] = {}
    number = 0
    for section, pairs in enumerate(SECTIONS.values()):
        offset = 2 * _noise(1000 + section)
        for pair in pairs:
            number += 1
            a, b = pair.split()
            base = rows.setdefault(a, 1.6 * _noise(number))
            rows.setdefault(b, base + offset + 0.9 * _noise(2000 + number))
    for word in UNKNOWN:
        del rows[word]
    lowered = {word.lower(): word for word in rows}
    for number, word in enumerate(VARIANTS):
        near = rows.get(lowered[word.lower()])
        assert near is not None
        rows.setdefault(word, near + 0.3 * _noise(3000 + number))
    for number in range(20):
        rows[f"filler{number}"] = 2 * _noise(4000 + number)
    # Cased before lower-case ones, so that the first variant is not always the lower one.
    scale = {word: 1 + (position % 5) / 4 for position, word in enumerate(rows)}
    return {word: (row * scale[word]).astype(np.float32) for word, row in rows.items()}


def model() -> Embeddings:
    """Return the model."""
    return Embeddings.from_words(model_rows())


def analogy_lines(*, lower: bool = False, sections: bool = True) -> list[str]:
    """Return all questions in word2vec's form."""
    lines = []
    for section, pairs in SECTIONS.items():
        lines += [f": {section}"] if sections else []
        lines += [f"{x} {y}" for x in pairs for y in pairs if x != y]
    return [line.lower() for line in lines] if lower else lines


def similarity_lines() -> list[str]:
    """Return pairs with scores from 0 to 9, with ties, unknown words and a phrase."""
    words = [word for pairs in SECTIONS.values() for pair in pairs for word in pair.split()]
    lines = []
    for number in range(60):
        first = words[number * 7 % len(words)]
        second = words[(number * 11 + 5) % len(words)]
        lines.append(f"{first}\t{second}\t{number * 37 % 19 / 2:.1f}")
    return [*lines, "New York\tRome\t4.5", "zebra\tquagga\t8.5"]


def write_model(path: Path) -> Path:
    """Write the model in word2vec's text form, with enough digits for exact floats."""
    rows = model_rows()
    lines = [f"{len(rows)} {DIM}"]
    lines += [f"{word} " + " ".join(repr(float(x)) for x in row) for word, row in rows.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
