"""embkit doctor: what it finds, and the one command that mends what is missing."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from embkit import _native
from embkit.cli.doctor import Check, check_core, check_cuda, check_gpu, check_machine, remedy
from embkit.cli.gpu import GpuReport, find_gpu
from embkit.device import available_threads
from embkit.errors import CudaError, ResourceError

ONE_GPU = GpuReport("one", ("one",), driver_version=13000)


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


@pytest.mark.parametrize("there", [True, False])
def test_the_command_installs_from_where_embkit_came_while_that_is_there(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / ("folder" if there else "gone")
    (tmp_path / "folder").mkdir()
    url = json.dumps({"url": source.as_uri(), "dir_info": {}})
    distribution = SimpleNamespace(read_text=lambda name: url)
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: distribution)
    command = remedy([Check("pandas", "missing", ok=False, extra="pandas")])
    assert command is not None
    assert shlex.split(command)[-1] == f"{source if there else 'embkit'}[pandas]"


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
        def compiler() -> str:
            return "GCC 15"

        @staticmethod
        def simd_level() -> str:
            raise ValueError("EMBKIT_SIMD must be one of baseline, got 'neon'")

    monkeypatch.setattr("embkit._native.core", Core)
    found = {check.name: check for check in check_core()}
    assert not found["kernels"].ok
    assert "neon" in found["kernels"].found


def test_a_thread_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_threads: int) -> float:
        raise ResourceError("thread 1 of 2 could not be started")

    monkeypatch.setattr(_native.core, "line_transfer_ns", refuse)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")  # it stays in the process otherwise
    (threads,) = (check for check in check_machine() if check.name == "threads")
    assert not threads.ok
    assert threads.found.endswith("cores usable; thread 1 of 2 could not be started")


@pytest.mark.skipif(
    sys.platform != "linux" or available_threads() < 2,
    reason="no thread is started, or with a stack of another size",
)
def test_without_threads_the_rest_is_told_all_the_same() -> None:
    command = f"ulimit -s 100000000000 && exec {shlex.quote(sys.executable)} -m embkit doctor"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    if "ulimit" in done.stderr:
        pytest.skip("the limit may not be raised here")
    assert done.returncode == 1, done.stderr
    assert "could not be started" in done.stdout
    assert re.search(r"^blas\s+ok", done.stdout, re.MULTILINE)


def test_cupy_is_missed_only_where_there_is_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    without = check_gpu(GpuReport("none"))
    assert [check.name for check in without] == ["gpu"]
    assert [check.extra for check in check_gpu(ONE_GPU)] == [None, "cuda13"]


def test_looking_for_a_gpu_never_fails() -> None:
    assert find_gpu().found


def without_cuda() -> object:
    raise CudaError(_native.WITHOUT_CUDA)


def test_the_cuda_part_is_missed_only_where_there_is_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embkit._native.cuda", without_cuda)
    (check,) = check_cuda(GpuReport("none"))
    assert check.ok
    assert check.found == "embkit was built without CUDA"  # doctor sends nobody to itself
    (check,) = check_cuda(ONE_GPU)
    assert not check.ok
    command = remedy([check])
    assert command is not None
    assert "[nvcc]" in command
    assert "EMBKIT_CUDA=1 " in command


def test_a_driver_that_cannot_be_used_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[object]:
        raise CudaError("the NVIDIA driver is too old", 35)

    part = SimpleNamespace(versions=lambda: (12000, 13000), devices=refuse)
    monkeypatch.setattr("embkit._native.cuda", lambda: part)
    (check,) = check_cuda(ONE_GPU)
    assert not check.ok
    assert "built with CUDA 13.0" in check.found
    assert "too old" in check.found


def test_each_device_is_told_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    device = {"name": "Chip", "capability": (9, 0), "memory_bytes": 3 << 30}
    part = SimpleNamespace(versions=lambda: (13000, 13000), devices=lambda: [device] * 2)
    monkeypatch.setattr("embkit._native.cuda", lambda: part)
    checks = list(check_cuda(ONE_GPU))
    assert [check.name for check in checks] == ["cuda core", "cuda:0", "cuda:1"]
    assert checks[1].found == "Chip, compute capability 9.0, 3.0 GiB"
