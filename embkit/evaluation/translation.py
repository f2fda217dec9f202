"""Word translation: how often a word's translations are found in the other space."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias  # noqa: F401

import numpy as np
from numpy.typing import NDArray

from embkit.backend import parse_device
from embkit.checks import check_at_least, check_choice
from embkit.dictionaries.seed_dictionary import Dictionary, SeedDictionary, as_dictionary
from embkit.embeddings import Embeddings
from embkit.evaluation.bootstrap import percentile_interval, resample
from embkit.evaluation.intervals import wilson_interval
from embkit.evaluation.options import StatisticsOptions
from embkit.evaluation.results import Estimate, Result
from embkit.retrieval import METHODS, Hubness, RetrievalMethod, Retriever, hubness

Pair: TypeAlias = tuple[str, str]
FREQUENCY_BINS = (1_000, 5_000, 20_000, 50_000)
"""Rows at which the bins of frequency end; a last one holds the rest."""
_NEAREST = 10  # targets of a word that hubs are counted among


@dataclass(frozen=True, kw_only=True)
class TranslationOptions(StatisticsOptions):
    """Options of ``evaluate_translation``."""

    retrieval: RetrievalMethod = "csls"
    """How candidates are scored: nn, csls, inverted-softmax or margin."""
    neighborhood: int = 10
    """Neighbours of csls and margin."""
    inverse_temperature: float = 30.0
    """Of the inverted softmax."""
    limit: int | None = None
    """Only the first so many words of either space are known and retrieved."""
    exclude_identical: bool = False
    """Leave out pairs of words that are spelled alike."""
    device: str = "cpu"
    """Where products are computed: cpu, cuda or cuda:N (through CuPy), or auto, a GPU where
    one can be used."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("retrieval", self.retrieval, METHODS)
        check_at_least("neighborhood", self.neighborhood, 1)
        check_at_least("inverse_temperature", self.inverse_temperature, 1e-6)
        parse_device(self.device)
        if self.limit is not None:
            check_at_least("limit", self.limit, 1)


@dataclass(frozen=True)
class TranslationScore(Result):
    """How well words are translated.

    A word is found at k if any of its translations is among the k best. ``covered`` words are
    those with a row, one of whose translations has a row too.

    Attributes
    ----------
    vectors, set : str
        Names for tables.
    retrieval : str
    num_words, num_covered, num_pairs, num_covered_pairs : int
        Words and pairs of the dictionary, and those of them that are covered.
    coverage : float
        Covered words over all words.
    precision_at : dict of int to Estimate
        Share of covered words found at 1, 5 and 10.
    precision_over_all : dict of int to Estimate
        The same over all words: those not covered count as wrong.
    mean_reciprocal_rank : Estimate
        Of the best translation of each covered word.
    by_frequency, by_group : dict
        The first share (at 1) in each bin of source rows, and in each group of words.
    conventions : dict of str to dict
        What MUSE, VecMap, fastText's and XLING's evaluations call their result.
    """

    vectors: str
    set: str
    retrieval: str
    num_words: int
    num_covered: int
    num_pairs: int
    num_covered_pairs: int
    coverage: float
    precision_at: dict[int, Estimate]
    precision_over_all: dict[int, Estimate]
    mean_reciprocal_rank: Estimate
    by_frequency: dict[str, Estimate]
    by_group: dict[str, Estimate]
    conventions: dict[str, dict[str, float | None]]
    hubness: Hubness | None = None
    """How unevenly the covered words' ten best targets are spread."""
    ranks: dict[str, int] = field(repr=False, default_factory=dict)
    """Best rank of each covered word's translations."""

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: coverage, precision, mean reciprocal rank."""
        first = self.precision_at[1]
        return [
            {
                "vectors": self.vectors,
                "set": self.set,
                "retrieval": self.retrieval,
                **{f"P@{k}": estimate.value for k, estimate in self.precision_at.items()},
                "low": first.interval.low if first.interval else None,
                "high": first.interval.high if first.interval else None,
                "MRR": self.mean_reciprocal_rank.value,
                "covered": f"{self.num_covered}/{self.num_words}",
                "P@1 of all": self.precision_over_all[1].value,
                "reason": first.reason,
            }
        ]


def evaluate_translation(
    source: Embeddings,
    target: Embeddings,
    gold: Dictionary,
    *,
    options: TranslationOptions | None = None,
    groups: Mapping[str, Iterable[Pair]] | None = None,
    name: str = "",
    vectors: str = "",
) -> TranslationScore:
    """Look for the translations of a dictionary's words.

    Nothing is chosen or fitted here: give a dictionary that no map was learned from.

    Parameters
    ----------
    source, target : Embeddings
        Both in one space, most frequent words first.
    gold : SeedDictionary, path, or iterable or mapping of pairs
        A test dictionary, a word's several translations in pairs of their own or, in a mapping,
        in a list. The words of a SeedDictionary or file are looked for with ``_`` for blanks
        and composed or decomposed too, as `SeedDictionary.find` does.
    options : TranslationOptions, optional
    groups : mapping of name to pairs of ``gold``, optional
        Such as parts of speech: each gets a figure of its own, over its words' translations in
        its own pairs.
    name, vectors : str
        Names of the dictionary, where it is no file's, and of the vectors, for tables.

    Returns
    -------
    TranslationScore

    Raises
    ------
    ValueError
        If the dictionary is empty or has something else than pairs of words, or the spaces'
        dims differ.
    FormatError
        If its file is malformed.
    OSError
        If its file cannot be opened.

    Examples
    --------
    >>> en = Embeddings.from_words({"dog": [1.0, 0.1], "cat": [0.1, 1.0]})
    >>> de = Embeddings.from_words({"Katze": [0.0, 1.0], "Hund": [1.0, 0.0]})
    >>> gold = {"dog": "Hund", "cat": ["Katze", "Kater"], "cow": "Kuh"}
    >>> score = evaluate_translation(en, de, gold)
    >>> score.precision_at[1].value, score.precision_over_all[1].value
    (1.0, 0.6666666666666666)
    """
    options = options or TranslationOptions()
    pairs = list(dict.fromkeys(_pairs_of(gold, source, target)))
    if options.exclude_identical:
        pairs = [(s, t) for s, t in pairs if s != t]
    if not pairs:
        raise ValueError("gold must have a pair, got none")
    if isinstance(gold, str | os.PathLike):
        name = name or Path(gold).name
    rows = _find(source, [s for s, _ in pairs], options.limit)
    translations = _find(target, [t for _, t in pairs], options.limit)
    is_covered = (rows >= 0) & (translations >= 0)
    words = list(dict.fromkeys(s for s, _ in pairs))
    known = rows[is_covered], translations[is_covered]
    ranked, hubs = _rank(source, target, known, options)
    covered = [pair for pair, has_rows in zip(pairs, is_covered, strict=True) if has_rows]
    rank_of = dict(zip(covered, ranked.tolist(), strict=True))
    best = _best_ranks(rank_of)
    bins: dict[str, list[Pair]] = {}
    for pair, row in zip(covered, known[0].tolist(), strict=True):
        bins.setdefault(_bin(row), []).append(pair)
    hits = {k: sum(rank <= k for rank in best.values()) for k in (1, 5, 10)}
    return TranslationScore(
        vectors,
        name,
        options.retrieval,
        len(words),
        len(best),
        len(pairs),
        int(is_covered.sum()),
        len(best) / len(words),
        {k: _share(count, len(best)) for k, count in hits.items()},
        {k: _share(count, len(words)) for k, count in hits.items()},
        _mean_reciprocal(best, options),
        _by(rank_of, bins),
        _by(rank_of, groups or {}),
        _conventions(words, best, ranked, hits),
        hubs,
        best,
    )


def _pairs_of(gold: Dictionary, source: Embeddings, target: Embeddings) -> list[Pair]:
    """Return the pairs; a dictionary's as the vocabularies spell them, as the command does."""
    seeds = as_dictionary(gold)
    if isinstance(gold, SeedDictionary | str | os.PathLike):
        return seeds.spelled(source.vocabulary, target.vocabulary)
    return [(entry.source, entry.target) for entry in seeds]


def _find(space: Embeddings, words: list[str], limit: int | None) -> NDArray[np.int64]:
    rows = space.vocabulary.ids_of(words).astype(np.int64)
    return rows if limit is None else np.where(rows < limit, rows, -1)


def _rank(
    source: Embeddings,
    target: Embeddings,
    pairs: tuple[NDArray[np.int64], NDArray[np.int64]],
    options: TranslationOptions,
) -> tuple[NDArray[np.int64], Hubness | None]:
    """Return the rank of each pair's target for its source, and how hubs stand in the way."""
    if source.dim != target.dim:
        raise ValueError(
            f"source and target must have the same dim, got {source.dim} and {target.dim}"
        )
    retriever = Retriever(
        source.vectors[: options.limit],
        target.vectors[: options.limit],
        method=options.retrieval,
        neighborhood=options.neighborhood,
        inverse_temperature=options.inverse_temperature,
        threads=options.threads,
        device=options.device,
    )
    if len(pairs[0]) == 0:
        return np.zeros(0, np.int64), None
    queries, place = np.unique(pairs[0], return_inverse=True)
    wanted = [pairs[1][place == i] for i in range(len(queries))]
    found = retriever.ranks(source.vectors[queries], wanted)
    ranks = np.empty(len(pairs[0]), np.int64)
    for i, of_query in enumerate(found):
        ranks[place == i] = of_query
    nearest = retriever.search(source.vectors[queries], _NEAREST)
    return ranks, hubness(nearest, len(retriever.target))


def _best_ranks(rank_of: Mapping[Pair, int]) -> dict[str, int]:
    best: dict[str, int] = {}
    for (word, _), rank in rank_of.items():
        best[word] = min(rank, best.get(word, rank))
    return best


def _share(correct: int, total: int) -> Estimate:
    if total == 0:
        return Estimate(None, reason="no word of the dictionary is covered")
    return Estimate(correct / total, wilson_interval(correct, total))


def _mean_reciprocal(best: Mapping[str, int], options: TranslationOptions) -> Estimate:
    if not best:
        return Estimate(None, reason="no word of the dictionary is covered")
    reciprocal = 1 / np.array(list(best.values()), np.float64)
    if len(best) < 2:
        return Estimate(float(reciprocal.mean()), reason="a single word shows no variation")
    drawn = resample(len(best), lambda weights: weights @ reciprocal / len(best), options)
    interval = percentile_interval(
        np.concatenate(drawn), "bootstrap over words", options.confidence
    )
    return Estimate(float(reciprocal.mean()), interval)


def _bin(row: int) -> str:
    starts = (0, *FREQUENCY_BINS)
    for start, end in zip(starts, FREQUENCY_BINS, strict=False):
        if row < end:
            return f"{start + 1}-{end}"
    return f"over {starts[-1]}"


def _by(
    rank_of: Mapping[Pair, int], kinds: Mapping[str, Iterable[Pair]]
) -> dict[str, Estimate]:
    """Return the share of words found at 1 by each kind's pairs, most frequent kind first."""
    found = {
        kind: _best_ranks({pair: rank_of[pair] for pair in pairs if pair in rank_of})
        for kind, pairs in kinds.items()
    }
    ordered = [_bin(row) for row in (0, *FREQUENCY_BINS)]
    order = sorted(
        (kind for kind, best in found.items() if best),
        key=lambda kind: (ordered.index(kind) if kind in ordered else 9, kind),
    )
    return {
        kind: _share(sum(r == 1 for r in found[kind].values()), len(found[kind]))
        for kind in order
    }


def _conventions(
    words: list[str],
    best: Mapping[str, int],
    pair_ranks: NDArray[np.int64],
    hits: Mapping[int, int],
) -> dict[str, dict[str, float | None]]:
    """Return each tool's own figures from the same ranks.

    MUSE: words over covered words, coverage unknown. VecMap: the same, with the share of words
    that are covered. fastText's alignment: over all words. XLING: covered pairs one by one.
    """

    def over(total: int) -> dict[str, float | None]:
        return {f"P@{k}": count / total if total else None for k, count in hits.items()}

    pairs = len(pair_ranks)
    return {
        "muse": over(len(best)),
        "vecmap": {"P@1": over(len(best))["P@1"], "coverage": len(best) / len(words)},
        "fasttext": {"P@1": over(len(words))["P@1"], "coverage": len(best) / len(words)},
        "xling": {
            **{
                f"P@{k}": int((pair_ranks <= k).sum()) / pairs if pairs else None
                for k in (1, 5, 10)
            },
            "MRR": float((1 / pair_ranks).mean()) if pairs else None,
        },
    }
