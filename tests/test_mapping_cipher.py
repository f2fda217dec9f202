"""A language and its cipher, from text to translations: more supervision, better or equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import embkit
from embkit import Embeddings
from embkit.evaluation.translation import TranslationOptions, evaluate_translation

NUM_WORDS, NUM_TOPICS = 300, 24
CIPHER = np.random.default_rng(3).permutation(NUM_WORDS).tolist()


def text(num_sentences: int, seed: int) -> list[list[str]]:
    """Return sentences of words that keep to places in a latent space, frequent ones first.

    The language is always the same; the seed draws what is said.
    """
    places = np.random.default_rng(1).standard_normal((NUM_WORDS, 8)) * np.linspace(1.5, 0.5, 8)
    topics = np.random.default_rng(2).standard_normal((NUM_TOPICS, 8))
    logits = 1.2 * topics @ places.T - 0.5 * np.log(np.arange(1, NUM_WORDS + 1))
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    rng = np.random.default_rng(seed)
    said = [
        rng.choice(NUM_WORDS, 10, p=shares[topic])
        for topic in rng.choice(NUM_TOPICS, num_sentences)
    ]
    return [[f"w{word}" for word in sentence] for sentence in said]


def train(sentences: list[list[str]]) -> Embeddings:
    options: dict[str, Any] = {"dim": 16, "epochs": 5, "subsample": 0, "threads": 1}
    return embkit.train("sgns", sentences, window=8, learning_rate=0.05, **options)


def encipher(sentences: list[list[str]]) -> list[list[str]]:
    return [[f"x_{CIPHER[int(word[1:])]}" for word in sentence] for sentence in sentences]


@pytest.fixture(scope="module")
def spaces() -> tuple[Embeddings, Embeddings]:
    """Return vectors of one half of a text, and of the cipher of the other half."""
    return train(text(12_000, seed=4)), train(encipher(text(12_000, seed=5)))


def gold(source: Embeddings) -> list[tuple[str, str]]:
    return [(word, f"x_{CIPHER[int(word[1:])]}") for word in source.words]


def precision(
    source: Embeddings, target: Embeddings, pairs: list[tuple[str, str]], **options: Any
) -> float:
    mapping = embkit.map(source, target, **options)
    score = evaluate_translation(
        *(mapping.apply(source, "source"), mapping.apply(target, "target"), pairs),
        options=TranslationOptions(resamples=10),
    )
    return score.precision_at[1].value or 0.0


def test_the_cipher_of_the_same_text_is_translated_without_any_pair() -> None:
    sentences = text(3000, seed=6)
    source, target = train(sentences), train(encipher(sentences))
    assert precision(source, target, gold(source), method="self-learning") > 0.98


def test_supervised_then_few_pairs_then_none_and_all_above_chance(
    spaces: tuple[Embeddings, Embeddings],
) -> None:
    source, target = spaces
    pairs = gold(source)
    held_out, learned = pairs[200:], pairs[:200]
    supervised, semi, unsupervised = (
        precision(source, target, held_out, method=method, dictionary=dictionary)
        for dictionary, method in (
            (learned, "five-step"),
            (learned[:25], "self-learning"),
            (None, "self-learning"),
        )
    )
    assert supervised >= semi - 0.05
    assert semi >= unsupervised - 0.05
    assert unsupervised > 0.2 > 30 / NUM_WORDS
