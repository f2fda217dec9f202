"""Word analogies: a is to b as c is to what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.evaluation.analogy_accuracy import SectionScore, accuracies_of
from embkit.evaluation.analogy_answers import Answers, answer_questions
from embkit.evaluation.analogy_pairs import answer_pairs
from embkit.evaluation.analogy_questions import ask, resolve_rules
from embkit.evaluation.conventions import AnalogyRules
from embkit.evaluation.named import as_set
from embkit.evaluation.options import PAIR_METHODS, AnalogyOptions
from embkit.evaluation.results import Estimate, Result
from embkit.evaluation.sets import AnalogySet
from embkit.evaluation.spaces import Vectors, as_space


@dataclass(frozen=True)
class AnalogyScore(Result):
    """Accuracy of one method on one set.

    Attributes
    ----------
    vectors, set, method : str
    accuracy : Estimate
    n_correct, n_used, n_total : int
        Items are questions; for 3CosAvg and LRCos word pairs.
    sections, groups : tuple of SectionScore
        Each section; semantic and syntactic ones together (Google), or categories (BATS).
    exclude_queries, oov, case, restrict_vocab, convention, epsilon
        By which rules.
    unknown_words : tuple of str
    answers : Answers
        What was answered to each item. Not part of ``to_dict``.
    used : array of bool, shape (num_items,)
        Which items counted. Not part of ``to_dict``.
    """

    vectors: str
    set: str
    method: str
    accuracy: Estimate
    n_correct: int
    n_used: int
    n_total: int
    sections: tuple[SectionScore, ...]
    groups: tuple[SectionScore, ...]
    exclude_queries: bool
    oov: str
    case: str
    restrict_vocab: int | None
    convention: str
    epsilon: float
    unknown_words: tuple[str, ...]
    answers: Answers = field(repr=False)
    used: NDArray[np.bool_] = field(repr=False)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Which items counted and were answered right, shape (num_items,)."""
        return self.answers.correct & self.used

    @property
    def predicted(self) -> tuple[str | None, ...]:
        """The answer given to each item."""
        return self.answers.predicted

    @property
    def section_of(self) -> tuple[str, ...]:
        """The section of each item."""
        return self.answers.sections

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each section, each group and the total."""
        total = SectionScore("total", self.accuracy, self.n_correct, self.n_used, self.n_total)
        return [self._row(part) for part in (*self.sections, *self.groups, total)]

    def total_rows(self) -> list[dict[str, Any]]:
        """Return a row for each group and the total."""
        return self.rows()[len(self.sections) :]

    def _row(self, part: SectionScore) -> dict[str, Any]:
        interval = part.accuracy.interval
        return {
            "vectors": self.vectors,
            "set": self.set,
            "method": self.method + ("" if self.exclude_queries else " honest"),
            "section": part.name,
            "accuracy": part.accuracy.value,
            "low": interval.low if interval else None,
            "high": interval.high if interval else None,
            "correct": part.n_correct,
            "used": f"{part.n_used}/{part.n_total}",
            "vocabulary": self.restrict_vocab or "all",
            "reason": part.accuracy.reason if part.name == "total" else None,
        }


def evaluate_analogies(
    vectors: Vectors,
    data: AnalogySet | str | os.PathLike[str],
    options: AnalogyOptions | None = None,
    *,
    name: str = "",
) -> list[AnalogyScore]:
    """Answer analogy questions over the whole vocabulary.

    With x over the vocabulary and all vectors at unit length, the answer maximises

    - "3CosAdd": cos(x, b - a + c) (Mikolov, Yih and Zweig 2013);
    - "3CosMul": s(x, b) s(x, c) / (s(x, a) + epsilon), s the cosine shifted to [0, 1] where
      vectors are dense (Levy and Goldberg 2014);
    - "PairDirection": cos(x - c, b - a) (Levy and Goldberg 2014);
    - "only-b": cos(x, c), the baseline without the relation (Linzen 2016; b is his c);
    - "3CosAvg": cos(x, c + mean(b - a)), the mean over the section's other pairs (Drozd,
      Gladkova and Matsuoka 2016);
    - "LRCos": cos(x, c) times the probability that x is of the answers' class, by logistic
      regression learnt from the section's other pairs (the same).

    Parameters
    ----------
    vectors : Embeddings, sparse embeddings or mapping of words to arrays
    data : AnalogySet, str or path
        The set, or its file or name as `open_set` takes it.
    options : AnalogyOptions, optional
    name : str
        Name of the vectors in the result.

    Returns
    -------
    list of AnalogyScore
        One for each method.

    Raises
    ------
    TypeError
        If ``vectors`` is none of the above.
    ValueError
        If a convention has no such method, or ``data`` neither is nor names such a set.
    CudaError
        If a GPU was asked for and cannot be used.
    ResourceError
        If its memory does not suffice.

    Examples
    --------
    >>> from embkit.evaluation.datasets import AnalogyQuestion, AnalogySet
    >>> rows = {"man": [1.0, 0, 0], "king": [1.0, 0, 1]}
    >>> rows |= {"woman": [0.0, 1, 0], "queen": [0.0, 1, 1]}
    >>> question = AnalogyQuestion("family", "man", "king", "woman", ("queen",))
    >>> score, _ = evaluate_analogies(rows, AnalogySet("tiny", (question,)))
    >>> score.method, score.accuracy.value, score.predicted
    ('3CosAdd', 1.0, ('queen',))
    """
    data, options = as_set(data, AnalogySet), options or AnalogyOptions()
    rules = resolve_rules(options)
    paired = [method for method in options.method if method in PAIR_METHODS]
    if paired and options.convention != "embkit":
        raise ValueError(
            f"convention must be embkit for {paired[0]}, got {options.convention!r}"
        )
    asked = ask(as_space(vectors), data, rules)
    answers = answer_questions(asked, data, options)
    for method in paired:
        answers[method] = answer_pairs(asked, data, method, options)
    return [
        _score(answers[method], asked.unknown_words, data.name, name, rules, options)
        for method in options.method
    ]


def _score(
    answers: Answers,
    unknown: tuple[str, ...],
    set_name: str,
    name: str,
    rules: AnalogyRules,
    options: AnalogyOptions,
) -> AnalogyScore:
    counted = answers.used
    sections, groups, total = accuracies_of(answers, counted, rules, options)
    return AnalogyScore(
        vectors=name,
        set=set_name,
        method=answers.method,
        accuracy=total.accuracy,
        n_correct=total.n_correct,
        n_used=total.n_used,
        n_total=total.n_total,
        sections=sections,
        groups=groups,
        exclude_queries=options.exclude_queries,
        oov=rules.oov,
        case=rules.case,
        restrict_vocab=rules.restrict_vocab,
        convention=options.convention,
        epsilon=rules.epsilon,
        unknown_words=unknown,
        answers=answers,
        used=counted,
    )


def on_common_items(
    scores: Sequence[AnalogyScore], options: AnalogyOptions
) -> list[AnalogyScore]:
    """Return the scores of several models by one method, on the items that all cover.

    Raises
    ------
    ValueError
        If the scores are not of one set, method and convention.
    """
    if len({(score.set, score.method, score.convention) for score in scores}) > 1:
        raise ValueError("scores must be of one set, method and convention")
    common = np.logical_and.reduce([score.used for score in scores])
    rules = resolve_rules(options)
    found = []
    for score in scores:
        sections, groups, total = accuracies_of(score.answers, common, rules, options)
        found.append(
            replace(
                score,
                accuracy=total.accuracy,
                n_correct=total.n_correct,
                n_used=total.n_used,
                sections=sections,
                groups=groups,
                used=common,
            )
        )
    return found
