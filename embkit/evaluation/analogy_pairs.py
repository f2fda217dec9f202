"""3CosAvg and LRCos: a relation learnt from all other word pairs of its section."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from embkit.evaluation.analogy_answers import Answers
from embkit.evaluation.analogy_questions import Asked
from embkit.evaluation.analogy_search import Search, best_rows
from embkit.evaluation.options import AnalogyMethod, AnalogyOptions
from embkit.evaluation.sets import AnalogySet
from embkit.evaluation.spaces import Doubles, Ids, find_rows

_BLOCK_ROWS = 8192
_NEGATIVE_COPIES = 4  # of the a-words against the b-words (vecto's, Drozd et al. 2016)


@dataclass(frozen=True)
class RelationPair:
    """A word pair as an item: its rows, -1 where unknown."""

    section: str
    a: int
    answers: Ids

    @property
    def is_known(self) -> bool:
        """Whether the word and one of its answers have vectors."""
        return self.a >= 0 and len(self.answers) > 0


def answer_pairs(
    asked: Asked, data: AnalogySet, method: AnalogyMethod, options: AnalogyOptions
) -> Answers:
    """Answer for each word pair what its relation gives, learnt from the others.

    The items are the different pairs (a, b) and (c, answers) of the questions, each left out
    in turn. Only the word that is asked about is excluded from the answers.
    """
    pairs = _relation_pairs(asked, data)
    predicted = np.full(len(pairs), -1, np.int64)
    for section in dict.fromkeys(pair.section for pair in pairs):
        members = [
            i for i, pair in enumerate(pairs) if pair.section == section and pair.is_known
        ]
        if len(members) < 2:
            continue
        chosen = [pairs[i] for i in members]
        solve = _average if method == "3CosAvg" else _regression
        predicted[members] = solve(asked, chosen, options)
    correct = np.array(
        [(pair.answers == row).any() for pair, row in zip(pairs, predicted, strict=True)], bool
    )
    used = predicted >= 0
    words = asked.space.words
    return Answers(
        method,
        tuple(pair.section for pair in pairs),
        correct & used,
        np.ones(len(pairs), bool) if asked.rules.oov == "wrong" else used,
        tuple(words[row] if row >= 0 else None for row in predicted.tolist()),
    )


def _relation_pairs(asked: Asked, data: AnalogySet) -> list[RelationPair]:
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for question in data.questions:
        found.setdefault((question.section, question.c), question.answers)
    for question in data.questions:  # those that only ask and never answer
        found.setdefault((question.section, question.a), (question.b,))
    distinct = list(dict.fromkeys(w for (_, a), b in found.items() for w in (a, *b)))
    rows = find_rows(asked.space, distinct, asked.rules.case, asked.limit)
    row_of = dict(zip(distinct, rows.tolist(), strict=True))
    pairs = []
    for (section, a), answers in found.items():
        known = [row for row in dict.fromkeys(row_of[w] for w in answers) if row >= 0]
        pairs.append(RelationPair(section, row_of[a], np.array(known, np.int64)))
    return pairs


def _dense(matrix: Any) -> Doubles:  # noqa: ANN401
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


def _sides(asked: Asked, pairs: list[RelationPair]) -> tuple[Doubles, Doubles]:
    a = _dense(asked.space.units(np.array([pair.a for pair in pairs])))
    b = _dense(asked.space.units(np.array([pair.answers[0] for pair in pairs])))
    return a, b


def _average(asked: Asked, pairs: list[RelationPair], options: AnalogyOptions) -> Ids:
    a, b = _sides(asked, pairs)
    steps = b - a
    targets = a + (steps.sum(axis=0) - steps) / (len(pairs) - 1)
    numbers = np.arange(len(pairs))
    search = Search(
        _as_terms(asked.space, targets),
        np.stack([numbers, numbers, numbers], 1),
        _own_words(pairs, options),
        ("only-b",),
        epsilon=asked.rules.epsilon,
        smoothing=0,
        limit=asked.limit,
        threads=options.threads,
        device=options.device,
    )
    rows, _ = best_rows(asked.space, search)
    return np.asarray(rows[0], np.int64)


def _own_words(pairs: list[RelationPair], options: AnalogyOptions) -> list[Ids]:
    if not options.exclude_queries:
        return [np.zeros(0, np.int64)] * len(pairs)
    return [np.array([pair.a], np.int64) for pair in pairs]


def _regression(asked: Asked, pairs: list[RelationPair], options: AnalogyOptions) -> Ids:
    a, b = _sides(asked, pairs)
    space = asked.space
    rng = np.random.default_rng(options.seed)
    noise = _dense(space.units(rng.integers(0, asked.limit, len(pairs))))
    weights, biases = _fit_all(a, b, noise)
    best = np.full(len(pairs), -np.inf)
    rows = np.full(len(pairs), -1, np.int64)
    own = _own_words(pairs, options)
    for start in range(0, asked.limit, _BLOCK_ROWS):
        block = slice(start, min(start + _BLOCK_ROWS, asked.limit))
        both = space.products(_as_terms(space, np.concatenate([weights, a])), block)
        logits, cosines = both[: len(pairs)] + biases[:, None], both[len(pairs) :]
        scores = cosines / (1 + np.exp(-np.clip(logits, -500, 500)))
        for i, words in enumerate(own):
            inside = words[(words >= block.start) & (words < block.stop)]
            scores[i, inside - start] = -np.inf
        found = scores.argmax(axis=1)
        top = scores[np.arange(len(pairs)), found]
        better = top > best
        rows[better], best[better] = found[better] + start, top[better]
    return rows


def _as_terms(space: Any, rows: Doubles) -> Any:  # noqa: ANN401
    if not space.is_sparse:
        return rows
    import scipy.sparse

    return scipy.sparse.csr_array(rows)


def _fit_all(a: Doubles, b: Doubles, noise: Doubles) -> tuple[Doubles, Doubles]:
    """Return weights and biases of the classifiers, each learnt without one pair."""
    from sklearn.linear_model import LogisticRegression

    weights, biases = np.empty_like(a), np.empty(len(a))
    for i in range(len(a)):
        others = np.arange(len(a)) != i
        rows = np.concatenate([b[others], *[a[others]] * _NEGATIVE_COPIES, noise[others]])
        labels = np.arange(len(rows)) < len(a) - 1
        model = LogisticRegression(C=1.0, class_weight="balanced", solver="liblinear")
        model.fit(rows, labels)
        weights[i], biases[i] = model.coef_[0], model.intercept_[0]
    return weights, biases
