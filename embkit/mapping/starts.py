"""The pairs that self-learning starts from, and other ones that its checking runs take."""

from __future__ import annotations

from typing import Any

import numpy as np

from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.mapping.initial import Pairs, identical_words, numerals, similar_distributions
from embkit.mapping.learning_config import SelfLearningConfig, Start
from embkit.mapping.normalize import Matrix
from embkit.mapping.soft_matching import match_by_shape
from embkit.mapping.spaces import Spaces

_MATCHED = (0.9, 0.8, 0.7, 0.6)  # shares of the words that further soft matchings take
_ENOUGH_IDENTICAL = 100  # identical words, numerals not counted, to start from unasked


def check_start(start: Start | None, *, given: bool) -> None:
    """Raise ValueError if the start that was named does not go with what was given.

    Examples
    --------
    >>> check_start("numerals", given=True)
    Traceback (most recent call last):
        ...
    ValueError: start must suit the dictionary: numerals takes no dictionary
    """
    if start is not None and (start == "dictionary") != given:
        need = "takes no dictionary" if given else "needs a dictionary"
        raise ValueError(f"start must suit the dictionary: {start} {need}")


def find_start(
    spaces: Spaces,
    source: Matrix,
    target: Matrix,
    pairs: SeedPairs | None,
    config: SelfLearningConfig,
) -> tuple[Start, Pairs]:
    """Return the kind of the start, and the pairs to start from.

    Parameters
    ----------
    spaces : Spaces
        Whose vocabularies hold identical words and numerals.
    source, target : array of float32, shape (num_words, dim)
        Their most frequent words' rows at unit length.
    pairs : SeedPairs or None
        The dictionary, where one was given.
    config : SelfLearningConfig
        Names the start, or leaves it to what there is.

    Raises
    ------
    ValueError
        If the dims differ, or there are no pairs.
    """
    if spaces.source.dim != spaces.target.dim:
        raise ValueError(
            "source and target must have the same dim for self-learning, "
            f"got {spaces.source.dim} and {spaces.target.dim}"
        )
    found = (pairs.source, pairs.target) if pairs is not None else None
    sizes = len(source), len(target)
    start = config.start
    if start is None:
        start = "dictionary" if found is not None else _without_dictionary(spaces, *sizes)
    if start == "distributions":
        return start, match_by_shape(
            *(source, target), words=config.initial_words, **_comparing(config)
        )
    if found is None:
        words = identical_words if start == "identical" else numerals
        found = words(spaces.source.vocabulary, spaces.target.vocabulary)
    found = _inside(found, *sizes)
    if len(found[0]) == 0:
        raise ValueError(
            f"start must find pairs among the {len(source)} most frequent words, "
            f"got none from {start}"
        )
    return start, found


def other_start(
    source: Matrix,
    target: Matrix,
    kind: Start,
    start: Pairs,
    config: SelfLearningConfig,
    attempt: int,
) -> Pairs:
    """Return what a run starts from that checks the others: half of what they started from.

    Each further attempt takes another half. From nothing, other words are matched softly,
    but once the sorted similarities are taken as they are, as published.

    Parameters
    ----------
    source, target : array of float32, shape (num_words, dim)
        As `find_start` takes them.
    kind, start
        What `find_start` returned.
    config : SelfLearningConfig
    attempt : int
        0 for the run that checks the first ones, then 1 and so on.

    Examples
    --------
    >>> rows, start = np.eye(4, dtype=np.float32), (np.arange(4), np.arange(4))
    >>> half = other_start(rows, rows, "dictionary", start, SelfLearningConfig(), 0)
    >>> [len(side) for side in half]
    [2, 2]
    """
    if kind == "distributions":
        size = min(config.initial_words, len(source), len(target))
        if attempt == 1:
            return similar_distributions(source, target, words=size, **_comparing(config))
        return _matched(source[:size], target[:size], config, attempt)
    order = np.random.default_rng(config.seed + attempt).permutation(len(start[0]))
    half = order[: max(1, len(order) // 2)]
    return start[0][half], start[1][half]


def _matched(source: Matrix, target: Matrix, config: SelfLearningConfig, draw: int) -> Pairs:
    """Return pairs of a soft matching of random words of either side."""
    rng = np.random.default_rng((config.seed, draw))
    kept = max(1, int(_MATCHED[draw % len(_MATCHED)] * len(source)))
    left, right = (np.sort(rng.permutation(len(source))[:kept]) for _ in range(2))
    pairs = match_by_shape(source[left], target[right], words=kept, **_comparing(config))
    return left[pairs[0]], right[pairs[1]]


def _comparing(config: SelfLearningConfig) -> dict[str, Any]:
    """Return the options of a comparison by CSLS."""
    return {"neighborhood": config.neighborhood, "device": config.device}


def _without_dictionary(spaces: Spaces, num_sources: int, num_targets: int) -> Start:
    """Return what to start from: identical words, where there are enough beside numerals."""
    vocabularies = spaces.source.vocabulary, spaces.target.vocabulary
    alike, numbers = (
        len(_inside(words(*vocabularies), num_sources, num_targets)[0])
        for words in (identical_words, numerals)
    )
    return "identical" if alike - numbers >= _ENOUGH_IDENTICAL else "distributions"


def _inside(pairs: Pairs, num_sources: int, num_targets: int) -> Pairs:
    """Return the pairs of which both words are among the most frequent."""
    inside = (pairs[0] < num_sources) & (pairs[1] < num_targets)
    return pairs[0][inside], pairs[1][inside]
