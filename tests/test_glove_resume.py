"""GloVe in a run's folder: interrupted anywhere, it goes on to the same bytes."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit.config import CooccurrenceConfig
from embkit.counts.cooccurrence import cooccur
from embkit.embeddings import Embeddings
from embkit.errors import DivergenceError, FormatError
from embkit.training import RunFolder, TrainingProgress
from embkit.training.checkpoint import read_checkpoint
from embkit.training.glove import GloveTrainer
from embkit.training.run import read_run
from tests.interruptions import pausing
from tests.models import random_sentences

SENTENCES = random_sentences(60, [400] * 25, seed=11)
OPTIONS: dict[str, Any] = {
    **{"dim": 8, "min_count": 1, "epochs": 3, "threads": 1, "window": 3},
    **{"x_max": 10.0, "keep_output": True},
}


class InterruptError(Exception):
    """What ends a run in these tests."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut even these few cells into several tiles and chunks."""
    monkeypatch.setattr("embkit.training.glove.TILE_FLOATS", 1)
    monkeypatch.setattr("embkit.training.glove.CHUNK_CELLS", 200)


def interrupt_after(monkeypatch: pytest.MonkeyPatch, pauses: int, chunks: int = 3) -> None:
    """End the next run with InterruptError when it pauses for the so manyeth time."""
    left = pauses

    def pause() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise InterruptError

    monkeypatch.setattr(GloveTrainer, "__init__", pausing(chunks, pause, GloveTrainer))


def bytes_of(model: Embeddings) -> bytes:
    assert model.output is not None
    provenance = json.dumps(model.provenance).encode()
    return model.vectors.tobytes() + model.output.tobytes() + provenance


def test_run_interrupted_at_every_few_chunks_has_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = embkit.train("glove", SENTENCES, **OPTIONS)
    interruptions = 0
    while True:
        with monkeypatch.context() as patch:
            interrupt_after(patch, 1, chunks=2)
            try:
                result = embkit.train("glove", SENTENCES, run=tmp_path / "run", **OPTIONS)
            except InterruptError:
                interruptions += 1
                continue
        break
    assert interruptions > 3 * 3  # in every epoch, and at the end of each
    assert bytes_of(result) == bytes_of(oracle)


@pytest.mark.parametrize("threads", [2, 5])
def test_several_threads_train_every_cell_exactly_once(
    threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**OPTIONS, "threads": threads}
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3, chunks=threads + 1)
        with pytest.raises(InterruptError):
            embkit.train("glove", SENTENCES, run=tmp_path / "run", **options)
    reports: list[TrainingProgress] = []
    model = embkit.resume(tmp_path / "run", callback=reports.append)
    assert reports[-1].tokens == reports[-1].total_tokens == 3 * model.provenance["num_cells"]
    assert len(model.provenance["costs"]) == 3


def test_counts_are_made_once_and_again_only_where_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    oracle = embkit.train("glove", SENTENCES, **OPTIONS)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2)
        with pytest.raises(InterruptError):
            embkit.train("glove", SENTENCES, run=tmp_path / "run", **OPTIONS)
    with monkeypatch.context() as patch:
        refuse = lambda *_, **__: pytest.fail("the text was counted again")  # noqa: E731
        patch.setattr("embkit.training.glove_counts.cooccur", refuse)
        assert bytes_of(embkit.resume(tmp_path / "run", keep_run=True)) == bytes_of(oracle)
    path = tmp_path / "run" / "counts"
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)
    assert bytes_of(embkit.resume(tmp_path / "run")) == bytes_of(oracle)
    assert "the text is counted again" in caplog.text


def test_count_that_is_interrupted_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("embkit.counts.cooccurrence_file.write_file", full)
        with pytest.raises(OSError, match="No space"):
            embkit.train("glove", SENTENCES, run=tmp_path / "run", **OPTIONS)
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == ["corpus", "run.json"]
    oracle = embkit.train("glove", SENTENCES, **OPTIONS)
    assert bytes_of(embkit.resume(tmp_path / "run")) == bytes_of(oracle)


def test_run_on_counts_keeps_them_and_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = cooccur(SENTENCES, CooccurrenceConfig(window=3, min_count=1))
    oracle = embkit.train("glove", counts, **OPTIONS)
    with monkeypatch.context() as patch:
        interrupt_after(patch, 2)
        with pytest.raises(InterruptError):
            embkit.train("glove", counts, run=tmp_path / "run", **OPTIONS)
    assert not (tmp_path / "run" / "corpus").exists()
    assert bytes_of(embkit.resume(tmp_path / "run", keep_run=True)) == bytes_of(oracle)
    other = cooccur(SENTENCES[1:], CooccurrenceConfig(window=3, min_count=1))
    with pytest.raises(ValueError, match=r"counts digest is .* in it, .* now"):
        embkit.train("glove", other, run=tmp_path / "run", **OPTIONS)
    other.save(tmp_path / "run" / "counts", overwrite=True)
    with pytest.raises(FormatError, match="another run's counts"):
        embkit.resume(tmp_path / "run")


def test_counts_are_for_glove_alone() -> None:
    counts = cooccur(SENTENCES, CooccurrenceConfig(window=3, min_count=1))
    with pytest.raises(ValueError, match="corpus must be text for sgns, got counts"):
        embkit.train("sgns", counts)


def test_kept_run_goes_further_as_one_run_of_so_many_epochs(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    embkit.train("glove", SENTENCES, run=folder, keep_run=True, **OPTIONS)
    longer = embkit.resume(folder, epochs=7, keep_run=True)
    oracle = embkit.train("glove", SENTENCES, **{**OPTIONS, "epochs": 7})
    assert bytes_of(longer) == bytes_of(oracle)
    assert read_run(folder)["identity"]["config"]["epochs"] == 7
    assert bytes_of(embkit.resume(folder, keep_run=True)) == bytes_of(oracle)
    with pytest.raises(ValueError, match="epochs must be at least 7, those of the run, got 6"):
        embkit.resume(folder, epochs=6)


def test_other_methods_go_no_further(tmp_path: Path) -> None:
    options: dict[str, Any] = {"dim": 4, "min_count": 1, "threads": 1, "epochs": 1}
    embkit.train("sgns", SENTENCES, run=tmp_path / "run", keep_run=True, **options)
    with pytest.raises(ValueError, match="epochs must be left out for sgns, whose learning"):
        embkit.resume(tmp_path / "run", epochs=2)


def test_diverged_run_keeps_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GloveTrainer, "__init__", pausing(2, trainer=GloveTrainer))
    wild = {**OPTIONS, "learning_rate": 1e3, "clip": 1e25}
    folder = RunFolder(tmp_path / "run", checkpoint_every=1e-9)
    with pytest.raises(DivergenceError, match="learning_rate must be lower"):
        embkit.train("glove", SENTENCES, run=folder, **wild)
    for path in (tmp_path / "run").glob("checkpoint-*"):
        state, _ = read_checkpoint(path)
        assert all(np.isfinite(array).all() for array in state.tensors.values())
