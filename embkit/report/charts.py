"""Drawings in SVG: human scores against cosines, and words on a plane."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from embkit.evaluation.similarity import SimilarityScore
from embkit.report.markup import number, text
from embkit.report.projection import WordMap

Doubles = NDArray[np.float64]

_SIDE, _LEFT, _BOTTOM, _TOP = 260, 40, 36, 8  # of a scatter plot
_WIDTH, _HEIGHT, _EDGE = 900, 560, 46  # of a map
_LETTER = 7.1  # width of a letter of a label, about


def scatter(score: SimilarityScore, model: int) -> str:
    """Return a plot with a dot for each pair: its human score and its cosine."""
    gold, cosines = score.gold[score.used], score.predicted[score.used]
    if len(gold) == 0:
        return ""
    x_low, x_high = _limits(gold)
    y_low, y_high = _limits(cosines)
    size = _SIDE - _LEFT - 10, _SIDE - _BOTTOM - _TOP
    xs = _LEFT + (gold - x_low) / (x_high - x_low) * size[0]
    ys = _TOP + (y_high - cosines) / (y_high - y_low) * size[1]
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in zip(xs.tolist(), ys.tolist(), strict=True))
    label = f"{score.vectors} on {score.set}: cosine against human score of {len(gold)} pairs"
    base, right = _SIDE - _BOTTOM, _SIDE - 10
    return (
        f'<svg class="scatter m{model % 8}" viewBox="0 0 {_SIDE} {_SIDE}" role="img" '
        f'aria-label="{text(label)}"><title>{text(label)}</title>'
        f'<path class="axis" d="M{_LEFT} {_TOP}V{base}H{right}"/>'
        f'<path class="dots" d="{dots}"/>'
        f'<text x="{_LEFT}" y="{base + 15}">{number(x_low, 1)}</text>'
        f'<text x="{right}" y="{base + 15}" class="end">{number(x_high, 1)}</text>'
        f'<text x="{(_LEFT + right) / 2}" y="{base + 29}" class="middle">human score</text>'
        f'<text x="{_LEFT - 5}" y="{base}" class="end">{number(y_low, 1)}</text>'
        f'<text x="{_LEFT - 5}" y="{_TOP + 9}" class="end">{number(y_high, 1)}</text>'
        f'<text transform="translate(13 {(_TOP + base) / 2}) rotate(-90)" class="middle">'
        "cosine</text></svg>"
    )


def _limits(values: Doubles) -> tuple[float, float]:
    low, high = float(np.floor(values.min() * 10) / 10), float(np.ceil(values.max() * 10) / 10)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def disagreements(score: SimilarityScore, count: int = 3) -> str:
    """Name the pairs whose ranks differ most, as text."""
    used = np.flatnonzero(score.used)
    if len(used) < 4 * count:
        return ""
    gaps = _ranks(score.predicted[used]) - _ranks(score.gold[used])
    order = np.argsort(gaps, kind="stable")

    def named(rows: Iterable[int]) -> str:
        pairs = (score.pairs[used[row]] for row in rows)
        return ", ".join(f"<bdi>{text(a)} – {text(b)}</bdi>" for a, b in pairs)

    return (
        f'<p class="note">Closer than people say: {named(order[::-1][:count].tolist())}.<br>'
        f"Farther: {named(order[:count].tolist())}.</p>"
    )


def _ranks(values: Doubles) -> Doubles:
    from scipy.stats import rankdata

    return np.asarray(rankdata(values) / len(values), np.float64)


def word_map(drawn: WordMap, label: str) -> str:
    """Return the map of words; a label that would cover another is left to the tooltip."""
    xs = _EDGE + drawn.points[:, 0] * (_WIDTH - 3 * _EDGE)
    ys = _EDGE / 2 + (1 - drawn.points[:, 1]) * (_HEIGHT - _EDGE)
    boxes: list[tuple[float, float, float, float]] = [
        (x - 4, y - 4, x + 4, y + 4) for x, y in zip(xs.tolist(), ys.tolist(), strict=True)
    ]
    marks: list[str] = []
    # The chosen words take their places first.
    for i in sorted(range(len(drawn.words)), key=lambda i: not drawn.is_chosen[i]):
        word, x, y = drawn.words[i], float(xs[i]), float(ys[i])
        kind = f"g{drawn.groups[i] % 8}" + (" chosen" if drawn.is_chosen[i] else "")
        place = _free_place(boxes, x, y, len(word) * _LETTER, must=drawn.is_chosen[i])
        written = ""
        if place is not None:
            anchor, left, base = place
            written = (
                f'<text class="{anchor}" x="{left:.1f}" y="{base:.1f}">{text(word)}</text>'
            )
        marks.append(
            f'<g class="{kind}"><title>{text(word)}</title>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if drawn.is_chosen[i] else 3.5}"/>'
            f"{written}</g>"
        )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(label)}">'
        f'<svg class="map" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{text(label)}"><title>{text(label)}</title>{"".join(marks)}</svg></div>'
    )


def _free_place(
    boxes: list[tuple[float, float, float, float]],
    x: float,
    y: float,
    width: float,
    *,
    must: bool,
) -> tuple[str, float, float] | None:
    """Return how and where a label fits beside its point, and take the place; or None."""
    half = width / 2
    places = [
        ("start", x + 7, y + 4, x + 7),
        ("end", x - 7, y + 4, x - 7 - width),
        ("middle", x, y - 8, x - half),
        ("middle", x, y + 17, x - half),
    ]
    for anchor, at, base, left in places:
        box = (left, base - 11, left + width, base + 3)
        inside = box[0] >= 0 and box[2] <= _WIDTH and box[1] >= 0 and box[3] <= _HEIGHT
        if inside and not any(_overlap(box, other) for other in boxes):
            boxes.append(box)
            return anchor, at, base
    return places[0][:3] if must else None


def _overlap(
    a: tuple[float, float, float, float], b: tuple[float, float, float, float]
) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
