"""Figures for papers, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from embkit.evaluation.results import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from embkit.evaluation.analogy import AnalogyScore
    from embkit.evaluation.similarity import SimilarityScore

# Told apart also by those who see few colours (Okabe and Ito 2008), and by their marks.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKS = "osD^vP"


def plot_similarity(score: SimilarityScore, *, ax: Axes | None = None) -> Axes:
    """Draw the cosine of each pair against its human score.

    Parameters
    ----------
    score : SimilarityScore
        As `evaluate_similarity` returns it.
    ax : matplotlib Axes, optional
        Where to draw; a new figure when left out.

    Raises
    ------
    ImportError
        If matplotlib is not installed (the extra ``embkit[viz]`` brings it).

    Examples
    --------
    >>> from embkit.evaluation.similarity import evaluate_similarity
    >>> from embkit.evaluation.sets import SimilaritySet
    >>> data = SimilaritySet("tiny", (("a", "b"), ("a", "c")), np.array([2.0, 1.0]))
    >>> score = evaluate_similarity({"a": [1, 0], "b": [1, 1], "c": [0, 1]}, data)
    >>> plot_similarity(score).get_xlabel()
    'human score, tiny'
    """
    ax = _axes(ax)
    used = score.used
    ax.scatter(score.gold[used], score.predicted[used], s=10, alpha=0.5, color=_COLORS[0])
    ax.set_xlabel(f"human score, {score.set}", parse_math=False)
    ax.set_ylabel("cosine")
    title = f"{score.vectors} Spearman {score.spearman}, {score.n_used}/{score.n_total} pairs"
    ax.set_title(title.strip(), parse_math=False, fontsize="medium")
    return ax


def plot_sections(scores: Sequence[AnalogyScore], *, ax: Axes | None = None) -> Axes:
    """Draw the accuracy of each section with its interval, for one or several results.

    Parameters
    ----------
    scores : sequence of AnalogyScore
        Of one set: several models, or several methods.
    ax : matplotlib Axes, optional

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there are no scores, or their sections differ.
    """
    if not scores:
        raise ValueError("scores must be at least one, got none")
    names = [part.name for part in (*scores[0].sections, *scores[0].groups)]
    rows = []
    for score in scores:
        parts = (*score.sections, *score.groups)
        if [part.name for part in parts] != names:
            raise ValueError("scores must have the same sections")
        rows.append((f"{score.vectors} {score.method}".strip(), [p.accuracy for p in parts]))
    return plot_intervals(names, rows, xlabel="accuracy", ax=ax)


def plot_intervals(
    names: Sequence[str],
    rows: Sequence[tuple[str, Sequence[Estimate]]],
    *,
    xlabel: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw figures as dots on lines, their intervals; undefined ones are left out.

    Parameters
    ----------
    names : sequence of str
        What was measured: sets or sections, from top to bottom.
    rows : sequence of (str, sequence of Estimate)
        For each model its name and its figures, one for each name.
    xlabel : str
    ax : matplotlib Axes, optional

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If a model has not one figure for each name.

    Examples
    --------
    >>> from embkit.evaluation.results import Interval
    >>> figures = [Estimate(0.5, Interval(0.4, 0.6, "Wilson")), Estimate(None, reason="empty")]
    >>> ax = plot_intervals(["ws353", "men"], [("mine", figures)], xlabel="rho")
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['ws353', 'men']
    """
    ax = _axes(ax)
    shift = np.linspace(-0.25, 0.25, len(rows)) if len(rows) > 1 else np.zeros(len(rows))
    for number, (label, figures) in enumerate(rows):
        if len(figures) != len(names):
            raise ValueError(f"{label} must have {len(names)} figures, got {len(figures)}")
        drawn: dict[str, Any] = {"label": label or None, "color": _COLORS[number % 6]}
        for place, figure in enumerate(figures):
            if figure.value is None:
                continue
            y = place + float(shift[number])
            if figure.interval is not None:
                ax.plot(
                    [figure.interval.low, figure.interval.high], [y, y], color=drawn["color"]
                )
            ax.plot([figure.value], [y], _MARKS[number % 6], markersize=5, **drawn)
            drawn["label"] = None
    ax.set_yticks(range(len(names)), list(names), parse_math=False)
    ax.invert_yaxis()
    ax.set_xlabel(xlabel, parse_math=False)
    ax.grid(axis="x", alpha=0.3)
    if any(label for label, _ in rows):
        for text in ax.legend(frameon=False).get_texts():
            text.set_parse_math(False)
    return ax


def _axes(ax: Axes | None) -> Axes:
    if ax is not None:
        return ax
    from matplotlib import pyplot as plt

    return plt.subplots(layout="constrained")[1]
