"""Analogies on a GPU: the answers and scores of the processor, ties among them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embkit import formats
from embkit.cli.app import main
from embkit.embeddings import Embeddings
from embkit.errors import ResourceError
from embkit.evaluation import analogy_tiles
from embkit.evaluation.analogy_search import Search, best_rows
from embkit.evaluation.options import QUESTION_METHODS, AnalogyOptions
from embkit.evaluation.spaces import Space, as_space
from tests.stand_in_cupy import StandIn

NUM_ROWS = 300


def space_with_ties(seed: int) -> Space:
    """Return rows of small whole numbers, many of them twice and some of zeros."""
    rows = np.random.default_rng(seed).integers(-2, 3, (NUM_ROWS, 4)).astype(np.float32)
    return as_space(Embeddings.from_words([f"w{i}" for i in range(NUM_ROWS)], rows))


def search_of(space: Space, device: str, seed: int, limit: int = NUM_ROWS) -> Search:
    """Return questions of any three words; of some, all rows but a few are excluded."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(NUM_ROWS, 40, replace=False)
    questions = rng.integers(0, len(rows), (150, 3))
    excluded = [np.sort(rows[three]) for three in questions]
    excluded[7], excluded[8] = np.arange(NUM_ROWS), np.arange(5, NUM_ROWS)
    return Search(
        *(space.units(rows), questions, excluded, QUESTION_METHODS, 0.001, 0.0, limit),
        device=device,
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit", [NUM_ROWS, 70, 1])
@pytest.mark.parametrize("side", [64, 4096])
def test_rows_and_scores_are_those_of_the_processor(
    device: str, seed: int, limit: int, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analogy_tiles, "_SIDE", side)
    space = space_with_ties(seed)
    rows, scores = best_rows(space, search_of(space, device, seed, limit))
    expected = best_rows(space, search_of(space, "cpu", seed, limit))
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_allclose(scores, expected[1], rtol=0, atol=1e-12)
    assert (rows[:, 7] == -1).all()
    ties = (space.units(slice(0, limit)) == space.units(rows[3])[:, None]).all(2).sum(1)
    assert limit < NUM_ROWS or (ties > 1).sum() > 50  # many answers stand there twice


def test_questions_without_terms_have_no_answer(device: str) -> None:
    space = space_with_ties(0)
    nothing = replace(
        search_of(space, device, 0),
        terms=np.zeros((0, 1)), questions=np.zeros((0, 3), np.int64), excluded=[],
    )  # fmt: skip
    assert best_rows(space, nothing)[0].shape == (4, 0)


def test_what_does_not_fit_into_memory_is_searched_in_smaller_tiles(stand_in: StandIn) -> None:
    space = space_with_ties(1)
    expected = best_rows(space, search_of(space, "cpu", 1))
    stand_in.capacity = 1 << 19
    rows, scores = best_rows(space, search_of(space, "cuda", 1))
    assert stand_in.refusals > 0
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_allclose(scores, expected[1], rtol=0, atol=1e-12)
    stand_in.capacity = 1 << 12
    with pytest.raises(ResourceError, match=r"cuda needs about \d+ MiB.*--device cpu"):
        best_rows(space, search_of(space, "cuda", 1))


def test_sparse_rows_stay_on_the_processor(stand_in: StandIn) -> None:
    import scipy.sparse

    class Sparse:
        words = [f"w{i}" for i in range(NUM_ROWS)]  # noqa: RUF012
        matrix = scipy.sparse.csr_array(np.abs(space_with_ties(2).raw(slice(0, NUM_ROWS))))

    space = as_space(Sparse())
    found, expected = (best_rows(space, search_of(space, d, 2)) for d in ("cuda", "cpu"))
    np.testing.assert_array_equal(found[0], expected[0])
    assert stand_in.uploads == 0


def test_the_command_tells_a_gpu_that_is_missing_before_it_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="device must be one of auto, cpu, cuda, cuda:N"):
        AnalogyOptions(device="tpu")
    asked = ["eval", "analogy", str(tmp_path / "nowhere.bin"), "--device", "cuda"]
    assert main(asked) == 5
    assert "device must be cpu where" in capsys.readouterr().err


def test_the_command_prints_the_same_on_every_device(
    stand_in: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = space_with_ties(3)
    formats.save(space.embeddings, tmp_path / "v.txt")
    questions = np.random.default_rng(1).integers(0, NUM_ROWS, (60, 4))
    lines = [" ".join(f"w{i}" for i in question) for question in questions]
    (tmp_path / "set.txt").write_text("\n".join([": all", *lines]) + "\n")
    asked = ["eval", "analogy", str(tmp_path / "v.txt"), "--set", str(tmp_path / "set.txt")]
    asked += ["--json", "--method", "3CosAdd", "--method", "3CosAvg", "--method", "LRCos"]
    told = []
    for device in ("cpu", "cuda"):
        assert main([*asked, "--device", device]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert stand_in.uploads > 0
