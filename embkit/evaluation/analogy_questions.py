"""Analogy questions as rows of a space, by the rules of a convention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embkit.evaluation.conventions import ANALOGY_RULES, AnalogyRules
from embkit.evaluation.options import AnalogyOptions
from embkit.evaluation.sets import AnalogyQuestion, AnalogySet
from embkit.evaluation.spaces import Ids, Space, find_rows


@dataclass(frozen=True)
class Asked:
    """The questions of a set in terms of rows.

    Attributes
    ----------
    terms : array of int64, shape (num_questions, 3)
        Rows of a, b and c; -1 for unknown words.
    answers : list of arrays of int64, one per question
        Rows of the accepted answers that are known.
    used : array of bool, shape (num_questions,)
        Which questions are asked.
    """

    space: Space
    rules: AnalogyRules
    limit: int
    words: tuple[tuple[str, str, str, tuple[str, ...]], ...]
    terms: Ids
    answers: tuple[Ids, ...]
    used: NDArray[np.bool_]
    unknown_words: tuple[str, ...]

    @property
    def upper(self) -> Callable[[str], str]:
        """How the convention makes upper case."""
        return upper_of(self.rules)

    @cached_property
    def variants(self) -> dict[str, list[int]]:
        """Rows of each word in upper case, rising."""
        found: dict[str, list[int]] = {}
        for row, word in enumerate(self.space.words[: self.limit]):
            found.setdefault(self.upper(word), []).append(row)
        return found

    def accepts(self, question: int, row: int) -> bool:
        """Tell whether a row is an accepted answer."""
        if row < 0:
            return False
        if not self.rules.folded_answers:
            return bool((self.answers[question] == row).any())
        got = self.upper(self.space.words[row])
        return any(got == self.upper(answer) for answer in self.words[question][3])


def resolve_rules(options: AnalogyOptions) -> AnalogyRules:
    """Return the convention's rules with the options that were given put in their place."""
    names = ("oov", "case", "restrict_vocab", "epsilon")
    given = {name: getattr(options, name) for name in names}
    chosen = {name: value for name, value in given.items() if value is not None}
    return replace(ANALOGY_RULES[options.convention], **chosen)


def upper_of(rules: AnalogyRules) -> Callable[[str], str]:
    """Return how a convention makes upper case: word2vec's ``toupper`` knows ASCII only."""
    return ascii_upper if rules.ascii_fold else str.upper


def ascii_upper(word: str) -> str:
    """Return the word with the letters a to z in upper case, as C's ``toupper`` does.

    Examples
    --------
    >>> ascii_upper("straße"), "straße".upper()
    ('STRAßE', 'STRASSE')
    """
    return word.encode("utf-8", "surrogateescape").upper().decode("utf-8", "surrogateescape")


def ask(space: Space, data: AnalogySet, rules: AnalogyRules) -> Asked:
    """Return the questions in terms of rows."""
    limit = len(space)
    if rules.restrict_vocab is not None:
        limit = min(limit, rules.restrict_vocab)
    words = tuple(_in_order(question, rules) for question in data.questions)
    distinct = list(dict.fromkeys(w for a, b, c, d in words for w in (a, b, c, *d)))
    rows = find_rows(space, distinct, rules.case, limit, upper=upper_of(rules))
    row_of = dict(zip(distinct, rows.tolist(), strict=True))
    terms = np.array([[row_of[w] for w in q[:3]] for q in words], np.int64).reshape(-1, 3)
    answers = tuple(_known([row_of[w] for w in q[3]]) for q in words)
    covered = (terms >= 0).all(axis=1) & np.array([len(a) > 0 for a in answers], bool)
    used = covered if rules.oov in ("skip", "wrong") else np.ones(len(words), bool)
    if limit == 0:
        used = np.zeros(len(words), bool)
    unknown = tuple(word for word in distinct if row_of[word] < 0)
    return Asked(space, rules, limit, words, terms, answers, used, unknown)


def _in_order(
    question: AnalogyQuestion, rules: AnalogyRules
) -> tuple[str, str, str, tuple[str, ...]]:
    a, b, c, answers = question.a, question.b, question.c, question.answers
    if rules.asks_third:  # a - b + d is near c
        return b, a, answers[0], (c,)
    return a, b, c, answers


def _known(rows: Sequence[int]) -> Ids:
    return np.array([row for row in dict.fromkeys(rows) if row >= 0], np.int64)


def word_pairs(data: AnalogySet) -> tuple[Ids, Ids]:
    """Return the numbers of the word pairs that each question is made of.

    Returns
    -------
    asking, answering : arrays of int64, shape (num_questions,)
        The pair (a, b) and the pair (c, answer); the same pair has the same number.
    """
    numbers: dict[tuple[str, str, str], int] = {}
    asking, answering = [], []
    for question in data.questions:
        first = (question.section, question.a, question.b)
        second = (question.section, question.c, question.answers[0])
        asking.append(numbers.setdefault(first, len(numbers)))
        answering.append(numbers.setdefault(second, len(numbers)))
    return np.array(asking, np.int64), np.array(answering, np.int64)
