"""Sparse embeddings: every question answered as its dense definition answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from embkit.counts.ppmi import ppmi_matrix
from embkit.embeddings import Embeddings
from embkit.evaluation.spaces import as_space
from embkit.sparse import SparseEmbeddings
from embkit.vocabulary import Vocabulary
from tests.reference_counts import random_counts, unit

NUM_WORDS = 90
WORDS = [f"w{i}" for i in range(NUM_WORDS)]


@pytest.fixture(scope="module")
def vectors() -> SparseEmbeddings:
    matrix = ppmi_matrix(random_counts(NUM_WORDS, 0.5, seed=1))
    return SparseEmbeddings(Vocabulary.from_words(WORDS), matrix)


@pytest.fixture(scope="module")
def dense(vectors: SparseEmbeddings) -> Embeddings:
    return Embeddings(vectors.vocabulary, vectors.matrix.toarray())


def test_notebooks_show_what_the_vectors_are(vectors: SparseEmbeddings) -> None:
    given = {"corpus": "<script>"}
    shown = SparseEmbeddings(vectors.vocabulary, vectors.matrix, provenance=given)._repr_html_()
    assert "<caption>SparseEmbeddings</caption>" in shown
    assert f"{NUM_WORDS} x float32, {vectors.num_entries:,} entries, " in shown
    assert "&lt;script&gt;" in shown
    assert "w0 w1 w2" in shown


def test_words_rows_and_sizes(vectors: SparseEmbeddings) -> None:
    assert "w3" in vectors
    assert "nobody" not in vectors
    assert len(vectors) == vectors.dim == NUM_WORDS
    assert vectors.words == WORDS
    assert vectors["w3"].shape == (1, NUM_WORDS)
    assert vectors[["w3", "w1"]].shape == (2, NUM_WORDS)
    np.testing.assert_array_equal(vectors["w3"].toarray()[0], vectors.matrix.toarray()[3])
    lengths = np.linalg.norm(vectors.matrix.toarray().astype(float), axis=1)
    np.testing.assert_allclose(vectors.norms, lengths)


def test_similarities_are_those_of_the_dense_rows(
    vectors: SparseEmbeddings, dense: Embeddings
) -> None:
    pairs = np.random.default_rng(2).integers(NUM_WORDS, size=(2, 200))
    left, right = ([WORDS[i] for i in side] for side in pairs)
    np.testing.assert_allclose(
        vectors.similarities(left, right), dense.similarities(left, right), atol=1e-6
    )
    assert vectors.similarity("w1", "w2") == vectors.similarities(["w1"], ["w2"])[0]


def test_neighbours_are_those_of_the_dense_rows(
    vectors: SparseEmbeddings, dense: Embeddings
) -> None:
    for restrict in (None, 20):
        found = vectors.neighbors(WORDS, 5, restrict_vocab=restrict)
        expected = dense.neighbors(WORDS, 5, restrict_vocab=restrict)
        for ours, theirs in zip(found, expected, strict=True):
            np.testing.assert_allclose(
                [score for _, score in ours], [score for _, score in theirs], atol=1e-6
            )
    assert vectors.most_similar("w1", topn=3) == vectors.neighbors(["w1"], 3)[0]


def score_of(method: str, vectors: SparseEmbeddings) -> Callable[..., NDArray[np.float64]]:
    units = np.array([unit(row) for row in vectors.matrix.toarray().astype(float)])

    def scores(a: int, b: int, c: int) -> NDArray[np.float64]:
        if method == "3cosadd":
            return np.asarray(units @ unit(units[b] - units[a] + units[c]))
        if method == "3cosmul":
            return np.asarray(
                (units @ units[b]) * (units @ units[c]) / (units @ units[a] + 0.1)
            )
        steps = np.array([unit(row - units[c]) for row in units])
        return np.asarray(steps @ unit(units[b] - units[a]))

    return scores


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul", "pairdirection"])
def test_analogies_follow_their_formulas(vectors: SparseEmbeddings, method: str) -> None:
    scores = score_of(method, vectors)
    rng = np.random.default_rng(3)
    questions = [rng.choice(40, 3, replace=False).tolist() for _ in range(50)]
    a, b, c = ([WORDS[q[i]] for q in questions] for i in range(3))
    found = vectors.analogies(a, b, c, method=method, topn=3, epsilon=0.1)
    for asked, answers in zip(questions, found, strict=True):
        expected = scores(*asked)
        expected[asked] = -np.inf
        if method == "pairdirection":  # a row of zeros is nowhere
            expected[vectors.norms == 0] = -np.inf
            answers = [pair for pair in answers if vectors.norms[WORDS.index(pair[0])]]
        best = np.sort(expected)[::-1][: len(answers)]
        np.testing.assert_allclose([score for _, score in answers], best, atol=1e-5)


def test_cosmul_takes_cosines_as_they_are_unless_rows_have_negative_numbers() -> None:
    rows = np.array([[3.0, 1, 0], [1, 2, 1], [0, 1, 4], [2, 2, 2], [0, 1, 1]])
    words = Vocabulary.from_words(list("abcde"))
    plain = SparseEmbeddings(words, csr_array(rows))
    units = np.array([unit(row) for row in rows])
    cosines = units @ units.T
    best = plain.analogy("a", "b", "c", method="3CosMul", topn=2)
    expected = cosines[1] * cosines[2] / (cosines[0] + 0.001)
    assert [word for word, _ in best] == (
        ["d", "e"] if expected[3] > expected[4] else ["e", "d"]
    )
    assert best[0][1] == pytest.approx(max(expected[3:]), rel=1e-5)
    rows[4, 0] = -1
    mixed = SparseEmbeddings(words, csr_array(rows))
    dense = Embeddings(words, rows)
    ours = mixed.analogy("a", "b", "c", method="3CosMul", topn=2)
    theirs = dense.analogy("a", "b", "c", method="3CosMul", topn=2)
    assert [word for word, _ in ours] == [word for word, _ in theirs]
    assert ours[0][1] == pytest.approx(theirs[0][1], rel=1e-5)


def test_unknown_words_follow_the_policy(vectors: SparseEmbeddings) -> None:
    with pytest.raises(KeyError, match="nobody"):
        vectors.similarity("w1", "nobody")
    assert np.isnan(vectors.similarity("w1", "nobody", oov="skip"))
    assert vectors.similarity("w1", "nobody", oov="zero") == 0
    assert vectors.neighbors(["nobody", "w1"], 2, oov="skip")[0] == []
    assert vectors.lookup(["w1", "nobody"], oov="skip").shape[0] == 1
    assert vectors.lookup(["w1", "nobody"], oov="zero")[[1]].nnz == 0
    with pytest.raises(ValueError, match="oov must be raise, skip or zero"):
        vectors.lookup(["w1"], oov="subword")


def test_vectors_may_stand_for_words(vectors: SparseEmbeddings) -> None:
    row: Any = vectors["w2"]
    short: Any = csr_array((1, 3))
    assert vectors.similarity(row, "w2") == pytest.approx(1)
    assert vectors.similarity(row.toarray()[0], "w2") == pytest.approx(1)
    assert vectors.most_similar([row], topn=1)[0][0] == "w2"
    with pytest.raises(ValueError, match=r"shape \(1, 90\)"):
        vectors.similarity(short, "w2")


def test_odd_one_out_and_sets(vectors: SparseEmbeddings, dense: Embeddings) -> None:
    words = ["w1", "w4", "w7", "w9"]
    assert vectors.doesnt_match(words) == dense.doesnt_match(words)
    ours, theirs = (v.n_similarity(words[:2], words[2:]) for v in (vectors, dense))
    assert ours == pytest.approx(theirs, abs=1e-6)


def test_ties_give_the_lower_row_first() -> None:
    rows = csr_array(np.array([[1.0, 0], [0, 1], [1, 1], [0, 1], [0, 1]]))
    v = SparseEmbeddings(Vocabulary.from_words(list("abcde")), rows)
    assert [word for word, _ in v.neighbors(["b"], 4)[0]] == ["d", "e", "c", "a"]


def test_evaluations_take_them(vectors: SparseEmbeddings, dense: Embeddings) -> None:
    ours, theirs = as_space(vectors), as_space(dense)
    assert ours.is_sparse
    left, right = np.arange(10), np.arange(5, 15)
    np.testing.assert_allclose(
        ours.cosines(left, right), theirs.cosines(left, right), atol=1e-6
    )


def test_matrices_are_checked() -> None:
    words = Vocabulary.from_words(list("ab"))
    with pytest.raises(ValueError, match=r"one row per word \(2\), got 3 rows"):
        SparseEmbeddings(words, csr_array((3, 3)))
    with pytest.raises(ValueError, match="matrix must be finite, got nan in row 1"):
        SparseEmbeddings(words, csr_array(np.array([[0.0, 1], [np.nan, 0]])))
    broken: Any = csr_array(np.eye(2, dtype=np.float32))
    broken.indices[1] = 7
    with pytest.raises(ValueError, match="columns must be from 0 to 1, got 7"):
        SparseEmbeddings(words, broken)


def test_coordinates_given_twice_are_added() -> None:
    from scipy.sparse import coo_array

    twice = coo_array((np.ones(3), ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    v = SparseEmbeddings(Vocabulary.from_words(list("ab")), twice)
    assert v.matrix.toarray().tolist() == [[0, 2], [1, 0]]
