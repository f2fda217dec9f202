"""Similarity, neighbours and analogies, against definitions and against gensim."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from embkit.checks import Oov
from embkit.embeddings import Embeddings
from embkit.errors import NotFiniteError

METHODS = ["3cosadd", "3cosmul", "pairdirection"]


class SubwordsStub:
    """Gives every word the same direction."""

    def vector(self, word: str | bytes) -> NDArray[np.float32]:
        return np.full(2, len(word), np.float32)


@pytest.fixture
def toy() -> Embeddings:
    rows = np.array([[2, 0], [0.8, 0.6], [0, 0], [-1, 0], [0, 3]])
    v = Embeddings.from_words(["king", "queen", "zero", "knave", "ace"], rows)
    subwords: Any = SubwordsStub()
    return Embeddings(v.vocabulary, v.vectors, subwords=subwords)


@pytest.fixture(scope="module")
def random_vectors() -> Embeddings:
    rng = np.random.default_rng(11)
    rows = rng.standard_normal((400, 20)) * rng.gamma(3, 1, (400, 1))
    return Embeddings.from_words([f"w{i}" for i in range(400)], rows, counts=range(400, 0, -1))


def words_of(answers: list[tuple[str, float]]) -> list[str]:
    return [word for word, _ in answers]


def test_similarity_is_the_cosine(toy: Embeddings) -> None:
    assert toy.similarity("king", "queen") == pytest.approx(0.8)
    assert toy.similarity("king", b"knave") == -1
    assert toy.similarity("king", np.array([0, -5])) == 0
    pairs = toy.similarities(["king", "ace"], np.array([[1, 0], [0, 2]]))
    assert pairs.tolist() == [1, 1]


def test_zero_vectors_are_similar_to_nothing(toy: Embeddings) -> None:
    assert toy.similarity("zero", "king") == 0
    assert toy.similarity("zero", "zero") == 0
    assert {score for _, score in toy.most_similar("zero")} == {0.0}
    assert dict(toy.most_similar("king"))["zero"] == 0
    assert toy.n_similarity(["zero"], ["king"]) == 0
    for method in METHODS:
        scores = [score for _, score in toy.analogy("zero", "king", "ace", method=method)]
        assert np.isfinite(scores).all()


def test_most_similar_ranks_by_cosine_and_leaves_the_query_out(toy: Embeddings) -> None:
    assert toy.most_similar("king") == [
        ("queen", pytest.approx(0.8)),
        ("zero", 0.0),
        ("ace", 0.0),
        ("knave", -1.0),
    ]
    assert words_of(toy.most_similar("king", topn=1, exclude_queries=False)) == ["king"]
    assert words_of(toy.most_similar(["king", "ace"], ["knave"], 1)) == ["queen"]
    assert words_of(toy.most_similar(negative="king", topn=1)) == ["knave"]
    assert words_of(toy.most_similar("ace", restrict_vocab=1)) == ["king"]
    assert words_of(toy.most_similar(np.array([0.0, 9.0]), topn=1)) == ["ace"]


def test_neighbors_answer_for_each_word(toy: Embeddings) -> None:
    words = ["king", "queen", "ace"]
    assert toy.neighbors(words, 2) == [toy.most_similar(word, topn=2) for word in words]
    assert toy.neighbors([], 2) == []
    assert toy.neighbors(toy.vectors[[0, 4]], 1) == [[("king", 1.0)], [("ace", 1.0)]]


@pytest.mark.parametrize("method", METHODS)
def test_a_parallelogram_is_completed(method: str) -> None:
    rows = np.array([[1, 0, 1], [1, 0, -1], [0, 1, 1], [0, 1, -1], [0.5, 0.5, 0.2]])
    v = Embeddings.from_words(["king", "man", "queen", "woman", "child"], rows)
    assert v.analogy("man", "king", "woman", method=method, topn=1)[0][0] == "queen"
    assert v.analogy("king", "queen", "man", method=method.upper(), topn=1)[0][0] == "woman"


@pytest.mark.parametrize("method", METHODS)
def test_analogy_scores_follow_their_formula(random_vectors: Embeddings, method: str) -> None:
    v = random_vectors
    x = v.vectors / np.linalg.norm(v.vectors.astype(float), axis=1, keepdims=True)
    a, b, c = x[3], x[70], x[200]
    if method == "3cosadd":
        scores = x @ (b - a + c) / np.linalg.norm(b - a + c)
    elif method == "3cosmul":
        scores = (1 + x @ b) / 2 * (1 + x @ c) / 2 / ((1 + x @ a) / 2 + 0.001)
    else:
        steps = np.delete(x, 200, 0) - c
        scores = np.insert(
            steps @ (b - a) / np.linalg.norm(steps, axis=1) / np.linalg.norm(b - a), 200, 0
        )
    order = [i for i in np.argsort(-scores, kind="stable") if i not in (3, 70, 200)][:9]
    answers = v.analogy("w3", "w70", "w200", method=method, topn=9)
    assert words_of(answers) == [f"w{i}" for i in order]
    np.testing.assert_allclose([score for _, score in answers], scores[order], rtol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_questions_in_a_list_are_answered_as_alone(
    random_vectors: Embeddings, method: str
) -> None:
    a, b, c = (["w1", "w2"], ["w3", "w4"], ["w5", "w6"])
    together = random_vectors.analogies(a, b, c, method=method, topn=4)
    alone = [
        random_vectors.analogy(*question, method=method, topn=4)
        for question in zip(a, b, c, strict=True)
    ]
    assert together == alone


def test_oov_raise_is_the_default(toy: Embeddings) -> None:
    for call in (
        lambda: toy.most_similar("dog"),
        lambda: toy.neighbors(["king", "dog"]),
        lambda: toy.similarity("king", "dog"),
        lambda: toy.analogy("king", "dog", "ace"),
        lambda: toy.n_similarity(["king"], ["dog"]),
        lambda: toy.doesnt_match(["king", "dog"]),
    ):
        with pytest.raises(KeyError, match="'dog' is not among the 5 words"):
            call()


def test_oov_skip_leaves_unknown_words_out(toy: Embeddings) -> None:
    oov: Oov = "skip"
    assert toy.most_similar(["king", "dog"], oov=oov) == toy.most_similar("king")
    assert toy.most_similar("dog", oov=oov) == []
    assert toy.neighbors(["dog", "king"], oov=oov) == [[], toy.most_similar("king")]
    assert np.isnan(toy.similarity("king", "dog", oov=oov))
    assert toy.analogies(["king"], ["dog"], ["ace"], oov=oov) == [[]]
    assert toy.doesnt_match(["king", "queen", "knave", "dog"], oov=oov) == "knave"
    assert toy.n_similarity(["king", "dog"], ["queen"], oov=oov) == pytest.approx(0.8)


def test_oov_is_checked_also_where_every_word_is_known(toy: Embeddings) -> None:
    calls: list[Any] = [
        lambda oov: toy.lookup(["king"], oov=oov),
        lambda oov: toy.similarity("king", "queen", oov=oov),
        lambda oov: toy.most_similar("king", oov=oov),
        lambda oov: toy.doesnt_match(["king", "queen"], oov=oov),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="oov must be one of raise, skip, zero, subword"):
            call("nearest")


def test_a_word_does_not_stand_for_a_list_of_its_letters(toy: Embeddings) -> None:
    calls: list[tuple[str, Any]] = [
        ("a", lambda: toy.similarities("ace", ["king"] * 3)),
        ("b", lambda: toy.similarities(["king"] * 3, "ace")),
        ("words", lambda: toy.neighbors("king")),
        ("words", lambda: toy.neighbors(b"king")),  # type: ignore[arg-type]
        ("c", lambda: toy.analogies(["king"] * 3, ["ace"] * 3, "ace")),
        ("words_a", lambda: toy.n_similarity("king", ["queen"])),
        ("words_b", lambda: toy.n_similarity(["king"], "queen")),
        ("words", lambda: toy.doesnt_match("king queen")),
    ]
    for name, call in calls:
        with pytest.raises(ValueError, match=f"^{name} must be a list of words, got b?'"):
            call()
    with pytest.raises(ValueError, match="words must be a list of words, got a generator"):
        toy.neighbors(word for word in ["king"])  # type: ignore[arg-type]


def test_oov_zero_and_subword_give_vectors(toy: Embeddings) -> None:
    assert toy.similarity("king", "dog", oov="zero") == 0
    assert toy.similarity("king", "dog", oov="subword") == pytest.approx(0.5**0.5)
    assert words_of(toy.most_similar("dog", topn=1, oov="subword")) == ["queen"]
    assert "dog" not in toy


def test_wrong_arguments_are_named(toy: Embeddings) -> None:
    question = ("ace", "king", "queen")
    calls: list[tuple[str, Any]] = [
        ("positive must have at least one word", lambda: toy.most_similar([])),
        ("topn must be at least 1, got 0", lambda: toy.most_similar("king", topn=0)),
        ("topn must be a whole number, got 2.5", lambda: toy.most_similar("king", topn=2.5)),  # type: ignore[arg-type]
        ("topn must be a whole number, got True", lambda: toy.neighbors(["king"], True)),
        ("topn must be a whole number, got None", lambda: toy.most_similar("king", topn=None)),  # type: ignore[arg-type]
        (
            "restrict_vocab must be a whole number, got '9'",
            lambda: toy.most_similar("king", restrict_vocab="9"),  # type: ignore[arg-type]
        ),
        ("b must be as long as a", lambda: toy.similarities(["king"], [])),
        ("equal length, got 1, 1, 0", lambda: toy.analogies(["ace"], ["ace"], [])),
        ("method must be", lambda: toy.analogy(*question, method="add")),
        ("method must be one of", lambda: toy.analogy(*question, method=None)),  # type: ignore[arg-type]
        (
            "epsilon must be",
            lambda: toy.analogies(["ace"], ["ace"], ["ace"], method="3cosmul", epsilon=0),
        ),
        ("length 2, got an array of shape \\(3,\\)", lambda: toy.most_similar(np.ones(3))),
        ("a query must be finite", lambda: toy.most_similar(np.array([1, np.nan]))),
        ("a query must be finite", lambda: toy.similarity("king", np.array([np.inf, 0]))),
        ("vector of length 2", lambda: toy.most_similar([["king"]])),  # type: ignore[list-item]
        ("words_b must have", lambda: toy.n_similarity(["king"], [])),
        ("words must have", lambda: toy.doesnt_match(["dog"], oov="skip")),
    ]
    for message, call in calls:
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize(
    "ask",
    [
        lambda v: v.similarity("a", "b"),
        lambda v: v.similarity("b", "c"),
        lambda v: v.similarities(["b", "b"], ["b", "c"], oov="skip"),
        lambda v: v.n_similarity(["b"], ["b", "c"]),
        lambda v: v.doesnt_match(["a", "b", "b"]),
        lambda v: v.analogy("b", "b", "a"),
        lambda v: v.neighbors(["b"]),
        lambda v: v.most_similar("c"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_rows_that_are_not_finite_are_refused(ask: Callable[[Embeddings], object]) -> None:
    rows = np.array([[np.nan, 1], [1, 2], [np.inf, 1]])
    with pytest.raises(NotFiniteError, match=r"vectors must be finite, got NaN or inf in row"):
        ask(Embeddings.from_words(["a", "b", "c"], rows))


def test_only_the_rows_that_are_asked_for_are_looked_at() -> None:
    rows = np.array([[1, 0], [3, 4], [0, np.inf], [np.nan, 0]])
    v = Embeddings.from_words(["a", "b", "c", "b"], rows)
    assert v.similarity("a", "b") == pytest.approx(0.6)
    assert v.doesnt_match(["a", "a", "b"]) == "b"
    with pytest.raises(NotFiniteError, match=r"in row 2$"):
        v.similarities(["a", "b", "a"], ["b", "c", "c"])


def test_queries_equal_those_of_gensim(random_vectors: Embeddings) -> None:
    pytest.importorskip("gensim", reason="gensim is not installed")
    v, kv = random_vectors, random_vectors.to_gensim()
    assert v.index_to_key == kv.index_to_key
    assert v.key_to_index == kv.key_to_index
    assert v.vector_size == kv.vector_size
    np.testing.assert_array_equal(v.vectors, kv.vectors)
    assert kv.get_vecattr("w7", "count") == 393
    asked: list[tuple[list[str], list[str]]] = [(["w3"], []), (["w1", "w9"], ["w5"])]
    for positive, negative in asked:
        ours = v.most_similar(positive, negative, topn=20)
        theirs = kv.most_similar(positive, negative, topn=20)
        assert words_of(ours) == words_of(theirs)
        np.testing.assert_allclose([s for _, s in ours], [s for _, s in theirs], atol=1e-5)
    assert v.similarity("w1", "w2") == pytest.approx(float(kv.similarity("w1", "w2")), abs=1e-5)
    lists = ["w1", "w2", "w3"], ["w4", "w5"]
    assert v.n_similarity(*lists) == pytest.approx(float(kv.n_similarity(*lists)), abs=1e-5)
    for start in range(0, 60, 6):
        some = [f"w{i}" for i in range(start, start + 6)]
        assert v.doesnt_match(some) == kv.doesnt_match(some)
    for norm in (False, True):
        np.testing.assert_allclose(
            v.get_vector("w8", norm), kv.get_vector("w8", norm), atol=1e-6
        )
    ours = v.analogy("w5", "w1", "w9", method="3cosmul", epsilon=0.000001)
    with pytest.warns(DeprecationWarning, match="init_sims"):  # by gensim, of itself
        theirs = kv.most_similar_cosmul(["w1", "w9"], ["w5"])
    assert words_of(ours) == words_of(theirs)
    np.testing.assert_allclose([s for _, s in ours], [s for _, s in theirs], rtol=1e-5)
