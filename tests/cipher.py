"""A made-up language, and ciphers of it: words, order and links are known exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NUM_WORDS, NUM_TOPICS = 300, 24
Sentences = list[list[str]]
Links = list[list[tuple[int, int]]]


def name(number: int, prefix: str = "w") -> str:
    """Return a word; any two of one prefix are three letters or more apart."""
    return prefix + "".join(3 * digit for digit in f"{number:03}")


def text(num_sentences: int, seed: int) -> Sentences:
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
    return [[name(word) for word in sentence] for sentence in said]


@dataclass(frozen=True, kw_only=True)
class Cipher:
    """Another language: each word has its own, or two.

    Attributes
    ----------
    window : int
        Places that words move by at most.
    deletion : float
        Share of the words said that are left out.
    fertility : float
        Share of the vocabulary that becomes two words.
    suffixes : float
        Share of the words said that get an ending.
    seed : int
        Of what is moved, left out and ended; which word becomes which is always the same.
    """

    window: int = 0
    deletion: float = 0.0
    fertility: float = 0.0
    suffixes: float = 0.0
    seed: int = 1

    def words(self, word: str) -> list[str]:
        """Return the translation of a word: one word, or two."""
        number = int(word[1::3])
        rng = np.random.default_rng(3)
        own = name(int(rng.permutation(NUM_WORDS)[number]), "x")
        is_two = rng.permutation(NUM_WORDS)[number] < self.fertility * NUM_WORDS
        return [own, own.replace("x", "y")] if is_two else [own]

    def encipher(self, sentences: Sentences) -> tuple[Sentences, Links]:
        """Return the sentences in the other language, and links (i, j) to its words."""
        rng = np.random.default_rng(self.seed)
        own = {word: self.words(word) for word in {w for said in sentences for w in said}}
        said, links = [], []
        for sentence in sentences:
            places = np.arange(len(sentence)) + rng.uniform(0, self.window + 1, len(sentence))
            order = np.argsort(places) if self.window else np.arange(len(sentence))
            kept = order[rng.random(len(order)) >= self.deletion].tolist()
            units = [(i, word) for i in kept for word in own[sentence[i]]]
            ended = np.where(rng.random(len(units)) < self.suffixes, 1, 0)
            endings = rng.choice(["e", "n"], len(units)).tolist()
            parts = zip(units, ended.tolist(), endings, strict=True)
            said.append([word + is_ended * ending for (_, word), is_ended, ending in parts])
            links.append([(i, j) for j, (i, _) in enumerate(units)])
        return said, links

    def gold(self, words: list[str]) -> list[tuple[str, str]]:
        """Return each word with each of its translations."""
        return [(word, other) for word in words for other in self.words(word)]


def with_wrong_pairs(
    pairs: list[tuple[str, str]], share: float, seed: int = 1
) -> list[tuple[str, str]]:
    """Return a dictionary a share of whose targets have gone round among themselves."""
    rng = np.random.default_rng(seed)
    wrong = rng.choice(len(pairs), round(share * len(pairs)), replace=False)
    found = list(pairs)
    for i, j in zip(wrong, np.roll(wrong, 1), strict=True):
        found[i] = (pairs[i][0], pairs[j][1])
    return found
