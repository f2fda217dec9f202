"""The gate to CuPy, and the solver behind it, with a stand-in made of NumPy and SciPy."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from embkit.backend import Device, array_namespace, open_backend, parse_device
from embkit.cli import main
from embkit.cli.exit_codes import ExitCode
from embkit.counts.ppmi import ppmi_matrix
from embkit.counts.svd import truncated_svd
from embkit.errors import CudaError, ResourceError
from tests.reference_counts import random_counts
from tests.stand_in_cupy import CUDARuntimeError, StandIn


def test_numpy_is_the_processors() -> None:
    assert array_namespace("cpu") is np


def test_other_devices_are_refused() -> None:
    for text in ("tpu", "cuda:", "cuda:-1", "CPU", "cpu:0", "", "cuda:99999"):
        with pytest.raises(ValueError, match=f"one of auto, cpu, cuda, cuda:N, got '{text}'"):
            array_namespace(text)


def test_a_device_has_a_kind_and_maybe_a_number() -> None:
    assert [str(parse_device(text)) for text in ("auto", "cpu", "cuda", "cuda:12")] == [
        *("auto", "cpu", "cuda", "cuda:12"),
    ]
    assert parse_device("cuda:12") == Device("cuda", 12)
    assert parse_device("cuda").index is None


@pytest.mark.usefixtures("stand_in")
def test_auto_takes_the_gpu_where_there_is_one() -> None:
    assert open_backend("auto").is_gpu
    assert str(open_backend("cuda:0").device) == "cuda:0"
    with pytest.raises(CudaError, match="device must be at most cuda:0 here, got 'cuda:1'"):
        open_backend("cuda:1")


def test_auto_takes_the_processor_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert open_backend("auto").xp is np


def test_missing_cupy_is_told_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(CudaError, match=r"where CuPy is not installed .*embkit\[cuda12\]"):
        array_namespace("cuda")


def test_missing_gpu_ends_map_many_before_its_files_are_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    command = ["map-many", "s=none", "t=none", "--pivot", "t", "--dictionary", "s-t=none"]
    assert main([*command, "--output", "none", "--device", "cuda"]) == ExitCode.RESOURCE
    assert "where CuPy is not installed" in capsys.readouterr().err


def test_missing_gpu_is_told(stand_in: StandIn) -> None:
    stand_in.devices = 0
    with pytest.raises(CudaError, match="device must be cpu where there is no GPU"):
        array_namespace("cuda")

    def fails() -> int:
        raise CUDARuntimeError("no driver")

    stand_in.cuda.runtime.getDeviceCount = fails
    with pytest.raises(CudaError, match=r"no GPU, got 'cuda' .no driver"):
        array_namespace("cuda")


def test_the_solver_finds_the_same_on_every_device(device: str) -> None:
    matrix = ppmi_matrix(random_counts(150, 0.6, seed=2))
    ours, theirs = (truncated_svd(matrix, 12, device=where) for where in ("cpu", device))
    np.testing.assert_allclose(theirs.values, ours.values, rtol=1e-4)
    products = [(found.left * found.values) @ found.right.T for found in (ours, theirs)]
    np.testing.assert_allclose(products[1], products[0], atol=1e-3)


def test_the_solver_tells_what_a_gpu_would_need(stand_in: StandIn) -> None:
    matrix = ppmi_matrix(random_counts(150, 0.6, seed=2))
    stand_in.capacity = 10_000
    with pytest.raises(
        ResourceError, match=r"cuda needs about \d+ MiB.*are free.*--device cpu"
    ):
        truncated_svd(matrix, 12, device="cuda")
