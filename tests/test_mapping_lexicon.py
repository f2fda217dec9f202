"""Induced dictionaries against brute force: who is mutual, by how much, and how sure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embkit import evaluation
from embkit.embeddings import Embeddings
from embkit.mapping import LexiconConfig, induce_dictionary
from tests.test_retrieval import all_scores, two_spaces


def spaces(num_sources: int = 60, num_targets: int = 45) -> tuple[Embeddings, Embeddings]:
    sides = two_spaces(num_sources, num_targets, 6)
    source, target = (
        Embeddings.from_words([f"{name}{i}" for i in range(len(rows))], rows)
        for name, rows in zip("st", sides, strict=True)
    )
    return source, target


def softmax(scores: np.ndarray[Any, Any], temperature: float) -> np.ndarray[Any, Any]:
    """Return each row's softmax over its ten largest entries, zero elsewhere."""
    tenth = np.sort(scores, 1)[:, -10][:, None]
    shares = np.where(scores >= tenth, np.exp(scores / temperature), 0)
    found: np.ndarray[Any, Any] = shares / shares.sum(1, keepdims=True)
    return found


@pytest.mark.parametrize("retrieval", ["nn", "csls", "margin"])
@pytest.mark.parametrize("mutual", [True, False])
def test_pairs_margins_and_confidences_are_those_of_their_definitions(
    retrieval: Any, mutual: bool
) -> None:
    source, target = spaces()
    config = LexiconConfig(retrieval=retrieval, mutual=mutual, temperature=0.2)
    found = induce_dictionary(source, target, config)
    scores = all_scores(source.vectors, target.vectors, retrieval, 10, 30.0)
    best, back = scores.argmax(1), scores.argmax(0)
    is_mutual = back[best] == np.arange(len(best))
    kept = np.flatnonzero(is_mutual | (not mutual))
    assert found.source.tolist() == kept.tolist()
    assert found.target.tolist() == best[kept].tolist()
    assert found.mutual.tolist() == is_mutual[kept].tolist()
    forward, backward = np.sort(scores, 1)[:, ::-1], np.sort(scores.T, 1)[:, ::-1]
    leads, theirs = (side[:, 0] - side[:, 1] for side in (forward, backward))
    margins = np.where(is_mutual, np.minimum(leads, theirs[best]), leads)
    np.testing.assert_allclose(found.margins, margins[kept], atol=1e-5)
    every = np.arange(len(best))
    both = softmax(scores, 0.2)[every, best] * softmax(scores.T, 0.2)[best, every]
    np.testing.assert_allclose(found.confidences, np.sqrt(both)[kept], atol=1e-5)


def test_thresholds_and_the_number_of_words_choose_among_the_pairs() -> None:
    source, target = spaces()
    whole = induce_dictionary(source, target)
    by_margin = induce_dictionary(source, target, LexiconConfig(margin=0.1))
    assert by_margin.source.tolist() == whole.source[whole.margins >= 0.1].tolist()
    half = float(np.median(whole.confidences))
    sure = induce_dictionary(source, target, LexiconConfig(confidence=half))
    assert sure.source.tolist() == whole.source[whole.confidences >= half].tolist()
    assert 0 < len(sure) < len(whole)
    few = induce_dictionary(source, target, LexiconConfig(words=20))
    first, second = (
        Embeddings.from_words(v.words[:20], v.vectors[:20]) for v in (source, target)
    )
    assert few.to_dict() == induce_dictionary(first, second).to_dict()


def test_the_tasks_across_languages_are_names_of_the_package() -> None:
    for name in evaluation.__all__:
        assert callable(getattr(evaluation, name)), name
