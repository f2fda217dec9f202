"""The comparison of Levy et al.: models from the configuration, tables and trends."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit.config import VocabularyConfig
from embkit.corpus import encode
from eval.levy_models import KNOBS, Model, Study, models_of, train
from eval.levy_tables import (
    COLUMNS,
    TRENDS,
    markdown,
    multiplication_lines,
    table,
    trend_lines,
)
from tests.planted import slot_sentences

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CONFIG = Path(__file__).parents[1] / "eval" / "configs" / "levy2015.toml"
STUDY = Study(8, 1, {"epochs": 1}, {"epochs": 1})
PLAIN: dict[str, Any] = {
    "window": 2,
    "dynamic": True,
    "subsample": 0.0,
    "negatives": 1,
    "smoothing": 0.75,
    "eig": 0.5,
    "combine": "w",
}


def model(method: str, seed: int = 1, **changes: Any) -> Model:
    run = {"methods": [method], **PLAIN, **changes}
    return next(m for m in models_of(run, [1, 2, 3]) if m.seed == seed)


def scores(value: float, **others: float) -> dict[str, float]:
    return {column: others.get(column.replace(" ", "_"), value) for column in COLUMNS}


@pytest.mark.parametrize("path", sorted(CONFIG.parent.glob("levy2015*.toml")))
def test_configuration_names_every_knob_of_every_run(path: Path) -> None:
    config = tomllib.loads(path.read_text(encoding="utf-8"))
    for run in config["runs"]:
        assert set(run) == {"table", "methods", *KNOBS}
        assert list(models_of(run, config["seeds"]))


def test_configuration_tries_every_trend() -> None:
    config = tomllib.loads(CONFIG.read_text(encoding="utf-8"))
    models = [m for run in config["runs"] for m in models_of(run, config["seeds"])]
    some = {m: scores(1.0) for m in models}
    for trend in TRENDS:
        assert trend_lines(trend, some), trend.name


def test_seeds_count_only_where_chance_plays_a_part() -> None:
    def seeds(method: str, **changes: Any) -> list[int]:
        run = {"methods": [method], **PLAIN, **changes}
        return [m.seed for m in models_of(run, [1, 2, 3])]

    assert seeds("ppmi") == seeds("svd") == [1]
    assert seeds("sgns") == seeds("glove") == [1, 2, 3]
    assert seeds("ppmi", subsample=1e-3) == [1, 2, 3]


def test_knobs_that_a_method_lacks_make_no_further_models() -> None:
    run = {"methods": ["ppmi", "svd"], **PLAIN, "eig": [0.0, 0.5, 1.0]}
    assert [m.method for m in models_of(run, [1])] == ["ppmi", "svd", "svd", "svd"]


@pytest.mark.parametrize("method", ["ppmi", "svd", "sgns", "glove"])
def test_models_that_differ_afterwards_are_trained_once(method: str) -> None:
    corpus = encode(slot_sentences(300, seed=1), config=VocabularyConfig(min_count=1))
    run = {"methods": [method], **PLAIN, "eig": [0.0, 1.0], "combine": ["w", "w+c"]}
    group = list(models_of(run, [1]))
    assert len({m.training for m in group}) == 1
    made = dict(train(group, corpus, STUDY))
    assert list(made) == group
    for vectors in made.values():
        assert vectors.words == list(corpus.vocabulary)
    if method == "svd":
        lengths = [float(np.linalg.norm(np.asarray(v[v.words[0]]))) for v in made.values()]
        assert len(set(lengths)) == 4


def test_tables_have_means_and_intervals_over_seeds() -> None:
    runs = {model("sgns", seed): scores(float(seed)) for seed in (1, 2, 3)}
    (line,) = table(runs, runs)
    assert line["seeds"] == 3
    assert line["MEN"]["mean"] == 2
    assert line["MEN"]["half_interval"] == pytest.approx(4.303 / 3**0.5, rel=1e-3)
    (line,) = table([model("ppmi")], {model("ppmi"): scores(7)})
    assert line["MEN"] == {"mean": 7, "half_interval": None}


def test_trends_hold_or_not() -> None:
    eig = TRENDS[0]
    high, low = model("svd", eig=0.5), model("svd", eig=1.0)
    for better, worse, holds in ((2.0, 1.0, True), (1.0, 2.0, False), (1.0, 1.0, False)):
        (line,) = trend_lines(eig, {high: scores(better), low: scores(worse)})
        assert line["difference"] == better - worse
        assert line["reproduced"] == holds
    negatives = TRENDS[2]
    pairs: dict[Model, dict[str, float]] = {}
    for seed in (1, 2, 3):
        pairs[model("sgns", seed, negatives=5)] = scores(10.0 + seed)
        pairs[model("sgns", seed, negatives=1)] = scores(10.0)
    (line,) = trend_lines(negatives, pairs)
    assert line["difference"] == 2
    assert line["interval"][0] < 0 < line["interval"][1]
    assert line["reproduced"]


def test_multiplication_is_compared_by_method() -> None:
    runs = {model("svd"): scores(1, Google_Mul=3), model("ppmi"): scores(1, MSR_Mul=0)}
    lines = multiplication_lines(runs)
    assert [(line["difference"], line["reproduced"]) for line in lines] == [
        (1.0, True),
        (-0.5, False),
    ]
    text = markdown(
        {"some": table(runs, runs)}, lines, {"dim": 100, "runs": [], "epsilon": 0.01}
    )
    assert "| 3CosMul not below 3CosAdd | ppmi, all settings | -0.50 |" in text
    assert "All models: dim 100; epsilon 0.01." in text
    uncertain = {**lines[0], "difference": 0.2, "interval": [-0.3, 0.7], "values": 3}
    assert "| yes, but not told apart from 0 |" in markdown({}, [uncertain], {})


def test_scores_are_stored_and_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eval import levy2015

    corpus = encode(slot_sentences(200, seed=1), config=VocabularyConfig(min_count=1))
    calls: list[object] = []

    def score(vectors: object, *_: object, **_rules: object) -> dict[str, float]:
        calls.append(vectors)
        return scores(float(len(calls)))

    monkeypatch.setattr(levy2015, "score", score)
    given = argparse.Namespace(work=tmp_path, data=tmp_path)
    models = list(models_of({"methods": ["svd"], **PLAIN, "eig": [0.0, 0.5]}, [1]))
    first = levy2015.run_all(models, corpus, STUDY, given, {"words": 100})
    assert levy2015.run_all(models, corpus, STUDY, given, {"words": 100}) == first
    assert len(calls) == 2
    levy2015.run_all(models, corpus, STUDY, given, {"words": 200})
    assert len(calls) == 4
