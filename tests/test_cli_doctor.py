"""embkit doctor: what it finds, and the one command that mends what is missing."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from embkit import _native
from embkit.cli.doctor import (
    OLDEST_GPU,
    Check,
    check_core,
    check_cuda,
    check_gpu,
    check_machine,
    check_packages,
    remedy,
    verdict,
)
from embkit.cli.gpu import GpuReport, find_gpu
from embkit.device import available_threads
from embkit.errors import CudaError, ResourceError
from tests.native.fake_cuda import COMPILER

ONE_GPU = GpuReport("one", ("one",), driver_version=13000)
OLD_DRIVER = GpuReport("one", ("one",), driver_version=12040)
DRIVER = """
#include <cstddef>
#include <cstring>
extern "C" {
int cuDriverGetVersion(int* version) { *version = 12040; return 0; }
int cuInit(unsigned) { return STATUS; }
int cuDeviceGetCount(int* count) { *count = 2; return 0; }
int cuDeviceGetName(char* name, int size, int device) {
  std::strncpy(name, device == 0 ? "Chip" : "Other", static_cast<std::size_t>(size));
  return 0;
}
int cuDeviceTotalMem_v2(std::size_t* bytes, int device) {
  *bytes = static_cast<std::size_t>(3 + device) << 30;
  return 0;
}
int cuGetErrorString(int status, const char** text) {
  *text = status == 803 ? "system has unsupported display driver / cuda driver combination" : 0;
  return *text == 0;
}
}
"""


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


def test_a_package_that_this_python_cannot_have_or_need_is_not_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(name: str) -> str:
        if name in ("gensim", "zstandard", "pandas"):
            raise importlib.metadata.PackageNotFoundError(name)
        return "1.0"

    def missed() -> list[str]:
        return [check.name for check in check_packages() if not check.ok]

    monkeypatch.setattr("importlib.metadata.version", version)
    monkeypatch.setattr("embkit.cli.doctor.LACKS_GENSIM", False)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    assert missed() == ["zstandard", "pandas", "gensim"]
    monkeypatch.setattr("embkit.cli.doctor.LACKS_GENSIM", True)
    assert missed() == ["zstandard", "pandas"]
    for name in ("compression", "compression.zstd"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    assert missed() == ["pandas"]
    told = {check.name: check.found for check in check_packages()}
    assert told["gensim"] == "none, which has no release for this Python"
    assert told["zstandard"] == "none, as Python itself reads and writes zstd"


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


@pytest.fixture
def driver(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put a library in the place of the driver's whose cuInit answers the parameter."""
    if shutil.which(COMPILER) is None:
        pytest.skip(f"no compiler: {COMPILER}")
    source, library = tmp_path / "driver.cpp", tmp_path / "libcuda.so.1"
    source.write_text(DRIVER.replace("STATUS", str(request.param)))
    command = [COMPILER, "-shared", "-fPIC", str(source), "-o", str(library)]
    subprocess.run(command, check=True)
    monkeypatch.setattr("embkit.cli.gpu._LIBRARIES", (str(tmp_path / "none"), str(library)))


@pytest.mark.parametrize("driver", [0], indirect=True)
def test_the_driver_is_asked_for_each_gpu_and_its_memory(driver: None) -> None:
    gpu = find_gpu()
    assert gpu.found == "Chip, 3.0 GiB; Other, 4.0 GiB (driver for CUDA 12.4)"
    assert len(gpu.devices) == 2
    assert gpu.driver_version == 12040


@pytest.mark.parametrize(
    ("driver", "reason"),
    [(803, "803: system has unsupported display driver"), (7, "7: unknown")],
    indirect=["driver"],
)
def test_what_the_driver_refuses_is_told_in_its_words(driver: None, reason: str) -> None:
    gpu = find_gpu()
    assert gpu.found.startswith(f"none usable (the driver answers {reason}")
    assert gpu.devices == ()


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
    (check,) = check_cuda(OLD_DRIVER)
    assert not check.ok
    assert "built with CUDA 13.0" in check.found
    assert "too old" in check.found
    newer = "to mend: update the NVIDIA driver to one for CUDA 13.0 or newer"
    assert verdict([check]) == [newer]
    (check,) = check_cuda(ONE_GPU)
    assert verdict([check]) == ["to mend: see what nvidia-smi says of the driver"]


def test_no_compiler_is_recommended_that_the_driver_cannot_serve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embkit._native.cuda", without_cuda)
    (check,) = check_cuda(OLD_DRIVER)
    assert not check.ok
    assert remedy([check]) is None
    (line,) = verdict([check])
    assert "update the NVIDIA driver to one for CUDA 13.0 or newer, or with a toolkit" in line
    assert "of CUDA 12 in CUDA_HOME: EMBKIT_CUDA=1 " in line


def test_a_gpu_that_runs_no_kernel_is_told_with_what_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(number: int) -> None:
        raise CudaError(f"cuda:{number} has no kernels", 209)

    listed = [
        {"name": "Chip", "capability": capability, "memory_bytes": 3 << 30}
        for capability in ((7, 0), OLDEST_GPU)
    ]
    part = SimpleNamespace(
        versions=lambda: (13000, 13000), devices=lambda: listed, use_device=refuse
    )
    monkeypatch.setattr("embkit._native.cuda", lambda: part)
    _, old, unbuilt = check_cuda(ONE_GPU)
    assert [old.found, unbuilt.found] == ["cuda:0 has no kernels", "cuda:1 has no kernels"]
    assert verdict([old]) == [
        "to mend: --device cpu, or a GPU of compute capability 7.5 or more"
    ]
    assert "EMBKIT_CUDA=1 " in verdict([unbuilt])[0]


def test_the_oldest_gpu_is_that_of_the_build() -> None:
    setup = (Path(__file__).parents[1] / "setup.py").read_text(encoding="utf-8")
    found = re.search(r"^OLDEST_GPU = (\d+)", setup, re.MULTILINE)
    assert found is not None
    assert divmod(int(found[1]), 10) == OLDEST_GPU


@pytest.mark.parametrize(
    ("installed", "driver_version", "reason"),
    [
        (["cupy-cuda12x", "cupy-cuda13x"], 13000, "exclude each other"),
        (["cupy-cuda13x"], 12040, "needs a driver for CUDA 13, got 12.4"),
        (["cupy-cuda13x"], 13000, None),
        (["cupy-cuda12x"], 13000, None),
    ],
)
def test_a_cupy_that_cannot_work_is_told_with_the_command_that_changes_it(
    monkeypatch: pytest.MonkeyPatch,
    installed: list[str],
    driver_version: int,
    reason: str | None,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: True)
    monkeypatch.setattr("embkit.cli.doctor._is_installed", lambda name: name in installed)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "14.2")
    _, cupy = check_gpu(GpuReport("one", ("one",), driver_version))
    assert cupy.ok == (reason is None)
    if reason is None:
        assert verdict([cupy]) == ["nothing is missing"]
        return
    assert reason in cupy.found
    (line,) = verdict([cupy])
    assert f"pip uninstall --yes {' '.join(installed)} && " in line
    assert line.rstrip("'").endswith(f"[cuda{driver_version // 1000}]")


def test_what_nothing_mends_is_named_all_the_same() -> None:
    assert verdict([Check("kernels", "none", ok=False)]) == ["not well: kernels"]


def test_each_device_is_told_with_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    device = {"name": "Chip", "capability": (9, 0), "memory_bytes": 3 << 30}
    part = SimpleNamespace(
        versions=lambda: (13000, 13000),
        devices=lambda: [device] * 2,
        use_device=lambda number: device,
    )
    monkeypatch.setattr("embkit._native.cuda", lambda: part)
    checks = list(check_cuda(ONE_GPU))
    assert [check.name for check in checks] == ["cuda core", "cuda:0", "cuda:1"]
    assert checks[1].found == "Chip, compute capability 9.0, 3.0 GiB"
