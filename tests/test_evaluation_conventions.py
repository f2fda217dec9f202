"""Other tools' numbers, to the last count, for a generated model that tells them apart.

The constants were printed by the tools' own code (gensim 4.4; word2vec's compute-accuracy.c;
VecMap's, MUSE's, word-embeddings-benchmarks' and vecto's evaluation at their last commits;
hyperwords' Python 3 fork) for the files that `tests.evaluation_models` writes. gensim is asked
again here where it is installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit.embeddings import Embeddings
from embkit.evaluation.analogy import AnalogyScore, evaluate_analogies
from embkit.evaluation.analogy_questions import ascii_upper
from embkit.evaluation.datasets import (
    AnalogyQuestion,
    AnalogySet,
    SimilaritySet,
    read_analogies,
    read_similarity,
)
from embkit.evaluation.options import AnalogyOptions, SimilarityOptions
from embkit.evaluation.similarity import SimilarityScore, evaluate_similarity
from tests.evaluation_models import analogy_lines, model, model_rows, similarity_lines


@pytest.fixture
def pairs(tmp_path: Path) -> SimilaritySet:
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(similarity_lines()) + "\n", encoding="utf-8")
    return read_similarity(path)


@pytest.fixture
def questions(tmp_path: Path) -> AnalogySet:
    path = tmp_path / "questions.txt"
    path.write_text("\n".join(analogy_lines()) + "\n", encoding="utf-8")
    return read_analogies(path)


def similarity(pairs: SimilaritySet, convention: Any, **options: Any) -> SimilarityScore:
    chosen = SimilarityOptions(convention=convention, interval="analytic", **options)
    return evaluate_similarity(model(), pairs, chosen)


def analogies(questions: AnalogySet, convention: Any, **options: Any) -> list[AnalogyScore]:
    chosen = AnalogyOptions(convention=convention, interval="analytic", **options)
    return evaluate_analogies(model(), questions, chosen)


def by_section(score: AnalogyScore) -> dict[str, tuple[int, int]]:
    return {part.name: (part.n_correct, part.n_used) for part in score.sections}


@pytest.mark.parametrize(
    ("convention", "rho", "used", "total"),
    [
        ("gensim", 0.12960619603414705, 47, 62),
        ("muse", 0.05547343347732028, 16, 61),
        ("web", 0.11122608972913482, 62, 62),
        ("vecto", 0.022617391310945673, 62, 62),
    ],
)
def test_similarity_of_each_tool(
    pairs: SimilaritySet, convention: str, rho: float, used: int, total: int
) -> None:
    score = similarity(pairs, convention)
    assert score.spearman.value == pytest.approx(rho, abs=1e-9)
    assert (score.n_used, score.n_total) == (used, total)


def test_hyperwords_similarity_of_unknown_pairs_is_zero(pairs: SimilaritySet) -> None:
    words = tuple(pair for pair in pairs.pairs if " " not in " ".join(pair[:1]))
    single = SimilaritySet(
        "single", words, pairs.scores[[" " not in p[0] for p in pairs.pairs]]
    )
    score = similarity(single, "hyperwords")  # its reader takes no phrase
    assert score.spearman.value == pytest.approx(0.06776304938262424, abs=1e-9)
    assert (score.n_used, score.n_total) == (61, 61)


def test_vecmap_similarity_with_and_without_lower_case(pairs: SimilaritySet) -> None:
    for options, printed in (({}, "75.81 10.41 12.96"), ({"case": "lower"}, "25.81 0.94 5.55")):
        score = similarity(pairs, "vecmap", **options)
        r, rho = score.pearson.value, score.spearman.value
        assert r is not None
        assert rho is not None
        coverage = 100 * score.n_used / score.n_total
        assert f"{coverage:.2f} {100 * r:.2f} {100 * rho:.2f}" == printed


def test_vecmap_backoff_keeps_unknown_pairs_with_a_fixed_score(pairs: SimilaritySet) -> None:
    score = similarity(pairs, "vecmap", oov="backoff", oov_score=0.25)
    assert score.n_used == score.n_total
    assert (score.predicted == 0.25).sum() == score.n_unknown > 0


SECTIONS = ("capitals", "currency", "states", "family", "cities", "gram1-plural", "gram2-past")


def counts(*pairs: tuple[int, int]) -> dict[str, tuple[int, int]]:
    return dict(zip(SECTIONS, pairs, strict=True))


def test_compute_accuracy_to_the_last_count(questions: AnalogySet) -> None:
    (score,) = analogies(questions, "word2vec", method=("3CosAdd",))
    # It prints "0 / 1" for the section without a covered question.
    assert by_section(score) == counts(
        (11, 12), (1, 2), (2, 2), (12, 12), (0, 0), (12, 12), (6, 6)
    )
    assert (score.n_used, score.n_total) == (46, 66)
    assert [part.accuracy.value for part in score.groups] == pytest.approx([26 / 28, 1])
    (score,) = analogies(questions, "word2vec", method=("3CosAdd",), restrict_vocab=40)
    assert by_section(score) == counts(
        (12, 12), (2, 2), (2, 2), (12, 12), (0, 0), (12, 12), (2, 2)
    )
    assert score.n_used == 42


def test_gensim_analogies(questions: AnalogySet) -> None:
    (score,) = analogies(questions, "gensim", method=("3CosAdd",))
    assert by_section(score) == counts(
        (12, 12), (1, 2), (2, 2), (12, 12), (0, 0), (12, 12), (6, 6)
    )
    assert score.accuracy.value == pytest.approx(45 / 46)


def test_vecmap_analogies_and_no_division_by_an_empty_section(questions: AnalogySet) -> None:
    (score,) = analogies(questions, "vecmap", method=("3CosAdd",))
    printed = {"capitals": "91.67", "currency": "50.00", "states": "100.00", "family": "83.33"}
    printed |= {"gram1-plural": "100.00", "gram2-past": "100.00"}
    for part in score.sections:
        if part.name == "cities":  # VecMap prints nan and warns
            assert part.accuracy.value is None
            assert part.accuracy.reason is not None
        else:
            assert f"{100 * (part.accuracy.value or 0):.2f}" == printed[part.name]
    shown = [f"{100 * (part.accuracy.value or 0):.2f}" for part in score.groups]
    assert shown == ["85.71", "100.00"]
    assert f"{100 * (score.accuracy.value or 0):.2f}" == "91.30"
    assert f"{100 * score.n_used / score.n_total:.2f}" == "69.70"


def test_muse_asks_for_the_third_word_and_averages_sections(questions: AnalogySet) -> None:
    (score,) = analogies(questions, "muse", method=("3CosAdd",))
    accuracies = {p.name: p.accuracy.value for p in score.sections if p.n_used}
    assert accuracies == pytest.approx(
        {"family": 5 / 12, "gram1-plural": 11 / 12, "gram2-past": 5 / 6}
    )
    assert score.accuracy.value == pytest.approx(0.7222222222222222)
    assert score.accuracy.reason == "mean of the 3 sections of 7 that are covered"


def test_hyperwords_analogies_count_unknown_words_as_the_first_row(
    questions: AnalogySet,
) -> None:
    add, mul = analogies(questions, "hyperwords")
    assert add.accuracy.value == pytest.approx(0.42424242424242425)
    assert mul.accuracy.value == pytest.approx(0.3787878787878788)
    assert add.n_used == add.n_total == 66
    assert mul.epsilon == 0.01


def test_web_analogies_ask_with_the_mean_vector(questions: AnalogySet) -> None:
    add, mul = analogies(questions, "web")
    assert by_section(add) == counts(
        (11, 12), (2, 6), (4, 6), (10, 12), (0, 6), (12, 12), (7, 12)
    )
    assert by_section(mul) == counts(
        (11, 12), (2, 6), (4, 6), (7, 12), (0, 6), (11, 12), (5, 12)
    )


def test_gensim_itself_agrees(tmp_path: Path) -> None:
    gensim = pytest.importorskip("gensim")
    del gensim
    (tmp_path / "pairs.tsv").write_text("\n".join(similarity_lines()) + "\n", encoding="utf-8")
    (tmp_path / "q.txt").write_text("\n".join(analogy_lines()) + "\n", encoding="utf-8")
    vectors = model().to_gensim()
    r, rho, oov = vectors.evaluate_word_pairs(str(tmp_path / "pairs.tsv"))
    score = similarity(read_similarity(tmp_path / "pairs.tsv"), "gensim")
    assert score.spearman.value == pytest.approx(rho.statistic, abs=1e-9)
    assert score.pearson.value == pytest.approx(r.statistic, abs=1e-6)
    assert 100 * score.n_unknown / score.n_total == pytest.approx(oov)
    accuracy, sections = vectors.evaluate_word_analogies(str(tmp_path / "q.txt"))
    (mine,) = analogies(read_analogies(tmp_path / "q.txt"), "gensim", method=("3CosAdd",))
    assert mine.accuracy.value == pytest.approx(accuracy)
    theirs = {s["section"]: len(s["correct"]) for s in sections[:-1]}
    assert {part.name: part.n_correct for part in mine.sections} == theirs


def test_gensims_five_candidates_may_all_be_variants() -> None:
    # Six spellings of the query word stand nearest; gensim then takes the fifth of them.
    rows: dict[str, list[float]] = {"man": [1, 0, 0], "king": [1, 0, 1], "woman": [0, 1, 0]}
    spellings = ["WOMAN", "Woman", "wOMAN", "woMAN", "womAN", "womaN"]
    rows |= {s: [0, 1, 0.01 * i] for i, s in enumerate(spellings)} | {"queen": [0, 0.3, 1]}
    vectors = Embeddings.from_words({w: np.array(r, np.float32) for w, r in rows.items()})
    data = AnalogySet("tiny", (AnalogyQuestion("s", "man", "king", "woman", ("queen",)),))
    options = AnalogyOptions(convention="gensim", method=("3CosAdd",))
    (score,) = evaluate_analogies(vectors, data, options)
    kv = pytest.importorskip("gensim") and vectors.to_gensim()
    found = kv.most_similar(positive=["king", "woman"], negative=["man"], topn=5)
    assert all(word.upper() == "WOMAN" for word, _ in found)
    assert score.predicted == (found[-1][0],)
    assert score.n_correct == 0


def test_word2vecs_upper_case_is_that_of_ascii() -> None:
    assert ascii_upper("éta\udcff") == "éTA\udcff"
    rows = {"émile": [1.0, 0.0], "a": [0.0, 1.0], "b": [1.0, 1.0]}
    asked = AnalogyQuestion("s", "a", "b", "a", ("Émile",))
    data = AnalogySet("tiny", (asked,))
    used = {
        name: evaluate_analogies(rows, data, AnalogyOptions(convention=name))[0].n_used
        for name in ("word2vec", "gensim")
    }
    assert used == {"word2vec": 0, "gensim": 1}


def test_evaluation_changes_no_model(questions: AnalogySet) -> None:
    vectors = model()
    before = vectors.vectors.copy(), list(vectors.words)
    evaluate_analogies(vectors, questions, AnalogyOptions(convention="gensim"))
    np.testing.assert_array_equal(vectors.vectors, before[0])
    assert vectors.words == before[1] == list(model_rows())
