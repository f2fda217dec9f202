"""The test of equivalence: what it calls equal, and the differences it is put to."""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from eval import threads_equal
from eval.threads_equal import differences, two_one_sided_tests

WORDS = [f"w{i}" for i in range(40)]


def test_no_difference_with_little_noise_is_equal() -> None:
    found = two_one_sided_tests([0.1, -0.1, 0.05, -0.05], margin=1)
    assert found.equal
    assert found.low < 0 < found.high


def test_noise_alone_is_not_enough_to_be_equal() -> None:
    assert not two_one_sided_tests([3, -3, 2.5, -2.5], margin=1).equal


@pytest.mark.parametrize("shift", [-1.2, 1.2])
def test_a_difference_beyond_the_margin_is_not_equal(shift: float) -> None:
    assert not two_one_sided_tests([shift + d for d in (0.1, -0.1, 0.05)], margin=1).equal


def test_equal_means_that_the_90_percent_interval_lies_within_the_margins() -> None:
    values = np.random.default_rng(1).normal(0.4, 0.6, 10)
    low, high = stats.t.interval(0.9, 9, values.mean(), stats.sem(values))
    found = two_one_sided_tests(list(values), margin=1)
    np.testing.assert_allclose((found.low, found.high), (low, high))
    for margin in (max(-low, high) * 0.999, max(-low, high) * 1.001):
        assert two_one_sided_tests(list(values), margin).equal == (
            -margin < low and high < margin
        )


def test_runs_are_compared_with_one_thread_of_the_same_seed() -> None:
    found = {
        (1, 1): {"similarity": 50.0, "loss": 2.0}, (2, 1): {"similarity": 50.5, "loss": 2.02},
        (1, 2): {"similarity": 60.0, "loss": 4.0}, (2, 2): {"similarity": 59.0, "loss": 3.96},
    }  # fmt: skip
    got = differences(found, 2, [1, 2])
    assert got["similarity"] == [0.5, -1.0]
    np.testing.assert_allclose(got["loss"], [1, -1])


@pytest.mark.parametrize("method", ["skipgram", "cbow", "glove"])
def test_a_method_is_trained_and_tested_with_each_number_of_threads(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    corpus, data, output = tmp_path / "text.txt", tmp_path / "data", tmp_path / "record.json"
    corpus.write_text("".join(" ".join(rng.choice(WORDS, 9)) + "\n" for _ in range(300)))
    (data / "similarity").mkdir(parents=True)
    pairs = "".join(f"{a}\t{b}\t{i}\n" for i, (a, b) in enumerate(itertools.pairwise(WORDS)))
    for name in ("ws353", "simlex-999", "men", "rw"):
        (data / "similarity" / f"{name}.tsv").write_text(pairs)
    for options in (threads_equal.WORD2VEC, threads_equal.GLOVE):
        monkeypatch.setitem(options, "dim", 8)
    folders = {"corpus": corpus, "data": data, "work": tmp_path / "work", "output": output}
    arguments = [f"--{name}={path}" for name, path in folders.items()]
    arguments += [f"--method={method}", "--threads", "2", "--seeds=2"]
    monkeypatch.setattr(sys, "argv", ["threads_equal", *arguments])
    threads_equal.main()
    record = json.loads(output.read_text(encoding="utf-8"))
    assert record["config"]["method"] == method
    assert ("loss" in record["config"]) == (method != "glove")
    assert set(record["metrics"]["tests"]["2 threads"]) == {"similarity", "loss"}
    runs = record["metrics"]["runs"]
    assert set(runs) == {f"{t} threads, seed {s}" for t in (1, 2) for s in (1, 2)}
    assert all(run["loss"] > 0 for run in runs.values())
