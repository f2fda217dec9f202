"""Texts as means of their words: sentence retrieval and classification across languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embkit.checks import check_choice
from embkit.embeddings import Embeddings
from embkit.evaluation.crosslingual_words import share_of
from embkit.evaluation.results import Estimate, Result
from embkit.retrieval import RetrievalMethod, Retriever

Text = Sequence[str]
"""A text's words."""


@dataclass(frozen=True)
class TextVectors:
    """Vectors of texts, and which texts have any known word.

    Attributes
    ----------
    vectors : array of float32, shape (num_texts, dim)
        Zeros where no word is known.
    covered : array of bool, shape (num_texts,)
    """

    vectors: NDArray[np.float32]
    covered: NDArray[np.bool_]


def text_vectors(
    embeddings: Embeddings,
    texts: Sequence[Text],
    *,
    idf: NDArray[np.float64] | None = None,
) -> TextVectors:
    """Return each text's mean of its known words' unit vectors, weighted by idf.

    Parameters
    ----------
    embeddings : Embeddings
    texts : list of lists of str
        Their words; words without a row are left out.
    idf : array of float64, shape (num_words,), optional
        Weights; those of these very texts, see :func:`inverse_frequencies`, when left out.

    Examples
    --------
    >>> v = Embeddings.from_words({"a": [2.0, 0], "b": [0, 1.0]})
    >>> text_vectors(v, [["a"], ["a", "b"], ["c"]]).covered
    array([ True,  True, False])
    """
    rows = [embeddings.vocabulary.ids_of(text) for text in texts]
    known = [row[row >= 0].astype(np.int64) for row in rows]
    weights = inverse_frequencies(embeddings, texts) if idf is None else idf
    vectors = np.zeros((len(texts), embeddings.dim), np.float32)
    norms = embeddings.norms
    for i, row in enumerate(known):
        if len(row):
            lengths = np.where(norms[row] > 0, norms[row], 1)
            scale = weights[row] / lengths / max(1e-12, float(weights[row].sum()))
            vectors[i] = scale @ embeddings.vectors[row].astype(np.float64)
    return TextVectors(vectors, np.array([len(row) > 0 for row in known], bool))


def inverse_frequencies(embeddings: Embeddings, texts: Sequence[Text]) -> NDArray[np.float64]:
    """Return the logarithm of the number of texts over those with the word, for each word.

    Words of no text get the weight of a word of one.

    Examples
    --------
    >>> v = Embeddings.from_words({"a": [1.0], "b": [1.0]})
    >>> inverse_frequencies(v, [["a", "b"], ["a"]])
    array([0.        , 0.69314718])
    """
    counts = np.zeros(len(embeddings), np.float64)
    for text in texts:
        rows = np.unique(embeddings.vocabulary.ids_of(text))
        counts[rows[rows >= 0]] += 1
    weights: NDArray[np.float64] = np.log(max(1, len(texts)) / np.maximum(1, counts))
    return weights


@dataclass(frozen=True)
class SentenceScore(Result):
    """How often a sentence's translation is among the k closest, in both directions.

    Attributes
    ----------
    vectors, set, retrieval : str
    n_used, n_total : int
        Pairs of sentences both of which have a known word, and all.
    forward, backward : dict of int to Estimate
        Share of the pairs found at 1, 5 and 10: targets of sources, sources of targets.
    """

    vectors: str
    set: str
    retrieval: str
    n_used: int
    n_total: int
    forward: dict[int, Estimate]
    backward: dict[int, Estimate]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each direction."""
        return [
            {
                "vectors": self.vectors,
                "set": self.set,
                "retrieval": self.retrieval,
                "direction": direction,
                **{f"P@{k}": estimate.value for k, estimate in found.items()},
                "used": f"{self.n_used}/{self.n_total}",
                "reason": found[1].reason,
            }
            for direction, found in (("forward", self.forward), ("backward", self.backward))
        ]


def evaluate_sentence_retrieval(
    source: Embeddings,
    target: Embeddings,
    pairs: Sequence[tuple[Text, Text]],
    *,
    retrieval: RetrievalMethod = "csls",
    device: str = "cpu",
    name: str = "",
    vectors: str = "",
) -> SentenceScore:
    """Look for the translation of each sentence among all, by idf-weighted means of words.

    Parameters
    ----------
    source, target : Embeddings
        Both in one space.
    pairs : list of (words, words)
        Sentences and their translations.
    retrieval : {"nn", "csls", "inverted-softmax", "margin"}
    device : str
        Where products are computed: cpu, cuda, cuda:N or auto.
    name, vectors : str
        Names for tables.

    Raises
    ------
    ValueError
        If there are no pairs, or the dims differ.

    Examples
    --------
    >>> v = Embeddings.from_words({"a": [1.0, 0, 0], "b": [0, 1.0, 0], "c": [0, 0, 1.0]})
    >>> pairs = [(["a"], ["a"]), (["b", "c"], ["c", "b"])]
    >>> evaluate_sentence_retrieval(v, v, pairs, retrieval="nn").forward[1].value
    1.0
    """
    if not pairs:
        raise ValueError("pairs must hold a pair of sentences, got none")
    sides = [
        text_vectors(space, [pair[side] for pair in pairs])
        for side, space in ((0, source), (1, target))
    ]
    kept = np.flatnonzero(sides[0].covered & sides[1].covered)
    x, z = sides[0].vectors[kept], sides[1].vectors[kept]
    found = []
    for queries, others in ((x, z), (z, x)):
        ranks = np.zeros(0, np.int64)
        if len(kept):
            retriever = Retriever(queries, others, method=retrieval, device=device)
            own = [np.array([i]) for i in range(len(kept))]
            ranks = np.concatenate(retriever.ranks(queries, own))
        found.append({k: share_of(ranks <= k) for k in (1, 5, 10)})
    return SentenceScore(vectors, name, retrieval, len(kept), len(pairs), *found)


@dataclass(frozen=True)
class DocumentScore(Result):
    """How well a classifier trained in one language does in the other.

    Attributes
    ----------
    vectors, set, classifier : str
    accuracy : Estimate
        On the target's documents, all of them.
    source_accuracy : Estimate
        On the documents that it was trained on.
    majority : float
        Share of the most frequent label among the target's documents.
    n_train, n_test, n_without_words : int
        Documents, and the target's that have no known word.
    """

    vectors: str
    set: str
    classifier: str
    accuracy: Estimate
    source_accuracy: Estimate
    majority: float
    n_train: int
    n_test: int
    n_without_words: int

    def undefined(self) -> str | None:
        """Return why the accuracy says nothing, or None."""
        return "no document has a known word" if self.n_without_words == self.n_test else None

    def rows(self) -> list[dict[str, Any]]:
        """Return one row: accuracy, also in the source, beside what one label would have."""
        interval = self.accuracy.interval
        return [
            {
                "vectors": self.vectors,
                "set": self.set,
                "classifier": self.classifier,
                "accuracy": self.accuracy.value,
                "low": interval.low if interval else None,
                "high": interval.high if interval else None,
                "majority": self.majority,
                "source accuracy": self.source_accuracy.value,
                "train": self.n_train,
                "used": f"{self.n_test - self.n_without_words}/{self.n_test}",
                "reason": self.undefined(),
            }
        ]


def evaluate_document_classification(
    source: Embeddings,
    target: Embeddings,
    train: Sequence[tuple[str, Text]],
    test: Sequence[tuple[str, Text]],
    *,
    classifier: Literal["logistic", "perceptron"] = "logistic",
    seed: int = 1,
    name: str = "",
    vectors: str = "",
) -> DocumentScore:
    """Train a classifier on one language's documents, and try it on the other's.

    Documents are idf-weighted means of their words (Klementiev et al. 2012, who use an
    averaged perceptron); the classifiers are scikit-learn's.

    Parameters
    ----------
    source, target : Embeddings
        Both in one space.
    train, test : list of (label, words)
        The source's and the target's documents.
    classifier : {"logistic", "perceptron"}
    seed : int
    name, vectors : str
        Names for tables.

    Raises
    ------
    ValueError
        If there are no documents, ``train`` has one label only, or ``seed`` has over 32 bits.
    """
    from sklearn.linear_model import LogisticRegression, Perceptron
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer

    check_choice("classifier", classifier, ("logistic", "perceptron"))
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must be from 0 to 2^32 - 1, got {seed}")
    if not train or not test:
        raise ValueError("train and test must have documents, got none")
    labels = [label for label, _ in train]
    if len(set(labels)) < 2:
        raise ValueError("train must have two labels or more, got one")
    model = (
        LogisticRegression(C=10.0, max_iter=2000, random_state=seed)
        if classifier == "logistic"
        else Perceptron(random_state=seed)
    )
    pipeline = make_pipeline(Normalizer(), model)
    learned = text_vectors(source, [words for _, words in train])
    tried = text_vectors(target, [words for _, words in test])
    pipeline.fit(learned.vectors, labels)
    gold = np.array([label for label, _ in test])
    correct = np.asarray(pipeline.predict(tried.vectors)) == gold
    fitted = np.asarray(pipeline.predict(learned.vectors)) == np.array(labels)
    most = float(np.unique(gold, return_counts=True)[1].max() / len(gold))
    return DocumentScore(
        *(vectors, name, classifier, share_of(correct), share_of(fitted)),
        *(most, len(train), len(test), int((~tried.covered).sum())),
    )
