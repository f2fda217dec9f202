"""Word embedding association tests (Caliskan, Bryson and Narayanan 2017)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from embkit.evaluation.bootstrap import percentile_interval
from embkit.evaluation.named import open_set
from embkit.evaluation.results import Estimate, Result
from embkit.evaluation.sets import WeatSet, WeatTest
from embkit.evaluation.spaces import Doubles, Ids, Space, Vectors, as_space, find_rows
from embkit.evaluation.task_options import BiasOptions

_CHUNK = 1 << 16  # splits of the targets at a time
_TOLERANCE = 1e-12  # statistics that differ by rounding alone are equal


@dataclass(frozen=True)
class BiasScore(Result):
    """The outcome of one association test.

    Attributes
    ----------
    vectors, set : str
        Names.
    targets, attributes : str
        What was compared: "X - Y" and "A - B".
    effect : Estimate
        ``(mean_x s - mean_y s) / sd s``, where ``s(w)`` is the mean cosine of a target with A
        less that with B, and sd the sample standard deviation over all targets. The interval
        is a bootstrap over the targets of X and of Y.
    p_value : float or None
        Share of equal splits of the targets whose difference is at least that of X and Y
        (one-sided).
    p_method : str
        "exact" or the number of splits drawn.
    n_x, n_y, n_a, n_b : int
        Words used: known ones, X and Y cut to one length and A and B to one length.
    unknown_words, dropped_words : tuple of str
        Words without vectors, and words dropped, the last of a list, to balance.
    """

    vectors: str
    set: str
    targets: str
    attributes: str
    effect: Estimate
    p_value: float | None
    p_method: str
    n_x: int
    n_y: int
    n_a: int
    n_b: int
    unknown_words: tuple[str, ...]
    dropped_words: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: figures, what was compared, words used."""
        interval = self.effect.interval
        return [
            {
                "vectors": self.vectors,
                "set": self.set,
                "effect": self.effect.value,
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
                "p": self.p_value,
                "p_by": self.p_method,
                "targets": self.targets,
                "attributes": self.attributes,
                "used": f"{self.n_x}+{self.n_y}, {self.n_a}+{self.n_b}",
                "unknown": len(self.unknown_words),
                "reason": self.effect.reason,
            }
        ]


def evaluate_bias(
    vectors: Vectors,
    test: WeatTest | WeatSet | str | os.PathLike[str],
    options: BiasOptions | None = None,
    *,
    attribute_vectors: Vectors | None = None,
    name: str = "",
) -> BiasScore:
    """Run one association test.

    Parameters
    ----------
    vectors : Embeddings, sparse embeddings or mapping of words to arrays
    test : WeatTest, WeatSet, str or path
        The test, or a set of one, or its file or name as `open_set` takes it, such as weat6.
    options : BiasOptions, optional
    attribute_vectors : the same types, optional
        Where the attributes' vectors are, if not with the targets': another language mapped
        into the same space (XWEAT, Lauscher and Glavas 2019).
    name : str
        Name of the vectors in the result.

    Returns
    -------
    BiasScore
        Undefined where fewer than two targets of a side or no attribute is known, or all
        targets have the same association.

    Raises
    ------
    TypeError
        If vectors are none of the above.
    ValueError
        If both spaces differ in their dimension, or ``test`` neither is nor names one test.

    Examples
    --------
    >>> names = ("up", "down", "good", "bad")
    >>> test = WeatTest("t", *names, ("a", "b"), ("c", "d"), ("e",), ("f",))
    >>> vectors = {"a": [1, 0.1], "b": [1, 0], "c": [0, 1], "d": [0.1, 1], "e": [1, 0.2]}
    >>> score = evaluate_bias({**vectors, "f": [0.2, 1]}, test)
    >>> round(score.effect.value, 2), round(score.p_value, 3), score.p_method
    (1.73, 0.167, 'exact')
    """
    test, options = _as_test(test), options or BiasOptions()
    targets = as_space(vectors)
    others = targets if attribute_vectors is None else as_space(attribute_vectors)
    unknown: list[str] = []
    dropped: list[str] = []
    x, y = _balanced(targets, (test.x, test.y), options, unknown, dropped)
    a, b = _balanced(others, (test.a, test.b), options, unknown, dropped)
    effect, p_value, p_method = _figures(targets, others, (x, y), (a, b), options)
    return BiasScore(
        name,
        test.name,
        f"{test.x_name} - {test.y_name}",
        f"{test.a_name} - {test.b_name}",
        effect,
        p_value,
        p_method,
        len(x),
        len(y),
        len(a),
        len(b),
        tuple(unknown),
        tuple(dropped),
    )


def _as_test(test: WeatTest | WeatSet | str | os.PathLike[str]) -> WeatTest:
    """Return a test that is given as it is, as a set of one, or as `open_set` takes it."""
    if isinstance(test, WeatTest):
        return test
    found = open_set(test, "bias") if isinstance(test, str | os.PathLike) else test
    if not isinstance(found, WeatSet):
        kinds = "a WeatTest, a file or a name of `embkit data list`"
        raise ValueError(f"test must be {kinds}, got {type(found).__name__}")
    if len(found.tests) != 1:
        names = ", ".join(each.name for each in found.tests)
        raise ValueError(
            f"test must be one test, got the {len(found.tests)} of {found.name}: {names}; "
            "open_set(path or name, 'bias').tests has each"
        )
    return found.tests[0]


def _balanced(
    space: Space,
    words: tuple[Sequence[str], Sequence[str]],
    options: BiasOptions,
    unknown: list[str],
    dropped: list[str],
) -> tuple[Ids, Ids]:
    """Return the rows of the known words of two lists, the longer cut to the other's length."""
    found = [find_rows(space, some, options.case, options.restrict_vocab) for some in words]
    lengths = [int((rows >= 0).sum()) for rows in found]
    kept = []
    for some, rows in zip(words, found, strict=True):
        known = np.flatnonzero(rows >= 0)
        unknown += [some[i] for i in np.flatnonzero(rows < 0).tolist()]
        dropped += [some[i] for i in known[min(lengths) :].tolist()]
        kept.append(rows[known[: min(lengths)]])
    return kept[0], kept[1]


def _figures(
    targets: Space,
    others: Space,
    sides: tuple[Ids, Ids],
    attributes: tuple[Ids, Ids],
    options: BiasOptions,
) -> tuple[Estimate, float | None, str]:
    least = len(sides[0]), len(attributes[0])
    if least[0] < 2 or least[1] < 1:
        why = f"need 2 known words a target and 1 an attribute, got {least[0]} and {least[1]}"
        return Estimate(None, reason=why), None, "none"
    rows = np.concatenate(sides)
    s = associations(targets, rows, others, attributes)
    effect = effect_size(s)
    if effect is None:
        return Estimate(None, reason="all targets have the same association"), None, "none"
    half = len(sides[0])
    streams = np.random.default_rng(options.seed).spawn(2)
    values = _resampled_effects(s, half, options.resamples, streams[0])
    interval = percentile_interval(values, "bootstrap over targets", options.confidence)
    p_value, p_method = permutation_p(s, options.permutations, streams[1])
    return Estimate(effect, interval), p_value, p_method


def associations(
    targets: Space, rows: Ids, others: Space, attributes: tuple[Ids, Ids]
) -> Doubles:
    """Return each target's mean cosine with the first attributes less that with the second.

    Raises
    ------
    ValueError
        If the spaces differ in their dimension.
    """
    units = targets.units(rows)
    parts = []
    for attribute in attributes:
        terms = others.units(attribute)
        if terms.shape[1] != units.shape[1]:
            raise ValueError(
                f"attribute_vectors must have dimension {units.shape[1]}, got {terms.shape[1]}"
            )
        parts.append(np.asarray(others.products(units, attribute)).mean(1))
    return np.asarray(parts[0] - parts[1])


def effect_size(s: Doubles) -> float | None:
    """Return the effect of associations, the first half X's; None where all are equal.

    Examples
    --------
    >>> effect_size(np.array([2.0, 4.0, 0.0, 2.0])) == 2 / np.sqrt(8 / 3)
    np.True_
    """
    half = len(s) // 2
    spread = s.std(ddof=1)
    if spread <= _TOLERANCE * max(1.0, float(np.abs(s).max())):
        return None
    return float((s[:half].mean() - s[half:].mean()) / spread)


def _resampled_effects(s: Doubles, half: int, count: int, rng: np.random.Generator) -> Doubles:
    sides = [side[rng.integers(0, half, (count, half))] for side in (s[:half], s[half:])]
    drawn = np.concatenate(sides, axis=1)
    spread = drawn.std(axis=1, ddof=1)
    gap = sides[0].mean(1) - sides[1].mean(1)
    effects = np.full(count, np.nan)
    np.divide(gap, spread, out=effects, where=spread > _TOLERANCE)
    return effects


def permutation_p(s: Doubles, most: int, rng: np.random.Generator) -> tuple[float, str]:
    """Return the one-sided p-value of the first half's excess, and how it was found.

    Over all equal splits where there are at most ``most``; else over that many random ones,
    one added to both counts so that it is never 0 (Phipson and Smyth 2010).

    Examples
    --------
    >>> permutation_p(np.array([3.0, 2.0, 1.0, 0.0]), 100, np.random.default_rng(1))
    (0.16666666666666666, 'exact')
    """
    half = len(s) // 2
    observed = s[:half].sum()
    slack = _TOLERANCE * max(1.0, float(np.abs(s).sum()))
    total = comb(len(s), half)
    if total <= most:
        splits = np.array(list(combinations(range(len(s)), half)))
        return float((s[splits].sum(1) >= observed - slack).mean()), "exact"
    reached = 0
    for start in range(0, most, _CHUNK):
        count = min(_CHUNK, most - start)
        order = rng.permuted(np.tile(s, (count, 1)), axis=1)
        reached += int((order[:, :half].sum(1) >= observed - slack).sum())
    return (reached + 1) / (most + 1), f"{most} splits"


def translate_test(
    test: WeatTest,
    translations: Mapping[str, Sequence[str]],
    *,
    targets: bool = True,
    attributes: bool = True,
) -> WeatTest:
    """Return a test in another language; words without a translation are left out.

    Parameters
    ----------
    test : WeatTest
    translations : mapping of str to sequence of str
        As `read_translations` returns it; all translations of a word are used.
    targets, attributes : bool
        Which sides to translate.

    Examples
    --------
    >>> test = WeatTest("t", "X", "Y", "A", "B", ("rose",), ("ant",), ("joy",), ("war",))
    >>> translate_test(test, {"rose": ["Rose"], "war": ["Krieg"]}, targets=False).b
    ('Krieg',)
    """

    def translated(words: Sequence[str]) -> tuple[str, ...]:
        found = (word for source in words for word in translations.get(source, ()))
        return tuple(dict.fromkeys(found))

    if targets:
        test = replace(test, x=translated(test.x), y=translated(test.y))
    if attributes:
        test = replace(test, a=translated(test.a), b=translated(test.b))
    return test
