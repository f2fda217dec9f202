"""What the NVIDIA driver says of the GPU; asked through its library, where there is one."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

_LIBRARIES = ("libcuda.so.1", "libcuda.so")


@dataclass(frozen=True)
class GpuReport:
    """The GPUs that the driver shows."""

    found: str
    devices: tuple[str, ...] = ()
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
        return GpuReport(f"none ({_LIBRARIES[0]} is not on this machine)")
    version, count = ctypes.c_int(0), ctypes.c_int(0)
    cuda.cuDriverGetVersion(ctypes.byref(version))
    if status := cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return GpuReport(f"none usable (the driver answers {status})", (), version.value)
    devices = []
    for number in range(count.value):
        name = ctypes.create_string_buffer(256)
        cuda.cuDeviceGetName(name, 256, number)
        devices.append(name.value.decode("utf-8", "replace"))
    cuda_version = f"CUDA {version.value // 1000}.{version.value % 1000 // 10}"
    listed = ", ".join(devices) or "none"
    return GpuReport(f"{listed} (driver for {cuda_version})", tuple(devices), version.value)
