"""Tasks across languages on a cipher: what is known in one language holds in the other."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from embkit import Embeddings
from embkit.evaluation.alignment_error import align_words, alignment_error_rate
from embkit.evaluation.crosslingual_words import (
    evaluate_crosslingual_analogies,
    evaluate_crosslingual_similarity,
)
from embkit.evaluation.options import SimilarityOptions
from embkit.evaluation.sentences import (
    evaluate_document_classification,
    evaluate_sentence_retrieval,
    text_vectors,
)
from embkit.evaluation.sets import AnalogyQuestion, AnalogySet, SimilaritySet
from embkit.evaluation.similarity import evaluate_similarity
from embkit.subwords import Subwords

NUM_WORDS, DIM = 200, 12


def cipher() -> tuple[Embeddings, Embeddings]:
    """Return a language and its cipher ``x_w0``, ``x_w1``, ..., shuffled, in one space."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((NUM_WORDS, DIM)).astype(np.float32)
    order = rng.permutation(NUM_WORDS)
    source = Embeddings.from_words([f"w{i}" for i in range(NUM_WORDS)], rows)
    return source, Embeddings.from_words([f"x_w{i}" for i in order], rows[order])


def sentences(count: int, seed: int = 2) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[f"w{i}" for i in rng.choice(NUM_WORDS, 6, replace=False)] for _ in range(count)]


def encipher(words: list[str]) -> list[str]:
    return [f"x_{word}" for word in words]


def test_similarity_across_a_cipher_is_that_within_the_language() -> None:
    source, target = cipher()
    rng = np.random.default_rng(3)
    pairs = tuple((f"w{i}", f"w{j}") for i, j in rng.integers(0, NUM_WORDS, (60, 2)))
    scores = rng.random(60)
    within = evaluate_similarity(source, SimilaritySet("s", pairs, scores))
    crossed = tuple((first, f"x_{second}") for first, second in pairs)
    across = evaluate_crosslingual_similarity(
        source, target, SimilaritySet("s", crossed, scores)
    )
    assert across.spearman == within.spearman
    assert across.pearson == within.pearson
    np.testing.assert_allclose(across.predicted, within.predicted, atol=1e-6)


def test_unknown_words_of_either_side_are_told_as_they_stand() -> None:
    source, target = cipher()
    pairs = (("w1", "x_w2"), ("none", "x_w3"), ("w4", "nichts"), ("W5", "x_w6"))
    score = evaluate_crosslingual_similarity(
        source, target, SimilaritySet("s", pairs, np.arange(4.0))
    )
    assert (score.n_used, score.n_total) == (2, 4)
    assert set(score.unknown_words) == {"none", "nichts"}
    empty = SimilaritySet("s", (("a", "b"), ("c", "d")), np.arange(2.0))
    nothing = evaluate_crosslingual_similarity(source, target, empty)
    assert nothing.spearman.value is None


def capitalized() -> tuple[Embeddings, Embeddings, SimilaritySet]:
    """Return two languages of 20 words, the second ten in capitals only, and 30 pairs."""
    rng = np.random.default_rng(1)
    sides = []
    for kind in ("Wort", "Word"):
        words = [f"{kind.lower() if i < 10 else kind}{i}" for i in range(20)]
        sides.append(Embeddings.from_words(words, rng.standard_normal((20, 6))))
    pairs = [(f"Wort{i}", f"word{j}") for i, j in rng.integers(0, 20, (30, 2))]
    return sides[0], sides[1], SimilaritySet("s", tuple(pairs), rng.random(30))


@pytest.mark.parametrize(
    ("options", "used"),
    [
        ({}, lambda i, j: True),
        ({"case": "exact"}, lambda i, j: i >= 10 and j < 10),
        ({"case": "lower"}, lambda i, j: i < 10 and j < 10),
        ({"convention": "muse"}, lambda i, j: i < 10 and j < 10),
        ({"convention": "vecmap"}, lambda i, j: i >= 10 and j < 10),
        ({"case": "fold", "restrict_vocab": 12}, lambda i, j: i < 12 and j < 12),
    ],
)
def test_options_across_languages_are_of_each_vocabulary(
    options: dict[str, Any], used: Callable[[int, int], bool]
) -> None:
    source, target, data = capitalized()
    score = evaluate_crosslingual_similarity(source, target, data, SimilarityOptions(**options))
    numbers = [(int(a[4:]), int(b[4:])) for a, b in data.pairs]
    assert score.used.tolist() == [used(i, j) for i, j in numbers]
    assert 0 < score.n_used <= 30
    if "case" in options:
        assert score.case == options["case"]
    units = [v.vectors / v.norms[:, None] for v in (source, target)]
    expected = [units[0][i] @ units[1][j] for i, j in numbers]
    found = score.predicted[score.used]
    np.testing.assert_allclose(found, np.array(expected)[score.used], atol=1e-6)


def test_an_unknown_word_gets_the_mean_of_its_languages_vocabulary() -> None:
    source, target, _ = capitalized()
    data = SimilaritySet("s", (("none", "word1"), ("wort1", "word2")), np.arange(2.0))
    options = SimilarityOptions(oov="mean")
    score = evaluate_crosslingual_similarity(source, target, data, options)
    units = [v.vectors / v.norms[:, None] for v in (source, target)]
    mean = units[0].mean(0, dtype=np.float64)
    expected = mean @ units[1][1] / np.linalg.norm(mean)
    assert score.predicted[0] == pytest.approx(expected, abs=1e-6)
    first = SimilarityOptions(convention="vecto")
    found = evaluate_crosslingual_similarity(source, target, data, first).predicted[0]
    assert found == pytest.approx(units[0][0] @ units[1][1], abs=1e-6)
    zero = SimilarityOptions(oov="zero")
    assert evaluate_crosslingual_similarity(source, target, data, zero).predicted[0] == 0


def test_an_unknown_word_is_made_of_its_subwords_where_its_language_has_any() -> None:
    source, target, _ = capitalized()
    table = np.random.default_rng(2).standard_normal((50, 6)).astype(np.float32)
    grams = Subwords(table, minn=3, maxn=4, bucket=50)
    made = Embeddings(source.vocabulary, source.vectors, subwords=grams)
    pairs = (("wortlos", "word1"), ("wort1", "wordless"), ("wort2", "word3"))
    data = SimilaritySet("s", pairs, np.arange(3.0))
    score = evaluate_crosslingual_similarity(
        made, target, data, SimilarityOptions(oov="backoff")
    )
    assert score.used.tolist() == [True, False, True]
    vector = made.lookup(["wortlos"], oov="subword")[0]
    expected = vector @ target["word1"] / np.linalg.norm(vector) / target.norms[1]
    assert score.predicted[0] == pytest.approx(expected, abs=1e-6)


def test_analogies_across_languages_are_solved_in_the_target() -> None:
    steps = np.array([[0.0, 0, 2.0], [0, 0, -2.0]])
    starts = np.array([[3.0, 0, 0], [0, 3.0, 0], [-3.0, 1, 0]])
    rows = np.concatenate([starts + steps[0], starts + steps[1]]).astype(np.float32)
    source = Embeddings.from_words([f"w{i}" for i in range(6)], rows)
    target = Embeddings.from_words([f"x_w{i}" for i in range(6)], rows)
    questions = tuple(
        AnalogyQuestion("sign", f"w{i}", f"w{i + 3}", f"x_w{j}", (f"x_w{j + 3}",))
        for i in range(3)
        for j in range(3)
        if i != j
    )
    unknown = AnalogyQuestion("other", "none", "w1", "x_w1", ("x_w2",))
    data = AnalogySet("a", (*questions, unknown))
    score = evaluate_crosslingual_analogies(source, target, data)
    assert (score.n_used, score.n_total) == (6, 7)
    assert score.accuracy.value == 1.0
    assert score.accuracy_over_all.value == pytest.approx(6 / 7)
    assert score.sections["other"].value is None
    assert [row["section"] for row in score.rows()] == ["sign", "other", "all"]


def test_sentences_find_their_cipher_and_shuffled_ones_do_not() -> None:
    source, target = cipher()
    texts = sentences(80)
    right = [(text, encipher(text)[::-1]) for text in texts]
    score = evaluate_sentence_retrieval(source, target, [*right, (["none"], ["x_w1"])])
    assert (score.n_used, score.n_total) == (80, 81)
    assert score.forward[1].value == score.backward[1].value == 1.0
    wrong = [(a, encipher(b)) for a, b in pairwise(texts)]
    missed = evaluate_sentence_retrieval(source, target, wrong).forward[1].value
    assert missed is not None
    assert missed < 0.2


def test_rare_words_weigh_more_in_a_text() -> None:
    source, _ = cipher()
    texts = [["w0", "w1"], ["w0", "w2"], ["w0", "w3"]]
    found = text_vectors(source, texts)
    rows = source.vectors / np.linalg.norm(source.vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(found.vectors, rows[[1, 2, 3]], atol=1e-6)  # w0: in every text
    assert not text_vectors(source, [["none"]]).covered.any()


@pytest.mark.parametrize("classifier", ["logistic", "perceptron"])
def test_a_classifier_does_on_the_cipher_as_in_its_own_language(classifier: str) -> None:
    source, target = cipher()
    rng = np.random.default_rng(4)

    def documents(count: int) -> list[tuple[str, list[str]]]:
        halves = {"low": np.arange(100), "high": np.arange(60, 200)}
        labels = rng.choice(["low", "high"], count)
        return [(str(y), [f"w{i}" for i in rng.choice(halves[y], 20)]) for y in labels]

    train, test = documents(200), documents(100)
    enciphered = [(label, encipher(words)) for label, words in test]
    options = {"classifier": classifier}
    own = evaluate_document_classification(source, source, train, test, **options)  # type: ignore[arg-type]
    other = evaluate_document_classification(source, target, train, enciphered, **options)  # type: ignore[arg-type]
    assert other.accuracy == own.accuracy
    assert own.accuracy.value is not None
    assert own.accuracy.value > own.majority
    with pytest.raises(ValueError, match="two labels"):
        evaluate_document_classification(source, target, train[:1], test)


def test_words_of_a_cipher_align_with_themselves() -> None:
    source, target = cipher()
    rng = np.random.default_rng(5)
    pairs, gold = [], []
    for text in sentences(20):
        order = rng.permutation(len(text))
        pairs.append((text, encipher([text[i] for i in order])))
        gold.append(frozenset((int(i), j) for j, i in enumerate(order)))
    links = align_words(source, target, pairs)
    assert links == gold
    assert alignment_error_rate(links, gold).error_rate == 0.0


def test_repeated_words_are_told_apart_by_their_places() -> None:
    source, target = cipher()
    text = ["w1", "w2", "w1"]
    links = align_words(source, target, [(text, encipher(text))], closeness=0.1)
    assert links == [frozenset({(0, 0), (1, 1), (2, 2)})]


def test_the_error_rate_counts_possible_links_once() -> None:
    found = [frozenset({(0, 0), (1, 1), (2, 2)})]
    sure, possible = [frozenset({(0, 0)})], [frozenset({(0, 0), (1, 1)})]
    score = alignment_error_rate(found, sure, possible)
    assert score.error_rate == pytest.approx(1 - (1 + 2) / (3 + 1))
    assert score.precision == pytest.approx(2 / 3)
    assert score.recall == 1.0
    only_possible = [frozenset({(1, 1)})]  # sure links are possible ones, listed there or not
    assert alignment_error_rate(found, sure, only_possible) == score
    assert alignment_error_rate([frozenset()], [frozenset()]).error_rate is None
    with pytest.raises(ValueError, match="as many sentences"):
        alignment_error_rate(found, [])


def test_a_text_whose_words_are_in_every_text_has_known_words() -> None:
    source, _ = cipher()
    texts = [["w0"], ["w0", "w1"], ["none"]]
    found = text_vectors(source, texts[:2])
    assert found.covered.tolist() == [True, True]
    assert text_vectors(source, texts).covered.tolist() == [True, True, False]
    same = [(["w0"], ["w0"]), (["w0", "w1"], ["w0", "w1"])]
    assert evaluate_sentence_retrieval(source, source, same).n_used == 2


def test_words_whose_vectors_are_no_numbers_are_not_aligned() -> None:
    source, _ = cipher()
    bad = Embeddings(source.vocabulary, np.full((NUM_WORDS, DIM), np.nan, np.float32))
    with pytest.raises(ValueError, match="finite"):
        align_words(source, bad, [(["w1"], ["w1"])])
