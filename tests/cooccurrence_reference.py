"""Co-occurrence counts the slow and obvious way, with exact fractions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.config import CooccurrenceConfig
from embkit.corpus import EncodedCorpus

Sentence = Sequence["int | None"]
"""Rows; None where a token leaves its place empty."""


def weight(config: CooccurrenceConfig, distance: int) -> Fraction:
    if config.weighting == "flat":
        return Fraction(1)
    if config.weighting == "harmonic":
        return Fraction(1, distance)
    return Fraction(config.window - distance + 1, config.window)


def count_pairs(
    sentences: Sequence[Sentence], config: CooccurrenceConfig
) -> dict[tuple[int, int], Fraction]:
    """Return the sum of the weights of each (centre, context)."""
    sums: Counter[tuple[int, int]] = Counter()
    for tokens in sentences:
        for i, center in enumerate(tokens):
            for d in range(1, config.window + 1):
                left = tokens[i - d] if i >= d and config.sides != "right" else None
                right = (
                    tokens[i + d] if i + d < len(tokens) and config.sides != "left" else None
                )
                for context in (left, right):
                    if center is not None and context is not None:
                        sums[center, context] += weight(config, d)  # type: ignore[assignment]
    return dict(sums)  # type: ignore[arg-type]


def sentences_to_count(corpus: EncodedCorpus, config: CooccurrenceConfig) -> list[Sentence]:
    """Return what windows are made of: after deletion of rare and subsampled tokens."""
    counts = corpus.vocabulary.counts
    assert counts is not None
    rows: dict[int, int] = {}
    for word, count in enumerate(counts.tolist()):
        full = config.max_vocab is not None and len(rows) == config.max_vocab
        if count >= config.min_count and not full:
            rows[word] = len(rows)
    share = counts[list(rows)] / counts[list(rows)].sum()
    ratio = config.subsample / share
    keep = np.sqrt(ratio) + (0 if config.subsample_formula == "paper" else ratio)
    draws = core.random_draws(config.seed, 0, len(corpus.ids), draw=0) >> np.uint64(40)
    sentences: list[Sentence] = []
    for begin, end in zip(
        corpus.sentence_offsets[:-1].tolist(), corpus.sentence_offsets[1:].tolist(), strict=True
    ):
        sentence: list[int | None] = []
        for position in range(begin, end):
            row = rows.get(int(corpus.ids[position]))
            if row is None:
                if config.rare_deletion == "after":
                    sentence.append(None)
            elif config.subsample and int(draws[position]) >= keep[row] * 2**24:
                if config.subsampling == "clean":
                    sentence.append(None)
            else:
                sentence.append(row)
        sentences.append(sentence)
    return sentences


def dense(sums: dict[tuple[int, int], Fraction], num_rows: int) -> NDArray[np.float64]:
    matrix = np.zeros((num_rows, num_rows))
    for pair, value in sums.items():
        matrix[pair] = float(value)
    return matrix
