"""``embkit doctor``: what embkit finds on this machine, and how to mend what it does not."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlparse

from embkit import __version__
from embkit.cli.exit_codes import ExitCode
from embkit.cli.gpu import GpuReport, cuda_version, find_gpu
from embkit.cli.options import FLATTEN, CommonOptions
from embkit.cli.terminal import human_bytes, print_json, print_table
from embkit.device import available_threads
from embkit.errors import CudaError, ResourceError
from embkit.memory import available_memory, cgroup_limit, physical_memory

# Import name -> (distribution, what it is for, the extra that brings it; "" when required).
PACKAGES = {
    "numpy": ("numpy", "everything", ""),
    "scipy": ("scipy", "sparse matrices and statistics", ""),
    "sklearn": ("scikit-learn", "decompositions", ""),
    "threadpoolctl": ("threadpoolctl", "the threads of linear algebra", ""),
    "tqdm": ("tqdm", "progress bars", ""),
    "safetensors": ("safetensors", "exchange of saved models", ""),
    "pooch": ("pooch", "downloads", ""),
    "zstandard": ("zstandard", "files compressed with zstd", "zstd"),
    "pandas": ("pandas", "to_pandas", "pandas"),
    "matplotlib": ("matplotlib", "pictures", "viz"),
    "gensim": ("gensim", "the demo's text, to_gensim", "demo"),
}
OLDEST_GPU = (7, 5)
"""Compute capability from which on GPUs are served, as setup.py has it."""
PACKAGED_CUDA = 13_000
"""The CUDA whose compiler the extra nvcc brings: the package index has no older one."""
LACKS_GENSIM = sys.version_info >= (3, 14)
"""Whether gensim has no wheel for this Python; if one package fails, pip brings none."""
FEATURES = ("avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl", "asimd")


@dataclass(frozen=True)
class Check:
    """One line of the report: what was looked at, what was found, whether that is well."""

    name: str
    found: str
    ok: bool
    extra: str | None = None
    """The extra to install when this is missing; empty for the package itself."""
    advice: str | None = None
    """What mends it where no extra does."""


def check_core() -> Iterator[Check]:
    """Look at the native core and the kernels it has chosen for this processor."""
    try:
        from embkit._native import core
    except ImportError as error:
        yield Check("native core", f"cannot be loaded: {error}", ok=False, extra="")
        return
    yield Check("native core", f"loaded, compiled by {core.compiler()}", ok=True)
    try:
        levels, chosen = core.simd_levels(), core.simd_level()
    except ValueError as error:  # EMBKIT_SIMD names one that this processor lacks
        yield Check("kernels", str(error), ok=False)
        return
    forced = " (EMBKIT_SIMD)" if os.environ.get("EMBKIT_SIMD") else ""
    yield Check("kernels", f"{chosen}{forced} of {', '.join(levels)}", ok=True)


def check_machine() -> Iterator[Check]:
    """Look at the processor and the memory."""
    yield Check("system", f"{platform.system()} {platform.machine()}", ok=True)
    name, features = _processor()
    yield Check("processor", " ".join([name, *features]), ok=True)
    found = f"{available_threads()} of {os.cpu_count()} cores usable"
    try:
        yield Check("threads", found + _distance(), ok=True)
    except ResourceError as error:  # a limit on processes or on the stack
        yield Check("threads", f"{found}; {error}", ok=False)
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # it ends a process without threads
    limit = cgroup_limit()
    memory = f"{human_bytes(available_memory())} available of {human_bytes(physical_memory())}"
    memory += "" if limit is None else f", limited to {human_bytes(limit)} by a control group"
    yield Check("memory", memory, ok=True)


def _distance() -> str:
    """Return how far apart the cores are that threads get: words if they can be told."""
    with contextlib.suppress(ImportError):
        from embkit._native import core

        apart = core.line_transfer_ns(available_threads())
        return f", {apart:.0f} ns apart" if apart > 0 else ""
    return ""


def _processor() -> tuple[str, list[str]]:
    """Return the processor's model, and those of its features that kernels are made for."""
    fields: dict[str, str] = {}
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
    present = set((fields.get("flags") or fields.get("Features") or "").split())
    name = fields.get("model name") or platform.processor() or "unknown"
    return name, [feature for feature in FEATURES if feature in present]


def check_packages() -> Iterator[Check]:
    """Look for the packages that embkit requires or can use."""
    for module, (distribution, purpose, extra) in PACKAGES.items():
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            told = _unmissed(module)
            found = f"missing ({purpose})" if told is None else f"none, {told}"
            yield Check(distribution, found, ok=told is not None, extra=extra)
            continue
        is_there = importlib.util.find_spec(module) is not None
        found = version if is_there else "broken"
        yield Check(distribution, found, ok=is_there, extra=extra)


def _unmissed(module: str) -> str | None:
    """Return why nothing is to be done about a package that is not here, None where it is."""
    if module == "gensim" and LACKS_GENSIM:
        return "which has no release for this Python"
    if module == "zstandard" and _has_own_zstd():
        return "as Python itself reads and writes zstd"
    return None


def _has_own_zstd() -> bool:
    try:
        importlib.import_module("compression.zstd")
    except ImportError:  # before Python 3.14, or where it was built without
        return False
    return True


def check_blas() -> Iterator[Check]:
    """Look at the linear algebra library that NumPy was built with."""
    import numpy as np

    settings: Any = np.show_config(mode="dicts")
    blas = settings.get("Build Dependencies", {}).get("blas", {})
    found = f"{blas.get('name', 'none')} {blas.get('version', '')}".strip()
    yield Check("blas", found, ok=bool(blas))


def check_cuda(gpu: GpuReport) -> Iterator[Check]:
    """Look at the native part for GPUs; it counts as missing only where there is one."""
    from embkit import _native

    try:
        cuda = _native.cuda()
    except CudaError as error:
        without = str(error).startswith(_native.WITHOUT_CUDA)
        found = _native.WITHOUT_CUDA if without else str(error)
        yield _to_build("cuda core", found, gpu)
        return
    _, runtime = cuda.versions()
    built = f"built with CUDA {cuda_version(runtime)}"
    try:
        devices = cuda.devices()
    except CudaError as error:
        old = 0 < gpu.driver_version < runtime // 1000 * 1000
        advice = _newer_driver(runtime) if old else "see what nvidia-smi says of the driver"
        found = f"{built}; cannot be used: {error}"
        yield Check("cuda core", found, ok=not gpu.devices, advice=advice)
        return
    yield Check("cuda core", built, ok=True)
    for number, device in enumerate(devices):
        yield _check_device(number, device, gpu)


def _check_device(number: int, device: Mapping[str, Any], gpu: GpuReport) -> Check:
    from embkit import _native

    name = f"cuda:{number}"
    try:
        _native.cuda().use_device(number)
    except CudaError as error:
        if device["capability"] >= OLDEST_GPU:
            return _to_build(name, str(error), gpu)
        oldest = ".".join(map(str, OLDEST_GPU))
        advice = f"--device cpu, or a GPU of compute capability {oldest} or more"
        return Check(name, str(error), ok=False, advice=advice)
    major, minor = device["capability"]
    found = f"{device['name']}, compute capability {major}.{minor}, "
    return Check(name, found + human_bytes(device["memory_bytes"]), ok=True)


def _to_build(name: str, found: str, gpu: GpuReport) -> Check:
    """Return a check that fails where there is a GPU, until embkit is built for it."""
    if gpu.driver_version >= PACKAGED_CUDA or not gpu.devices:
        return Check(name, found, ok=not gpu.devices, extra="nvcc")
    older = gpu.driver_version // 1000  # the toolkit of any version of it serves
    advice = f"{_newer_driver(PACKAGED_CUDA)}, or with a toolkit of CUDA {older} in "
    advice += f"CUDA_HOME: {_rebuild()}"
    return Check(name, found, ok=False, advice=advice)


def _newer_driver(version: int) -> str:
    return f"update the NVIDIA driver to one for CUDA {cuda_version(version)} or newer"


def check_gpu(gpu: GpuReport) -> Iterator[Check]:
    """Report the GPU; CuPy counts as missing only where there is one."""
    yield Check("gpu", gpu.found, ok=True)
    installed = sorted(
        name
        for name in ("cupy", "cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x")
        if importlib.util.find_spec("cupy") and _is_installed(name)
    )
    extra = "cuda13" if gpu.driver_version >= 13000 else "cuda12"
    instead = (
        f"{sys.executable} -m pip uninstall --yes {' '.join(installed)} && "
        f"{sys.executable} -m pip install {shlex.quote(f'{_source()}[{extra}]')}"
    )
    if len(installed) > 1:
        found = f"{' and '.join(installed)} exclude each other"
        yield Check("cupy", found, ok=False, advice=instead)
    elif installed:
        found = f"{installed[0]} {importlib.metadata.version(installed[0])}"
        is_old = installed == ["cupy-cuda13x"] and 0 < gpu.driver_version < 13000
        if is_old:
            found += f" needs a driver for CUDA 13, got {cuda_version(gpu.driver_version)}"
        yield Check("cupy", found, ok=not is_old, advice=instead if is_old else None)
    elif gpu.devices:
        yield Check("cupy", "missing (arrays on the GPU)", ok=False, extra=extra)


def _is_installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def remedy(checks: list[Check]) -> str | None:
    """Return the one command that mends all that packages can mend, None if that is nothing."""
    missing = {check.extra for check in checks if not check.ok and check.extra is not None}
    if not missing:
        return None
    extras = ",".join(sorted(missing - {""}))
    package = _source() + (f"[{extras}]" if extras else "")
    broken = any(c.name == "native core" and not c.ok for c in checks)
    again = " --force-reinstall --no-cache-dir" if broken else ""
    install = f"{sys.executable} -m pip install{again} {shlex.quote(package)}"
    if "nvcc" in missing:  # the compiler first, then embkit with it
        install += f" && {_rebuild()}"
    return install


def _rebuild() -> str:
    return (
        f"EMBKIT_CUDA=1 {sys.executable} -m pip install --force-reinstall --no-deps "
        f"--no-cache-dir --no-binary embkit {shlex.quote(_source())}"
    )


def verdict(checks: list[Check]) -> list[str]:
    """Return the last lines of the report: what mends what is not well."""
    command = remedy(checks)
    advice = [check.advice for check in checks if not check.ok and check.advice is not None]
    lines = [f"to mend: {way}" for way in ([command] if command else []) + advice]
    if lines:
        return lines
    left = [check.name for check in checks if not check.ok]
    return [f"not well: {', '.join(left)}" if left else "nothing is missing"]


def _source() -> str:
    """Return what pip was given when it installed embkit, if it is still there, or the name."""
    try:
        text = importlib.metadata.distribution("embkit").read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        return "embkit"
    address = urlparse(json.loads(text)["url"] if text else "")
    path = unquote(address.path)
    return path if address.scheme == "file" and Path(path).exists() else "embkit"


def doctor(*, common: Annotated[CommonOptions, FLATTEN] = CommonOptions()) -> int:
    """Show what embkit finds here, and the command that mends what is missing."""
    versions = f"{__version__}, Python {platform.python_version()}"
    checks = [Check("embkit", versions, ok=True)]
    gpu = find_gpu()
    for group in (
        check_core(),
        check_machine(),
        check_blas(),
        check_gpu(gpu),
        check_cuda(gpu),
        check_packages(),
    ):
        checks.extend(group)
    if common.json:
        told = [asdict(check) for check in checks]
        print_json({"checks": told, "remedy": remedy(checks)})
    else:
        print_table(
            (f"{check.name:<14}", "ok" if check.ok else "--", check.found) for check in checks
        )
        print("", *verdict(checks), sep="\n")
    broken = any(not c.ok and c.extra in (None, "") and c.advice is None for c in checks)
    return ExitCode.INTERNAL if broken else ExitCode.DONE
