"""What a model answers to analogy questions, and whether the convention counts it right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.evaluation.analogy_questions import Asked, word_pairs
from embkit.evaluation.analogy_search import Search, best_rows
from embkit.evaluation.options import QUESTION_METHODS, AnalogyOptions
from embkit.evaluation.sets import AnalogySet
from embkit.evaluation.spaces import Doubles, Ids


@dataclass(frozen=True)
class Answers:
    """The answers of one method.

    Attributes
    ----------
    sections : tuple of str
        The section of each item.
    correct, used : arrays of bool, shape (num_items,)
    predicted : tuple of str or None
    asking, answering : arrays of int64, shape (num_items,), or None
        The word pairs that a question combines; None where items are independent.
    """

    method: str
    sections: tuple[str, ...]
    correct: NDArray[np.bool_]
    used: NDArray[np.bool_]
    predicted: tuple[str | None, ...]
    asking: Ids | None = None
    answering: Ids | None = None


def answer_questions(
    asked: Asked, data: AnalogySet, options: AnalogyOptions
) -> dict[str, Answers]:
    """Answer each question by itself, by all such methods in one pass."""
    methods = tuple(m for m in options.method if m in QUESTION_METHODS)
    if not methods:
        return {}
    numbers = np.flatnonzero(asked.used)
    excluded = [_excluded(asked, i, options) for i in numbers.tolist()]
    terms, questions = _terms(asked, asked.terms[numbers])
    search = Search(
        terms,
        questions,
        excluded,
        methods,
        epsilon=asked.rules.epsilon,
        smoothing=asked.rules.smoothing,
        limit=asked.limit,
        threads=options.threads,
        device=options.device,
    )
    rows, scores = best_rows(asked.space, search)
    asking, answering = word_pairs(data)
    sections = tuple(question.section for question in data.questions)
    counted = np.ones(len(data), bool) if asked.rules.oov == "wrong" else asked.used
    answers: dict[str, Answers] = {}
    for method, best, score in zip(methods, rows, scores, strict=True):
        best = _by_convention(asked, method, numbers, best, score, excluded)
        correct, predicted = _judge(asked, numbers, best)
        answers[method] = Answers(
            method, sections, correct, counted, predicted, asking, answering
        )
    return answers


def _judge(
    asked: Asked, numbers: Ids, rows: Ids
) -> tuple[NDArray[np.bool_], tuple[str | None, ...]]:
    correct = np.zeros(len(asked.used), bool)
    predicted: list[str | None] = [None] * len(asked.used)
    words = asked.space.words
    for number, row in zip(numbers.tolist(), rows.tolist(), strict=True):
        correct[number] = asked.accepts(number, row)
        predicted[number] = words[row] if row >= 0 else None
    return correct, tuple(predicted)


def _terms(asked: Asked, rows: Ids) -> tuple[Any, Ids]:
    """Return the different vectors of the questions, and the questions in terms of them."""
    space = asked.space
    distinct, questions = np.unique(rows, return_inverse=True)
    questions = questions.reshape(rows.shape)
    if len(distinct) == 0:
        return np.zeros((0, 1)), questions
    known = np.where(distinct < 0, 0, distinct)  # the first row: what "first" asks for
    terms = space.units(known)
    if distinct[0] < 0 and asked.rules.oov == "mean":
        terms = terms.toarray() if space.is_sparse else terms
        terms[0] = np.asarray(space.mean_vector(unit=True))[0]
    return terms, questions


def _excluded(asked: Asked, number: int, options: AnalogyOptions) -> Ids:
    if not options.exclude_queries:
        return np.zeros(0, np.int64)
    rows = {row for row in asked.terms[number].tolist() if row >= 0}
    if asked.rules.excluded_variants:
        for word in asked.words[number][:3]:
            rows.update(asked.variants[asked.upper(word)])
    return np.array(sorted(rows), np.int64)


def _by_convention(
    asked: Asked,
    method: str,
    numbers: Ids,
    rows: Ids,
    scores: Doubles,
    excluded: list[Ids],
) -> Ids:
    """Return the rows that the convention's program would have chosen."""
    rules = asked.rules
    rows = rows.copy()
    if rules.positive:
        rows[scores <= 0] = -1
    if rules.excluded is not None:
        shifted = (scores + 1) / 2 if rules.shifted_sum and method == "3CosAdd" else scores
        for i in np.flatnonzero(shifted <= rules.excluded).tolist():
            first = int(excluded[i][0]) if len(excluded[i]) else -1
            if first >= 0 and (shifted[i] < rules.excluded or first < rows[i]):
                rows[i] = first
    if rules.excluded_variants:
        for i, number in enumerate(numbers.tolist()):
            main = set(asked.terms[number].tolist())
            extra = [row for row in excluded[i].tolist() if row not in main]
            if len(extra) >= rules.excluded_variants:
                rows[i] = _among_few(asked, number, main, set(extra))
    return rows


def _among_few(asked: Asked, number: int, main: set[int], extra: set[int]) -> int:
    """Return the first of gensim's five candidates that is no case variant, else the last."""
    a, b, c = asked.terms[number].tolist()
    space = asked.space
    units = space.units(np.array([a, b, c], np.int64))
    query = units[[1]] - units[[0]] + units[[2]]
    scores = space.products(query, slice(0, asked.limit))[0]
    ranked: list[int] = [
        row for row in np.argsort(-scores, kind="stable").tolist() if row not in main
    ]
    candidates = ranked[: asked.rules.excluded_variants]
    return next((row for row in candidates if row not in extra), candidates[-1])
