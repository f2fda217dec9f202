"""Words whose use changed: both measures against plain NumPy, planted changes, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embkit.embeddings import Embeddings
from embkit.mapping import ChangesConfig, changes, identical_dictionary, map
from embkit.mapping.periods import Period
from tests.spaces import Doubles, cloud, random_rotation

SIZE, DIM = 300, 12
MEASURES: list[Any] = ["neighbors", "cosine"]


def two_periods(seed: int = 1, noise: float = 0.3) -> tuple[Embeddings, Embeddings]:
    """Return two noisy spaces of mostly the same words, in different orders, with counts."""
    rng = np.random.default_rng(seed)
    rows = cloud(SIZE, DIM, seed)
    words = np.array([f"w{i}" for i in range(SIZE)])
    before = Embeddings.from_words(
        [*words, "gone", "w3"],  # the second w3 is never found
        np.vstack([rows, rng.standard_normal((2, DIM))]),
        counts=rng.integers(1, 500, SIZE + 2).tolist(),
    )
    order = rng.permutation(SIZE)
    moved = rows + noise * rng.standard_normal(rows.shape)
    after = Embeddings.from_words(
        ["new", *words[order]],
        np.vstack([rng.standard_normal((1, DIM)), moved[order]]),
        counts=rng.integers(1, 500, SIZE + 1).tolist(),
    )
    return before, after


def units(space: Embeddings, words: list[str]) -> Doubles:
    rows = space.lookup(words).astype(np.float64)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def frequent(space: Embeddings, least: int) -> list[str]:
    """Return the words of a space that occur so often, each once."""
    counts = space.vocabulary.counts
    assert counts is not None
    rows = {word: space.vocabulary.id_of(word) for word in space.words}
    return [word for word, row in rows.items() if counts[row] >= least]


def nearest(space: Embeddings, word: str, among: list[str], k: int) -> list[str]:
    others = [other for other in among if other != word]
    scores = (units(space, others) @ units(space, [word])[0]).astype(np.float32)
    return [others[i] for i in np.argsort(-scores, kind="stable")[:k]]


def plain_scores(
    before: Embeddings, after: Embeddings, measure: str, k: int, least: int
) -> dict[str, float]:
    """Return the score of each word by the definition, one at a time."""
    late = set(frequent(after, least))
    words = [word for word in frequent(before, least) if word in late]
    if measure == "cosine":
        products = (units(before, words) * units(after, words)).sum(1)
        return dict(zip(words, 1 - products, strict=True))
    near = {
        word: set(nearest(before, word, words, k)) & set(nearest(after, word, words, k))
        for word in words
    }
    return {word: 1 - len(shared) / k for word, shared in near.items()}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("least", [0, 150])
@pytest.mark.parametrize("many", [3, 4096])
@pytest.mark.parametrize("block", [7, 4096])
def test_scores_are_those_of_the_definition(
    measure: Any, least: int, block: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"_BLOCK": block, "_MANY": many, "_FEW_WORDS": 11, "_FEW_ROWS": 5}
    for name, value in sizes.items():
        monkeypatch.setattr(f"embkit.mapping.periods.{name}", value)
    before, after = two_periods()
    wanted = plain_scores(before, after, measure, 10, least)
    config = ChangesConfig(neighbors=10, min_count=least, shown=3)
    found = changes(before, after, config, measure=measure, topn=SIZE)
    assert {change.word for change in found} == set(wanted)
    assert [c.score for c in found] == pytest.approx([wanted[c.word] for c in found], abs=1e-6)
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert len(set(wanted.values())) > 5
    assert (found.num_common, found.num_compared) == (SIZE, len(wanted))
    assert found.num_rare == SIZE - len(wanted)
    for change in found.changes[:5]:
        for shown, side in ((change.before, before), (change.after, after)):
            assert list(shown) == nearest(side, change.word, frequent(side, least), 3)
        rows = [side.vocabulary.id_of(change.word) for side in (before, after)]
        known_counts = before.vocabulary.counts, after.vocabulary.counts
        assert known_counts[0] is not None
        assert known_counts[1] is not None
        assert change.first_count == known_counts[0][rows[0]]
        assert change.second_count == known_counts[1][rows[1]]


@pytest.mark.parametrize("measure", MEASURES)
def test_words_that_changed_places_come_first(measure: Any) -> None:
    rows = cloud(SIZE, DIM, 3)
    words = [f"w{i}" for i in range(SIZE)]
    moved = rows.copy()
    far = np.argsort(rows @ rows[0])[0]  # the least like the first
    moved[[0, far]] = rows[[far, 0]]
    before = Embeddings.from_words(words, rows)
    after = Embeddings.from_words(words, moved @ random_rotation(DIM, 5))
    if measure == "cosine":
        fitted = map(
            before,
            after,
            dictionary=identical_dictionary(before.vocabulary, after.vocabulary),
            method="orthogonal",
        )
        before, after = fitted.apply(before, "source"), fitted.apply(after, "target")
    found = changes(before, after, measure=measure, topn=5)
    assert {change.word for change in found.changes[:2]} == {"w0", f"w{far}"}
    assert found.changes[1].score > 2 * found.changes[2].score
    assert [found.changes[0].first_count, found.changes[0].second_count] == [None, None]
    assert found.num_rare == 0


def test_equal_spaces_have_no_change_and_keep_their_order() -> None:
    before, _ = two_periods()
    for measure in MEASURES:
        found = changes(before, before, measure=measure, topn=9)
        assert [change.score for change in found] == pytest.approx([0] * 9, abs=1e-6)
        assert all(change.score >= 0 for change in found)
    by_neighbors = changes(before, before, topn=9)
    known = [word for word in before.words[:SIZE] if word in frequent(before, 50)]
    assert [change.word for change in by_neighbors] == known[:9]


def test_words_that_are_asked_for_are_measured_however_rare() -> None:
    before, after = two_periods()
    config = ChangesConfig(neighbors=10, min_count=150)
    everything = {c.word: c for c in changes(before, after, config, topn=SIZE)}
    rare = next(word for word in before.words if word in after and word not in everything)
    some = [*list(everything)[5:7], rare]
    found = changes(before, after, config, words=some, topn=1)
    assert {change.word for change in found} == {*some}
    kept = {change.word: change for change in found}
    assert all(kept[word] == everything[word] for word in some[:2])
    among = [word for word in before.words[:SIZE] if word in everything]
    near = [set(nearest(side, rare, among, 10)) for side in (before, after)]
    assert kept[rare].score == pytest.approx(1 - len(near[0] & near[1]) / 10)
    assert len(changes(before, after, config, words=[])) == 0


def test_only_the_first_words_of_each_side_are_compared() -> None:
    before, after = two_periods()
    config = ChangesConfig(min_count=0, restrict_vocab=100)
    found = changes(before, after, config, topn=SIZE)
    assert {c.word for c in found} == {*before.words[:100]} & {*after.words[:100]}
    assert found.num_rare == 0
    shown = {word for change in found for word in change.before}
    assert shown <= {*before.words[:100]}


def test_zeros_are_not_compared() -> None:
    rows = cloud(30, 4, 1)
    rows[5] = 0
    words = [f"w{i}" for i in range(30)]
    space = Embeddings.from_words(words, rows)
    found = changes(space, space, topn=30)
    assert len(found) == found.num_compared == 29
    assert "w5" not in {c.word for c in found}
    with pytest.raises(ValueError, match="'w5' must have a direction, got zeros in first"):
        changes(space, space, words=["w5"])


def test_the_result_is_plain_in_a_dict() -> None:
    before, after = two_periods()
    told = changes(before, after, ChangesConfig(neighbors=500), topn=2).to_dict()
    assert told["neighbors"] == told["num_compared"] - 1  # there are no more
    assert [*told["changes"][0]] == [
        *("word", "score", "first_count", "second_count", "before", "after")
    ]
    assert isinstance(told["changes"][0]["before"], list)


def test_what_cannot_be_compared_is_refused() -> None:
    before, after = two_periods()
    other = Embeddings.from_words(["Haus", "Hund"], np.eye(2))
    with pytest.raises(ValueError, match="words that both spell alike, got none among 302 and"):
        changes(before, other)
    with pytest.raises(ValueError, match=r"min_count \(900\).* at least 2 of the 300 words"):
        changes(before, after, ChangesConfig(min_count=900))
    with pytest.raises(ValueError, match="in one space for the cosine, got dims 12 and 2"):
        changes(before, other, measure="cosine")
    with pytest.raises(KeyError, match="'gone' is not among the words of second"):
        changes(before, after, words=["w1", "gone"])
    with pytest.raises(ValueError, match="words must be a list of words, got 'w1'"):
        changes(before, after, words="w1")
    with pytest.raises(ValueError, match="measure must be one of neighbors, cosine"):
        changes(before, after, measure="jaccard")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="topn must be at least 1, got 0"):
        changes(before, after, topn=0)
    for name in ("neighbors", "restrict_vocab", "shown"):
        nothing: dict[str, Any] = {name: 0}
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            ChangesConfig(**nothing)
    with pytest.raises(ValueError, match="min_count must be at least 0, got -1"):
        ChangesConfig(min_count=-1)


def test_rows_are_copied_only_where_some_are_left_out() -> None:
    space = Embeddings.from_words([f"w{i}" for i in range(30)], cloud(30, 4, 1))
    period = Period.of("first", space, 0, None)
    given: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embkit.mapping.periods.top_k", lambda *a, **_: given.append(a[1]))
        for among in (np.arange(30), np.arange(30)[::-1], np.arange(29)):
            list(period.nearest(np.arange(2), among, 1, "cpu"))
    assert [np.shares_memory(rows, space.vectors) for rows in given] == [True, False, False]
