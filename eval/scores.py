"""Word similarity and analogies, both models of a comparison on the same words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings

SIMILARITY_SETS = {"ws353": "WS-353", "simlex-999": "SimLex-999", "men": "MEN", "rw": "RW"}
ANALOGY_SET = "google"
ANALOGY_WORDS = 30_000
BATCH = 512


class Score(NamedTuple):
    """A figure in points (0 to 100) and the part of the test set behind it."""

    points: float
    used: int
    total: int


def common_words(first: Embeddings, second: Embeddings) -> list[str]:
    """Return the words that both models know, in the order of ``first``.

    Scored on these alone, both answer the same questions; word2vec.c's ``</s>`` goes too.
    """
    known = set(second.words)
    return [word for word in first.words if word in known]


def unit_rows(model: Embeddings, words: Sequence[str]) -> NDArray[np.float32]:
    """Return the rows of ``words`` at length 1, shape (len(words), dim); zeros stay zeros."""
    rows = np.array(model.vectors[model.vocabulary.ids_of(words)], np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths == 0, 1, lengths), np.float32)


def read_rows(path: Path) -> list[list[str]]:
    """Return the tab-separated fields of each line, in lower case."""
    lines = path.read_text(encoding="utf-8").lower().split("\n")
    return [line.split("\t") for line in lines if line]


def similarity(
    ids: dict[str, int], units: NDArray[np.float32], pairs: Sequence[Sequence[str]]
) -> Score:
    """Return Spearman's rho x 100 of cosine and human score; unknown pairs are left out.

    Parameters
    ----------
    ids : dict
        Row of each word.
    units : array of float32, shape (num_words, dim)
        Rows of length 1.
    pairs : sequence of (word, word, score, ...)
    """
    from scipy.stats import spearmanr

    covered = [pair for pair in pairs if pair[0] in ids and pair[1] in ids]
    left, right = (units[[ids[pair[side]] for pair in covered]] for side in (0, 1))
    cosines = np.einsum("ij,ij->i", left, right, dtype=np.float64)
    rho = spearmanr(cosines, [float(pair[2]) for pair in covered]).statistic
    return Score(100 * float(rho), len(covered), len(pairs))


def analogies(
    ids: dict[str, int],
    units: NDArray[np.float32],
    questions: Sequence[Sequence[str]],
    limit: int = ANALOGY_WORDS,
) -> Score:
    """Return 3CosAdd accuracy x 100 over the covered questions.

    ``a : b = c : d`` is solved by the word nearest to ``b - a + c``, these three excepted
    (Mikolov et al. 2013); questions and answers are limited to the first ``limit`` words.

    Parameters
    ----------
    ids : dict
        Row of each word, most frequent first.
    units : array of float32, shape (num_words, dim)
        Rows of length 1.
    questions : sequence of (section, a, b, c, d)
    limit : int
        Number of most frequent words used.
    """
    units = units[:limit]
    rows = [[ids.get(word, limit) for word in question[1:5]] for question in questions]
    covered = np.array([row for row in rows if max(row) < limit], np.int64).reshape(-1, 4)
    correct = 0
    for start in range(0, len(covered), BATCH):
        a, b, c, d = covered[start : start + BATCH].T
        scores = (units[b] - units[a] + units[c]) @ units.T
        for word in (a, b, c):
            scores[np.arange(len(a)), word] = -np.inf
        correct += int((scores.argmax(axis=1) == d).sum())
    points = 100 * correct / len(covered) if len(covered) else float("nan")
    return Score(points, len(covered), len(questions))


def score_model(model: Embeddings, words: Sequence[str], data: Path) -> dict[str, Score]:
    """Return the score of each test set under ``data``, using only ``words``."""
    ids = {word: row for row, word in enumerate(words)}
    units = unit_rows(model, words)
    scores = {
        label: similarity(ids, units, read_rows(data / "similarity" / f"{name}.tsv"))
        for name, label in SIMILARITY_SETS.items()
    }
    questions = read_rows(data / "analogy" / f"{ANALOGY_SET}.tsv")
    return {**scores, "Google": analogies(ids, units, questions)}


def paired_interval(differences: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and two-sided 95% t interval of paired differences (n - 1 degrees)."""
    from scipy.stats import t

    mean = float(np.mean(differences))
    if len(differences) < 2:
        return mean, float("-inf"), float("inf")
    error = float(np.std(differences, ddof=1)) / len(differences) ** 0.5
    half = float(t.ppf(0.975, len(differences) - 1)) * error
    return mean, mean - half, mean + half
