"""A language and its cipher, from text to translations: more supervision, better or equal."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit import Embeddings, SeedDictionary, Vocabulary
from embkit.evaluation.translation import TranslationOptions, evaluate_translation
from embkit.mapping import most_frequent, project_aligned, read_word_alignments
from tests.cipher import NUM_WORDS, Cipher, Links, Sentences, name, text, with_wrong_pairs

PLAIN = Cipher()
MOVED = Cipher(window=3, deletion=0.2, fertility=0.3)
Pairs = list[tuple[str, str]]


def train(sentences: Sentences) -> Embeddings:
    options: dict[str, Any] = {"dim": 16, "epochs": 5, "subsample": 0, "threads": 1}
    return embkit.train("sgns", sentences, window=8, learning_rate=0.05, **options)


@pytest.fixture(scope="module")
def spaces() -> tuple[Embeddings, Embeddings]:
    """Return vectors of one half of a text, and of the cipher of the other half."""
    return train(text(12_000, seed=4)), train(PLAIN.encipher(text(12_000, seed=5))[0])


def found(source: Embeddings, target: Embeddings, pairs: Pairs, **options: Any) -> set[str]:
    """Return the words of some pairs that a map translates."""
    mapping = embkit.map(source, target, **options)
    score = evaluate_translation(
        *(mapping.apply(source, "source"), mapping.apply(target, "target"), pairs),
        options=TranslationOptions(resamples=10),
    )
    assert score.num_covered == score.num_words
    return {word for word, rank in score.ranks.items() if rank == 1}


def is_worse(some: set[str], others: set[str]) -> bool:
    """Tell whether some maps' words are too few for chance alone.

    Of two equally good maps each word that only one translates may be either's: the difference
    of their numbers has a standard deviation of the root of their sum (McNemar 1947).
    """
    alone, missed = len(some - others), len(others - some)
    return missed - alone > 2 * math.sqrt(missed + alone)


def test_the_cipher_of_the_same_text_is_translated_without_any_pair() -> None:
    sentences = text(3000, seed=6)
    source, target = train(sentences), train(PLAIN.encipher(sentences)[0])
    pairs = PLAIN.gold(source.words)
    assert len(found(source, target, pairs, method="self-learning")) > 0.98 * len(pairs)


def test_supervised_then_few_pairs_then_none_and_all_above_chance(
    spaces: tuple[Embeddings, Embeddings],
) -> None:
    pairs = PLAIN.gold(spaces[0].words)
    held_out, learned = pairs[200:], pairs[:200]
    supervised, semi, unsupervised = (
        found(*spaces, held_out, method=method, dictionary=dictionary)
        for dictionary, method in (
            (learned, "five-step"),
            (learned[:25], "self-learning"),
            (None, "self-learning"),
        )
    )
    # From 25 pairs self-learning comes by as many as are given to the supervised map, so that
    # what is left between the three is chance; by chance alone one word in 300 is found.
    assert not is_worse(supervised, semi)
    assert not is_worse(semi, unsupervised)
    assert len(unsupervised) > 0.2 * len(held_out)


def test_a_dictionary_that_is_half_wrong_costs_little_and_one_all_wrong_everything(
    spaces: tuple[Embeddings, Embeddings],
) -> None:
    pairs = PLAIN.gold(spaces[0].words)
    held_out, learned = pairs[200:], pairs[:200]
    right, half, wrong = (
        found(*spaces, held_out, dictionary=with_wrong_pairs(learned, share))
        for share in (0, 0.5, 1)
    )
    assert not is_worse(half, right)
    assert is_worse(wrong, half)
    assert len(wrong) < 0.05 * len(held_out)


@pytest.mark.parametrize(
    "cipher",
    [Cipher(window=3), Cipher(deletion=0.2), Cipher(fertility=0.3), Cipher(suffixes=0.2)],
)
def test_most_are_found_though_words_move_or_are_lost_doubled_and_ended(
    cipher: Cipher,
) -> None:
    sentences = text(6000, seed=6)
    source, target = train(sentences), train(cipher.encipher(sentences)[0])
    learned, held_out = cipher.gold(source.words[:200]), cipher.gold(source.words[200:280])
    translated = found(source, target, held_out, dictionary=learned)
    # 71 to 79 of 80 were; three standard deviations of 71 are 8.5.
    assert len(translated) > 62


def write(folder: Path, source: Sentences, target: Sentences, links: Links) -> list[Path]:
    lines = {
        "source": [" ".join(said) for said in source],
        "target": [" ".join(said) for said in target],
        "links": [" ".join(f"{i}-{j}" for i, j in some) for some in links],
        "reversed": [" ".join(f"{j}-{i}" for i, j in some) for some in links],
    }
    for file, some in lines.items():
        (folder / file).write_text("".join(f"{line}\n" for line in some), encoding="utf-8")
    return [folder / file for file in lines]


@pytest.mark.parametrize(
    "cipher", [Cipher(window=4), Cipher(deletion=0.3), Cipher(fertility=0.3), MOVED]
)
def test_links_of_moved_lost_and_doubled_words_are_counted_as_they_are(
    cipher: Cipher, tmp_path: Path
) -> None:
    sentences = text(500, seed=7)
    said, links = cipher.encipher(sentences)
    kept: Counter[tuple[str, str]] = Counter()
    for sentence, some in zip(sentences, links, strict=True):
        for i in {i for i, _ in some}:
            kept.update((sentence[i], other) for other in cipher.words(sentence[i]))
    source, target, there, back = write(tmp_path, sentences, said, links)
    for file, reverse in ((there, False), (back, True)):
        read = read_word_alignments(source, target, file, reverse=reverse)
        assert {(e.source, e.target): e.weight for e in read} == kept
    assert {(e.source, e.target) for e in most_frequent(read)} <= set(kept)


def test_words_move_are_lost_doubled_and_ended_as_often_as_asked() -> None:
    sentences = text(500, seed=7)
    moves = [abs(i - j) for some in Cipher(window=4).encipher(sentences)[1] for i, j in some]
    assert max(moves) == 4
    for cipher, share in ((Cipher(deletion=0.3), 0.7), (Cipher(suffixes=0.3), 0.3)):
        said = [word for sentence in cipher.encipher(sentences)[0] for word in sentence]
        count = sum(word[-1] in "en" for word in said) if cipher.suffixes else len(said)
        assert abs(count - 5000 * share) < 4 * (5000 * 0.3 * 0.7) ** 0.5
    doubled = [len(Cipher(fertility=0.3).words(name(i))) for i in range(NUM_WORDS)]
    assert Counter(doubled) == {1: 210, 2: 90}


def test_words_with_endings_get_the_vectors_of_those_without() -> None:
    said, _ = Cipher(suffixes=0.3).encipher(text(2000, seed=8))
    bare = [other for i in range(NUM_WORDS) for other in PLAIN.words(name(i))]
    words = sorted({*bare, *(word for sentence in said for word in sentence)})
    ended = [word for word in words if word[-1] in "en"]
    assert len(ended) > NUM_WORDS
    rows = np.random.default_rng(1).standard_normal((NUM_WORDS, 8))
    plain = Embeddings.from_words([name(i) for i in range(NUM_WORDS)], rows)
    back = SeedDictionary(PLAIN.gold(plain.words)).reversed()
    space = project_aligned(
        Vocabulary.from_words(words), plain, back, distance=1, normalization="none"
    )
    assert sorted(space.words) == words
    for word in ended:
        np.testing.assert_array_equal(space[word], space[word[:-1]])
    known = project_aligned(
        Vocabulary.from_words(words), plain, back, distance=0, normalization="none"
    )
    assert not set(known.words) & set(ended)
