"""Build the native parts: see [project] in pyproject.toml for everything else.

``embkit._core`` is always built. ``embkit._cuda`` is built where CUDA's compiler is found:
``EMBKIT_CUDA=0`` leaves it out, ``EMBKIT_CUDA=1`` makes its absence an error. The compiler is
looked for in ``NVCC`` (which may hold a launcher too: ``NVCC="ccache nvcc"``), ``CUDA_HOME``,
``CUDA_PATH``, on the ``PATH``, in ``/usr/local/cuda``, and among the packages of this Python,
to which ``pip install 'embkit[nvcc]'`` adds it. ``EMBKIT_CUDA_ARCHITECTURES=7.5,9.0`` builds
for these alone.
"""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension
from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, PlatformError

ParallelCompile("EMBKIT_BUILD_JOBS").install()

HEADERS = sorted(str(path) for path in Path("csrc").rglob("*.h"))
WARNINGS = ["-Wall", "-Wextra", "-Wconversion"]
COMMON = ["-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", *WARNINGS]
# Bytes of others pass through all but the kernels. -D_GLIBCXX_ASSERTIONS slows the trainers,
# whose inline functions are those of the readers too: only builds for sanitizers have it.
HARDENED = ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3", "-fstack-protector-strong"]
LINK = ["-pthread", "-Wl,-z,relro,-z,now"] if sys.platform != "darwin" else []

# One object per instruction set, all from the same source; a file for another processor is
# empty. On macOS one compiler call may build for both processors, hence -Xarch.
X86_FLAGS = {
    "baseline": [],
    "avx2": ["-mavx2", "-mfma", "-mprfchw"],  # which processors that lack it pass over
    "avx512": ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma",
               "-mprfchw", "-mprefer-vector-width=512"],
    "neon": [],
}  # fmt: skip

OLDEST_GPU = 75  # compute capability 7.5; CUDA 13 has nothing older
CUDA_HEADERS = sorted(
    [*HEADERS, *(str(path) for path in Path("csrc/cuda").glob("*.cuh"))],
)


def instruction_set_flags(name: str) -> list[str]:
    flags = X86_FLAGS[name]
    if sys.platform == "darwin":
        return [part for flag in flags for part in ("-Xarch_x86_64", flag)]
    return flags if platform.machine().lower() in ("x86_64", "amd64") else []


def simd_library(name: str) -> tuple[str, dict[str, list[str]]]:
    flags = [*COMMON, "-Wno-psabi", "-ffp-contract=fast", *instruction_set_flags(name)]
    source = f"csrc/simd/kernels_{name}.cpp"
    return f"embkit_simd_{name}", {
        "sources": [source],
        "obj_deps": {"": HEADERS},  # type: ignore[dict-item]
        "include_dirs": ["csrc"],
        "cflags": flags,
    }


def extension(name: str, sources: list[str]) -> Pybind11Extension:
    return Pybind11Extension(
        name,
        sorted(sources),
        include_dirs=["csrc"],
        depends=HEADERS,
        cxx_std=17,
        extra_compile_args=[*COMMON[1:], *HARDENED],
        extra_link_args=LINK,
    )


def core_extension() -> Pybind11Extension:
    return extension(
        "embkit._core",
        [
            str(path)
            for path in Path("csrc").rglob("*.cpp")
            if path.parent.name != "cuda" and not re.match(r"kernels_|.*_cuda", path.name)
        ],
    )


class Nvcc:
    """CUDA's compiler, and what it says of itself; ``command`` may begin with a launcher."""

    def __init__(self, command: list[str]) -> None:
        self.command = command

    def ask(self, *arguments: str) -> str:
        """Return all that it prints."""
        command = [*self.command, *arguments]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:  # a program of another processor
            raise PlatformError(f"{shlex.join(self.command)} does not work: {error}") from error
        if done.returncode != 0:
            raise PlatformError(f"{shlex.join(self.command)} does not work: {done.stderr}")
        return done.stdout + done.stderr

    def folders(self, name: str, flag: str) -> list[str]:
        """Return the folders that nvcc itself would search: INCLUDES -I or LIBRARIES -L."""
        told = self.ask("--dryrun", "-c", "-x", "cu", os.devnull, "-o", os.devnull)
        lines = re.findall(rf"^#\$ {name}=(.*)$", told, re.MULTILINE)
        words = [word for line in lines for word in shlex.split(line)]
        return [word.removeprefix(flag) for word in words if word.startswith(flag)]

    def static_runtime(self) -> str:
        """Return the CUDA runtime that is linked statically."""
        folders = self.folders("LIBRARIES", "-L")
        for folder in folders:
            if (path := Path(folder, "libcudart_static.a")).exists():
                return str(path)
        raise PlatformError(f"libcudart_static.a must be in one of {', '.join(folders)}")

    def targets(self) -> list[str]:
        """Return flags: machine code for the first chip of each generation, and PTX.

        Machine code for 8.0 runs on 8.6 and 8.9 too, and so on; what is newer than the
        toolkit has the PTX compiled by its driver.
        """
        known = [int(n) for n in re.findall(r"compute_(\d+)\b", self.ask("--list-gpu-arch"))]
        usable = sorted(number for number in known if number >= OLDEST_GPU)
        chosen = sorted({min(n for n in usable if n // 10 == first // 10) for first in usable})
        newest = usable[-1]
        if asked := os.environ.get("EMBKIT_CUDA_ARCHITECTURES"):
            names = {f"{number // 10}.{number % 10}": number for number in usable}
            chosen = sorted({names.get(name, 0) for name in re.split(r"[,; ]+", asked)})
            newest = chosen[-1]
            if chosen[0] == 0:
                raise PlatformError(
                    "EMBKIT_CUDA_ARCHITECTURES must be some of "
                    f"{','.join(names)} with this compiler, got {asked}"
                )
        codes = [f"-gencode=arch=compute_{n},code=sm_{n}" for n in chosen]
        return [*codes, f"-gencode=arch=compute_{newest},code=compute_{newest}"]

    def compile(self, source: str, target: Path) -> None:
        """Compile one file, unless this very command has made its object of what is there."""
        host = ["-Xcompiler", "-fPIC,-fvisibility=hidden,-Wall,-Wextra"]
        flags = ["-std=c++17", "-O3", "-Icsrc", *self.targets(), *host]
        command = [*self.command, *flags, "-c", source, "-o", str(target)]
        made, making = target.with_suffix(".command"), shlex.join(command)
        inputs = [Path(name) for name in (source, "setup.py", *CUDA_HEADERS)]
        newest = max(path.stat().st_mtime for path in inputs)
        is_new = target.exists() and target.stat().st_mtime > newest
        if is_new and made.exists() and made.read_text(encoding="utf-8") == making:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        made.unlink(missing_ok=True)
        print(making, flush=True)  # noqa: T201
        threads = ["--threads", os.environ.get("EMBKIT_BUILD_JOBS") or "1"]
        if subprocess.run([*command, *threads]).returncode != 0:
            raise CompileError(f"nvcc failed on {source}")
        made.write_text(making, encoding="utf-8")


def nvcc_places() -> Iterator[tuple[str, list[str]]]:
    """Yield where CUDA's compiler may be: the place's name, and the command there."""
    if given := os.environ.get("NVCC"):
        yield f"NVCC={given}", shlex.split(given)
    for name in ("CUDA_HOME", "CUDA_PATH"):
        if folder := os.environ.get(name):
            yield f"{name}={folder}", [str(Path(folder, "bin", "nvcc"))]
    yield "nvcc on the PATH", ["nvcc"]
    yield "/usr/local/cuda", ["/usr/local/cuda/bin/nvcc"]
    paths = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *sys.path]
    for folder in dict.fromkeys(path for path in paths if path):
        for found in sorted(Path(folder).glob("nvidia/cu*/bin/nvcc"), reverse=True):
            yield str(found), [str(found)]


def find_nvcc() -> Nvcc | None:
    """Return CUDA's compiler as ``EMBKIT_CUDA`` asks for it, None where there is to be none."""
    wanted = os.environ.get("EMBKIT_CUDA") or "auto"
    if wanted not in ("auto", "0", "1"):
        raise PlatformError(f"EMBKIT_CUDA must be one of auto, 0, 1, got {wanted!r}")
    if wanted == "1" and sys.platform == "darwin":
        raise PlatformError("EMBKIT_CUDA is 1, but there is no CUDA for macOS")
    if wanted == "0" or sys.platform == "darwin":
        return None
    places = list(nvcc_places())
    for _, command in places:
        if all(shutil.which(word) for word in command):
            return Nvcc(command)
    if wanted == "1":
        looked_for = ", ".join(place for place, _ in places)
        raise PlatformError(
            f"EMBKIT_CUDA is 1, but CUDA's compiler was not found; looked for: {looked_for}, "
            "and nvidia/cu*/bin/nvcc among the packages of this Python. Set CUDA_HOME to a "
            "toolkit, or first pip install 'embkit[nvcc]' without EMBKIT_CUDA"
        )
    return None


def cuda_extension(nvcc: Nvcc) -> Pybind11Extension:
    """Describe ``_cuda``; where nobody asked for it, a failure is a warning."""
    cuda = extension(
        "embkit._cuda",
        [
            *(str(path) for path in Path("csrc/cuda").glob("[!e]*.cpp")),  # not emulated.cpp
            *(str(path) for path in Path("csrc/bindings").glob("*_cuda*.cpp")),
            *("csrc/bindings/bind_errors.cpp", "csrc/core/alias_table.cpp"),
        ],
    )
    for folder in nvcc.folders("INCLUDES", "-I"):
        cuda.extra_compile_args += ["-isystem", folder]
    cuda.depends += [*CUDA_HEADERS, *(str(path) for path in Path("csrc/cuda").glob("*.cu"))]
    cuda.extra_objects = [nvcc.static_runtime()]
    cuda.extra_link_args = [*LINK, "-ldl", "-lrt", "-Wl,--exclude-libs,ALL"]
    cuda.optional = os.environ.get("EMBKIT_CUDA") != "1"
    return cuda


class BuildExtensions(build_ext):
    """Compiles what only CUDA's compiler can, before the rest of ``_cuda``."""

    nvcc: Nvcc | None = None

    def build_extension(self, ext: Pybind11Extension) -> None:
        """Build one extension."""
        if ext.name == "embkit._cuda" and self.nvcc is not None:
            sources = sorted(Path("csrc/cuda").glob("*.cu"))
            objects = [Path(self.build_temp, path.with_suffix(".cu.o")) for path in sources]
            with ThreadPoolExecutor(int(os.environ.get("EMBKIT_BUILD_JOBS") or 1)) as pool:
                list(pool.map(self.nvcc.compile, map(str, sources), objects))
            ext.extra_objects = [*map(str, objects), *ext.extra_objects]
            ext.depends += map(str, objects)
        super().build_extension(ext)


extensions = [core_extension()]
try:
    if (nvcc := find_nvcc()) is not None:
        extensions.append(cuda_extension(nvcc))
        BuildExtensions.nvcc = nvcc
except PlatformError as error:
    if os.environ.get("EMBKIT_CUDA") not in (None, "", "auto"):
        raise
    print(f"embkit._cuda is left out: {error}", file=sys.stderr)  # noqa: T201

setup(
    ext_modules=extensions,
    libraries=[simd_library(name) for name in X86_FLAGS],
    cmdclass={"build_ext": BuildExtensions},
)
