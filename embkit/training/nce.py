"""What noise-contrastive estimation tells beside the vectors: probabilities, and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.config import CbowConfig, Word2VecConfig
from embkit.corpus import EncodedCorpus
from embkit.embeddings import Embeddings

SAMPLED_CONTEXTS = 100
"""Contexts whose normaliser is summed after training."""
_BLOCK_WORDS = 8192  # rows multiplied at a time

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


def log_probabilities(vectors: Embeddings, contexts: Iterable[str | bytes]) -> Floats:
    """Return log p(w | c) of every word w beside each context word c.

    The model of skip-gram with ``loss="nce"`` is p(w | c) = exp(v_c . u_w + b_w) / Z, where v
    are the vectors, u the output vectors, b_w the logarithm of w's frequency after subsampling
    (0 with ``bias="none"``) and Z is 1 or what was learnt. Nothing makes the probabilities sum
    to 1 but training itself (Mnih and Teh 2012); divide by their sum where that matters.

    Parameters
    ----------
    vectors : Embeddings
        What ``train("nce", ..., keep_output=True)`` returned, or a file of it.
    contexts : iterable of str
        Words of the vocabulary.

    Returns
    -------
    array of float64, shape (number of contexts, number of words)

    Raises
    ------
    KeyError
        If a word is unknown.
    ValueError
        If the vectors are not such a model's with output vectors.

    Examples
    --------
    >>> import embkit
    >>> text = [["sun", "shines"], ["sun", "shines"], ["rain", "falls"]] * 200
    >>> v = embkit.train("nce", text, dim=8, min_count=1, subsample=0.0, epochs=20,
    ...                  learning_rate=0.1, threads=1, keep_output=True)
    >>> p = np.exp(log_probabilities(v, ["sun"]))[0]
    >>> v.words[int(p.argmax())], bool(abs(p.sum() - 1) < 0.1)
    ('shines', True)
    """
    config = vectors.provenance.get("config", {})
    is_model = config.get("loss") == "nce" and vectors.provenance.get("method") == "skipgram"
    if not is_model or config.get("combine") != "w":
        raise ValueError("vectors must be those of skip-gram with loss nce and combine w")
    if vectors.output is None or vectors.counts is None:
        raise ValueError("vectors must have their output vectors, see keep_output")
    biases = word_biases(config, vectors.counts)
    scores = vectors.lookup(contexts).astype(np.float64) @ vectors.output.T + biases
    return np.asarray(scores - vectors.provenance["normalizer"]["log"])


def word_biases(config: Mapping[str, Any], counts: NDArray[np.int64]) -> Floats:
    """Return what a word's score has in it beside the product of the vectors.

    ``config`` holds ``bias``, ``subsample`` and ``subsample_formula``; the shape is that of
    ``counts``.
    """
    if config["bias"] == "none":
        return np.zeros(len(counts))
    kept = counts * keep_probabilities(config, counts)
    return np.asarray(np.log(kept / kept.sum()))


def keep_probabilities(config: Mapping[str, Any], counts: NDArray[np.int64]) -> Floats:
    """Return each word's probability to survive subsampling."""
    if config["subsample"] == 0:
        return np.ones(len(counts))
    ratio = config["subsample"] * (counts.sum() / counts)
    keep = np.sqrt(ratio) + (ratio if config["subsample_formula"] == "word2vec" else 0.0)
    return np.asarray(np.minimum(keep, 1))


def sampled_normalizer(
    config: Word2VecConfig,
    corpus: EncodedCorpus,
    rows: tuple[Rows, Rows],
    log_normalizer: float,
) -> dict[str, float]:
    """Return log Z as the model has it, and what the probabilities of some contexts sum to.

    A mean of 1 with a small deviation says that the model's scores are log probabilities as
    they stand (self-normalisation). ``rows`` are both matrices, with or without padding.
    """
    counts = corpus.vocabulary.counts
    assert counts is not None  # an encoded corpus always has them
    options = vars(config)
    hidden = np.stack(list(_sampled_contexts(config, corpus, rows[0])))
    biases = word_biases(options, counts) - log_normalizer
    sums = np.zeros(len(hidden))
    with np.errstate(over="ignore"):
        for begin in range(0, len(rows[1]), _BLOCK_WORDS):
            part = slice(begin, begin + _BLOCK_WORDS)
            sums += np.exp(hidden @ rows[1][part].T + biases[part]).sum(1)
    return {
        "log": log_normalizer,
        "mean": float(sums.mean()),
        "deviation": float(sums.std()),
        "contexts": len(sums),
    }


def _sampled_contexts(
    config: Word2VecConfig, corpus: EncodedCorpus, inputs: Rows
) -> Iterator[Rows]:
    """Yield the input of the output rows' products for contexts as training meets them."""
    counts = corpus.vocabulary.counts
    assert counts is not None  # an encoded corpus always has them
    keep = keep_probabilities(vars(config), counts)
    if not isinstance(config, CbowConfig):
        shares = np.cumsum(counts * keep)
        points = (np.arange(SAMPLED_CONTEXTS) + 0.5) / SAMPLED_CONTEXTS * shares[-1]
        yield from inputs[np.searchsorted(shares, points)]
        return
    random = np.random.default_rng(config.seed)
    offsets = corpus.sentence_offsets
    yield inputs[0]  # where no sampled centre has a context
    for center in random.integers(corpus.num_tokens, size=SAMPLED_CONTEXTS):
        sentence = int(np.searchsorted(offsets, center, side="right"))
        begin, end = int(offsets[sentence - 1]), int(offsets[sentence])
        ids = corpus.ids[begin:end]
        kept = random.random(len(ids)) < keep[ids]
        radius = random.integers(config.window) + 1 if config.dynamic_window else config.window
        before = ids[: center - begin][kept[: center - begin]][-radius:]
        after = ids[center - begin + 1 :][kept[center - begin + 1 :]][:radius]
        context = np.concatenate([before, after])
        if len(context):
            total = inputs[context].sum(0)
            yield total / len(context) if config.context_combination == "mean" else total
