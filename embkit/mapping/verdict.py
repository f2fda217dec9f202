"""Telling whether a map can be trusted, without any test dictionary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embkit.mapping.comparison import SpacesReport
from embkit.mapping.fit import fit_linear, fit_orthogonal
from embkit.mapping.initial import Pairs, Rows
from embkit.mapping.normalize import bring_to_unit_length
from embkit.retrieval import Retriever

Judgement = Literal["good", "doubtful", "failed"]

MOST_CHECKED = 4000
"""Pairs that a check looks at: enough for an error of one in a hundred."""

# Shares of held-out pairs that a map from the other half finds again among all of them; a
# wrong dictionary stays within a few per cent of chance. Shares of words that two runs
# translate alike: unrelated spaces stay below 0.15, planted ones are above 0.75.
_HELD_OUT_FAILED = 0.05
_HELD_OUT_GOOD = 0.2
_LEAST_SURPRISE = 0.01  # probability that chance does as well; of few pairs it finds some
_SHUFFLES = 999
REPEATED_FAILED = 0.2
_REPEATED_GOOD = 0.5
# Of its own pairs a map finds more than one that has not seen them: shares of that one's.
_FITTED_FAILED = 0.5
_FITTED_GOOD = 0.9
_LEAST_PAIRS = 40  # that a share can be taken of


@dataclass(frozen=True)
class Verdict:
    """Whether a map can be trusted, why, and the figures that it rests on."""

    judgement: Judgement
    reasons: tuple[str, ...]
    figures: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {
            "judgement": self.judgement,
            "reasons": list(self.reasons),
            "figures": self.figures,
        }

    def summary(self) -> str:
        """Return one line for people.

        Examples
        --------
        >>> Verdict("failed", ("the spaces have nothing in common",)).summary()
        'verdict failed: the spaces have nothing in common'
        """
        return f"verdict {self.judgement}: {'; '.join(self.reasons)}"


class HeldOut(NamedTuple):
    """How pairs fare that a map was not fitted to.

    Attributes
    ----------
    share : float or None
        The share that is found; None where there are too few pairs to tell.
    pairs : int
        Pairs looked at.
    csls_margin : float or None
        By how much the best of the candidates leads the second, on average (CSLS).
    shuffled : float or None
        What `share_of_shuffles` returned, where the pairs are so few that it is asked.
    """

    share: float | None
    pairs: int
    csls_margin: float | None = None
    shuffled: float | None = None


def split_half(source_rows: ArrayLike, target_rows: ArrayLike, *, seed: int = 1) -> HeldOut:
    """Return how many pairs of one half are found by a map fitted to the other half.

    The map is a rotation, or least squares where the dims differ.

    If the pairs are translations, what one half teaches holds for the other; pairs that a
    map merely fits, or that are wrong, teach nothing. Each pair's target is looked for among
    the targets of its half by CSLS, and both halves take turns.

    Parameters
    ----------
    source_rows, target_rows : array, shape (num_pairs, dim)
        Normalised rows of the pairs, each source word at most once.
    seed : int
        Of the division.

    Returns
    -------
    HeldOut

    Examples
    --------
    >>> rows = np.random.default_rng(1).standard_normal((100, 5)).astype(np.float32)
    >>> split_half(rows, rows[:, ::-1])[:2], split_half(rows, rows[::-1]).share < 0.2
    ((1.0, 100), True)
    """
    x, z = np.asarray(source_rows, np.float32), np.asarray(target_rows, np.float32)
    shuffled = share_of_shuffles(x, z, seed=seed) if are_few(len(x)) else None
    halves = _halves(len(x), seed)
    if halves is None:
        return HeldOut(None, len(x), shuffled=shuffled)
    found, leads, num_pairs = 0, 0.0, sum(map(len, halves))
    for learned, held_out in (halves, halves[::-1]):
        if x.shape[1] == z.shape[1]:
            fitted = fit_orthogonal(x[learned], z[learned])
        else:
            fitted = fit_linear(x[learned], z[learned])
        right, lead = _looked_for((x[held_out] @ fitted).astype(np.float32), z[held_out])
        found, leads = found + right, leads + lead
    return HeldOut(found / num_pairs, num_pairs, leads / num_pairs, shuffled)


def _looked_for(
    source_rows: NDArray[np.float32], target_rows: NDArray[np.float32]
) -> tuple[int, float]:
    """Return how many pairs find each other by CSLS, and the sum of the best ones' leads."""
    best = Retriever(source_rows, target_rows).search(source_rows, 2)
    found = int((best.rows[:, 0] == np.arange(len(source_rows))).sum())
    return found, float((best.scores[:, 0] - best.scores[:, 1]).sum(dtype=np.float64))


def are_few(num_pairs: int) -> bool:
    """Tell whether pairs are so few that chance may find as many as a poor map does.

    Of right ones in a space of hundreds of dimensions it then finds no more than of wrong ones.

    Examples
    --------
    >>> are_few(100), are_few(200)
    (True, False)
    """
    return _by_chance(_HELD_OUT_FAILED, num_pairs) > _LEAST_SURPRISE


def share_of_shuffles(
    source_rows: ArrayLike, target_rows: ArrayLike, *, seed: int = 1
) -> float:
    """Return the share of shuffled pairings in which the two sides agree as in this one.

    If the pairs are translations, words that are close on one side are close on the other:
    the products of both sides' cosines, summed over all pairs of words, are large. No map is
    fitted, so this tells wrong pairs from right ones that are too few for a map (the test of
    Mantel 1967, "The detection of disease clustering and a generalized regression approach").

    Parameters
    ----------
    source_rows, target_rows : array, shape (num_pairs, dim), (num_pairs, other dim)
        Normalised rows of the pairs, each word at most once.
    seed : int
        Of the shuffles.

    Examples
    --------
    >>> rows = np.random.default_rng(1).standard_normal((25, 40))
    >>> share_of_shuffles(rows, rows[:, ::-1]), share_of_shuffles(rows, rows[::-1]) > 0.01
    (0.001, True)
    """
    cosines = []
    for rows in (source_rows, target_rows):
        units = np.array(rows, np.float32)
        bring_to_unit_length(units)
        cosines.append(units @ units.T)
        np.fill_diagonal(cosines[-1], 0)
    x, z = cosines
    rng = np.random.default_rng(seed)
    orders = [np.arange(len(x)), *(rng.permutation(len(x)) for _ in range(_SHUFFLES))]
    sums = np.array([float(np.vdot(x, z[order][:, order])) for order in orders])
    return float((sums >= sums[0]).mean())


class OwnPairs(NamedTuple):
    """How a map brings the pairs together that it was fitted to.

    Attributes
    ----------
    share : float
        The share that find each other.
    csls_margin : float
        By how much the best of the candidates leads the second, on average (CSLS).
    """

    share: float
    csls_margin: float


def own_pairs(
    source_rows: ArrayLike, target_rows: ArrayLike, *, seed: int = 1
) -> OwnPairs | None:
    """Return how pairs of rows in one space find each other, as `split_half` looks.

    Parameters
    ----------
    source_rows, target_rows : array, shape (num_pairs, dim)
        Mapped rows of the pairs, each source word at most once.
    seed : int
        Of the division into halves, within which a pair's target is looked for.

    Returns
    -------
    OwnPairs or None
        None where there are too few pairs to tell.

    Examples
    --------
    >>> rows = np.random.default_rng(1).standard_normal((100, 5)).astype(np.float32)
    >>> own_pairs(rows, 2 * rows).share, own_pairs(rows[:9], rows[:9])
    (1.0, None)
    """
    x, z = np.asarray(source_rows, np.float32), np.asarray(target_rows, np.float32)
    halves = _halves(len(x), seed)
    if halves is None:
        return None
    found, leads = zip(*(_looked_for(x[half], z[half]) for half in halves), strict=True)
    num_pairs = sum(map(len, halves))
    return OwnPairs(sum(found) / num_pairs, sum(leads) / num_pairs)


def _halves(num_pairs: int, seed: int) -> tuple[Rows, Rows] | None:
    """Return the pairs that a check looks at in two halves; None of too few."""
    order = np.random.default_rng(seed).permutation(num_pairs)[:MOST_CHECKED]
    if len(order) < _LEAST_PAIRS:
        return None
    return order[: len(order) // 2], order[len(order) // 2 :]


def judge_pairs(
    source_rows: ArrayLike, target_rows: ArrayLike, *, fitted: OwnPairs | None = None
) -> Verdict:
    """Return the verdict on what pairs teach, by maps fitted to half of them.

    Parameters
    ----------
    source_rows, target_rows : array, shape (num_pairs, dim)
        Normalised rows, each word of either side at most once.
    fitted : OwnPairs, optional
        What `own_pairs` returned for the pairs as the map itself brings them together. The
        margin is then this map's; else that of the maps fitted to half of the pairs.

    Examples
    --------
    >>> rows = np.random.default_rng(1).standard_normal((100, 5))
    >>> judge_pairs(rows, rows[:, ::-1]).judgement
    'good'
    """
    found = split_half(source_rows, target_rows)
    figures = {"csls_margin": found.csls_margin if fitted is None else fitted.csls_margin}
    return judge(
        held_out=found.share,
        pairs=found.pairs,
        shuffled=found.shuffled,
        fitted=None if fitted is None else fitted.share,
        figures=figures,
    )


def distinct(pairs: Pairs) -> Rows:
    """Return which pairs hold each source and each target word once: the first ones.

    Examples
    --------
    >>> distinct((np.array([0, 0, 1, 2]), np.array([5, 6, 5, 7])))
    array([0, 3])
    """
    kept = np.sort(np.unique(pairs[0], return_index=True)[1])
    found: Rows = kept[np.sort(np.unique(pairs[1][kept], return_index=True)[1])]
    return found


def judge(
    *,
    held_out: float | None = None,
    repeated: float | None = None,
    pairs: int | None = None,
    shuffled: float | None = None,
    fitted: float | None = None,
    spaces: SpacesReport | None = None,
    figures: dict[str, Any] | None = None,
    remedy: str | None = None,
) -> Verdict:
    """Return the verdict on a map.

    Parameters
    ----------
    held_out, pairs : float, int, optional
        What :func:`split_half` returned for the dictionary that the map was learned from. A
        share that chance might find as well has failed.
    shuffled : float, optional
        What :func:`share_of_shuffles` returned for the same pairs. Where few are found because
        they are few, they have failed only if shuffled ones agree as they do; and those that
        are too few to hold some out are never called failed, as right ones might be.
    repeated : float, optional
        For a map that induced its own dictionary, the share of frequent words that another
        run, from another start, translates alike. Such a dictionary fits its map whatever
        the spaces are, but in spaces without relation each run finds another one.
    fitted : float, optional
        Share of the dictionary's pairs that the map itself finds: if it finds far fewer than
        maps do that have not seen them, it went wrong, whatever the pairs are worth.
    spaces : SpacesReport, optional
        What the spaces have in common.
    figures : dict, optional
        Further figures to keep with the verdict.
    remedy : str, optional
        What to do where it failed, told last.

    Examples
    --------
    >>> judge(held_out=0.9, pairs=2000).judgement, judge(repeated=0.01).judgement
    ('good', 'failed')
    >>> judge(pairs=12).judgement
    'doubtful'
    """
    told: dict[str, Any] = {"held_out": held_out, "pairs_checked": pairs, "repeated": repeated}
    if fitted is not None:
        told["fitted"] = fitted
    if shuffled is not None:
        told["shuffled"] = shuffled
    told |= {"spaces": spaces.to_dict() if spaces is not None else None, **(figures or {})}
    doubts = [] if spaces is None else spaces.doubts()
    if repeated is not None:
        share = f"another run translates {repeated:.0%} of frequent words alike"
        is_failed, is_good = repeated < REPEATED_FAILED, repeated >= _REPEATED_GOOD
    elif held_out is not None:
        among = "" if pairs is None else f" among {pairs // 2}"
        share = f"of pairs held out, {held_out:.0%} are found{among}"
        is_failed, is_good = held_out < _HELD_OUT_FAILED, held_out >= _HELD_OUT_GOOD
        if pairs is not None and _by_chance(held_out, pairs) > _LEAST_SURPRISE:
            share += f", and chance finds {2 / pairs:.0%} of {pairs}"
            is_failed, is_good = True, False
        if is_failed and shuffled is not None:
            share += f"; {_told_of_shuffles(shuffled)}"
            is_failed = shuffled > _LEAST_SURPRISE
        if fitted is not None and fitted < _FITTED_GOOD * held_out:
            share += f", but of its own pairs the map finds {fitted:.0%}"
            is_failed, is_good = is_failed or fitted < _FITTED_FAILED * held_out, False
    elif repeated is None and pairs is None:
        share = "no other run confirms it: more restarts tell"
        is_failed, is_good = False, False
    else:
        share = f"too few pairs to hold some out ({pairs}, {_LEAST_PAIRS} are needed)"
        if shuffled is not None:
            share += f"; {_told_of_shuffles(shuffled)}"
        is_failed, is_good = False, False
    if is_failed:
        advice = () if remedy is None else (f"to mend it, {remedy}",)
        return Verdict("failed", (share, *doubts, *advice), told)
    if is_good and not doubts:
        return Verdict("good", (share,), told)
    return Verdict("doubtful", (share, *doubts), told)


def _told_of_shuffles(share: float) -> str:
    if share <= _LEAST_SURPRISE:
        rarely = f"as in only {share:.1%} of shuffled dictionaries"
        return f"but words close on one side are close on the other, {rarely}"
    return (
        "words close on one side are as close on the other in "
        f"{share:.0%} of shuffled dictionaries: the pairs may be wrong"
    )


def _by_chance(share: float, num_pairs: int) -> float:
    """Return the probability of finding such a share of pairs, each among half of them."""
    from scipy.special import bdtrc

    found = round(share * num_pairs)
    return float(bdtrc(found - 1, num_pairs, 2 / num_pairs)) if found > 0 else 1.0
