"""Line shuffles, similarity and analogy scores, paired intervals: by hand and by SciPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr, ttest_1samp

from embkit.embeddings import Embeddings
from eval.scores import (
    Score,
    analogies,
    common_words,
    paired_interval,
    score_model,
    similarity,
    unit_rows,
)
from eval.shuffle import shuffle_lines


def test_shuffle_keeps_the_lines_and_is_fixed_by_its_seed(tmp_path: Path) -> None:
    lines = [f"line {number}" for number in range(200)]
    source = tmp_path / "corpus.txt"
    source.write_text("\n".join(lines), encoding="utf-8")  # no newline at the end
    texts = [
        shuffle_lines(source, tmp_path / f"{name}.txt", seed).read_text(encoding="utf-8")
        for name, seed in (("a", 1), ("again", 1), ("b", 2))
    ]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]
    for text in texts:
        assert text.endswith("\n")
        assert sorted(text.splitlines()) == sorted(lines)
        assert text.splitlines() != lines


def test_shuffle_keeps_a_finished_file_and_leaves_no_partial_one(tmp_path: Path) -> None:
    source, target = tmp_path / "corpus.txt", tmp_path / "shuffle.txt"
    source.write_text("a\nb\n", encoding="utf-8")
    target.write_text("done before\n", encoding="utf-8")
    shuffle_lines(source, target, 1)
    assert target.read_text(encoding="utf-8") == "done before\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.txt", "shuffle.txt"]


def test_similarity_equals_scipy_on_the_covered_pairs() -> None:
    rng = np.random.default_rng(4)
    words = [f"w{number}" for number in range(40)]
    model = Embeddings.from_words(words, rng.standard_normal((40, 8)).astype(np.float32))
    pairs = [[f"w{i}", f"w{39 - i}", str(rng.integers(5))] for i in range(20)]
    ids = {word: row for row, word in enumerate(words)}
    score = similarity(ids, unit_rows(model, words), [*pairs, ["w0", "unknown", "9"]])

    def cosine(a: str, b: str) -> float:
        x, y = model[a].astype(np.float64), model[b].astype(np.float64)
        return float(x @ y / np.linalg.norm(x) / np.linalg.norm(y))

    expected = spearmanr([cosine(a, b) for a, b, _ in pairs], [int(s) for *_, s in pairs])
    assert score.points == pytest.approx(100 * expected.statistic, abs=1e-9)
    assert (score.used, score.total) == (20, 21)


def test_analogies_by_hand() -> None:
    # king - man + woman = (-.29, 1, .71, 0) at unit length: rare is nearest, then queen.
    rows: dict[str, list[float]] = {
        "man": [1, 0, 0, 0],
        "king": [1, 0, 1, 0],
        "woman": [0, 1, 0, 0],
        "queen": [0, 1, 1, 0],
        "palace": [0, 0, 1, 0],
        "rare": [0, 1, 0.9, 0],
    }
    model = Embeddings.from_words(rows)
    words = list(rows)
    ids = {word: row for row, word in enumerate(words)}
    right = ["family", "man", "king", "woman", "queen"]
    wrong = ["family", "man", "king", "woman", "palace"]
    beyond = ["family", "man", "king", "woman", "rare"]
    units = unit_rows(model, words)
    assert analogies(ids, units, [right, wrong, beyond], limit=5) == Score(50, 2, 3)
    assert analogies(ids, units, [right, wrong, beyond]) == Score(100 / 3, 3, 3)
    # The three words of the question are no answers: man is nearest to man - king + king.
    assert analogies(ids, units, [["s", "king", "man", "king", "man"]]).points == 0


def test_a_model_is_scored_on_the_words_that_both_know(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    first = Embeddings.from_words("abcdef", rng.standard_normal((6, 4)).astype(np.float32))
    second = Embeddings.from_words(
        ["</s>", *"fedcb"], rng.standard_normal((6, 4)).astype(np.float32)
    )
    words = common_words(first, second)
    assert words == list("bcdef")
    for folder in ("similarity", "analogy"):
        (tmp_path / folder).mkdir()
    for name in ("ws353", "simlex-999", "men", "rw"):
        text = "A\tb\t1\nB\tc\t2\nd\te\t3\nF\tb\t4\n"
        (tmp_path / "similarity" / f"{name}.tsv").write_text(text, encoding="utf-8")
    (tmp_path / "analogy/google.tsv").write_text("s\tB\tC\tD\tE\n", encoding="utf-8")
    scores = [score_model(model, words, tmp_path) for model in (first, second)]
    assert list(scores[0]) == ["WS-353", "SimLex-999", "MEN", "RW", "Google"]
    for score in scores:
        assert (score["RW"].used, score["RW"].total) == (3, 4)
        assert (score["Google"].used, score["Google"].total) == (1, 1)


def test_paired_interval_equals_scipy() -> None:
    differences = [0.4, -0.2, 1.1, 0.3, 0.9]
    expected = ttest_1samp(differences, 0).confidence_interval(0.95)
    mean, low, high = paired_interval(differences)
    assert (mean, low, high) == pytest.approx((0.5, expected.low, expected.high))
    assert paired_interval([1.0]) == (1.0, float("-inf"), float("inf"))
