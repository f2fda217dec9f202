"""What a GPU refuses: each call of each function fails once, and how the run ends."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embkit
from embkit import training
from embkit.cli.app import main
from embkit.cli.exit_codes import ExitCode, exit_code_of
from embkit.embeddings import Embeddings
from embkit.errors import CudaError, ResourceError
from tests.models import random_sentences
from tests.native.fake_cuda import FakeCuda

OUT_OF_MEMORY = 2
ILLEGAL_ACCESS = 700
NO_KERNEL = 209
FUNCTIONS = [
    *("driver_version", "runtime_version", "device_count", "set_device", "device_properties"),
    *("memory_info", "allocate", "release", "copy", "copy_rows", "clear", "create_stream"),
    *("wait", "destroy_stream", "find_kernels", "mark_sentences", "train"),
    "train_deterministic",
]
HARMLESS = {"driver_version", "runtime_version", "release", "destroy_stream"}
"""Functions whose failure leaves the result as it is."""
TEXT = random_sentences(12, [30, 40, 5], seed=5)
OPTIONS: dict[str, Any] = {"dim": 4, "min_count": 1, "window": 2, "subsample": 0}


@pytest.fixture(autouse=True)
def _no_signal_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embkit.cli.app.install_handlers", lambda: None)


def run(device: str = "cuda", **options: Any) -> Embeddings:
    return embkit.train("sgns", TEXT, device=device, epochs=2, **{**OPTIONS, **options})


def failures(fake: FakeCuda, function: str, status: int) -> list[BaseException | None]:
    """Fail each call of a function in turn; return how each of the runs ended."""
    fake.reset()
    how: dict[str, Any] = {"deterministic": function == "train_deterministic"}
    whole = run(**how)
    ended: list[BaseException | None] = []
    for call in range(1, fake.calls(function) + 1):
        fake.reset()
        fake.fail(function, call, status)
        error: BaseException | None = None
        try:
            np.testing.assert_array_equal(run(**how).vectors, whole.vectors)
        except (CudaError, ResourceError) as caught:
            error = caught
        assert error is None or exit_code_of(error) == ExitCode.RESOURCE
        assert "\n" not in str(error)
        ended.append(error)
        assert fake.left() == 0, call
    assert ended or function in HARMLESS
    return ended


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("status", [ILLEGAL_ACCESS, NO_KERNEL])
def test_any_call_that_fails_ends_the_run_and_frees_all(
    fake_cuda: FakeCuda, function: str, status: int
) -> None:
    for error in failures(fake_cuda, function, status):
        if function in HARMLESS:
            assert error is None or status == ILLEGAL_ACCESS
        else:
            assert isinstance(error, CudaError)
            assert error.status == status
            assert error.is_sticky == (status == ILLEGAL_ACCESS)


IN_SESSION = (
    r"cuda:0 \(Emulated GPU\) has too little memory: [\d.]+ MiB of 1024.00 MiB are "
    r"free, two matrices of 12 x 4 need 0.00 MiB, .* or use device cpu"
)
AROUND_IT = (
    r"cuda:0 has too little memory \(CUDA could not .*: out of memory \(error 2\)\)"
    r"(; two matrices need 0.00 MiB)?: end what else uses it, or use device cpu"
)


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if name not in HARMLESS])
def test_too_little_memory_is_got_round_or_told_with_an_estimate(
    fake_cuda: FakeCuda, function: str
) -> None:
    for error in failures(fake_cuda, function, OUT_OF_MEMORY):
        if error is not None:
            assert isinstance(error, ResourceError)
            assert re.search(f"{IN_SESSION}|{AROUND_IT}", str(error))


def test_a_gpu_without_memory_is_told_before_the_text_is_read(fake_cuda: FakeCuda) -> None:
    fake_cuda.fail("set_device", 1, OUT_OF_MEMORY)
    with pytest.raises(ResourceError, match=f"^{AROUND_IT}$"):
        embkit.train("sgns", "nowhere.txt", device="cuda")


LONG: dict[str, Any] = {
    "dim": 8,
    "window": 1,
    "negatives": 1,
    "subsample": 1e-4,
    "epochs": 1,
    "min_count": 1,
}


@pytest.mark.parametrize("failing", ["allocate", "train", None])
def test_a_text_for_which_memory_is_short_is_streamed(
    fake_cuda: FakeCuda, failing: str | None
) -> None:
    text = random_sentences(40, [2500] * 60, seed=2)
    whole = embkit.train("sgns", text, device="cuda", **LONG)
    calls, held = fake_cuda.calls("allocate"), fake_cuda.most_bytes()
    fake_cuda.reset()
    if failing is None:  # less than what was held, and what is spared
        fake_cuda.set("memory", held + (64 << 20) - (4 << 10))
    else:
        fake_cuda.fail(failing, calls if failing == "allocate" else 1, OUT_OF_MEMORY)
    streamed = embkit.train("sgns", text, device="cuda", **LONG)
    assert fake_cuda.calls("allocate") > calls  # two buffers for the text
    np.testing.assert_array_equal(streamed.vectors, whole.vectors)


def test_a_model_that_does_not_fit_is_refused_with_the_estimate(fake_cuda: FakeCuda) -> None:
    fake_cuda.set("memory", 3 << 10)
    with pytest.raises(ResourceError, match=r"two matrices of 12 x 64 need 0\.01 MiB"):
        run(dim=64)


@pytest.mark.parametrize(
    ("setting", "value", "device", "reason"),
    [
        ("driver", 0, "cuda", "there is no NVIDIA driver on this machine"),
        ("driver", 11040, "cuda", r"too old: it serves CUDA 11\.4, embkit was built with"),
        ("devices", 0, "cuda:0", "the NVIDIA driver shows no device"),
        ("devices", 2, "cuda:7", "device must be from cuda:0 to cuda:1 on this machine"),
    ],
)  # fmt: skip
def test_a_gpu_that_is_not_there_is_told_before_the_text_is_read(
    fake_cuda: FakeCuda, setting: str, value: int, device: str, reason: str
) -> None:
    fake_cuda.set(setting, value)
    with pytest.raises(CudaError, match=reason):
        embkit.train("sgns", "nowhere.txt", device=device)


@pytest.mark.parametrize("status", [98, NO_KERNEL])
def test_a_gpu_for_which_there_are_no_kernels_is_told_and_passed_over_by_auto(
    fake_cuda: FakeCuda, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    reason = "cuda:0 (Emulated GPU) has compute capability 9.0, for which this build of embkit"
    fake_cuda.fail("find_kernels", 1, status)
    with pytest.raises(CudaError, match=re.escape(reason)) as caught:
        embkit.train("sgns", "nowhere.txt", device="cuda")
    assert caught.value.status == NO_KERNEL
    fake_cuda.reset()
    fake_cuda.fail("find_kernels", 1, status)
    with caplog.at_level(logging.WARNING, "embkit"):
        model = run("auto", threads=1)
    assert f"cpu, since {reason}" in caplog.messages[0]
    assert model.provenance["config"]["device"] == "cpu"


def test_auto_takes_the_cpu_and_says_why(
    fake_cuda: FakeCuda, caplog: pytest.LogCaptureFixture
) -> None:
    fake_cuda.set("devices", 0)
    with caplog.at_level(logging.WARNING, "embkit"):
        without = run("auto", threads=1)
        hierarchical = embkit.train("cbow", TEXT, device="auto", loss="hs", **OPTIONS)
    assert "cpu, since the NVIDIA driver shows no device" in caplog.messages[0]
    assert "cpu, since device must be cpu with loss hs" in caplog.messages[1]
    assert without.provenance["config"]["device"] == "cpu"
    assert "device" not in hierarchical.provenance
    np.testing.assert_array_equal(without.vectors, run("cpu", threads=1).vectors)


SMALL_SHARED = 99 << 10  # bytes: a GPU for graphics


def test_a_block_beyond_the_shared_memory_is_told_before_the_text_is_read(
    fake_cuda: FakeCuda,
) -> None:
    fake_cuda.set("shared", SMALL_SHARED)
    wanted: dict[str, Any] = {"negative_sharing": "block", "dim": 300, "device": "cuda"}
    reason = (
        r"^negative_sharing must be window or pair on cuda:0 \(Emulated GPU\) with dim 300, "
        r"window 5 and block_negatives 64, got block: its rows need \d+ bytes of shared memory "
        rf"of {SMALL_SHARED}: use dim at most (\d+), or device cpu$"
    )
    with pytest.raises(ValueError, match=reason) as caught:
        embkit.train("sgns", "nowhere.txt", **wanted)
    found = re.search(reason, str(caught.value))
    assert found is not None
    most = int(found[1])
    with pytest.raises(FileNotFoundError):  # it fits: the text is read
        embkit.train("sgns", "nowhere.txt", **{**wanted, "dim": most})
    with pytest.raises(ValueError, match="got block"):
        embkit.train("sgns", "nowhere.txt", **{**wanted, "dim": most + 1})
    with pytest.raises(
        ValueError, match="dim at most 112, or block_negatives at most 32, or device cpu"
    ):
        embkit.train("sgns", "nowhere.txt", **{**wanted, "dim": 160})


def test_auto_takes_the_cpu_where_a_block_does_not_fit(
    fake_cuda: FakeCuda, caplog: pytest.LogCaptureFixture
) -> None:
    fake_cuda.set("shared", 16 << 10)
    options: dict[str, Any] = {"negative_sharing": "block", "threads": 1}
    with caplog.at_level(logging.WARNING, "embkit"):
        model = run("auto", **options)
    assert "training on the cpu, since negative_sharing must be window" in caplog.messages[0]
    assert "use device cpu" in caplog.messages[0]  # nothing smaller fits
    assert model.provenance["config"]["device"] == "cpu"
    np.testing.assert_array_equal(model.vectors, run("cpu", **options).vectors)
    fake_cuda.set("shared", SMALL_SHARED)
    assert run("auto", **options).provenance["config"]["device"] == "cuda:0"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(map(" ".join, TEXT)))
    return path


def command(corpus: Path, output: Path, *more: str) -> list[str]:
    options = ["--dim", "4", "--min-count", "1", "--device", "cuda", "--epochs", "2"]
    return ["train", "sgns", str(corpus), "--output", str(output), *options, *more]


def test_the_command_trains_on_a_gpu_and_names_it(
    fake_cuda: FakeCuda, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(corpus, tmp_path / "v.txt")) == 0
    assert "words/s on Emulated GPU" in capsys.readouterr().err
    assert len(embkit.load(tmp_path / "v.txt")) == 12
    assert fake_cuda.calls("train") > 0


@pytest.mark.parametrize("function", ["train", "wait", "copy_rows", "allocate"])
def test_a_sticky_error_leaves_the_old_output_and_the_last_checkpoint(
    fake_cuda: FakeCuda,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    function: str,
) -> None:
    output, folder = tmp_path / "v.txt", tmp_path / "kept"
    output.write_text("old")
    fake_cuda.fail(function, 2, ILLEGAL_ACCESS)
    asked = command(corpus, output, "--overwrite", "--run", str(folder))
    assert main(asked) == ExitCode.RESOURCE
    error = capsys.readouterr().err
    assert "(error 700)" in error
    assert "Traceback" not in error
    assert output.read_text() == "old"
    assert list(folder.glob("checkpoint-*")) == []
    assert {path.name for path in tmp_path.iterdir()} == {"corpus.txt", "v.txt", "kept"}
    fake_cuda.reset()
    assert main(["resume", str(folder), "--overwrite"]) == 0
    assert len(embkit.load(output)) == 12


def test_a_checkpoint_survives_the_error_after_it(
    fake_cuda: FakeCuda, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run()
    monkeypatch.setattr("embkit.training.progress.INTERVAL", 0)

    def break_then(report: training.TrainingProgress) -> None:
        fake_cuda.fail("train", fake_cuda.calls("train") + 1, ILLEGAL_ACCESS)

    folder = tmp_path / "run"
    with pytest.raises(CudaError):
        run(run=folder, checkpoint_every=1e-9, callback=break_then)
    assert len(list(folder.glob("checkpoint-*"))) == 1
    fake_cuda.reset()
    np.testing.assert_array_equal(training.resume(folder).vectors, whole.vectors)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--device", "gpu"], ExitCode.USAGE),
        (["--device", "cuda:7"], ExitCode.RESOURCE),
        (["--dim", "2000", "--device", "cuda"], ExitCode.USAGE),
        (["--negative-sharing", "block", "--dim", "900", "--device", "cuda"], ExitCode.USAGE),
    ],
)
def test_exit_codes_of_devices(
    fake_cuda: FakeCuda, corpus: Path, tmp_path: Path, options: list[str], code: int
) -> None:
    asked = ["train", "sgns", str(corpus), "--output", str(tmp_path / "v"), *options]
    assert main(asked) == code
    assert fake_cuda.calls("train") == 0
    assert not (tmp_path / "v").exists()


def test_hierarchical_softmax_on_a_gpu_is_a_usage_error(corpus: Path, tmp_path: Path) -> None:
    asked = command(corpus, tmp_path / "v", "--loss", "hs")
    assert main(["train", "cbow", *asked[2:]]) == ExitCode.USAGE
