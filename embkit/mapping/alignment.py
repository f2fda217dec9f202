"""Projection through word alignments (Guo et al. 2015): vectors of translations, averaged."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from embkit._version import __version__
from embkit.embeddings import Embeddings
from embkit.mapping.config import AlignmentConfig
from embkit.mapping.dictionary import SeedDictionary, SeedPairs
from embkit.mapping.edit_distance import DeletionIndex
from embkit.mapping.normalize import Matrix, apply_steps, fit_steps
from embkit.mapping.spaces import Fit
from embkit.vocabulary import Vocabulary


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
    source: Vocabulary,
    target: Embeddings,
    dictionary: SeedDictionary,
    **options: Any,  # noqa: ANN401  (the fields of AlignmentConfig)
) -> Embeddings:
    """Give source words vectors in the target space, from counts of aligned words.

    A word's vector is the mean of its translations' vectors, weighted by how often it is
    aligned with each: ``v(w_i) = sum_j c_ij v(w_j) / sum_j c_ij``. A word of the vocabulary
    that is aligned with none gets the mean of the aligned words within a small edit distance.

    Parameters
    ----------
    source : Vocabulary
        Words that want a vector.
    target : Embeddings
        Shape (target_words, dim).
    dictionary : SeedDictionary
        Pairs with counts as weights, as ``read_word_alignments`` gives them.
    **options
        The fields of `AlignmentConfig`: ``distance``, ``case``, ``normalization``...

    Returns
    -------
    Embeddings
        The words that got a vector, in the order of ``source``, and their vectors of shape
        (num_words, dim); the provenance tells how many are aligned, propagated and left out.

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
    pairs = dictionary.find(source, target.vocabulary, case=config.case, unicode=config.unicode)
    if len(pairs) == 0:
        raise ValueError(
            "dictionary must have a pair that both vocabularies know: " + pairs.report.summary()
        )
    rows = apply_steps(target.vectors, fit_steps(target.vectors, config.normalization))
    vectors, is_known = _weighted_means(pairs, rows, len(source))
    num_aligned = int(is_known.sum())
    if config.distance > 0:
        _propagate(source, vectors, is_known, config.distance)
    kept = np.flatnonzero(is_known)
    provenance = {
        "method": "alignment",
        "config": asdict(config),
        "version": __version__,
        "aligned": num_aligned,
        "propagated": len(kept) - num_aligned,
        "without_vector": len(source) - len(kept),
        "dictionary": pairs.report.to_dict(),
    }
    counts = None if source.counts is None else source.counts[kept].tolist()
    words = Vocabulary.from_words([source.bytes_of(int(i)) for i in kept], counts)
    return Embeddings(words, vectors[kept], provenance=provenance)


def _weighted_means(
    pairs: SeedPairs, rows: Matrix, num_words: int
) -> tuple[Matrix, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Multiply the row-stochastic matrix of counts with the target's rows."""
    from scipy.sparse import csr_array

    shape = (num_words, len(rows))
    counts = csr_array((pairs.weights, (pairs.source, pairs.target)), shape=shape)
    totals = np.bincount(pairs.source, pairs.weights, num_words)
    summed = counts @ rows.astype(np.float64)
    means = np.divide(summed, totals[:, None], out=summed, where=totals[:, None] > 0)
    return means.astype(np.float32), totals > 0


def _propagate(
    source: Vocabulary,
    vectors: Matrix,
    is_known: np.ndarray[tuple[int], np.dtype[np.bool_]],
    distance: int,
) -> None:
    """Fill in the means of aligned words within the distance, in place."""
    words = list(source)
    known = np.flatnonzero(is_known)
    index = DeletionIndex([words[i] for i in known], distance)
    for i in np.flatnonzero(~is_known).tolist():
        close = index.within(words[i])
        if close:
            vectors[i] = vectors[known[close]].mean(axis=0, dtype=np.float64)
            is_known[i] = True
