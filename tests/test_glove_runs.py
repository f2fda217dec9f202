"""GloVe runs: what is the same, what is told, what is refused."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from embkit.config import GloveConfig
from embkit.embeddings import Embeddings
from embkit.errors import CorpusError, DivergenceError, ResourceError
from embkit.training import glove
from embkit.training.glove import cost_of_zeros, memory_needed, train_glove
from embkit.training.initial import find_initial_rows
from tests.glove_models import costs_of, trained, words, zipf_counts

COUNTS = zipf_counts(60)


def bytes_of(model: Embeddings) -> bytes:
    assert model.output is not None
    return model.vectors.tobytes() + model.output.tobytes()


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut even these few cells into several tiles and chunks."""
    monkeypatch.setattr("embkit.training.glove.TILE_FLOATS", 1)
    monkeypatch.setattr("embkit.training.glove.CHUNK_CELLS", 200)


# ------------------------------------------------------------------ the same again


def test_one_thread_and_one_seed_give_the_same_bytes() -> None:
    first, again, other = trained(COUNTS), trained(COUNTS), trained(COUNTS, seed=2)
    assert bytes_of(first) == bytes_of(again) != bytes_of(other)
    assert costs_of(first) == costs_of(again)


def test_several_threads_train_as_well_as_one() -> None:
    counts = zipf_counts(300)
    one, many = (costs_of(trained(counts, epochs=10, threads=n)) for n in (1, 4))
    assert many[-1] == pytest.approx(one[-1], rel=0.05)
    assert many[-1] < 0.6 * many[0]  # one thread: about a half


def test_combine_chooses_what_is_returned() -> None:
    w, c, both = (trained(COUNTS, combine=name) for name in ("w", "c", "w+c"))
    assert w.output is not None
    np.testing.assert_array_equal(c.vectors, w.output)
    np.testing.assert_array_equal(both.vectors, w.vectors + c.vectors)
    np.testing.assert_array_equal(both.output, w.output)
    assert trained(COUNTS, keep_output=False).output is None


# ------------------------------------------------------------------ what is told


def test_each_epoch_ends_with_its_mean_cost_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    model = trained(COUNTS, epochs=4, log=log)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    ends = [line for line in lines if line["epoch_loss"] is not None]
    assert [line["epoch"] for line in ends] == [1, 2, 3, 4]
    assert [line["epoch_loss"] for line in ends] == costs_of(model)
    assert ends[-1]["tokens"] == ends[-1]["total_tokens"] == 4 * COUNTS.nnz
    assert model.provenance["final_loss"] == costs_of(model)[-1]


def test_a_signal_ends_the_run_within_a_second() -> None:
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.5, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        trained(zipf_counts(1000), epochs=10**6, dim=300)
    assert time.monotonic() - sent[0] < 10  # within one second on a machine that is not busy


# ------------------------------------------------------------------ what is refused

WRONG_OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"dim": 0}, "dim must be at least 1, got 0"),
    ({"epochs": 0}, "epochs must be at least 1, got 0"),
    ({"window": 0}, "window must be at least 1, got 0"),
    ({"x_max": 0.0}, "x_max must be positive, got 0.0"),
    ({"x_max": float("nan")}, "x_max must be positive, got nan"),
    ({"x_max": float("inf")}, "x_max must be finite, got inf"),
    ({"exponent": -0.5}, "exponent must be at least 0, got -0.5"),
    ({"learning_rate": 0.0}, "learning_rate must be positive, got 0.0"),
    ({"clip": -1.0}, "clip must be positive, got -1.0"),
    ({"combine": "sum"}, "combine must be one of w+c, w, c, got 'sum'"),
    ({"order": "none"}, "order must be one of tiles, full, got 'none'"),
    ({"threads": 0}, "threads must be at least 1, got 0"),
    ({"seed": -1}, "seed must be from 0 to 2^64 - 1, got -1"),
]


@pytest.mark.parametrize(("options", "message"), WRONG_OPTIONS)
def test_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(message)):
        GloveConfig(**options)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf])
def test_a_count_that_has_no_logarithm_is_named_with_its_place(bad: float) -> None:
    counts = COUNTS.copy()
    counts.data[counts.indptr[5]] = bad
    column = counts.indices[counts.indptr[5]]
    with pytest.raises(ValueError, match=rf"positive and finite, .* row 5, column {column}$"):
        trained(counts)


def test_a_column_beyond_the_vocabulary_is_named() -> None:
    counts = COUNTS.copy()
    counts.indices[counts.indptr[5]] = 60
    with pytest.raises(ValueError, match="columns must be below 60, got 60 in row 5"):
        trained(counts)


def test_a_matrix_of_another_size_is_refused() -> None:
    config = GloveConfig(threads=1)
    with pytest.raises(ValueError, match="for each of 3 words, got 60 x 60"):
        train_glove(COUNTS, words(3), config)
    with pytest.raises(CorpusError, match="at least 2 words"):
        train_glove(csr_array(np.ones((1, 1))), words(1), config)
    with pytest.raises(CorpusError, match="empty matrix"):
        train_glove(csr_array((3, 3)), words(3), config)


def test_divergence_names_the_option() -> None:
    with pytest.raises(DivergenceError, match=r"finite.*learning_rate must be lower, got 1000"):
        trained(COUNTS, learning_rate=1e3, clip=1e25)


@pytest.mark.parametrize("rate", [2.0, 1e3])
@pytest.mark.parametrize("threads", [1, 2])
def test_finite_cost_beyond_all_bounds_is_a_divergence(rate: float, threads: int) -> None:
    reports: list[Any] = []
    message = rf"the cost of an epoch is .*e\+.*learning_rate must be lower, got {rate}"
    with pytest.raises(DivergenceError, match=message):
        trained(COUNTS, learning_rate=rate, threads=threads, callback=reports.append)
    assert reports[-1].epoch == 1


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("x_max", [1.0, 100.0])
def test_sane_rates_stay_far_below_what_is_a_divergence(rate: float, x_max: float) -> None:
    for counts in (COUNTS, csr_array(np.ones((20, 20)))):
        config = GloveConfig(x_max=x_max, threads=1)
        most = cost_of_zeros(counts.data, config)
        assert max(costs_of(trained(counts, learning_rate=rate, x_max=x_max))) < 2 * most


def test_vectors_given_may_come_back_from_a_high_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_, last = costs_of(trained(COUNTS))
    config = GloveConfig(x_max=10.0, threads=1)
    monkeypatch.setattr(glove, "LOST", (first + last) / 2 / cost_of_zeros(COUNTS.data, config))
    with pytest.raises(DivergenceError, match="cost of an epoch"):
        trained(COUNTS)
    given = Embeddings.from_words(["w59"], np.zeros((1, 10), np.float32))
    initial = find_initial_rows(given, words(60), 10)
    assert costs_of(trained(COUNTS, initial=initial))[-1] == pytest.approx(last, rel=0.2)


def test_too_little_memory_is_an_error_before_the_work() -> None:
    needed = memory_needed(GloveConfig(dim=10), 60, COUNTS.nnz)
    trained(COUNTS, memory=needed)
    with pytest.raises(ResourceError, match="GloVe of 60 words x 10"):
        trained(COUNTS, memory=needed - 1)
