"""Generated corpora with a known answer, and what training on them tends to."""

from __future__ import annotations

import numpy as np

from tests import reference


def two_word_sentences(num_words: int, mean_count: float, seed: int) -> list[list[str]]:
    """Return sentences of two words in random order, every pair of words at least once.

    Each token has exactly one context, so the optimum of training is known in closed form.
    """
    rng = np.random.default_rng(seed)
    counts = np.ceil(mean_count * rng.lognormal(0, 1, (num_words, num_words))).astype(int)
    sentences = [
        [f"w{first}", f"w{second}"]
        for first in range(num_words)
        for second in range(num_words)
        for _ in range(counts[first, second])
    ]
    return [sentences[i] for i in rng.permutation(len(sentences))]


def slot_sentences(num_sentences: int, seed: int) -> list[list[str]]:
    """Return sentences in which the words of a class fill the same slots.

    Words ``c{class}_{member}`` of one class occur between the markers of their class and
    nowhere else, so that they are neighbours of each other.
    """
    rng = np.random.default_rng(seed)
    num_classes, num_members, num_markers = 8, 6, 5
    sentences = []
    for _ in range(num_sentences):
        sentence = []
        for kind in rng.permutation(num_classes)[:2]:
            before, after = rng.integers(num_markers, size=2)
            member = rng.integers(num_members)
            sentence += [f"m{kind}_{before}", f"c{kind}_{member}", f"m{kind}_{after}"]
        sentences.append(sentence)
    return sentences


CONCEPTS, FORMS = 8, 4


def analogy_sentences(num_sentences: int, seed: int) -> list[list[str]]:
    """Return sentences in which a word's company tells its concept and its form, separately.

    Word ``w{concept}_{form}`` stands beside markers of its concept and markers of its form, so
    that a is to b as c is to d wherever a and c share a form, b and d another, and a and b
    share a concept, c and d another.
    """
    rng = np.random.default_rng(seed)
    sentences = []
    for _ in range(num_sentences):
        concept, form = rng.integers(CONCEPTS), rng.integers(FORMS)
        company = [f"concept{concept}_{i}" for i in rng.integers(4, size=2)]
        company += [f"form{form}_{i}" for i in rng.integers(4, size=2)]
        company = [company[i] for i in rng.permutation(4)]
        sentences.append([*company[:2], f"w{concept}_{form}", *company[2:]])
    return sentences


def analogy_questions() -> list[tuple[str, str, str, str]]:
    """Return every planted analogy of neighbouring concepts and forms: a : b = c : d."""
    return [
        (f"w{i}_{p}", f"w{i}_{q}", f"w{j}_{p}", f"w{j}_{q}")
        for i in range(CONCEPTS)
        for j in ((i + 1) % CONCEPTS, (i + 3) % CONCEPTS)
        for p in range(FORMS)
        for q in ((p + 1) % FORMS, (p + 2) % FORMS)
    ]


def pair_counts(corpus: reference.Corpus) -> reference.Floats:
    """Return how often each word (row) is the context of each centre in sentences of two."""
    pairs = np.zeros((len(corpus.words), len(corpus.words)))
    for first, second in corpus.sentences:
        pairs[first, second] += 1
        pairs[second, first] += 1
    return pairs


def optimal_logits(corpus: reference.Corpus, options: reference.Options) -> reference.Floats:
    """Return the full-rank optimum of negative sampling on sentences of two words.

    As a noise word equal to the centre is dropped, the noise of input i on word c comes from
    the pairs of i with other centres: log #(i, c) - log(k P(c) (#(i) - #(i, c))).
    """
    pairs = pair_counts(corpus)
    weights = np.array(reference.noise_weights(corpus.counts, options.smoothing))
    others = pairs.sum(1, keepdims=True) - pairs
    return np.asarray(np.log(pairs / (options.negatives * weights / weights.sum() * others)))
