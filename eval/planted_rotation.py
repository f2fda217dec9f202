"""Planted rotations of real vectors: how often self-learning finds them, beside VecMap."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

import embkit
from embkit.evaluation.translation import TranslationOptions, evaluate_translation
from eval.vecmap import VecMap, load_mapped, save_text

NOISES = (0.0, 0.1, 0.2, 0.3, 0.5)


def plant(
    vectors: embkit.Embeddings, noise: float, seed: int, words: int = 1000
) -> tuple[embkit.Embeddings, embkit.Embeddings, list[tuple[str, str]]]:
    """Return the first words, the same rotated, disturbed and shuffled, and the gold pairs.

    ``noise`` is in standard deviations of all the numbers.
    """
    rng = np.random.default_rng(seed)
    rows = np.array(vectors.vectors[:words])
    turn = np.linalg.qr(rng.standard_normal((vectors.dim, vectors.dim)))[0]
    order = rng.permutation(len(rows))
    other = rows @ turn + noise * rows.std() * rng.standard_normal(rows.shape)
    names = vectors.words[:words]
    source = embkit.Embeddings.from_words(names, rows)
    target = embkit.Embeddings.from_words([f"t_{names[i]}" for i in order], other[order])
    return source, target, [(name, f"t_{name}") for name in names]


def score(
    source: embkit.Embeddings, target: embkit.Embeddings, gold: list[tuple[str, str]]
) -> dict[str, Any]:
    """Return P@1 with its interval and coverage, by nearest neighbours and by CSLS."""
    found = {}
    for retrieval in ("nn", "csls"):
        options = TranslationOptions(retrieval=retrieval, resamples=100)
        told = evaluate_translation(source, target, gold, options=options)
        at_1 = told.precision_at[1].to_dict()
        found[retrieval] = {
            "P@1": at_1["value"],
            "interval": [at_1["interval"]["low"], at_1["interval"]["high"]],
            "covered": told.num_covered,
            "words": told.num_words,
            "hits": "".join("1" if rank == 1 else "0" for rank in told.ranks.values()),
        }
    return found


def planted_embkit(vectors: embkit.Embeddings, noise: float, seed: int) -> dict[str, Any]:
    """Map one planted pair with embkit; return scores, seconds, iterations, verdict."""
    source, target, gold = plant(vectors, noise, seed)
    start = time.perf_counter()
    mapping = embkit.map(source, target, method="self-learning", seed=seed)
    seconds = time.perf_counter() - start
    mapped = mapping.apply(source, "source"), mapping.apply(target, "target")
    return {
        **score(*mapped, gold),
        "seconds": seconds,
        "iterations": mapping.statistics["iterations"],
        "verdict": mapping.statistics["verdict"]["judgement"],
    }


def planted_vecmap(
    vectors: embkit.Embeddings, noise: float, seed: int, tool: VecMap, work: Path
) -> dict[str, Any]:
    """Map the same planted pair with VecMap; return scores, seconds, iterations."""
    source, target, gold = plant(vectors, noise, seed)
    folder = work / f"planted-{noise}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    sides = {"source": source, "target": target}
    files = [save_text(space, folder / f"{side}-in.txt") for side, space in sides.items()]
    told = tool.run(files[0], files[1], folder, ["--unsupervised", "--seed", str(seed)])
    return {**score(*load_mapped(folder), gold), **told}
