"""Build ``embkit._cuda`` with a fake of CUDA's runtime and emulated kernels, for tests.

All but the runtime and the launchers is what users get; see fake_cuda.cpp.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pybind11

from tests.native.build import ROOT, Toolchain, compile_objects, core_sources, link

FLAGS = ("-std=c++17", "-O1", "-fPIC", "-fvisibility=hidden", "-pthread", "-Icsrc", "-I.")
# Python's own symbols are found as the extension is loaded; on macOS that must be asked for.
LINK = ("-shared", *(("-undefined", "dynamic_lookup") if sys.platform == "darwin" else ()))
COMPILER = os.environ.get("CXX", "g++").split()[-1]


def sources() -> list[str]:
    """Return the sources of the extension, with the fake in place of CUDA's runtime."""
    parts = [path for path in core_sources("cuda") if not path.endswith("runtime_cuda.cpp")]
    bindings = [path for path in core_sources("bindings") if "_cuda" in path]
    shared = ["csrc/bindings/bind_errors.cpp", "csrc/core/alias_table.cpp"]
    return [*parts, *bindings, *shared, "tests/native/fake_cuda.cpp"]


def build_extension() -> Path:
    """Return the extension; it is built anew where a source has changed."""
    headers = sorted(str(path) for path in (ROOT / "csrc").rglob("*.h"))
    content = hashlib.sha256(" ".join((*FLAGS, COMPILER, pybind11.__version__)).encode())
    for name in [*sources(), *headers]:
        content.update((ROOT / name).read_bytes())
    version = f"{sysconfig.get_config_var('SOABI')}-{content.hexdigest()[:16]}"
    folder = ROOT / "build" / "fake-cuda" / version
    target = folder / "_cuda.so"
    if not target.exists():
        includes = (pybind11.get_include(), sysconfig.get_path("include"))
        tools = Toolchain(
            COMPILER,
            (*FLAGS, *(part for path in includes for part in ("-isystem", path))),
            LINK,
        )
        part = folder / f"_cuda.{os.getpid()}.part"
        link(tools, compile_objects(tools, sources(), folder), part)
        part.replace(target)
    return target


@dataclass(frozen=True)
class FakeCuda:
    """The extension, and what steers its fake."""

    module: ModuleType
    library: ctypes.CDLL

    def reset(self) -> None:
        """Forget all calls and settings: two devices of 1 GiB, a driver for CUDA 13."""
        self.library.fake_reset()

    def fail(self, function: str, call: int, status: int) -> None:
        """Make a call of a function, counted from 1, return a status of CUDA's."""
        self.library.fake_fail(function.encode(), call, status)

    def set(self, name: str, value: int) -> None:
        """Set a device's ``memory``, what is ``shared`` by threads, ``driver`` or ``devices``.

        Sizes are bytes, the driver's is a version, the devices' their number.
        """
        setter = getattr(self.library, f"fake_set_{name}")
        setter(ctypes.c_size_t(value) if name == "memory" else value)

    def calls(self, function: str) -> int:
        """Return how often a function was called."""
        return int(self.library.fake_calls(function.encode()))

    def asked(self, name: str) -> int:
        """Return the ``max_warps`` of the last launch, or the ``batch_tokens``."""
        return int(getattr(self.library, f"fake_{name}")())

    def left(self) -> int:
        """Return how many pieces of memory and streams were not given back."""
        return int(self.library.fake_left())

    def most_bytes(self) -> int:
        """Return the most memory that was allocated at a time."""
        self.library.fake_most_bytes.restype = ctypes.c_size_t
        return int(self.library.fake_most_bytes())


def load() -> FakeCuda:
    """Build the extension if need be, and load it beside the one that is installed."""
    path = build_extension()
    # Another name than the installed one's: pybind11 makes one module of each name.
    spec = importlib.util.spec_from_file_location("fake._cuda", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return FakeCuda(module, ctypes.CDLL(str(path)))
