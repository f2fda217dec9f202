"""Texts for the demo: real English out of the gensim package, or a generated one."""

from __future__ import annotations

import bz2
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from embkit.evaluation.registry import gensim_data

ARTICLES = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
NUM_TOPICS = 12
NUM_PAIRS = 20

Analogy = tuple[str, str, str]
GoldPair = tuple[str, str, float]


@dataclass(frozen=True)
class DemoText:
    """A text with the questions that fit it."""

    description: str
    sentences: Iterator[list[str]]
    words: tuple[str, ...]
    """Words whose neighbours are worth a look."""
    analogies: tuple[Analogy, ...]
    gold_name: str
    gold: list[GoldPair]
    """Pairs of words with the similarity that people, or the generator, give them."""


def wordsim_pairs() -> list[GoldPair]:
    """Return WordSim-353 (Finkelstein et al. 2002), as gensim carries it; empty without."""
    path = gensim_data("wordsim353.tsv")
    if path is None:
        return []
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [line.lower().split("\t") for line in lines if line and not line.startswith("#")]
    return [(first, second, float(score)) for first, second, score in rows]


def wikipedia_text() -> DemoText | None:
    """Return the Wikipedia articles that gensim carries, None where it cannot be used."""
    path = gensim_data(ARTICLES)
    if path is None:
        return None
    try:
        from gensim.corpora import wikicorpus
    except ImportError:
        return None

    def articles() -> Iterator[list[str]]:
        with bz2.open(path) as file:
            for _, text, _ in wikicorpus.extract_pages(file, filter_namespaces=("0",)):
                tokens = wikicorpus.tokenize(wikicorpus.filter_wiki(text), 1, 20, True)
                if len(tokens) >= 50:  # shorter ones are redirects
                    yield tokens

    return DemoText(
        description="Wikipedia articles that the gensim package carries",
        sentences=articles(),
        words=("music", "king", "physics", "atom", "france", "war", "language"),
        analogies=(
            ("france", "french", "germany"),
            ("madrid", "spain", "paris"),
            ("his", "her", "he"),
        ),
        gold_name="WordSim-353",
        gold=wordsim_pairs(),
    )


def generated_text(num_sentences: int = 50_000, *, seed: int = 1) -> DemoText:
    """Return a text whose words belong to planted topics and analogies.

    A sentence is about one topic, or about one land and its city: a land stands among words
    of lands, a city among words of cities, and both among the words of their own pair.

    Examples
    --------
    >>> text = generated_text(2)
    >>> [len(sentence) for sentence in text.sentences]
    [10, 10]
    """

    def sentences() -> Iterator[list[str]]:
        rng = random.Random(seed)
        for _ in range(num_sentences):
            common = [f"the{rng.randrange(50)}" for _ in range(3)]
            if rng.random() < 0.6:
                topic = rng.randrange(NUM_TOPICS)
                told = [f"topic{topic}_{rng.randrange(30)}" for _ in range(7)]
            else:
                kind, pair = rng.choice(("land", "city")), rng.randrange(NUM_PAIRS)
                told = [f"{kind}{pair}"] * 2 + [f"{kind}_{rng.randrange(8)}" for _ in range(2)]
                told += [f"pair{pair}_{rng.randrange(3)}" for _ in range(3)]
            rng.shuffle(sentence := common + told)
            yield sentence

    rng = random.Random(seed + 1)
    topics = [(rng.randrange(NUM_TOPICS), rng.randrange(NUM_TOPICS)) for _ in range(200)]
    topics += [(topic, topic) for topic in range(NUM_TOPICS)] * 5
    return DemoText(
        description="a generated text with planted topics and analogies",
        sentences=sentences(),
        words=("topic0_1", "topic5_7", "land3", "city8"),
        analogies=(("land1", "city1", "land2"), ("land7", "city7", "land4")),
        gold_name="planted topics",
        gold=[
            (
                f"topic{a}_{rng.randrange(15)}",
                f"topic{b}_{rng.randrange(15, 30)}",
                float(a == b),
            )
            for a, b in topics
        ],
    )


def own_text(path: Path) -> DemoText:
    """Return questions for a user's own text; its words are asked for once it is trained."""
    return DemoText(
        description=str(path),
        sentences=iter(()),
        words=(),
        analogies=(("man", "king", "woman"), ("france", "paris", "germany")),
        gold_name="WordSim-353",
        gold=wordsim_pairs(),
    )
