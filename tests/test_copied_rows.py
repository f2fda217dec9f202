"""The copies of frequent rows that threads keep for themselves where cores are far apart."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit._native import core
from embkit.device import available_threads
from tests import reference
from tests.models import SMALL, random_sentences
from tests.test_repeatability import CORE_DEFAULTS, CORE_MODES

# Words often enough that rows are copied, and others too rare for that.
SENTENCES = random_sentences(12, [3000] * 4, seed=3) + random_sentences(40, [900], seed=4)

TASKS = Path("/proc/self/task")


def make_model(**options: Any) -> core.Word2Vec:
    """Return a model of the sentences, to be trained in the core itself."""
    corpus = reference.encode(SENTENCES)
    ids = np.concatenate([np.array(sentence, np.uint32) for sentence in corpus.sentences])
    offsets = np.cumsum([0, *map(len, corpus.sentences)]).astype(np.uint64)
    chosen = {**CORE_DEFAULTS, **SMALL, "block_tokens": 500, **options}
    return core.Word2Vec(chosen, ids, offsets, np.array(corpus.counts))


@pytest.mark.parametrize("mode", CORE_MODES)
@pytest.mark.parametrize("threads", [2, 3])
def test_copies_change_nothing_but_rounding(mode: str, threads: int) -> None:
    # A block at a time, so that threads take turns: each must find what the others gained.
    results = []
    for copy_rows in (False, True):
        # A lower rate than the default, at which small differences do not grow.
        model = make_model(copy_rows=copy_rows, learning_rate=0.03, **CORE_MODES[mode])
        while not model.train(threads, lambda: None, 1):
            pass
        results.append([model.take_input(), model.take_output()])
    plain, copied = results
    for before, after in zip(plain, copied, strict=True):
        assert np.abs(before).max() > 0.06  # it has learnt
        np.testing.assert_allclose(after, before, rtol=0, atol=1e-4)
    assert copied[0].tobytes() != plain[0].tobytes()  # copies took part


@pytest.mark.parametrize("mode", CORE_MODES)
def test_threads_with_copies_learn_as_much_as_one(mode: str) -> None:
    losses = []
    for threads in (1, 4):
        model = make_model(copy_rows=True, epochs=6, learning_rate=0.1, **CORE_MODES[mode])
        model.train(threads, lambda: None)
        counters = model.counters()
        losses.append(counters["last_loss"] / counters["last_pairs"])
    assert losses[1] == pytest.approx(losses[0], rel=0.03)


@pytest.mark.skipif(not TASKS.exists(), reason="Linux alone tells threads")
@pytest.mark.parametrize("copy_rows", [None, False])
def test_threads_pause_for_a_look_at_where_their_cores_are(copy_rows: bool | None) -> None:
    model = make_model(copy_rows=copy_rows, epochs=100_000, learning_rate=1e-4)
    seen: set[str] = set()  # the threads of a pause are new ones
    start = time.monotonic()

    def on_progress() -> bool:
        seen.update(task.name for task in TASKS.iterdir())
        return len(seen) >= most or time.monotonic() > start + longest

    others = len(list(TASKS.iterdir()))
    most = others + 4
    longest = 30 if copy_rows is None else 1.5
    assert not model.train(2, on_progress)
    assert len(seen) == others + (4 if copy_rows is None else 2)
    assert model.is_consistent()


def test_no_block_is_lost_or_done_twice_around_a_look() -> None:
    model = make_model(copy_rows=None, epochs=100_000, learning_rate=1e-4)
    start = time.monotonic()
    assert not model.train(2, lambda: time.monotonic() > start + 1.3)
    section = -(-sum(map(len, SENTENCES)) // 2)  # of each of two threads
    blocks = [min(500, section - begin) for begin in range(0, section, 500)]
    epochs, more = divmod(model.counters()["next_block"], 2 * len(blocks))
    assert model.progress()[0] == 2 * section * epochs + sum(np.repeat(blocks, 2)[:more])


def test_distance_of_cores() -> None:
    assert core.line_transfer_ns(1) == 0
    if os.getloadavg()[0] >= available_threads():
        pytest.skip("the machine is too busy to tell the distance of its cores")
    found = [core.line_transfer_ns(2) for _ in range(20)]
    assert available_threads() < 2 or any(5 < ns < 1000 for ns in found), found


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux alone tells cores")
def test_threads_on_one_core_have_no_distance() -> None:
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert core.line_transfer_ns(4) == 0
    finally:
        os.sched_setaffinity(0, cores)
