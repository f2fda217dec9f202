"""Translation scores against hand-worked ones, and against the tools' own conventions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit import Embeddings
from embkit.evaluation.intervals import wilson_interval
from embkit.evaluation.options import SimilarityOptions
from embkit.evaluation.translation import TranslationOptions, evaluate_translation
from embkit.mapping import LexiconConfig, SeedDictionary
from embkit.retrieval import METHODS, Retriever, hubness

NN = TranslationOptions(retrieval="nn")
GOLD = [
    ("dog", "Hund"),
    ("dog", "Rüde"),
    ("cat", "Katze"),
    ("cow", "Kuh"),
    ("cow", "Vieh"),
    ("pig", "Schwein"),  # no source row
    ("sheep", "Schaf"),  # no target row
]


def spaces() -> tuple[Embeddings, Embeddings]:
    """Return spaces where dog finds Rüde first, then Hund; cat errs; cow finds Kuh third."""
    source = Embeddings.from_words(
        {"dog": [1.0, 0, 0], "cat": [0, 1.0, 0], "cow": [0, 0.6, 1.0], "sheep": [1.0, 1, 1]}
    )
    target = Embeddings.from_words(
        {
            "Hund": [0.9, 0.1, 0],
            "Rüde": [1.0, 0.05, 0],
            "Maus": [0, 1.0, 0.1],
            "Katze": [0.1, 0.9, 0.1],
            "Kuh": [0.0, 0.1, 1.0],
            "Schwein": [0, 0.8, 1.2],
            "Vieh": [-1.0, 0, 0],
            "Haus": [0, 0.55, 1.0],
        }
    )
    return source, target


TARGETS = ["Hund", "Rüde", "Katze", "Kuh", "Vieh", "Huhn", "Schwein", "Haus", "Maus", "Baum"]
TARGETS += ["Stein", "Weg"]
NEAREST = {
    "dog": ["Rüde", "Hund"],
    "cat": ["Maus", "Katze"],
    "cow": ["Haus", "Baum", "Kuh", *TARGETS[5:7], *TARGETS[:3], *TARGETS[10:], "Vieh"],
    "hen": ["Haus", "Baum", "Maus", "Hund", "Weg", "Huhn"],
    "sheep": [],
    **{f"word{i}": TARGETS[i:] for i in range(6)},  # fastText's program wants over ten words
}
RANKED_GOLD = [
    *[("dog", "Hund"), ("dog", "Rüde"), ("cat", "Katze"), ("cat", "Kater")],
    *[("cow", "Kuh"), ("cow", "Vieh"), ("hen", "Huhn")],
    *[("pig", "Schwein"), ("sheep", "Schaf"), ("ox", "Ochse")],
]


def ranked_spaces() -> tuple[Embeddings, Embeddings]:
    """Return targets at right angles, and sources with their targets in the order given."""
    orders = {w: [*some, *(t for t in TARGETS if t not in some)] for w, some in NEAREST.items()}
    source = {w: [12.0 - order.index(t) for t in TARGETS] for w, order in orders.items()}
    target = {t: [float(t == other) for other in TARGETS] for t in TARGETS}
    return Embeddings.from_words(source), Embeddings.from_words(target)


def test_each_tool_divides_by_what_it_counts() -> None:
    """By hand, from ranks 2, 1 (dog), 2 (cat), 3, 11 (cow) and 6 (hen) of six covered pairs.

    Kater, Schaf and Ochse have no row among the targets, pig and ox none among the sources: of
    seven words four are covered, of ten pairs six, and one word, and pair, is right at 1.

    On these files VecMap's eval_translation.py prints "Coverage: 57.14%  Accuracy: 25.00%", and
    fastText's alignment/eval.py "NN = 0.1429 - CSLS = 0.1429 - Coverage = 0.5714".
    """
    score = evaluate_translation(*ranked_spaces(), RANKED_GOLD, options=NN)
    assert score.ranks == {"dog": 1, "cat": 2, "cow": 3, "hen": 6}
    assert (score.num_words, score.num_covered) == (7, 4)
    assert (score.num_pairs, score.num_covered_pairs) == (10, 6)
    assert score.conventions == {
        # Words that have a covered pair; how many have none is not told.
        "muse": {"P@1": 1 / 4, "P@5": 3 / 4, "P@10": 4 / 4},
        # The same words; unknown is a word all of whose pairs are.
        "vecmap": {"P@1": 1 / 4, "coverage": 4 / 7},
        # All words of the file, unknown ones as wrong.
        "fasttext": {"P@1": 1 / 7, "coverage": 4 / 7},
        # Each covered pair by itself.
        "xling": {
            **{"P@1": 1 / 6, "P@5": 4 / 6, "P@10": 5 / 6},
            "MRR": pytest.approx((1 / 2 + 1 + 1 / 2 + 1 / 3 + 1 / 11 + 1 / 6) / 6),
        },
    }


def test_a_pair_that_stands_twice_counts_once() -> None:
    once, twice = (
        evaluate_translation(*spaces(), gold, options=NN) for gold in (GOLD, GOLD + GOLD[:3])
    )
    assert twice.to_dict() == once.to_dict()


def test_figures_with_their_denominators_and_intervals() -> None:
    score = evaluate_translation(*spaces(), GOLD, options=NN)
    assert (score.num_words, score.num_covered, score.coverage) == (5, 3, 0.6)
    assert (score.num_pairs, score.num_covered_pairs) == (7, 5)
    assert score.precision_at[1].value == 1 / 3
    assert score.precision_at[1].interval == wilson_interval(1, 3)
    assert score.precision_over_all[5].value == 3 / 5
    assert score.mean_reciprocal_rank.value == pytest.approx((1 + 1 / 2 + 1 / 3) / 3)
    interval = score.mean_reciprocal_rank.interval
    assert interval is not None
    assert interval.low < 0.6 < interval.high


def test_groups_and_bins_of_frequency_have_their_own_figures() -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((1500, 10)).astype(np.float32)
    source = Embeddings.from_words([f"s{i}" for i in range(1500)], rows)
    target = Embeddings.from_words([f"t{i}" for i in range(1500)], rows)
    gold = [(f"s{i}", f"t{i}") for i in (0, 999)] + [("s1000", "t5"), ("s1001", "t1001")]
    groups = {"noun": gold[:2], "verb": gold[2:3], "name": [("s5", "t5")]}
    score = evaluate_translation(source, target, gold, groups=groups)
    assert {name: e.value for name, e in score.by_frequency.items()} == {
        "1-1000": 1.0,
        "1001-5000": 0.5,
    }
    assert {name: e.value for name, e in score.by_group.items()} == {"noun": 1.0, "verb": 0.0}


def test_a_word_of_two_groups_counts_in_each_by_that_groups_translations() -> None:
    groups = {"male": [GOLD[1], GOLD[2]], "any": [GOLD[0]], "unknown": [GOLD[5]]}
    score = evaluate_translation(*spaces(), GOLD, options=NN, groups=groups)
    found = {name: (e.value, e.interval) for name, e in score.by_group.items()}
    assert found == {
        "any": (0, wilson_interval(0, 1)),  # dog finds Rüde, and Hund second only
        "male": (1 / 2, wilson_interval(1, 2)),  # and cat errs
    }


def test_identical_words_can_be_left_out_and_the_vocabulary_be_limited() -> None:
    space = Embeddings.from_words({"a": [1.0, 0], "b": [0, 1.0], "c": [1.0, 1.0]})
    gold = [("a", "a"), ("b", "b"), ("c", "a")]
    assert evaluate_translation(space, space, gold, options=NN).num_words == 3
    strict = TranslationOptions(retrieval="nn", exclude_identical=True, limit=2)
    score = evaluate_translation(space, space, gold, options=strict)
    assert (score.num_words, score.num_covered) == (1, 0)
    assert score.precision_at[1].value is None
    assert score.precision_at[1].reason == "no word of the dictionary is covered"


@pytest.mark.parametrize("retrieval", ["nn", "csls", "inverted-softmax", "margin"])
def test_every_retrieval_finds_a_copy(retrieval: str) -> None:
    rows = np.random.default_rng(2).standard_normal((60, 8)).astype(np.float32)
    space = Embeddings.from_words([f"w{i}" for i in range(60)], rows)
    options = TranslationOptions(retrieval=retrieval)  # type: ignore[arg-type]
    score = evaluate_translation(space, space, [(w, w) for w in space.words], options=options)
    assert score.precision_at[1].value == 1.0


def test_a_score_is_json_and_a_table() -> None:
    score = evaluate_translation(*spaces(), GOLD, options=NN, name="d", vectors="v")
    assert json.loads(json.dumps(score.to_dict()))["conventions"]["vecmap"]["coverage"] == 0.6
    assert score.rows()[0]["covered"] == "3/5"


def test_what_does_not_fit_is_refused() -> None:
    source, target = spaces()
    with pytest.raises(ValueError, match="gold must have a pair"):
        evaluate_translation(source, target, [])
    with pytest.raises(ValueError, match="same dim"):
        evaluate_translation(source, Embeddings.from_words({"Hund": [1.0]}), GOLD)
    with pytest.raises(ValueError, match="retrieval must be one of"):
        TranslationOptions(retrieval="best")  # type: ignore[arg-type]


@pytest.mark.parametrize("retrieval", METHODS)
def test_hubness_is_that_of_the_covered_words_nearest_targets(retrieval: Any) -> None:
    source, target = spaces()
    options = TranslationOptions(retrieval=retrieval, neighborhood=2)
    found = evaluate_translation(source, target, GOLD, options=options).hubness
    retriever = Retriever(source.vectors, target.vectors, method=retrieval, neighborhood=2)
    nearest = retriever.search(source.lookup(["dog", "cat", "cow"]), 8)
    assert found == hubness(nearest, 8)
    nothing = evaluate_translation(source, target, [("pig", "Schwein")], options=options)
    assert nothing.hubness is None


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: TranslationOptions(limit=1.5), "limit must be a whole number, got 1.5"),  # type: ignore[arg-type]
        (lambda: TranslationOptions(neighborhood=2.5), "neighborhood must be a whole number"),  # type: ignore[arg-type]
        (lambda: TranslationOptions(exclude_identical="no"), "must be True or False, got 'no'"),  # type: ignore[arg-type]
        (lambda: LexiconConfig(words=10.5), "words must be a whole number, got 10.5"),  # type: ignore[arg-type]
        (lambda: LexiconConfig(mutual="no"), "mutual must be True or False, got 'no'"),  # type: ignore[arg-type]
        (lambda: SimilarityOptions(restrict_vocab=2.5), "restrict_vocab must be a whole"),  # type: ignore[arg-type]
    ],
)
def test_options_of_another_kind_are_refused_by_name(
    made: Callable[[], object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        made()


def test_a_dictionary_and_a_file_are_looked_up_as_the_command_does(tmp_path: Path) -> None:
    source = Embeddings.from_words({"new_york": [1.0, 0], "cat": [0, 1.0]})
    target = Embeddings.from_words({"nova_jorko": [1.0, 0], "kato": [0, 1.0]})
    seeds = SeedDictionary([("new york", "nova jorko"), ("cat", "kato"), ("cow", "bovo")])
    path = tmp_path / "d.txt"
    path.write_text("new york\tnova jorko\ncat\tkato\ncow\tbovo\n")
    for gold, name in ((seeds, ""), (path, "d.txt"), (str(path), "d.txt")):
        score = evaluate_translation(source, target, gold)
        assert (score.num_covered, score.num_words, score.set) == (2, 3, name)
        assert score.precision_at[1].value == 1
    assert evaluate_translation(source, target, path, name="mine").set == "mine"
    with pytest.raises(FileNotFoundError):
        evaluate_translation(source, target, tmp_path / "none.txt")


def test_a_mapping_is_its_pairs_and_other_things_are_told() -> None:
    pairs: dict[str, list[str]] = {}
    for word, translation in GOLD:
        pairs.setdefault(word, []).append(translation)
    scores = [evaluate_translation(*spaces(), gold, options=NN) for gold in (GOLD, pairs)]
    assert scores[0].to_dict() == scores[1].to_dict()
    with pytest.raises(ValueError, match="a pair must be a source and a target word, got 'ab'"):
        evaluate_translation(*spaces(), ["ab"])  # type: ignore[list-item]
