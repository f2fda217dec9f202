"""embkit doctor: what it finds, and the one command that mends what is missing."""

from __future__ import annotations

import sys

import pytest

from embkit.cli.doctor import Check, check_core, check_gpu, remedy
from embkit.cli.gpu import GpuReport, find_gpu


def test_nothing_missing_needs_no_remedy() -> None:
    assert remedy([Check("numpy", "2.0", ok=True)]) is None


def test_one_command_brings_all_that_is_missing() -> None:
    missing = [
        Check("pandas", "missing", ok=False, extra="pandas"),
        Check("zstandard", "missing", ok=False, extra="zstd"),
        Check("scipy", "missing", ok=False, extra=""),
    ]
    command = remedy(missing)
    assert command is not None
    assert command.startswith(f"{sys.executable} -m pip install ")
    assert command.endswith(("[pandas,zstd]", "[pandas,zstd]'"))


def test_a_core_that_cannot_be_loaded_is_installed_again() -> None:
    command = remedy([Check("native core", "cannot be loaded", ok=False, extra="")])
    assert command is not None
    assert "--force-reinstall" in command


def test_a_kernel_that_the_processor_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Core:
        @staticmethod
        def simd_levels() -> list[str]:
            return ["baseline"]

        @staticmethod
        def simd_level() -> str:
            raise ValueError("EMBKIT_SIMD must be one of baseline, got 'neon'")

    monkeypatch.setattr("embkit._native.core", Core)
    found = {check.name: check for check in check_core()}
    assert not found["kernels"].ok
    assert "neon" in found["kernels"].found


def test_cupy_is_missed_only_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    without = check_gpu(GpuReport("none"))
    assert [check.name for check in without] == ["gpu"]
    gpu = GpuReport("one", ("one",), driver_version=13000)
    assert [check.extra for check in check_gpu(gpu)] == [None, "cuda13"]


def test_looking_for_a_gpu_never_fails() -> None:
    assert find_gpu().found
