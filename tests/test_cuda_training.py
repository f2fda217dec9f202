"""Training on a GPU, with emulated kernels: what the CPU trains, in every form of the path."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit import training
from embkit.config import CUDA_MOST, CbowConfig, SkipGramConfig
from embkit.embeddings import Embeddings
from tests.models import MODES, NCE_MODES, output_of, random_sentences, trained
from tests.models import SMALL as FAST
from tests.native.fake_cuda import FakeCuda

SMALL = FAST | {"learning_rate": 0.05}  # sums of rows amplify rounding at a higher rate
GPU_MODES = {
    name: mode
    for name, mode in (MODES | NCE_MODES).items()
    if mode.get("loss") != "hs" and mode.get("negative_sharing") != "block"
}
TEXT = random_sentences(30, [1, 7, 40, 300, 2, 150, 25, 60] * 6, seed=3)  # 3510 tokens


def gpu(method: str = "skipgram", **options: Any) -> Embeddings:
    # Steps of a deterministic batch add up, and these few words are each in it many times.
    rate = {"learning_rate": 1e-3} if options.get("deterministic") else {}
    return trained(TEXT, method, **{**SMALL, **rate, "device": "cuda", **options})


def assert_same(one: Embeddings, other: Embeddings, tolerance: float = 0.0) -> None:
    assert one.words == other.words
    np.testing.assert_allclose(one.vectors, other.vectors, rtol=0, atol=tolerance)
    np.testing.assert_allclose(output_of(one), output_of(other), rtol=0, atol=tolerance)


@pytest.mark.parametrize("mode", GPU_MODES)
@pytest.mark.parametrize("device", ["cuda", "cuda:1", "auto"])
def test_trains_what_one_thread_trains(fake_cuda: FakeCuda, mode: str, device: str) -> None:
    model = gpu(**GPU_MODES[mode], device=device)
    cpu = trained(TEXT, **GPU_MODES[mode], **SMALL)
    assert_same(model, cpu, tolerance=1e-4)
    assert model.provenance["device"] == "Emulated GPU"
    assert model.provenance["config"]["device"] == ("cuda:1" if device[-1] == "1" else "cuda:0")
    assert model.provenance["final_loss"] == pytest.approx(cpu.provenance["final_loss"], 1e-4)
    assert fake_cuda.calls("train") > 1


def test_a_text_larger_than_the_device_goes_through_two_buffers(
    fake_cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = gpu()
    before = fake_cuda.calls("mark_sentences")
    monkeypatch.setattr("embkit.training.cuda.MOST_RESIDENT", 1024)
    assert_same(gpu(), whole)
    # Four segments, twice, and the first once more after the last.
    assert fake_cuda.calls("mark_sentences") - before == 9


def test_the_deterministic_mode_gives_the_same_bytes(fake_cuda: FakeCuda) -> None:
    first = gpu(deterministic=True)
    assert_same(gpu(deterministic=True), first)
    assert fake_cuda.calls("train") == 0


@pytest.mark.parametrize("mode", [name for name in GPU_MODES if "pair" not in name])
def test_deterministic_batches_of_one_train_what_one_thread_trains(
    fake_cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr("embkit.training.cuda.BATCH_TOKENS", 1)
    options = SMALL | GPU_MODES[mode]
    model = trained(TEXT[:4], device="cuda", deterministic=True, **options)
    cpu = trained(TEXT[:4], **options)
    assert_same(model, cpu, tolerance=1e-4)
    log_z = [found.provenance.get("normalizer", {"log": 0})["log"] for found in (model, cpu)]
    assert log_z[0] == pytest.approx(log_z[1], abs=1e-4)
    assert (log_z[1] != 0) == (options.get("normalizer") == "learnt")
    assert fake_cuda.calls("train_deterministic") > 1


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
def test_the_deterministic_mode_learns_nearly_as_much_as_the_cpu(
    fake_cuda: FakeCuda, method: str
) -> None:
    # The updates of a batch are made all at once: with fewer words than these, less is learnt.
    text = random_sentences(2000, [25] * 800, seed=3)
    options: dict[str, Any] = {"deterministic": True, "dim": 10, "epochs": 1}
    on_gpu, on_cpu = (
        trained(text, method, device=device, **options).provenance["final_loss"]
        for device in ("cuda", "cpu")
    )
    assert on_cpu < 4.05  # 6 log 2 = 4.16 at the start
    assert on_gpu == pytest.approx(on_cpu, rel=0.04)
    assert fake_cuda.calls("train_deterministic") > 0


@pytest.mark.parametrize(
    ("options", "most"),
    [
        ({}, 100),
        ({"learning_rate": 0.05}, 50),
        ({"method": "cbow"}, 100),  # whose usual rate is twice as high
        ({"learning_rate": 1e-3}, 2112),
        ({"subsample": 0.001}, 160),
    ],
)
def test_fewer_are_trained_at_a_time_where_they_would_hold_the_same_word(
    fake_cuda: FakeCuda, options: dict[str, Any], most: int
) -> None:
    # A quarter of the tokens are one word.
    text = [["often", "often", "often", *(f"w{i}" for i in range(9))]] * 40
    asked: dict[str, Any] = {"dim": 4, "subsample": 0, "epochs": 1, "device": "cuda", **options}
    trained(text, **asked)
    assert fake_cuda.asked("max_warps") == pytest.approx(most, rel=0.02)
    trained(text, **asked, deterministic=True)
    assert fake_cuda.asked("batch_tokens") == pytest.approx(min(most, 1024), rel=0.02)


def test_deterministic_on_the_cpu_means_one_thread() -> None:
    assert SkipGramConfig(deterministic=True).threads == 1
    with pytest.raises(ValueError, match="threads must be 1 with deterministic on the cpu"):
        SkipGramConfig(deterministic=True, threads=2)


def test_progress_log_and_callback_are_those_of_the_cpu(
    fake_cuda: FakeCuda, tmp_path: Path
) -> None:
    reports: list[training.TrainingProgress] = []
    gpu(log=tmp_path / "log", callback=reports.append, epochs=3)
    assert fake_cuda.calls("train") >= 3
    last = reports[-1]
    assert (last.tokens, last.total_tokens, last.epoch) == (3 * 3510, 3 * 3510, 3)
    assert last.learning_rate == pytest.approx(5e-6)
    lines = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["tokens"] for line in lines] == [r.tokens for r in reports]


class Stop:
    """Ends a run from its callback, as Ctrl-C does, after so many tokens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tokens: int) -> None:
        monkeypatch.setattr("embkit.training.progress.INTERVAL", 0)
        self.tokens = tokens

    def __call__(self, report: training.TrainingProgress) -> None:
        if report.tokens >= self.tokens:
            raise KeyboardInterrupt


@pytest.mark.parametrize("tokens", [1024, 3510, 4534])
@pytest.mark.parametrize("deterministic", [False, True])
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    fake_cuda: FakeCuda,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    tokens: int,
    deterministic: bool,
) -> None:
    whole = gpu(deterministic=deterministic)
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        gpu(deterministic=deterministic, run=folder, callback=Stop(monkeypatch, tokens))
    assert fake_cuda.left() == 0
    resumed = training.resume(folder)
    assert_same(resumed, whole)
    assert resumed.provenance["final_loss"] == whole.provenance["final_loss"]


def test_a_signal_ends_a_run_and_frees_the_device(fake_cuda: FakeCuda) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell ignores it
    begun = time.monotonic()
    interrupt = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))

    def start(report: training.TrainingProgress) -> None:
        if interrupt.ident is None:
            interrupt.start()

    with pytest.raises(KeyboardInterrupt):
        gpu(epochs=100_000, callback=start)
    assert time.monotonic() - begun < 20
    assert fake_cuda.left() == 0


def test_a_run_can_be_ended_while_a_long_text_goes_over(
    fake_cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = random_sentences(40, [2500] * 8, seed=2)
    with pytest.raises(KeyboardInterrupt):
        trained(long, device="cuda", callback=Stop(monkeypatch, 0), **SMALL)
    assert fake_cuda.calls("mark_sentences") == 1
    assert fake_cuda.calls("train") == 0
    assert fake_cuda.left() == 0


def test_a_run_keeps_to_its_device_where_others_use_another(
    fake_cuda: FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embkit.training.progress.INTERVAL", 0)

    def use_the_first(_: training.TrainingProgress) -> None:
        fake_cuda.module.use_device(0)

    assert_same(gpu(device="cuda:1", callback=use_the_first), gpu())


def test_a_run_begins_with_given_vectors(fake_cuda: FakeCuda) -> None:
    first = gpu(epochs=1)
    on_gpu = gpu(init_from=first)
    assert_same(on_gpu, trained(TEXT, init_from=first, **SMALL), tolerance=1e-4)
    assert fake_cuda.calls("train") > 0


def test_what_was_trained_is_saved_as_ever(fake_cuda: FakeCuda, tmp_path: Path) -> None:
    model = gpu()
    embkit.save(model, tmp_path / "model")
    loaded = embkit.load(tmp_path / "model")
    assert loaded.provenance["device"] == "Emulated GPU"
    assert_same(loaded, model)
    assert fake_cuda.left() == 0


def test_divergence_is_told_as_on_the_cpu(fake_cuda: FakeCuda) -> None:
    with pytest.raises(ArithmeticError, match="learning_rate must be lower, got 1000"):
        gpu(learning_rate=1e3)
    assert fake_cuda.left() == 0


def test_the_most_that_kernels_serve_is_what_options_allow() -> None:
    folder = Path(__file__).parents[1] / "csrc/cuda"
    sizes = (folder / "word2vec.h").read_text()
    for name, constant in {
        "dim": "kMaxDim",
        "window": "kMaxWindow",
        "negatives": "kMaxNegatives",
        "block_negatives": "kMaxBlockNegatives",
    }.items():
        assert f"constexpr int {constant} = {CUDA_MOST[name]};" in sizes
    checked = '"block_size", task.block_size, 1, int64_t{1} << 20'
    assert CUDA_MOST["block_size"] == 1 << 20
    assert checked in (folder / "check_task.h").read_text()


@pytest.mark.parametrize("name", CUDA_MOST)
def test_options_beyond_what_kernels_serve_are_refused(name: str) -> None:
    too_much: dict[str, Any] = {name: CUDA_MOST[name] + 1}
    too_much |= {"negative_sharing": "block"} if "block" in name else {}
    with pytest.raises(ValueError, match=f"{name} must be at most {CUDA_MOST[name]} on a GPU"):
        SkipGramConfig(device="cuda", **too_much)
    assert SkipGramConfig(device="auto", **too_much).cuda_refusal()


def test_a_loss_that_the_gpu_lacks_is_refused_before_the_text_is_read() -> None:
    with pytest.raises(ValueError, match="device must be cpu with loss hs, got cuda:0"):
        embkit.train("cbow", "nowhere.txt", loss="hs", device="cuda:0")


@pytest.mark.parametrize(
    ("config", "sharing", "deterministic", "served"),
    [
        (CbowConfig, "block", False, "window on a GPU"),
        (SkipGramConfig, "block", True, "window with deterministic on a GPU"),
        (SkipGramConfig, "pair", True, "window with deterministic on a GPU"),
    ],
)
def test_noise_shared_in_ways_that_kernels_lack_is_refused(
    config: Any, sharing: str, deterministic: bool, served: str
) -> None:
    with pytest.raises(ValueError, match=f"negative_sharing must be {served}, got {sharing}"):
        config(device="cuda", negative_sharing=sharing, deterministic=deterministic)


@pytest.mark.parametrize("loss", ["ns", "nce"])
def test_noise_shared_by_a_block_learns_as_much_as_on_the_cpu(
    fake_cuda: FakeCuda, caplog: pytest.LogCaptureFixture, loss: str
) -> None:
    shared: dict[str, Any] = {
        "loss": loss,
        "negative_sharing": "block",
        "block_size": 32,
        "epochs": 2,
    }
    losses = [
        model.provenance["final_loss"]
        for model in (gpu(**shared), trained(TEXT, **{**SMALL, **shared}))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)
    assert fake_cuda.calls("train") > 1
    assert "the quality of what a GPU trains so has not been measured" in caplog.text
