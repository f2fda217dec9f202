"""The measurement of the readers: its files, its loads, and the trusting loop beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import embkit
from eval.reader_speed import check_cost, load, make_files, table_of


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_files(tmp_path_factory.mktemp("speed"), rows=500, dim=20)


def test_both_files_hold_the_same_words_and_vectors(paths: dict[str, Path]) -> None:
    binary, text = (embkit.load(paths[form]) for form in ("binary", "text"))
    assert binary.words == text.words
    assert len(binary) == 500
    np.testing.assert_array_equal(binary.vectors, text.vectors)


@pytest.mark.parametrize("tool", ["embkit", "gensim"])
def test_a_load_is_timed(paths: dict[str, Path], tool: str) -> None:
    if tool == "gensim":
        pytest.importorskip("gensim")
    assert load(tool, "binary", str(paths["binary"]))["seconds"] > 0


def test_checks_are_timed_beside_a_loop_that_trusts(
    paths: dict[str, Path], tmp_path: Path
) -> None:
    costs = check_cost(paths, tmp_path, rounds=2)
    assert {form: len(found) for form, found in costs.items()} == {"binary": 16, "text": 4}


def test_verdicts_compare_with_the_demands() -> None:
    def one(seconds: float) -> dict[str, float]:
        return {"seconds": seconds, "cpu": seconds, "memory_mib": 9.0}

    rounds = {"binary": [{"embkit": one(1), "gensim": one(11)}], "text": [
        {"embkit": one(1), "gensim": one(19)}, {"embkit": one(1)}]}  # fmt: skip
    costs = {"binary": [[1.0, 0.96]], "text": [[1.0, 0.9]]}
    rows = {name: met for name, _, met in table_of(rounds, costs, {"binary": 10, "text": 8})}
    assert rows["binary, times faster, seconds"] is True
    assert rows["text, times faster, seconds"] is False
    assert (rows["binary, memory, MiB"], rows["text, memory, MiB"]) == (True, False)
    assert rows["binary, speed with checks over without"] is True
    assert rows["text, speed with checks over without"] is False
