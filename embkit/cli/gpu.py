"""What the NVIDIA driver says of the GPU; asked through its library, where there is one."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

from embkit.cli.terminal import human_bytes

_LIBRARIES = ("libcuda.so.1", "libcuda.so")


@dataclass(frozen=True)
class GpuReport:
    """The GPUs that the driver shows."""

    found: str
    devices: tuple[str, ...] = ()
    """Names, each with its memory."""
    driver_version: int = 0
    """The newest CUDA the driver serves, as 1000 x major + 10 x minor."""


def _load_driver() -> ctypes.CDLL | None:
    for name in _LIBRARIES:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return None


def find_gpu() -> GpuReport:
    """Ask the driver for its version and its devices; the absence of either is an answer."""
    cuda = _load_driver()
    if cuda is None:
        return GpuReport(f"none (tried {' and '.join(_LIBRARIES)}: there is no NVIDIA driver)")
    version, count = ctypes.c_int(0), ctypes.c_int(0)
    cuda.cuDriverGetVersion(ctypes.byref(version))
    if status := cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        found = f"none usable (the driver answers {status}: {_describe(cuda, status)})"
        return GpuReport(found, (), version.value)
    devices = []
    for number in range(count.value):
        name, memory = ctypes.create_string_buffer(256), ctypes.c_size_t(0)
        cuda.cuDeviceGetName(name, 256, number)
        cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), number)
        told = name.value.decode("utf-8", "replace")
        devices.append(f"{told}, {human_bytes(memory.value)}")
    listed = "; ".join(devices) or "none"
    found = f"{listed} (driver for CUDA {cuda_version(version.value)})"
    return GpuReport(found, tuple(devices), version.value)


def cuda_version(number: int) -> str:
    """Return a version as people write it.

    Examples
    --------
    >>> cuda_version(12040)
    '12.4'
    """
    return f"{number // 1000}.{number % 1000 // 10}"


def _describe(cuda: ctypes.CDLL, status: int) -> str:
    text = ctypes.c_char_p()
    cuda.cuGetErrorString(status, ctypes.byref(text))
    return (text.value or b"unknown").decode("utf-8", "replace")
