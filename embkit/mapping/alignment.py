"""Projection through word alignments (Guo et al. 2015): vectors of translations, averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from embkit._version import __version__
from embkit.dictionaries.seed_dictionary import SeedDictionary, find_known
from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.embeddings import Embeddings
from embkit.mapping.comparison import SpacesReport
from embkit.mapping.config import AlignmentConfig
from embkit.mapping.edit_distance import DeletionIndex
from embkit.mapping.normalize import Matrix, apply_steps, fit_steps
from embkit.mapping.spaces import Fit, Rows, Spaces
from embkit.mapping.verdict import MOST_CHECKED, Verdict, distinct, judge_pairs
from embkit.vocabulary import Vocabulary

_PAIRS_AT_A_TIME = 8192
_JUDGED_AS = "unit,center,unit"  # how both sides are normalised for the verdict


def fit(*_: object) -> Fit:
    """Tell that this method gives vectors, which no matrix can hold.

    Raises
    ------
    ValueError
        Always.
    """
    raise ValueError(
        "method must be another one where a map is wanted: alignment gives vectors, through "
        "embkit.mapping.project_aligned or embkit map --method alignment --output-source"
    )


def project_aligned(
    source: Vocabulary | Embeddings,
    target: Embeddings,
    dictionary: SeedDictionary,
    *,
    on_spaces: Callable[[SpacesReport], None] | None = None,
    **options: Any,  # noqa: ANN401  (the fields of AlignmentConfig)
) -> Embeddings:
    """Give source words vectors in the target space, from counts of aligned words.

    A word's vector is the mean of its translations' vectors, weighted by how often it is
    aligned with each: ``v(w_i) = sum_j c_ij v(w_j) / sum_j c_ij``. A word of the vocabulary
    that is aligned with none gets the mean of the aligned words within a small edit distance.

    Nothing in this looks at the words' own vectors. Where they have any, they judge the
    alignments: words that are close there should be close where they were projected to.

    Parameters
    ----------
    source : Vocabulary or Embeddings
        Words that want a vector; with vectors of their own, of any dim, there is a verdict.
    target : Embeddings
        Shape (target_words, dim).
    dictionary : SeedDictionary
        Pairs with counts as weights, as ``read_word_alignments`` gives them.
    on_spaces : callable, optional
        Called before the work with what both spaces have in common, if the source is one.
    **options
        The fields of `AlignmentConfig`: ``distance``, ``case``, ``normalization``...

    Returns
    -------
    Embeddings
        The words that got a vector, in the order of ``source``, and their vectors of shape
        (num_words, dim); the provenance tells how many are aligned, propagated and left out,
        and of a source with vectors ``spaces`` and ``verdict``. The verdict rests on aligned
        words: whether a rotation (least squares where the dims differ) from the own vectors
        of half of them to the projected ones finds the other half's, and the other way round.

    Raises
    ------
    ValueError
        If an option is not allowed, or no word is aligned with one that has a vector.

    Examples
    --------
    >>> de = Embeddings.from_words({"Hund": [1.0, 0.0], "Tier": [0.0, 1.0]})
    >>> seeds = SeedDictionary([("dog", "Hund", 3.0), ("dog", "Tier", 1.0)])
    >>> v = project_aligned(Vocabulary.from_words(["dog", "dogs", "cat"]), de, seeds)
    >>> v.words, v["dogs"]
    (['dog', 'dogs'], array([0.75, 0.25], dtype=float32))
    """
    config = AlignmentConfig(**options)
    told: dict[str, Any] = {}
    spaces = None
    if isinstance(source, Embeddings):
        spaces, source = Spaces.of(source, target, _JUDGED_AS), source.vocabulary
        told["spaces"] = spaces.comparison.to_dict()
        if on_spaces is not None:
            on_spaces(spaces.comparison)
    pairs = find_known(
        dictionary, source, target.vocabulary, case=config.case, unicode=config.unicode
    )
    weighed = _Weighed(pairs, len(source))
    near: dict[int, list[int]] = {}
    if config.distance > 0:
        near = _near(source, weighed.words, config.distance)
    kept = np.union1d(weighed.words, np.fromiter(near, np.int64))
    vectors = np.empty((len(kept), target.dim), np.float32)
    _average(weighed, target, config.normalization, kept, vectors)
    for word, others in near.items():
        mean = vectors[np.searchsorted(kept, others)].mean(axis=0, dtype=np.float64)
        vectors[np.searchsorted(kept, word)] = mean
    provenance = {
        "method": "alignment",
        "config": asdict(config),
        "version": __version__,
        "aligned": len(weighed.words),
        "propagated": len(near),
        "without_vector": len(source) - len(kept),
        "dictionary": pairs.report.to_dict(),
    }
    if spaces is not None:
        told["verdict"] = _judged(spaces, pairs, kept, vectors).to_dict()
    counts = None if source.counts is None else source.counts[kept].tolist()
    words = Vocabulary.from_words([source.bytes_of(int(i)) for i in kept], counts)
    return Embeddings(words, vectors, provenance={**provenance, **told})


def _judged(spaces: Spaces, pairs: SeedPairs, kept: Rows, vectors: Matrix) -> Verdict:
    """Return the verdict on projected vectors, from those that their words have themselves.

    Words with the same most frequent translation are one word here, as no map parts them.
    """
    order = np.argsort(-pairs.weights, kind="stable")
    words = pairs.source[order][distinct((pairs.source[order], pairs.target[order]))]
    words = np.random.default_rng(1).permutation(words)[:MOST_CHECKED]
    projected = vectors[np.searchsorted(kept, words)]
    steps = fit_steps(vectors, _JUDGED_AS)
    return judge_pairs(spaces.source_rows(words), apply_steps(projected, steps))


class _Weighed:
    """Pairs in the order of their source words, each word's weights summing to 1."""

    def __init__(self, pairs: SeedPairs, num_words: int) -> None:
        order = np.argsort(pairs.source, kind="stable")
        source = pairs.source[order]
        totals = np.bincount(source, pairs.weights[order], num_words)
        self.targets = pairs.target[order]
        self.shares = pairs.weights[order] / totals[source]
        self.words, self.starts = np.unique(source, return_index=True)

    def blocks(self, size: int) -> Iterator[tuple[Rows, slice]]:
        """Yield some words and where their pairs stand, about ``size`` pairs at a time."""
        ends = np.append(self.starts[1:], len(self.targets))
        first = 0
        while first < len(self.words):
            last = max(first + 1, int(np.searchsorted(ends, self.starts[first] + size)))
            yield self.words[first:last], slice(self.starts[first], ends[last - 1])
            first = last


def _average(
    weighed: _Weighed, target: Embeddings, normalization: str, kept: Rows, vectors: Matrix
) -> None:
    """Fill in the weighted means of aligned words' translations: a row-stochastic product."""
    steps = fit_steps(target.vectors, normalization)
    for words, span in weighed.blocks(_PAIRS_AT_A_TIME):
        rows = apply_steps(target.vectors[weighed.targets[span]], steps).astype(np.float64)
        rows *= weighed.shares[span][:, None]
        begins = np.searchsorted(weighed.starts, span.start)
        starts = weighed.starts[begins : begins + len(words)] - span.start
        vectors[np.searchsorted(kept, words)] = np.add.reduceat(rows, starts)


def _near(source: Vocabulary, aligned: Rows, distance: int) -> dict[int, list[int]]:
    """Return for words that are not aligned the aligned ones within the distance, if any."""
    words = list(source)
    index = DeletionIndex([words[i] for i in aligned], distance)
    missing = np.setdiff1d(np.arange(len(words)), aligned)
    found = {i: index.within(words[i]) for i in missing.tolist()}
    return {i: aligned[close].tolist() for i, close in found.items() if close}
