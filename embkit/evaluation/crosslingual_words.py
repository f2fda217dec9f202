"""Similarity and analogies across two languages: word pairs with a word of each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.evaluation.intervals import wilson_interval
from embkit.evaluation.named import as_set
from embkit.evaluation.options import SimilarityOptions
from embkit.evaluation.results import Estimate, Result
from embkit.evaluation.sets import AnalogyQuestion, AnalogySet, SimilaritySet
from embkit.evaluation.similarity import SimilarityScore, score_pairs
from embkit.evaluation.spaces import Case, as_space, find_rows
from embkit.retrieval import RetrievalMethod, Retriever


def evaluate_crosslingual_similarity(
    source: Embeddings,
    target: Embeddings,
    data: SimilaritySet | str | os.PathLike[str],
    options: SimilarityOptions | None = None,
    *,
    name: str = "",
) -> SimilarityScore:
    """Correlate the cosines of pairs with a word of each language with human scores.

    The harmonic mean of both correlations is the official score of SemEval-2017 task 2
    (Camacho-Collados et al. 2017).

    Parameters
    ----------
    source, target : Embeddings
        Both in one space; the first word of a pair is the source's.
    data : SimilaritySet, str or path
        The set, or its file or name as `open_set` takes it.
    options : SimilarityOptions, optional
        As for `evaluate_similarity`; what they say of the vocabulary holds for each side's.
    name : str
        Name of the vectors in the result.

    Raises
    ------
    ValueError
        If the dims differ, or ``data`` neither is nor names such a set.

    Examples
    --------
    >>> en = Embeddings.from_words({"dog": [1.0, 0.1], "car": [0.0, 1.0]})
    >>> de = Embeddings.from_words({"Hund": [1.0, 0.0], "Auto": [0.1, 1.0]})
    >>> pairs = (("dog", "Hund"), ("car", "hund"), ("car", "Auto"))
    >>> data = SimilaritySet("tiny", pairs, np.array([3.0, 0.0, 4.0]))
    >>> evaluate_crosslingual_similarity(en, de, data).n_used
    3
    """
    _check_dims(source, target)
    spaces = as_space(source), as_space(target)
    data = as_set(data, SimilaritySet)
    return score_pairs(spaces, data, options or SimilarityOptions(), name)


@dataclass(frozen=True)
class CrosslingualAnalogyScore(Result):
    """How many analogies across languages are solved, by section and in all.

    Attributes
    ----------
    vectors, set : str
    accuracy : Estimate
        Over the questions all of whose words are known.
    accuracy_over_all : Estimate
    sections : dict of str to Estimate
    n_used, n_total : int
    """

    vectors: str
    set: str
    accuracy: Estimate
    accuracy_over_all: Estimate
    sections: dict[str, Estimate]
    n_used: int
    n_total: int

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each section and one for all."""
        named = {**self.sections, "all": self.accuracy}
        return [
            {
                "vectors": self.vectors,
                "set": self.set,
                "section": section,
                "accuracy": estimate.value,
                "low": estimate.interval.low if estimate.interval else None,
                "high": estimate.interval.high if estimate.interval else None,
                "reason": estimate.reason,
            }
            for section, estimate in named.items()
        ]


def evaluate_crosslingual_analogies(
    source: Embeddings,
    target: Embeddings,
    data: AnalogySet | str | os.PathLike[str],
    *,
    case: Case = "fallback",
    retrieval: RetrievalMethod = "nn",
    device: str = "cpu",
    name: str = "",
) -> CrosslingualAnalogyScore:
    """Solve analogies whose first pair is in one language and whose second in the other.

    For a is to b as c is to d, a and b are source words, c and d target words, and the
    closest target to b - a + c (at unit length), c left out, is to be d (Brychcin et al.
    2019).

    Parameters
    ----------
    source, target : Embeddings
        Both in one space.
    data : AnalogySet, str or path
        The set, or its file or name as `open_set` takes it.
    case : {"exact", "lower", "fold", "fallback"}
        How a word finds its row.
    retrieval : {"nn", "csls", "inverted-softmax", "margin"}
    device : str
        Where products are computed: cpu, cuda, cuda:N or auto.
    name : str

    Raises
    ------
    ValueError
        If the dims differ, or ``data`` neither is nor names such a set.
    """
    _check_dims(source, target)
    left, right = as_space(source), as_space(target)
    data = as_set(data, AnalogySet)
    questions = data.questions
    a, b = (find_rows(left, [getattr(q, x) for q in questions], case) for x in "ab")
    c = find_rows(right, [q.c for q in questions], case)
    answers = [set(find_rows(right, list(q.answers), case).tolist()) - {-1} for q in questions]
    used = np.flatnonzero((a >= 0) & (b >= 0) & (c >= 0) & [bool(some) for some in answers])
    correct = np.zeros(len(questions), bool)
    if used.size:
        queries = left.units(b[used]) - left.units(a[used]) + right.units(c[used])
        rows = source.vectors, target.vectors
        retriever = Retriever(*rows, method=retrieval, device=device)
        found = retriever.search(queries, 1, exclude=[[row] for row in c[used].tolist()])
        best = found.rows[:, 0].tolist()
        correct[used] = [row in answers[i] for i, row in zip(used.tolist(), best, strict=True)]
    sections = {}
    for section in data.sections:
        inside = [i for i in used.tolist() if questions[i].section == section]
        sections[section] = share_of(correct[inside])
    return CrosslingualAnalogyScore(
        *(name, data.name, share_of(correct[used]), share_of(correct)),
        *(sections, len(used), len(questions)),
    )


def cross_analogies(source: AnalogySet, target: AnalogySet) -> AnalogySet:
    """Return the questions that two languages' pairs of the same section make together.

    Each pair (a, b) of a section of the source with each (c, d) of the target's, as Brychcin
    et al. (2019) combine theirs.

    Examples
    --------
    >>> en = AnalogySet("en", (AnalogyQuestion("sex", "king", "queen", "man", ("woman",)),))
    >>> de = AnalogySet("de", (AnalogyQuestion("sex", "Mann", "Frau", "Sohn", ("Tochter",)),))
    >>> question = cross_analogies(en, de).questions[0]
    >>> question.a, question.b, question.c, question.answers
    ('king', 'queen', 'Sohn', ('Tochter',))
    """
    asking = dict.fromkeys((q.section, q.a, q.b) for q in source.questions)
    answering = dict.fromkeys((q.section, q.c, q.answers) for q in target.questions)
    return AnalogySet(
        f"{source.name}-{target.name}",
        tuple(
            AnalogyQuestion(section, a, b, c, answers)
            for section, a, b in asking
            for other, c, answers in answering
            if section == other
        ),
    )


def share_of(correct: NDArray[np.bool_] | Iterable[bool]) -> Estimate:
    """Return the share of true ones with Wilson's interval.

    Examples
    --------
    >>> str(share_of([True, False]))
    '0.500 [0.095, 0.905]'
    """
    values = np.asarray(list(correct), bool)
    if len(values) == 0:
        return Estimate(None, reason="none of the items is covered")
    return Estimate(float(values.mean()), wilson_interval(int(values.sum()), len(values)))


def _check_dims(source: Embeddings, target: Embeddings) -> None:
    if source.dim != target.dim:
        raise ValueError(
            f"source and target must have the same dim, got {source.dim} and {target.dim}"
        )
