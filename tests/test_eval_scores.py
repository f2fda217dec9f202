"""Line shuffles, and similarity and analogy scores by hand and by SciPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr, ttest_1samp

from embkit.embeddings import Embeddings
from eval.scores import common_words, paired_interval, score_model
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


def test_a_model_is_scored_on_the_words_that_both_know(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    first = Embeddings.from_words(
        list("abcdef"), rng.standard_normal((6, 4)).astype(np.float32)
    )
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


def test_figures_are_spearman_and_3cosadd_among_frequent_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(4)
    words = [f"w{number}" for number in range(60)]
    rows = rng.standard_normal((60, 4)).astype(np.float32)
    pairs = [(f"W{i}", f"w{59 - i}", rng.integers(5)) for i in range(30)] + [("w0", "?", 9)]
    asked = [[f"w{i}", f"w{i + 7}", f"w{2 * i}", f"w{3 * i % 60}"] for i in range(30)]
    for folder in ("similarity", "analogy"):
        (tmp_path / folder).mkdir()
    text = "".join(f"{a}\t{b}\t{score}\n" for a, b, score in pairs)
    for name in ("ws353", "simlex-999", "men", "rw"):
        (tmp_path / "similarity" / f"{name}.tsv").write_text(text, encoding="utf-8")
    lines = "".join("\t".join(["s", *question]) + "\n" for question in asked)
    (tmp_path / "analogy/google.tsv").write_text(lines, encoding="utf-8")
    monkeypatch.setattr("eval.scores.ANALOGY_WORDS", 50)
    scores = score_model(Embeddings.from_words(words, rows), words, tmp_path)

    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = [units[int(a[1:])] @ units[int(b[1:])] for a, b, _ in pairs[:30]]
    rho = spearmanr(cosines, [score for *_, score in pairs[:30]]).statistic
    assert scores["MEN"].points == pytest.approx(100 * rho)
    assert scores["MEN"][1:] == (30, 31)
    known = [[int(w[1:]) for w in q] for q in asked if all(int(w[1:]) < 50 for w in q)]
    right = 0
    for a, b, c, d in known:
        found = units[:50] @ (units[b] - units[a] + units[c])
        found[[a, b, c]] = -np.inf
        right += int(found.argmax()) == d
    assert scores["Google"].points == pytest.approx(100 * right / len(known))
    assert scores["Google"][1:] == (len(known), 30)


def test_paired_interval_equals_scipy() -> None:
    differences = [0.4, -0.2, 1.1, 0.3, 0.9]
    expected = ttest_1samp(differences, 0).confidence_interval(0.95)
    mean, low, high = paired_interval(differences)
    assert (mean, low, high) == pytest.approx((0.5, expected.low, expected.high))
    assert paired_interval([1.0]) == (1.0, float("-inf"), float("inf"))
