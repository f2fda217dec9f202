"""Defects seen in other tools, each with a test that embkit has it not."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import embkit
from embkit.cli import main
from embkit.errors import FormatError
from embkit.evaluation.analogy import evaluate_analogies
from embkit.evaluation.diagnostics import evaluate_diagnostics
from embkit.evaluation.options import AnalogyOptions
from embkit.evaluation.results import Result
from embkit.evaluation.sets import AnalogyQuestion, AnalogySet, SimilaritySet
from embkit.evaluation.similarity import evaluate_similarity

ROWS = np.array([[1, 0, 0], [1, 0, 1], [0, 1, 0], [0, 1, 1], [-1, 0.5, 0]], np.float32)


def vectors(*words: str | bytes) -> embkit.Embeddings:
    return embkit.Embeddings.from_words(words, ROWS[: len(words)])


def questions(*words: str, section: str = "s") -> AnalogySet:
    a, b, c, d = words
    return AnalogySet("t", (AnalogyQuestion(section, a, b, c, (d,)),))


@pytest.mark.parametrize("letter", ["w", "ä"])
def test_long_words_are_not_cut(letter: str, tmp_path: Path) -> None:
    # word2vec.c cuts words at 99 bytes, in the middle of a character; its evaluation at 50.
    words = [letter * 120 + end for end in "abcd"]
    embkit.save(vectors(*words), tmp_path / "v.bin")
    loaded = embkit.load(tmp_path / "v.bin")
    assert list(loaded.words) == words
    assert evaluate_analogies(loaded, questions(*words))[0].accuracy.value == 1.0


def test_case_is_that_of_unicode_and_the_whole_vocabulary_counts() -> None:
    # compute-accuracy upper-cases ASCII alone, and cuts the vocabulary silently.
    v = vectors("ärzte", "öl", "über", "ß")
    found = evaluate_analogies(v, questions("ÄRZTE", "ÖL", "Über", "ß"))
    assert (found[0].n_used, found[0].restrict_vocab) == (1, None)


def test_evaluation_changes_nothing_and_takes_the_best_candidate_only() -> None:
    # gensim swaps key_to_index meanwhile, and falls back to the last of five candidates.
    v = vectors("man", "king", "woman", "other", "queen")
    rows, words = v.vectors.copy(), dict(v.key_to_index)
    found = evaluate_analogies(v, questions("man", "king", "woman", "queen"))[0]
    assert (found.accuracy.value, found.predicted) == (0.0, ("other",))
    np.testing.assert_array_equal(v.vectors, rows)
    assert v.key_to_index == words


def test_counts_are_not_invented(tmp_path: Path) -> None:
    # gensim gives a file without counts vocabulary size less rank.
    embkit.save(vectors("a", "b", "c"), tmp_path / "v.txt")
    loaded = embkit.load(tmp_path / "v.txt")
    assert loaded.counts is None
    assert evaluate_diagnostics(loaded).frequency_by == "row order"


def test_binary_words_are_utf8_and_unknown_ones_have_no_vector(tmp_path: Path) -> None:
    # word-embeddings-benchmarks reads binary words as latin-1; unknown ones get the mean.
    embkit.save(vectors("søl", "日本", "c", "d"), tmp_path / "v.bin")
    loaded = embkit.load(tmp_path / "v.bin")
    pairs = (("søl", "日本"), ("søl", "c"), ("c", "d"), ("c", "unknown"))
    scored = evaluate_similarity(loaded, SimilaritySet("t", pairs, np.arange(4.0)))
    assert (scored.n_used, scored.n_total, scored.n_unknown) == (3, 4, 1)
    assert np.isnan(scored.predicted[3])


def test_unknown_words_are_not_the_first_row() -> None:
    # vecto and hyperwords take row 0 for every unknown word; hyperwords scores such pairs 0.
    v = vectors("first", "second", "third", "fourth")
    pairs = (("first", "gone"), ("second", "third"), ("first", "second"), ("third", "fourth"))
    scored = evaluate_similarity(v, SimilaritySet("t", pairs, np.arange(4.0)))
    assert scored.used.tolist() == [False, True, True, True]
    found = evaluate_analogies(v, questions("gone", "second", "third", "fourth"))[0]
    assert (found.accuracy.value, found.n_used, found.n_total) == (None, 0, 1)
    assert found.unknown_words == ("gone",)


def test_no_header_is_needed_and_an_uncovered_section_divides_nothing(tmp_path: Path) -> None:
    # VecMap needs the header, and divides by zero where a section has no known question.
    (tmp_path / "v.txt").write_text("man 1 0\nking 1 1\nwoman 0 1\n")
    loaded = embkit.load(tmp_path / "v.txt")
    assert len(loaded) == 3
    data = AnalogySet("t", questions("x", "y", "z", "u", section="lost").questions)
    (section,) = evaluate_analogies(loaded, data, AnalogyOptions(method=("3CosAdd",)))[
        0
    ].sections
    assert section.accuracy.value is None
    assert section.accuracy.reason


def test_undecodable_bytes_keep_words_apart_and_faults_are_named(tmp_path: Path) -> None:
    # MUSE drops such bytes, so that words collide, and asserts where a file is wrong.
    path = tmp_path / "v.txt"
    path.write_bytes(b"ca\xfft 1 0\nca\xfet 0 1\ncat 1 1\n")
    assert len(set(embkit.load(path).words)) == 3
    path.write_bytes(b"3 2\nalpha 1.5 0.25\nbeta 0.125\ngamma 1.5 1.25\n")
    with pytest.raises(FormatError, match=r"v\.txt:3"):
        embkit.load(path)


def test_help_is_printed_where_results_are(capfd: pytest.CaptureFixture[str]) -> None:
    # fastText prints its help on stderr and exits with 1.
    assert main(["eval", "--help"]) == 0
    printed = capfd.readouterr()
    assert "Usage" in printed.out
    assert printed.err == ""


def test_text_keeps_every_bit(tmp_path: Path) -> None:
    # fastText writes five digits.
    rows = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32) * 1e-3
    v = embkit.Embeddings.from_words([f"w{i}" for i in range(20)], rows)
    embkit.save(v, tmp_path / "v.vec")
    np.testing.assert_array_equal(embkit.load(tmp_path / "v.vec").vectors, rows)


def test_gloves_binary_file_without_words_is_refused(tmp_path: Path) -> None:
    # GloVe's vectors.bin is doubles without a header: useless without its vocabulary.
    path = tmp_path / "vectors.bin"
    path.write_bytes(struct.pack("<40d", *np.linspace(-1, 1, 40)))
    with pytest.raises(FormatError):
        embkit.load(path)


def test_a_corpus_may_hold_the_word_unk(tmp_path: Path) -> None:
    # GloVe trains, then fails at saving where the vocabulary has <unk>.
    sentences = [["<unk>", "cold", "snow"], ["<unk>", "warm", "sand"]] * 20
    v = embkit.train("glove", sentences, dim=4, min_count=1, threads=1, progress=False)
    embkit.save(v, tmp_path / "v.txt")
    assert "<unk>" in embkit.load(tmp_path / "v.txt")


def test_no_result_holds_nan() -> None:
    # MUSE prints nan averages; here the undefined is None beside its reason.
    pairs = (("a", "b"), ("b", "c"), ("a", "c"))
    constant = SimilaritySet("t", pairs, np.full(3, 2.0))
    results: list[Result] = [evaluate_similarity(vectors("a", "b", "c"), constant)]
    results += evaluate_analogies(vectors("a", "b"), questions("a", "b", "x", "y"))
    for result in results:
        assert "nan" not in str(result.to_dict()).lower()
        assert result.rows()[-1]["reason"]
