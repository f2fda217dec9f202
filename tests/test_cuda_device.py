"""A real GPU against the CPU trainer; all skipped where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from embkit import _native
from embkit.embeddings import Embeddings
from embkit.errors import CudaError
from tests import reference, reference_nce
from tests.models import MIXED, MODES, NCE_MODES, SMALL, output_of, random_sentences, trained
from tests.test_cuda_block import BLOCK, train_by_tiles

pytestmark = pytest.mark.cuda
GPU_MODES: dict[str, dict[str, Any]] = {
    name: mode
    for name, mode in (MODES | NCE_MODES).items()
    if mode.get("loss") != "hs" and mode.get("negative_sharing") != "block"
}
OPTIONS: dict[str, Any] = SMALL | {"learning_rate": 0.05}
TEXT = random_sentences(40, [1, 7, 40, 300, 2, 150, 25, 60] * 6, seed=3)
LONG = random_sentences(2_000, [25] * 40_000, seed=4)  # a million tokens
ONE_TOPIC = [[f"t{i // 8}w{i % 8}" for i in range(j, j + 8)] for j in range(0, 160, 8)]


def distance(one: Embeddings, other: Embeddings) -> float:
    vectors = np.abs(one.vectors - other.vectors).max()
    return float(max(vectors, np.abs(output_of(one) - output_of(other)).max()))


@pytest.mark.parametrize("mode", GPU_MODES)
@pytest.mark.parametrize("dim", [1, 16, 100, 128, 300, 512, 1024])
def test_batches_of_one_train_what_one_thread_trains(
    monkeypatch: pytest.MonkeyPatch, mode: str, dim: int
) -> None:
    if GPU_MODES[mode].get("negative_sharing") == "pair":
        pytest.skip("the deterministic mode shares noise over a window")
    monkeypatch.setattr("embkit.training.cuda.BATCH_TOKENS", 1)
    options = OPTIONS | GPU_MODES[mode] | {"dim": dim}
    on_gpu = trained(TEXT[:8], device="cuda", deterministic=True, **options)
    assert distance(on_gpu, trained(TEXT[:8], **options)) < 1e-4


@pytest.mark.parametrize("mode", GPU_MODES)
@pytest.mark.parametrize("dim", [16, 130, 1024])
@pytest.mark.parametrize("prefetch", [False, True], ids=["late", "early"])
def test_one_warp_trains_what_one_thread_trains(
    monkeypatch: pytest.MonkeyPatch, mode: str, dim: int, prefetch: bool
) -> None:
    monkeypatch.setattr("embkit.training.cuda.MAX_WARPS", 1)
    monkeypatch.setattr("embkit.training.cuda.PREFETCH", prefetch)
    options = OPTIONS | GPU_MODES[mode] | {"dim": dim}
    text = TEXT[: len(TEXT) // (1 if dim == 16 else 6)]
    assert distance(trained(text, device="cuda", **options), trained(text, **options)) < 1e-4


@pytest.mark.parametrize("loss", ["ns", "nce"])
@pytest.mark.parametrize(("dim", "window"), [(16, 3), (100, 5), (128, 15), (300, 5)])
def test_one_block_on_tensor_cores_trains_tiles_in_their_order(
    monkeypatch: pytest.MonkeyPatch, loss: str, dim: int, window: int
) -> None:
    cuda = _native.cuda()
    needed = cuda.block_shared_bytes(dim, window, BLOCK["block_negatives"])
    if needed > cuda.use_device(0)["shared_bytes_per_block"]:
        pytest.skip(f"needs {needed} bytes of shared memory")
    monkeypatch.setattr("embkit.training.cuda.MAX_WARPS", 1)
    changes = {"bias": "none", "learning_rate": 0.2 / window}
    options: dict[str, Any] = BLOCK | {"loss": loss, "dim": dim, "window": window} | changes
    expected = train_by_tiles(reference.encode(MIXED), reference_nce.Options(**options))
    model = trained(MIXED, device="cuda", **options)
    assert np.abs(model.vectors - expected.input).max() < 1e-4
    assert np.abs(output_of(model) - expected.output).max() < 1e-4


def test_the_deterministic_mode_gives_the_same_bytes() -> None:
    options: dict[str, Any] = {"dim": 64, "epochs": 1, "device": "cuda", "deterministic": True}
    assert distance(trained(LONG, **options), trained(LONG, **options)) == 0


def test_a_streamed_text_trains_the_same_bytes_as_a_resident_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options: dict[str, Any] = {"dim": 64, "epochs": 2, "device": "cuda", "deterministic": True}
    whole = trained(LONG, **options)
    monkeypatch.setattr("embkit.training.cuda.MOST_RESIDENT", 1 << 17)
    assert distance(trained(LONG, **options), whole) == 0


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
@pytest.mark.parametrize("dim", [20, 300])
def test_all_warps_together_learn_which_words_belong_together(method: str, dim: int) -> None:
    rng = np.random.default_rng(5)
    text = [list(rng.permutation(ONE_TOPIC[i])) for i in rng.integers(20, size=20_000)]
    model = trained(text, method, dim=dim, device="cuda", subsample=0, learning_rate=0.05)
    for words in ONE_TOPIC:
        nearest = [word for word, _ in model.most_similar(words[0], topn=7)]
        assert set(nearest) == set(words[1:])


@pytest.mark.parametrize("sharing", ["window", "block"])
def test_all_warps_together_learn_the_normalizer_of_one_thread(sharing: str) -> None:
    options: dict[str, Any] = {"loss": "nce", "normalizer": "learnt", "bias": "none"}
    options |= {"negative_sharing": sharing, "dim": 32, "subsample": 0, "epochs": 2}
    told = [trained(LONG, device=device, **options).provenance for device in ("cpu", "cuda")]
    assert told[1]["final_loss"] == pytest.approx(told[0]["final_loss"], rel=0.01)
    log_z = told[0]["normalizer"]["log"]
    assert told[1]["normalizer"]["log"] == pytest.approx(log_z, abs=0.2)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(CudaError, match="device must be from cuda:0"):
        trained(TEXT, device="cuda:99")
