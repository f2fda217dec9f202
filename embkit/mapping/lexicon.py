"""A dictionary out of two mapped spaces, with a confidence for each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.backend import parse_device
from embkit.checks import check_at_least, check_choice, take_plain_values
from embkit.embeddings import Embeddings
from embkit.neighbors import Neighbors
from embkit.retrieval import METHODS, Hubness, RetrievalMethod, Retriever, hubness

_CANDIDATES = 10  # over which a confidence is shared out


@dataclass(frozen=True, kw_only=True)
class LexiconConfig:
    """Options of ``induce_dictionary``."""

    words: int | None = 20_000
    """Look for translations of, and among, the first so many words of each side."""
    retrieval: RetrievalMethod = "csls"
    """How pairs are scored: nn, csls, inverted-softmax or margin."""
    neighborhood: int = 10
    """Neighbours of csls and margin."""
    mutual: bool = True
    """Take only pairs of words that are each other's best."""
    margin: float = 0.0
    """Take only pairs whose score leads each side's second best by this."""
    confidence: float = 0.0
    """Take only pairs of at least this confidence, from 0 to 1."""
    temperature: float = 0.1
    """Of the confidence: differences of score that matter."""
    device: str = "cpu"
    """Where products are computed: cpu, cuda or cuda:N (through CuPy), or auto, a GPU where
    one can be used."""

    def __post_init__(self) -> None:
        take_plain_values(self)
        for name in ("words", "neighborhood"):
            if getattr(self, name) is not None:
                check_at_least(name, getattr(self, name), 1)
        check_choice("retrieval", self.retrieval, METHODS)
        parse_device(self.device)
        check_at_least("margin", self.margin, 0)
        check_at_least("temperature", self.temperature, 1e-6)
        if not 0 <= self.confidence <= 1:
            raise ValueError(f"confidence must be from 0 to 1, got {self.confidence}")


@dataclass(frozen=True, eq=False)
class Lexicon:
    """Pairs of rows of two vocabularies, in the order of the source.

    Attributes
    ----------
    source, target : array of int64, shape (num_pairs,)
    scores : array of float32, shape (num_pairs,)
        By the chosen retrieval.
    margins : array of float32, shape (num_pairs,)
        Lead over the second best of the source word and, for mutual pairs, of the target
        word: the smaller of the two.
    confidences : array of float64, shape (num_pairs,)
        The pair's share among the ten best of the source word and of the target word, each a
        softmax of the scores at ``temperature``: the geometric mean of both.
    mutual : array of bool, shape (num_pairs,)
    """

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    scores: NDArray[np.float32]
    margins: NDArray[np.float32]
    confidences: NDArray[np.float64]
    mutual: NDArray[np.bool_]
    hubness: Hubness
    """How unevenly the ten best targets of all source words are spread."""

    def __len__(self) -> int:
        return len(self.source)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain lists."""
        lists = {k: values.tolist() for k, values in vars(self).items() if k != "hubness"}
        return {**lists, "hubness": self.hubness.to_dict()}


def induce_dictionary(
    source: Embeddings, target: Embeddings, config: LexiconConfig | None = None
) -> Lexicon:
    """Return the translations that two spaces in one give for each other's frequent words.

    Parameters
    ----------
    source, target : Embeddings
        Both in one space, most frequent words first.
    config : LexiconConfig, optional

    Raises
    ------
    ValueError
        If the dims differ.

    Examples
    --------
    >>> en = Embeddings.from_words({"dog": [1.0, 0.1], "cat": [0.1, 1.0]})
    >>> de = Embeddings.from_words({"Katze": [0.0, 1.0], "Hund": [1.0, 0.0]})
    >>> found = induce_dictionary(en, de)
    >>> [(en.words[s], de.words[t]) for s, t in zip(found.source, found.target)]
    [('dog', 'Hund'), ('cat', 'Katze')]
    """
    config = config or LexiconConfig()
    x, z = source.vectors[: config.words], target.vectors[: config.words]
    options: dict[str, Any] = {"method": config.retrieval, "neighborhood": config.neighborhood}
    options["device"] = config.device
    forward = Retriever(x, z, **options).search(x, _CANDIDATES)
    backward = Retriever(z, x, **options).search(z, _CANDIDATES)
    rows = np.arange(len(x))
    best = forward.rows[:, 0]
    mutual = backward.rows[best, 0] == rows
    margins = _lead(forward)
    margins = np.where(mutual, np.minimum(margins, _lead(backward)[best]), margins)
    shares = _share_of_best(forward, best, rows, config.temperature)
    theirs = _share_of_best(backward, rows, best, config.temperature)
    confidences = np.sqrt(shares * theirs)
    kept = (margins >= config.margin) & (confidences >= config.confidence)
    kept &= mutual | (not config.mutual)
    return Lexicon(
        *(rows[kept], best[kept], forward.scores[kept, 0], margins[kept]),
        *(confidences[kept], mutual[kept], hubness(forward, len(z))),
    )


def _lead(found: Neighbors) -> NDArray[np.float32]:
    if found.scores.shape[1] < 2:
        return np.zeros(len(found), np.float32)
    return np.asarray(found.scores[:, 0] - found.scores[:, 1])


def _share_of_best(
    found: Neighbors, wanted: NDArray[np.int64], queries: NDArray[np.int64], temperature: float
) -> NDArray[np.float64]:
    """Return the softmax share of ``wanted[i]`` among the candidates of ``queries[i]``."""
    scores = found.scores[queries].astype(np.float64) / temperature
    weights = np.exp(scores - scores[:, :1])
    is_wanted = found.rows[queries] == wanted[:, None]
    share: NDArray[np.float64] = (weights * is_wanted).sum(1) / weights.sum(1)
    return share
