"""Categorisation: how clusters of vectors agree with the categories of people."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from embkit.evaluation.bootstrap import percentile_interval, resample
from embkit.evaluation.clustering import belongs, purity, spherical_kmeans
from embkit.evaluation.named import as_set
from embkit.evaluation.results import Estimate, Result
from embkit.evaluation.sets import CategorizationSet
from embkit.evaluation.spaces import Vectors, as_space, find_rows
from embkit.evaluation.task_options import CategorizationOptions, resampling

_CHANCE_SAMPLES = 100

_Figures: TypeAlias = tuple[Estimate, float | None, Estimate, Estimate]


@dataclass(frozen=True)
class CategorizationScore(Result):
    """How clusters agree with categories on one set.

    Attributes
    ----------
    vectors, set : str
        Names.
    purity : Estimate
        Share of words that are of their cluster's most frequent category; its interval is a
        bootstrap over words, clusters and their categories being as they are.
    chance : float or None
        Mean purity when the same clusters meet shuffled categories.
    v_measure, ari : Estimate
        V-measure (Rosenberg and Hirschberg 2007) and adjusted Rand index (Hubert and Arabie
        1985), by scikit-learn; without interval, since a word drawn twice agrees with itself.
    n_used, n_total : int
        Words that were clustered, and words of the set.
    n_clusters : int
        As many as there are categories among the words used.
    case : str
    unknown_words : tuple of str
    clusters : tuple of int
        The cluster of each word used.
    words, categories : tuple of str
        The words used, and their categories.
    """

    vectors: str
    set: str
    purity: Estimate
    chance: float | None
    v_measure: Estimate
    ari: Estimate
    n_used: int
    n_total: int
    n_clusters: int
    case: str
    unknown_words: tuple[str, ...]
    clusters: tuple[int, ...] = field(repr=False)
    words: tuple[str, ...] = field(repr=False)
    categories: tuple[str, ...] = field(repr=False)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: figures, the interval of purity, coverage."""
        interval = self.purity.interval
        return [
            {
                "vectors": self.vectors,
                "set": self.set,
                "purity": self.purity.value,
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
                "chance": self.chance,
                "v_measure": self.v_measure.value,
                "ari": self.ari.value,
                "clusters": self.n_clusters,
                "used": f"{self.n_used}/{self.n_total}",
                "reason": self.purity.reason,
            }
        ]


def evaluate_categorization(
    vectors: Vectors,
    data: CategorizationSet | str | os.PathLike[str],
    options: CategorizationOptions | None = None,
    *,
    name: str = "",
) -> CategorizationScore:
    """Cluster the words of a set and compare the clusters with their categories.

    Spherical k-means with as many clusters as categories, the tightest of several starts; the
    categories do not take part in any choice. Words without a vector, or with one of zeros,
    are left out.

    Parameters
    ----------
    vectors : Embeddings, sparse embeddings or mapping of words to arrays
    data : CategorizationSet, str or path
        The set, or its file or name as `open_set` takes it.
    options : CategorizationOptions, optional
    name : str
        Name of the vectors in the result.

    Returns
    -------
    CategorizationScore

    Raises
    ------
    TypeError
        If ``vectors`` is none of the above.
    ValueError
        If ``data`` neither is nor names such a set.

    Examples
    --------
    >>> data = CategorizationSet("tiny", ("cat", "dog", "car"), ("animal", "animal", "thing"))
    >>> vectors = {"cat": [1.0, 0.1], "dog": [0.9, 0.2], "car": [0.1, 1.0]}
    >>> evaluate_categorization(vectors, data).purity.value
    1.0
    """
    options = options or CategorizationOptions()
    data, space = as_set(data, CategorizationSet), as_space(vectors)
    rows = find_rows(space, data.words, options.case, options.restrict_vocab)
    known = rows >= 0
    known[known] = space.norms[rows[known]] > 0
    used = np.flatnonzero(known).tolist()
    categories = tuple(data.categories[i] for i in used)
    num_clusters = len(set(categories))
    if num_clusters < 2:
        why = f"{len(used)} of {len(data)} words are known, of {num_clusters} categories"
        undefined = Estimate(None, reason=f"need words of 2 categories: {why}")
        figures: _Figures = (undefined, None, undefined, undefined)
        clusters: tuple[int, ...] = ()
    else:
        units = space.units(rows[known])
        clusters = tuple(
            spherical_kmeans(
                units, num_clusters, restarts=options.restarts, seed=options.seed
            ).labels.tolist()
        )
        figures = _figures(clusters, categories, options)
    return CategorizationScore(
        name,
        data.name,
        *figures,
        len(used),
        len(data),
        num_clusters,
        options.case,
        tuple(word for word, found in zip(data.words, known, strict=True) if not found),
        clusters,
        tuple(data.words[i] for i in used),
        categories,
    )


def _figures(
    clusters: tuple[int, ...], categories: tuple[str, ...], options: CategorizationOptions
) -> _Figures:
    from sklearn.metrics import adjusted_rand_score, v_measure_score

    hits = belongs(clusters, categories)
    values = np.concatenate(
        resample(len(hits), lambda weights: weights @ hits / len(hits), resampling(options))
    )
    interval = percentile_interval(
        values, "bootstrap over words, clustering fixed", options.confidence
    )
    rng = np.random.default_rng(options.seed)
    shuffled = [
        purity(clusters, rng.permutation(categories).tolist()) for _ in range(_CHANCE_SAMPLES)
    ]
    none = "no interval: a word drawn twice would agree with itself"
    return (
        Estimate(purity(clusters, categories), interval),
        float(np.mean(shuffled)),
        Estimate(float(v_measure_score(categories, clusters)), reason=none),
        Estimate(float(adjusted_rand_score(categories, clusters)), reason=none),
    )
