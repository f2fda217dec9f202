"""Figures for papers: what is drawn is what was measured."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from embkit.evaluation.analogy import evaluate_analogies
from embkit.evaluation.figures import plot_intervals, plot_sections, plot_similarity
from embkit.evaluation.results import Estimate, Interval
from embkit.evaluation.sets import AnalogyQuestion, AnalogySet, SimilaritySet
from embkit.evaluation.similarity import evaluate_similarity

VECTORS = {"a": [1.0, 0.0], "b": [1.0, 1.0], "c": [0.0, 1.0], "d": [0.1, 1.0]}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


def test_every_used_pair_is_a_dot_and_dollars_are_dollars() -> None:
    pairs = (("a", "b"), ("a", "c"), ("c", "d"), ("a", "gone"))
    data = SimilaritySet("$x^2$", pairs, np.array([5.0, 1.0, 9.0, 2.0]))
    ax = plot_similarity(evaluate_similarity(VECTORS, data))
    drawn = np.asarray(ax.collections[0].get_offsets())
    np.testing.assert_allclose(drawn, [[5, np.sqrt(0.5)], [1, 0], [9, 1 / np.sqrt(1.01)]])
    ax.figure.canvas.draw()


def test_intervals_are_lines_and_undefined_figures_are_left_out() -> None:
    known = Estimate(0.5, Interval(0.4, 0.7, "bootstrap"))
    ax = plot_intervals(["x", "y"], [("m", [known, Estimate(None, reason="none")])])
    line, dot = ax.lines
    assert np.asarray(line.get_xdata()).tolist() == [0.4, 0.7]
    assert np.asarray(dot.get_xdata()).tolist() == [0.5]
    with pytest.raises(ValueError, match="m must have 2 figures, got 1"):
        plot_intervals(["x", "y"], [("m", [known])])


def test_sections_of_several_methods_share_a_figure() -> None:
    question = AnalogyQuestion("s", "a", "b", "c", ("d",))
    scores = evaluate_analogies(VECTORS, AnalogySet("t", (question,)), name="v")
    ax = plot_sections(scores)
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["v 3CosAdd", "v 3CosMul"]
    other = AnalogySet("t", (AnalogyQuestion("z", "a", "b", "c", ("d",)),))
    with pytest.raises(ValueError, match="the same sections"):
        plot_sections([*scores, *evaluate_analogies(VECTORS, other)])
    with pytest.raises(ValueError, match="got none"):
        plot_sections([])
