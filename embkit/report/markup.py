"""Pieces of HTML, with everything that comes from outside escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from embkit.evaluation.results import Estimate

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def text(value: object) -> str:
    r"""Return text that is safe in HTML, also within quotes; bytes that are not UTF-8 show.

    Examples
    --------
    >>> text("</script>"), text("a\x00b")
    ('&lt;/script&gt;', 'a\ufffdb')
    """
    shown = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return html.escape(_CONTROL.sub("\ufffd", shown))


def word(value: str) -> str:
    """Return a word in an element that keeps its direction of writing to itself."""
    return f"<bdi>{text(value)}</bdi>"


def number(value: float | None, decimals: int = 3) -> str:
    """Return a figure, a dash where it is undefined."""
    return "–" if value is None else f"{value:.{decimals}f}".replace("-", "−")


def section(name: str, title: str, *parts: str) -> str:
    """Return a section under a heading, nothing where it has no parts."""
    body = "\n".join(part for part in parts if part)
    if not body:
        return ""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{text(title)}</h2>\n{body}\n</section>'
    )


def table(
    caption: str, names: Sequence[str], rows: Iterable[Sequence[str]], kind: str = ""
) -> str:
    """Return a table that scrolls by itself; cells are HTML, the first heads its row."""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in names)
    body = "\n".join(
        f'<tr><th scope="row">{first}</th>'
        + "".join(
            f'<td data-name="{text(name)}">{cell}</td>'
            for name, cell in zip(names[1:], rest, strict=True)
        )
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}">'
        f'<table class="{kind}"><caption>{text(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></div>"
    )


def track(
    estimate: Estimate, low: float, high: float, *, model: int, label: str, bar: bool = False
) -> str:
    """Return an interval as a plot: a line with a dot on an axis from ``low`` to ``high``."""
    if estimate.value is None:
        return f'<span class="none">undefined: {text(estimate.reason)}</span>'

    def place(value: float) -> float:
        return 100 * min(1.0, max(0.0, (value - low) / (high - low)))

    said = f"{label}: {number(estimate.value)}"
    drawn = ""
    if bar:
        start, end = sorted((place(0.0), place(estimate.value)))
        drawn += f'<i class="bar" style="left:{start:.2f}%;width:{end - start:.2f}%"></i>'
    if estimate.interval is not None:
        left, right = place(estimate.interval.low), place(estimate.interval.high)
        drawn += f'<i class="line" style="left:{left:.2f}%;width:{right - left:.2f}%"></i>'
        said += f", {estimate.interval.confidence:.0%} interval {shown_interval(estimate)}"
    drawn += f'<i class="dot" style="left:{place(estimate.value):.2f}%"></i>'
    zero = "" if low >= 0 else f'<i class="zero" style="left:{place(0.0):.2f}%"></i>'
    opened = f'<span class="track m{model % 8}" role="img" aria-label="{text(said)}">'
    return f"{opened}{zero}{drawn}</span>"


def shown_interval(estimate: Estimate) -> str:
    """Return the ends of an interval, nothing where there is none."""
    if estimate.interval is None:
        return ""
    return f"[{number(estimate.interval.low)}, {number(estimate.interval.high)}]"


def coverage(used: int, total: int) -> str:
    """Return how many of all items were used, as a bar with its numbers."""
    share = 100 * used / total if total else 0.0
    weak = " weak" if share < 80 else ""
    return (
        f'<span class="coverage{weak}" style="--share:{share:.1f}%">{used:,}/{total:,}'
        f" <small>{share:.0f}&#8239;%</small></span>"
    )


def badge(model: int, name: str) -> str:
    """Return the name of a model behind its colour."""
    return f'<span class="badge m{model % 8}">{text(name)}</span>'
