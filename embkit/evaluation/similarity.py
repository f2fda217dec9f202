"""Word similarity: correlation of the cosines of word pairs with human scores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.evaluation.bootstrap import (
    percentile_interval,
    resample_correlations,
)
from embkit.evaluation.conventions import SIMILARITY_RULES, SimilarityRules
from embkit.evaluation.correlations import harmonic_mean, pearson, spearman
from embkit.evaluation.datasets import SimilaritySet
from embkit.evaluation.intervals import correlation_interval
from embkit.evaluation.named import as_set
from embkit.evaluation.options import SimilarityOptions
from embkit.evaluation.pair_cosines import pair_cosines
from embkit.evaluation.results import Estimate, Interval, Result
from embkit.evaluation.spaces import Doubles, Space, Vectors, as_space


@dataclass(frozen=True)
class SimilarityScore(Result):
    """How well cosines agree with human scores on one set.

    Attributes
    ----------
    vectors, set : str
        Names.
    spearman, pearson, harmonic_mean : Estimate
        The last is that of the other two (SemEval 2017).
    n_used, n_total : int
        Pairs that entered the correlation, and pairs of the set.
    n_unknown : int
        Pairs with a word that has no vector of its own; ``oov`` says what became of them.
    oov, case : str
    restrict_vocab : int or None
    convention : str
    unknown_words : tuple of str
    gold : array of float64, shape (n_total,)
        Human scores.
    predicted : array of float64, shape (n_total,)
        Cosines; NaN for pairs not used. Not part of ``to_dict``.
    pairs : tuple of (str, str)
    """

    vectors: str
    set: str
    spearman: Estimate
    pearson: Estimate
    harmonic_mean: Estimate
    n_used: int
    n_total: int
    n_unknown: int
    oov: str
    case: str
    restrict_vocab: int | None
    convention: str
    unknown_words: tuple[str, ...]
    gold: Doubles = field(repr=False)
    predicted: Doubles = field(repr=False)
    pairs: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def used(self) -> NDArray[np.bool_]:
        """Which pairs entered the correlation, shape (n_total,)."""
        return np.isfinite(self.predicted)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: figures, interval of Spearman's rho, coverage and policies."""
        interval = self.spearman.interval
        return [
            {
                "vectors": self.vectors,
                "set": self.set,
                "spearman": self.spearman.value,
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
                "pearson": self.pearson.value,
                "harmonic": self.harmonic_mean.value,
                "used": f"{self.n_used}/{self.n_total}",
                "unknown": self.n_unknown,
                "oov": self.oov,
                "case": self.case,
                "reason": self.spearman.reason,
            }
        ]


def evaluate_similarity(
    vectors: Vectors,
    data: SimilaritySet | str | os.PathLike[str],
    options: SimilarityOptions | None = None,
    *,
    name: str = "",
) -> SimilarityScore:
    """Correlate the cosines of word pairs with human scores.

    Parameters
    ----------
    vectors : Embeddings, sparse embeddings or mapping of words to arrays
    data : SimilaritySet, str or path
        The set, or its file or name as `open_set` takes it.
    options : SimilarityOptions, optional
        Policies for unknown words and case, interval, convention.
    name : str
        Name of the vectors in the result.

    Returns
    -------
    SimilarityScore
        Undefined figures are None with the reason.

    Raises
    ------
    TypeError
        If ``vectors`` is none of the above.
    ValueError
        If ``data`` neither is nor names such a set.

    Examples
    --------
    >>> from embkit.evaluation.datasets import SimilaritySet
    >>> pairs = (("cat", "dog"), ("cat", "car"), ("dog", "car"), ("cat", "gnu"))
    >>> data = SimilaritySet("tiny", pairs, np.array([9.0, 2.0, 1.0, 7.0]))
    >>> vectors = {"cat": [1.0, 0.2], "dog": [0.9, 0.1], "car": [0.1, 1.0]}
    >>> score = evaluate_similarity(vectors, data)
    >>> score.spearman.value, score.n_used, score.n_total, score.unknown_words
    (1.0, 3, 4, ('gnu',))
    """
    data, space = as_set(data, SimilaritySet), as_space(vectors)
    return score_pairs((space, space), data, options or SimilarityOptions(), name)


def score_pairs(
    spaces: tuple[Space, Space], data: SimilaritySet, options: SimilarityOptions, name: str
) -> SimilarityScore:
    """Correlate as `evaluate_similarity` does, first and second words each in a space."""
    rules = resolve_rules(options)
    chosen = [
        i for i, pair in enumerate(data.pairs) if not (rules.single_words and _has_blank(pair))
    ]
    pairs = tuple(data.pairs[i] for i in chosen)
    gold = np.asarray(data.scores, np.float64)[chosen]
    predicted, unknown = pair_cosines(spaces, pairs, rules, options.oov_score)
    used = np.isfinite(predicted)
    rho, r = _estimates(gold[used], predicted[used], options)
    words = [word for pair in pairs for word in pair]
    return SimilarityScore(
        vectors=name,
        set=data.name,
        spearman=rho,
        pearson=r,
        harmonic_mean=harmonic_mean(r, rho),
        n_used=int(used.sum()),
        n_total=len(pairs),
        n_unknown=int(unknown.any(axis=0).sum()),
        oov=rules.oov,
        case=rules.case,
        restrict_vocab=rules.restrict_vocab,
        convention=options.convention,
        unknown_words=_distinct(words, unknown),
        gold=gold,
        predicted=predicted,
        pairs=pairs,
    )


def on_common_pairs(
    scores: Sequence[SimilarityScore], options: SimilarityOptions
) -> list[SimilarityScore]:
    """Return the scores of several models on the pairs that all of them cover.

    Raises
    ------
    ValueError
        If the scores are not of one set and convention.
    """
    if len({(score.set, score.convention, score.pairs) for score in scores}) > 1:
        raise ValueError("scores must be of one set and convention")
    common = np.logical_and.reduce([score.used for score in scores])
    found = []
    for score in scores:
        rho, r = _estimates(score.gold[common], score.predicted[common], options)
        found.append(
            replace(
                score,
                spearman=rho,
                pearson=r,
                harmonic_mean=harmonic_mean(r, rho),
                n_used=int(common.sum()),
                predicted=np.where(common, score.predicted, np.nan),
            )
        )
    return found


def mean_over_sets(scores: Sequence[Sequence[SimilarityScore]]) -> list[Estimate]:
    """Return each model's mean Spearman's rho over several sets.

    Parameters
    ----------
    scores : list of lists of SimilarityScore
        For each set, the score of each model, in one order.

    Raises
    ------
    ValueError
        If the models cover different pairs of a set: such means say nothing about the
        models. `on_common_pairs` makes them comparable.
    """
    for of_set in scores:
        for other in of_set[1:]:
            if not np.array_equal(of_set[0].used, other.used):
                raise ValueError(
                    f"means must be over the same pairs, but {of_set[0].vectors} uses "
                    f"{of_set[0].n_used} and {other.vectors} {other.n_used} of {other.set}'s "
                    f"{other.n_total}, not the same"
                )
    means = []
    for model in range(len(scores[0]) if scores else 0):
        values = [of_set[model].spearman.value for of_set in scores]
        defined = [value for value in values if value is not None]
        if len(defined) < len(values):
            missing = len(values) - len(defined)
            means.append(Estimate(None, reason=f"undefined on {missing} of {len(values)} sets"))
        else:
            means.append(Estimate(float(np.mean(defined))))
    return means


def resolve_rules(options: SimilarityOptions) -> SimilarityRules:
    """Return the convention's rules with the options that were given put in their place.

    Examples
    --------
    >>> resolve_rules(SimilarityOptions(convention="gensim", oov="zero")).oov
    'zero'
    """
    given = {name: getattr(options, name) for name in ("oov", "case", "restrict_vocab")}
    chosen = {name: value for name, value in given.items() if value is not None}
    return replace(SIMILARITY_RULES[options.convention], **chosen)


def _has_blank(pair: tuple[str, str]) -> bool:
    return any(len(word.split()) != 1 for word in pair)


def _distinct(words: Sequence[str], unknown: NDArray[np.bool_]) -> tuple[str, ...]:
    lost = zip(words, unknown.T.ravel(), strict=True)
    return tuple(dict.fromkeys(word for word, is_lost in lost if is_lost))


def _estimates(
    gold: Doubles, predicted: Doubles, options: SimilarityOptions
) -> tuple[Estimate, Estimate]:
    """Return Spearman's rho and Pearson's r with their intervals."""
    estimates = spearman(gold, predicted), pearson(gold, predicted)
    intervals: list[Interval | None] = [None, None]
    if estimates[0].value is not None and options.interval == "analytic":
        intervals = [
            correlation_interval(
                e.value or 0.0, len(gold), rank=is_rank, confidence=options.confidence
            )
            for e, is_rank in zip(estimates, (True, False), strict=True)
        ]
    elif estimates[0].value is not None:
        columns = resample_correlations(gold, [predicted], options).T
        method = "bootstrap over pairs"
        intervals = [percentile_interval(c, method, options.confidence) for c in columns]
    return tuple(  # type: ignore[return-value]
        e if e.value is None else _with_interval(e, interval)
        for e, interval in zip(estimates, intervals, strict=True)
    )


def _with_interval(estimate: Estimate, interval: Interval | None) -> Estimate:
    reason = None if interval else "too few different pairs for an interval"
    return replace(estimate, interval=interval, reason=reason)
