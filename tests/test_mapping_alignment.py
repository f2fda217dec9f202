"""Word alignments and the projection through them, with its propagation by edit distance."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import embkit
from embkit.errors import FormatError
from embkit.mapping import SeedDictionary, project_aligned
from embkit.mapping.edit_distance import DeletionIndex, levenshtein
from embkit.mapping.word_alignments import most_frequent, read_word_alignments
from embkit.vocabulary import Vocabulary
from tests.spaces import cloud, planted, space

WORDS = st.text(alphabet="ab\u00fc\U0001f600", max_size=6)


def slow_levenshtein(a: str, b: str) -> int:
    if not a or not b:
        return len(a) + len(b)
    return min(
        slow_levenshtein(a[1:], b) + 1,
        slow_levenshtein(a, b[1:]) + 1,
        slow_levenshtein(a[1:], b[1:]) + (a[0] != b[0]),
    )


@given(WORDS, WORDS)
def test_the_edit_distance_is_that_of_its_definition(a: str, b: str) -> None:
    assert levenshtein(a, b) == slow_levenshtein(a, b)


@given(st.lists(WORDS, max_size=30), WORDS, st.integers(0, 2))
def test_the_index_finds_what_brute_force_finds(
    words: list[str], word: str, distance: int
) -> None:
    expected = [i for i, w in enumerate(words) if levenshtein(word, w) <= distance]
    assert DeletionIndex(words, distance).within(word) == expected


def test_one_to_one_alignments_are_a_table() -> None:
    target = space(cloud(50, 6, seed=1), "t")
    seeds = SeedDictionary([(f"s{i}", f"t{49 - i}", 7.0) for i in range(50)])
    vocabulary = Vocabulary.from_words([f"s{i}" for i in range(50)])
    found = project_aligned(vocabulary, target, seeds, distance=0)
    np.testing.assert_allclose(found.vectors, target.vectors[::-1], rtol=1e-6)


def test_counts_act_as_a_row_stochastic_matrix() -> None:
    rng = np.random.default_rng(2)
    target = space(cloud(20, 5, seed=3), "t")
    counts = rng.integers(0, 4, (12, 20))
    counts[:, 0] += 1
    seeds = [
        (f"s{i}", f"t{j}", float(counts[i, j])) for i, j in zip(*counts.nonzero(), strict=True)
    ]
    vocabulary = Vocabulary.from_words([f"s{i}" for i in range(12)])
    found = project_aligned(vocabulary, target, SeedDictionary(seeds))
    expected = counts / counts.sum(1, keepdims=True) @ target.vectors
    np.testing.assert_allclose(found.vectors, expected, rtol=1e-5)


@pytest.mark.parametrize("distance", [0, 1, 2])
def test_words_without_alignment_get_the_mean_of_those_nearby(distance: int) -> None:
    rng = np.random.default_rng(4)
    words = sorted({"".join(rng.choice(list("abc"), rng.integers(3, 7))) for _ in range(150)})
    target = space(cloud(60, 4, seed=5), "t")
    aligned = dict(zip(words[::3], range(60), strict=False))
    seeds = SeedDictionary([(w, f"t{i}") for w, i in aligned.items()])
    found = project_aligned(Vocabulary.from_words(words), target, seeds, distance=distance)
    expected = {}
    for word in words:
        near = [w for w in aligned if levenshtein(word, w) <= distance]
        near = [word] if word in aligned else near
        if near:
            expected[word] = target.vectors[[aligned[w] for w in near]].mean(0)
    assert found.words == list(expected)
    np.testing.assert_allclose(found.vectors, np.array(list(expected.values())), rtol=1e-5)
    assert found.provenance["aligned"] == len(aligned)
    assert found.provenance["propagated"] == len(expected) - len(aligned)


def test_the_targets_rows_are_normalised_as_asked() -> None:
    target = space(cloud(30, 5, seed=7), "t")
    seeds = SeedDictionary([("s", "t1", 3.0), ("s", "t2", 1.0)])
    found = project_aligned(
        Vocabulary.from_words(["s"]), target, seeds, normalization="unit,center"
    )
    units = target.normalized().vectors
    rows = units - units.mean(0)
    np.testing.assert_allclose(found["s"], 0.75 * rows[1] + 0.25 * rows[2], atol=1e-6)


@pytest.mark.parametrize(("noise", "expected"), [(0.05, "good"), (0.5, "doubtful")])
@pytest.mark.parametrize("dim", [8, 12])
def test_right_alignments_are_not_refused_and_shuffled_ones_are(
    dim: int, noise: float, expected: str
) -> None:
    source, target, _ = planted(400, 8, seed=1, noise=noise)
    source = space(np.pad(source.vectors, ((0, 0), (0, dim - 8))), "s")  # of any dim
    rng = np.random.default_rng(2)
    counted = [(f"s{i}", f"t{i}", 5.0) for i in range(300)]
    counted += [(f"s{i}", f"t{j}", 1.0) for i, j in rng.integers(300, size=(300, 2))]
    found = project_aligned(source, target, SeedDictionary(counted)).provenance
    assert found["verdict"]["judgement"] == expected
    assert found["spaces"]["source_dim"] == dim
    order = rng.permutation(len(counted))
    shuffled = [(counted[i][0], *counted[j][1:]) for i, j in enumerate(order)]
    found = project_aligned(source, target, SeedDictionary(shuffled)).provenance
    assert found["verdict"]["judgement"] == "failed"
    told = project_aligned(source.vocabulary, target, SeedDictionary(shuffled)).provenance
    assert "verdict" not in told  # words without vectors cannot judge


def test_alignment_gives_no_map() -> None:
    v = space(cloud(10, 3, seed=6), "w")
    with pytest.raises(ValueError, match="alignment gives vectors"):
        embkit.map(v, v, method="alignment", dictionary=[("w1", "w2")])
    with pytest.raises(ValueError, match="0 of 1 pairs used"):
        project_aligned(v.vocabulary, v, SeedDictionary([("a", "b")]))


@pytest.fixture
def texts(tmp_path: Path) -> tuple[Path, Path, Path]:
    contents = {
        "en": b"the dog barks\nthe cat\n\n",
        "de": b"der Hund bellt\ndie Katze\n\n",
        "links": b"0-0 1-1 2-2 2-1\n0-0 1?1\n\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path / "en", tmp_path / "de", tmp_path / "links"


@pytest.mark.parametrize("bare", [False, True])
def test_links_are_counted_per_pair_of_words(
    bare: bool, texts: tuple[Path, Path, Path]
) -> None:
    if bare:
        texts[2].write_bytes(b"0 0 1 1 2 2 2 1\n0 0 1 1\n\n")
    counted = {(e.source, e.target): e.weight for e in read_word_alignments(*texts)}
    assert counted == {
        ("the", "der"): 1,
        ("dog", "Hund"): 1,
        ("barks", "bellt"): 1,
        ("barks", "Hund"): 1,
        ("the", "die"): 1,
        ("cat", "Katze"): 1,
    }
    swapped = read_word_alignments(texts[1], texts[0], texts[2], reverse=True)
    assert {(e.target, e.source): e.weight for e in swapped} == counted


def test_the_most_frequent_target_is_kept() -> None:
    seeds = SeedDictionary([("a", "x", 1.0), ("a", "y", 4.0), ("a", "z", 4.0), ("b", "x", 1.0)])
    assert [(e.source, e.target) for e in most_frequent(seeds)] == [("a", "y"), ("b", "x")]


@pytest.mark.parametrize(
    ("links", "line", "reason"),
    [
        (b"0-0\n0-2\n\n", 2, "the link 0-2 must lead to words below 2 and 2"),
        (b"0-0\n0:1\n\n", 2, "a link must be i-j or i.j, got '0:1'"),
        (b"0 0 1\n0-1\n\n", 1, "a link must be i-j or i.j, got '0'"),
        (b"0-0\n", 2, "the file ends here"),
        (b"\n\n\n", None, "alignments must have a link"),
    ],
)
def test_broken_links_are_told_by_place(
    links: bytes, line: int | None, reason: str, texts: tuple[Path, Path, Path]
) -> None:
    texts[2].write_bytes(links)
    with pytest.raises(FormatError, match=reason) as caught:
        read_word_alignments(*texts)
    assert caught.value.line == line


def test_real_alignments_are_read_and_their_most_frequent_pairs_are_plain() -> None:
    data = os.environ.get("EMBKIT_TEST_DATA")
    if not data:
        pytest.skip("EMBKIT_TEST_DATA does not name the folder with parallel/europarl10k.*")
    base = Path(data) / "parallel" / "europarl10k"
    counted = read_word_alignments(f"{base}.de.xz", f"{base}.en.xz", f"{base}.align.xz")
    best = {e.source: e.target for e in most_frequent(counted)}
    expected = {"und": "and", "kommission": "commission", "europa": "europe", "wir": "we"}
    assert {word: best.get(word) for word in expected} == expected


def test_counts_of_words_that_fold_to_one_are_added() -> None:
    de = embkit.Embeddings.from_words({"Hund": [1.0, 0.0], "Tier": [0.0, 1.0]})
    seeds = SeedDictionary([("Dog", "Hund", 1.0), ("dog", "Tier", 2.0), ("dog", "Hund", 97.0)])
    found = project_aligned(Vocabulary.from_words(["dog"]), de, seeds, case="any")
    np.testing.assert_allclose(found["dog"], [0.98, 0.02], rtol=1e-6)
