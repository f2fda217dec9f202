"""The words whose use changed between two spaces of one language, such as of two periods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from embkit.backend import parse_device
from embkit.checks import check_at_least, check_choice, check_whole, take_plain_values
from embkit.embeddings import Embeddings
from embkit.mapping.initial import Pairs, Rows
from embkit.mapping.periods import (
    Period,
    asked_rows,
    common_rows,
    cosine_changes,
    neighbor_changes,
)
from embkit.neighbors import Doubles

Measure: TypeAlias = Literal["neighbors", "cosine"]
MEASURES: tuple[str, ...] = get_args(Measure)


@dataclass(frozen=True, kw_only=True)
class ChangesConfig:
    """Options of ``changes``."""

    neighbors: int = 25
    """Neighbours on each side that the measure neighbors compares."""
    min_count: int = 50
    """Compare words that occur so often on both sides, where counts are known: the vectors of
    rare words differ by chance alone (Dubossarsky et al. 2017)."""
    restrict_vocab: int | None = None
    """Compare words among the first so many of each side."""
    shown: int = 5
    """Neighbours on each side to show with each word."""
    device: str = "cpu"
    """Where products are computed: cpu, cuda or cuda:N (through CuPy), or auto, a GPU where
    one can be used."""

    def __post_init__(self) -> None:
        take_plain_values(self)
        check_at_least("neighbors", self.neighbors, 1)
        check_at_least("min_count", self.min_count, 0)
        if self.restrict_vocab is not None:
            check_at_least("restrict_vocab", self.restrict_vocab, 1)
        check_at_least("shown", self.shown, 1)
        parse_device(self.device)


@dataclass(frozen=True)
class Change:
    """How much the use of one word changed.

    Attributes
    ----------
    word : str
    score : float
        By the chosen measure; 0 is no change.
    first_count, second_count : int or None
        Occurrences, where known.
    before, after : tuple of str
        The nearest of each side's own frequent words, those of one side alone among them.
    """

    word: str
    score: float
    first_count: int | None
    second_count: int | None
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Changes:
    """Words by how much they changed, most first.

    Attributes
    ----------
    changes : tuple of Change
    measure : {"neighbors", "cosine"}
    neighbors : int or None
        Neighbours compared on each side, fewer than asked for where there are fewer words.
    num_common : int
        Words that both sides have.
    num_compared : int
        Those that are frequent enough on both sides and have a direction.
    num_rare : int
        Those of ``num_common`` that occur less than ``min_count`` times on a side.
    """

    changes: tuple[Change, ...]
    measure: Measure
    neighbors: int | None
    num_common: int
    num_compared: int
    num_rare: int

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        plain = [asdict(change) for change in self.changes]
        lists = [{**d, "before": [*d["before"]], "after": [*d["after"]]} for d in plain]
        return {**vars(self), "changes": lists}


def changes(
    first: Embeddings,
    second: Embeddings,
    config: ChangesConfig | None = None,
    *,
    measure: Measure = "neighbors",
    words: Sequence[str] | None = None,
    topn: int = 20,
) -> Changes:
    """Return the words of two spaces of one language whose use changed most.

    The measures, for a word that both sides have:

    - ``neighbors``: 1 - shared / k, the share of its k nearest neighbours, among the words
      compared, that only one side has (Gonen et al. 2020, "Simple, Interpretable and Stable
      Method for Detecting Words with Usage Change across Corpora", who take 1000 of them).
      The spaces need nothing in common, not even their dim.
    - ``cosine``: 1 - the cosine of its two vectors (Hamilton et al. 2016, "Diachronic Word
      Embeddings Reveal Statistical Laws of Semantic Change"). The spaces must have been
      brought together, as by ``map`` with ``identical_dictionary``.

    Compared are words that are frequent on both sides: by either measure rare words come first
    for their noise alone (Dubossarsky et al. 2017, "Outta Control: Laws of Semantic Change and
    Inherent Biases in Word Representation Models"). Exact; neighbours are found by
    `embkit.neighbors.top_k`, and of equal scores the word of the lower row of ``first`` comes
    first.

    Parameters
    ----------
    first, second : Embeddings
        Shapes (num_words, dim) each, such as of an earlier and a later period.
    config : ChangesConfig, optional
    measure : {"neighbors", "cosine"}
        How change is measured.
    words : list of str, optional
        Measure these alone, however rare; their neighbours are sought as always.
    topn : int
        Words to return, those that changed most; does not apply to ``words``.

    Returns
    -------
    Changes

    Raises
    ------
    DictionaryError
        If no word is spelt alike on both sides.
    KeyError
        If one of ``words`` is missing on a side.
    NotFiniteError
        If a vector holds NaN or inf.
    ValueError
        If no words can be compared, a vector that is asked for is zero, the dims differ where
        the cosine is asked for, or an option is not allowed.

    Examples
    --------
    >>> rows = np.eye(6)[[0, 0, 2, 2, 4, 4]] + 0.1 * np.eye(6)
    >>> old = Embeddings.from_words(["gay", "merry", "ship", "boat", "men", "women"], rows)
    >>> new = Embeddings.from_words(["ship", "boat", "men", "gay", "women", "merry"], rows)
    >>> found = changes(old, new, ChangesConfig(neighbors=1, shown=1), topn=1)
    >>> [(change.word, change.score, change.before, change.after) for change in found]
    [('gay', 1.0, ('merry',), ('men',))]
    """
    config = config or ChangesConfig()
    check_choice("measure", measure, MEASURES)
    check_whole("topn", topn)
    if measure == "cosine" and first.dim != second.dim:
        raise ValueError(
            f"first and second must be in one space for the cosine, got dims "
            f"{first.dim} and {second.dim}"
        )
    limits = config.min_count, config.restrict_vocab
    periods = Period.of("first", first, *limits), Period.of("second", second, *limits)
    common = common_rows(first, second)
    kept = periods[0].is_kept[common[0]] & periods[1].is_kept[common[1]]
    compared = common[0][kept], common[1][kept]
    if len(compared[0]) < (least := 1 if measure == "cosine" else 2):
        raise ValueError(
            f"min_count ({config.min_count}) and restrict_vocab ({config.restrict_vocab}) must "
            f"leave at least {least} of the {len(common[0])} words that both sides have, "
            f"got {len(compared[0])}"
        )
    asked = asked_rows(periods, words) if words is not None else compared
    if measure == "cosine":
        k, scores = None, cosine_changes(periods, asked)
    else:
        k = min(config.neighbors, len(compared[0]) - 1)
        scores = neighbor_changes(periods, asked, compared, k, config.device)
    order = np.argsort(-scores, kind="stable")[: topn if words is None else None]
    told = _told(periods, (asked[0][order], asked[1][order]), scores[order], config)
    is_rare = periods[0].is_rare[common[0]] | periods[1].is_rare[common[1]]
    figures = len(common[0]), len(compared[0]), int(is_rare.sum())
    return Changes(tuple(told), measure, k, *figures)


def _told(
    periods: tuple[Period, Period], chosen: Pairs, scores: Doubles, config: ChangesConfig
) -> Iterator[Change]:
    """Yield what a person wants to see of each word."""
    shown = [
        _nearest_words(period, rows, config)
        for period, rows in zip(periods, chosen, strict=True)
    ]
    first, second = periods
    for row, other, score in zip(*chosen, scores, strict=True):
        before, after = next(shown[0]), next(shown[1])
        yield Change(
            first.embeddings.vocabulary[row],
            float(score),
            first.count(row),
            second.count(other),
            before,
            after,
        )


def _nearest_words(
    period: Period, rows: Rows, config: ChangesConfig
) -> Iterator[tuple[str, ...]]:
    """Yield the nearest of a side's own frequent words for each row."""
    among = np.flatnonzero(period.is_kept)
    for found in period.nearest(rows, among, config.shown, config.device):
        for i in range(len(found)):
            places = [place for place, _ in found.pairs(i)]
            yield tuple(period.embeddings.vocabulary[row] for row in among[places])
