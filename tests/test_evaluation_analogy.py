"""Analogies: methods by hand, several answers, sections, exclusion, invariances."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.evaluation.analogy import AnalogyScore, evaluate_analogies
from embkit.evaluation.datasets import AnalogyQuestion, AnalogySet
from embkit.evaluation.options import AnalogyMethod, AnalogyOptions
from tests.evaluation_models import SECTIONS, model

METHODS: tuple[AnalogyMethod, ...] = ("3CosAdd", "3CosMul", "PairDirection", "only-b")


def questions(*lines: str, section: str = "s") -> AnalogySet:
    asked = []
    for line in lines:
        a, b, c, answers = line.split()
        asked.append(AnalogyQuestion(section, a, b, c, tuple(answers.split("/"))))
    return AnalogySet("tiny", tuple(asked))


def all_questions() -> AnalogySet:
    asked = []
    for section, pairs in SECTIONS.items():
        for (a, b), (c, d) in permutations([pair.split() for pair in pairs], 2):
            asked.append(AnalogyQuestion(section, a, b, c, (d,)))
    return AnalogySet("planted", tuple(asked))


WHERE = {"device": "cpu"}


@pytest.fixture(autouse=True)
def _on_each_device(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test here search on the processor, and through CuPy."""
    monkeypatch.setitem(WHERE, "device", device)


def evaluate(
    vectors: Any, data: AnalogySet, *methods: AnalogyMethod, **options: Any
) -> list[AnalogyScore]:
    chosen = AnalogyOptions(method=methods or METHODS, resamples=50, **{**WHERE, **options})
    return evaluate_analogies(vectors, data, chosen)


def slow_scores(
    units: NDArray[np.float64], method: str, a: int, b: int, c: int
) -> NDArray[np.float64]:
    """Return the score of every row, straight from the formulas."""
    cosines = units @ units.T
    if method == "3CosAdd":
        return np.asarray(units @ (units[b] - units[a] + units[c]))
    if method == "3CosMul":
        shifted = (1 + cosines) / 2
        return np.asarray(shifted[b] * shifted[c] / (shifted[a] + 0.001))
    if method == "only-b":
        return np.asarray(cosines[c])
    steps = units - units[c]
    lengths = np.linalg.norm(steps, axis=1) * np.linalg.norm(units[b] - units[a])
    ahead = steps @ (units[b] - units[a])
    found: NDArray[np.float64] = np.zeros_like(ahead)
    np.divide(ahead, lengths, out=found, where=lengths > 1e-9)
    return found


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("threads", [1, 3])
def test_every_answer_equals_the_formula(exclude: bool, threads: int) -> None:
    vectors = model()
    data = all_questions()
    units = vectors.normalized().vectors.astype(np.float64)
    scores = evaluate(vectors, data, case="exact", exclude_queries=exclude, threads=threads)
    assert [score.method for score in scores] == list(METHODS)
    for score in scores:
        assert 0 < score.n_used < score.n_total == len(data)
        for number in np.flatnonzero(score.used).tolist():
            question = data.questions[number]
            a, b, c = (
                vectors.vocabulary.id_of(w) for w in (question.a, question.b, question.c)
            )
            expected = slow_scores(units, score.method, a, b, c)
            if exclude:
                expected[[a, b, c]] = -np.inf
            assert score.predicted[number] == vectors.words[int(expected.argmax())]


def test_blocks_do_not_change_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    vectors = Embeddings.from_words(
        [f"w{i}" for i in range(700)], rng.standard_normal((700, 5)).astype(np.float32)
    )
    data = questions(*(f"w{i} w{3 * i + 1} w{i + 200} w{i + 7}" for i in range(150)))
    whole = evaluate(vectors, data)
    monkeypatch.setattr("embkit.evaluation.analogy_search._BLOCK_PRODUCTS", 1)
    for one, other in zip(whole, evaluate(vectors, data), strict=True):
        assert one.predicted == other.predicted


def test_without_exclusion_a_query_word_wins_and_the_baseline_needs_no_relation() -> None:
    rows = {
        "man": [1, 0, 0.1],
        "king": [1, 0, 1],
        "woman": [0.9, 0.4, 0.1],
        "queen": [0.9, 0.4, 1],
    }
    vectors = {word: np.array(row) for word, row in rows.items()} | {"zebra": -np.ones(3)}
    data = questions("man king woman queen", "king man queen woman")
    excluded, baseline = evaluate(vectors, data, "3CosAdd", "only-b")
    assert excluded.predicted == ("queen", "woman")
    assert baseline.predicted == ("queen", "woman")
    honest = evaluate(vectors, questions("man king man king"), "only-b", exclude_queries=False)[
        0
    ]
    assert honest.predicted == ("man",)
    assert honest.rows()[-1]["method"] == "only-b honest"


def test_any_of_several_answers_is_right() -> None:
    rows = {"a": [1.0, 0, 0], "b": [1.0, 0, 1], "c": [0, 1.0, 0], "d": [0, 1.0, 1]}
    data = questions("a b c x/d", "a b c x/y", "a b c b/d")
    (score,) = evaluate(rows, data, "3CosAdd")
    assert score.correct.tolist() == [True, False, True]
    assert (score.n_used, score.n_total) == (2, 3)  # the second has no known answer
    assert score.unknown_words == ("x", "y")


def test_unknown_words_are_left_out_or_counted_wrong() -> None:
    rows = {"a": [1.0, 0, 0], "b": [1.0, 0, 1], "c": [0, 1.0, 0], "d": [0, 1.0, 1]}
    data = questions("a b c d", "a b c unknown")
    (skipped,) = evaluate(rows, data, "3CosAdd")
    (wrong,) = evaluate(rows, data, "3CosAdd", oov="wrong")
    assert (skipped.accuracy.value, skipped.n_used) == (1.0, 1)
    assert (wrong.accuracy.value, wrong.n_used) == (0.5, 2)


def test_nothing_covered_is_undefined_also_in_a_section() -> None:
    vectors = {"a": [1.0, 0], "b": [0.0, 1]}
    data = questions("x y z w")
    for score in evaluate(vectors, data, *METHODS, "3CosAvg", "LRCos"):
        assert score.accuracy.value is None
        assert score.accuracy.reason == "no question has all its words in the vocabulary"
        assert score.sections[0].accuracy.value is None
        assert score.to_dict()["accuracy"]["value"] is None
    (empty,) = evaluate(vectors, AnalogySet("none", ()), "3CosAdd")
    assert empty.accuracy.value is None


def test_restricting_the_vocabulary_limits_questions_answers_and_candidates() -> None:
    rows = {"a": [1.0, 0, 0], "b": [1.0, 0, 1], "c": [0, 1.0, 0], "e": [0, 1.0, 0.2]}
    vectors = {**rows, "d": [0, 1.0, 1]}
    data = questions("a b c d", "a b c e")
    (whole,) = evaluate(vectors, data, "3CosAdd")
    (part,) = evaluate(vectors, data, "3CosAdd", restrict_vocab=4)
    assert whole.predicted == ("d", "d")
    assert part.predicted == (None, "e")
    assert part.rows()[-1]["vocabulary"] == 4


def test_order_of_rows_and_length_of_vectors_change_nothing() -> None:
    vectors, data = model(), all_questions()
    order = np.random.default_rng(1).permutation(len(vectors))
    scale = np.random.default_rng(2).uniform(0.2, 5, len(vectors))[:, None]
    other = Embeddings.from_words(
        [vectors.words[i] for i in order], (vectors.vectors * scale)[order]
    )
    for one, two in zip(
        evaluate(vectors, data, case="exact"), evaluate(other, data, case="exact"), strict=True
    ):
        assert one.predicted == two.predicted
        assert one.to_dict() == two.to_dict()


def test_of_equal_candidates_the_first_row_is_answered() -> None:
    rows = {"a": [1.0, 0, 0], "b": [1.0, 0, 1], "c": [0, 1.0, 0]}
    vectors = {**rows, "twin1": [0, 1.0, 1], "twin2": [0, 3.0, 3]}
    for score in evaluate(vectors, questions("a b c twin1"), "3CosAdd", "3CosMul"):
        assert score.predicted == ("twin1",)


@dataclass(frozen=True)
class Sparse:
    """As little as sparse embeddings must have."""

    words: list[str]
    matrix: Any


def test_sparse_vectors_are_not_shifted() -> None:
    dense = np.abs(model().vectors)
    words = model().words
    sparse = Sparse(words, scipy.sparse.csr_matrix(dense))
    data = all_questions()
    found = {s.method: s for s in evaluate(sparse, data, *METHODS, "3CosAvg", "LRCos")}
    same = {s.method: s for s in evaluate(Embeddings.from_words(words, dense), data)}
    for method in ("3CosAdd", "PairDirection", "only-b"):
        assert found[method].predicted == same[method].predicted
    units = dense.astype(np.float64) / np.linalg.norm(dense, axis=1, keepdims=True)
    row_of = {word: row for row, word in reversed(list(enumerate(words)))}
    number = int(np.flatnonzero(found["3CosMul"].used)[0])
    question = data.questions[number]
    a, b, c = (row_of[w] for w in (question.a, question.b, question.c))
    scores = (units @ units[b]) * (units @ units[c]) / (units @ units[a] + 0.001)
    scores[[a, b, c]] = -1
    assert found["3CosMul"].predicted[number] == words[int(scores.argmax())]


def test_relation_methods_learn_from_the_other_pairs_and_count_pairs() -> None:
    average, regression, add = evaluate(model(), all_questions(), "3CosAvg", "LRCos", "3CosAdd")
    pairs = {pair for section in SECTIONS.values() for pair in section}
    assert average.n_total == regression.n_total == len(pairs)
    assert average.accuracy.interval is not None
    assert average.accuracy.interval.method == "Wilson"
    assert add.accuracy.interval is not None
    assert add.accuracy.interval.method == "bootstrap over word pairs"
    # By hand for one pair: the offset is the mean of the three others.
    vectors = model()
    units = vectors.normalized().vectors.astype(np.float64)
    row = vectors.vocabulary.id_of
    others = [pair.split() for pair in SECTIONS["family"] if pair != "king queen"]
    offset = np.mean([units[row(b)] - units[row(a)] for a, b in others], axis=0)
    scores = units @ (units[row("king")] + offset)
    scores[row("king")] = -np.inf
    number = average.section_of.index("family")  # king, the first that is asked about
    assert average.predicted[number] == vectors.words[int(scores.argmax())]
    again = evaluate(model(), all_questions(), "LRCos")[0]
    assert again.predicted == regression.predicted  # the noise words are drawn by the seed
    assert regression.n_correct >= 10


def test_sections_groups_and_totals_add_up() -> None:
    (score,) = evaluate(model(), all_questions(), "3CosAdd")
    assert [section.name for section in score.sections] == list(SECTIONS)
    semantic, syntactic = score.groups
    assert (semantic.name, syntactic.name) == ("semantic", "syntactic")
    assert semantic.n_correct + syntactic.n_correct == score.n_correct
    assert sum(section.n_used for section in score.sections) == score.n_used
    assert score.total_rows() == score.rows()[-3:]


def test_bad_options_name_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="method must be one of 3CosAdd, 3CosMul"):
        AnalogyOptions(method=("3CosSub",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="epsilon must be positive, got 0"):
        AnalogyOptions(epsilon=0)
    with pytest.raises(ValueError, match="convention must be embkit for LRCos, got 'gensim'"):
        evaluate(model(), all_questions(), "LRCos", convention="gensim")
