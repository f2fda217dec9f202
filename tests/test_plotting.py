"""Two principal components, and the picture of words at them."""

from __future__ import annotations

import numpy as np
import pytest

from embkit.embeddings import Embeddings
from embkit.plotting import principal_components


def test_components_keep_distances_in_a_plane() -> None:
    rng = np.random.default_rng(2)
    plane = np.linalg.qr(rng.standard_normal((9, 2)))[0]
    rows = rng.standard_normal((30, 2)) @ plane.T + 5
    points = principal_components(rows)
    expected = np.linalg.norm(rows[:, None] - rows, axis=2)
    np.testing.assert_allclose(np.linalg.norm(points[:, None] - points, axis=2), expected)
    assert points[:, 0].var() > points[:, 1].var()
    np.testing.assert_allclose(principal_components(rows[:, ::-1]), points)  # signs are settled


def test_one_dimension_is_drawn_on_a_line() -> None:
    points = principal_components(np.array([[1.0], [3.0]]))
    np.testing.assert_allclose(np.abs(points), [[1, 0], [1, 0]])


def test_fewer_than_two_words_are_refused() -> None:
    v = Embeddings.from_words(["a"], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="at least 2 to be drawn, got 1"):
        v.plot(["a", "b"], oov="skip")


def test_words_are_labelled_as_they_are() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    v = Embeddings.from_words(["$a$", b"\xff", "c"], np.eye(3))
    ax = Figure().subplots()
    assert v.plot([*v.words, "unknown"], oov="skip", ax=ax) is ax
    assert [text.get_text() for text in ax.texts] == ["$a$", "\ufffd", "c"]
    assert not any(text.get_parse_math() for text in ax.texts)
    assert len(np.asarray(ax.collections[0].get_offsets())) == 3
