"""Pairs of spaces with a known map between them, for the tests of the mapping methods."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embkit import save
from embkit.embeddings import Embeddings

Doubles = NDArray[np.float64]


def random_rotation(dim: int, seed: int) -> Doubles:
    """Return an orthogonal matrix."""
    q: Doubles = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))[0]
    return q


def cloud(num_words: int, dim: int, seed: int) -> Doubles:
    """Return rows in clusters of unequal weight and width: no rotation leaves it as it is."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((6, dim)) * np.linspace(0.3, 2, dim)
    kinds = rng.choice(6, num_words, p=np.array([8, 5, 3, 2, 1, 1]) / 20)
    return centers[kinds] + rng.gamma(1.5, 0.5, (num_words, dim)) * np.linspace(0.2, 1, dim)


def space(rows: Doubles, prefix: str) -> Embeddings:
    """Return embeddings of the words ``prefix0``, ``prefix1``, ..."""
    words = [f"{prefix}{i}" for i in range(len(rows))]
    return Embeddings.from_words(words, rows.astype(np.float32))


def planted(
    num_words: int, dim: int, seed: int, noise: float = 0.0
) -> tuple[Embeddings, Embeddings, Doubles]:
    """Return two spaces and the rotation that carries the first onto the second.

    Word ``si`` translates to ``ti``; ``noise`` is in standard deviations of the rows.
    """
    rows, turn = cloud(num_words, dim, seed), random_rotation(dim, seed + 1)
    disturbed = rows + noise * rows.std() * np.random.default_rng(seed + 2).standard_normal(
        rows.shape
    )
    return space(rows, "s"), space(disturbed @ turn, "t"), turn


def pairs(count: int, start: int = 0) -> list[tuple[str, str]]:
    """Return the dictionary of planted spaces."""
    return [(f"s{i}", f"t{i}") for i in range(start, start + count)]


def precision_at_1(source: Doubles, target: Doubles) -> float:
    """Return the share of rows whose nearest target by cosine has their own number."""
    x = source / np.linalg.norm(source, axis=1, keepdims=True)
    z = target / np.linalg.norm(target, axis=1, keepdims=True)
    return float(((x @ z.T).argmax(1) == np.arange(len(x))).mean())


def write_planted(folder: Path) -> dict[str, str]:
    """Write planted spaces and a dictionary of 40 pairs and a wrong one.

    Returns paths by names: theirs, and those of a map and of vectors to be written.
    """
    source, target, _ = planted(120, 6, seed=1)
    save(source, folder / "s.bin")
    save(target, folder / "t")
    lines = [f"{s}\t{t}\n" for s, t in [*pairs(40), ("x", "y")]]
    (folder / "d.txt").write_text("".join(lines), encoding="utf-8")
    return {name: str(folder / name) for name in ("s.bin", "t", "d.txt", "m", "o.vec")}
