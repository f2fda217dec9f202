"""Compile the stand-alone programs of this folder together with the core's sources.

They link no Python: only the core's own code is instrumented and its allocations counted.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMON = ("-std=c++17", "-g", "-O1", "-fno-omit-frame-pointer", "-pthread", "-Icsrc", "-I.")
# Without the tracing of comparisons, which takes half the time; a dictionary stands for it.
COVERAGE = ("-fsanitize=fuzzer-no-link", "-fno-sanitize-coverage=trace-cmp", "-O2")
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
CHECKS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-D_GLIBCXX_ASSERTIONS")


@dataclass(frozen=True)
class Toolchain:
    """A compiler with the flags of one kind of build."""

    compiler: str
    flags: tuple[str, ...]
    link_flags: tuple[str, ...] = ()
    driver: tuple[str, ...] = ()
    """Sources that bring main() where the compiler does not."""


def fuzzer() -> Toolchain:
    """Return clang with libFuzzer where it works, otherwise g++ with our own mutations."""
    if (clang := shutil.which("clang++")) is not None:
        probe = [clang, "-fsanitize=fuzzer", "-x", "c++", "-", "-o", os.devnull]
        source = (
            'extern "C" int LLVMFuzzerTestOneInput(const char*, unsigned long) { return 0; }'
        )
        if subprocess.run(probe, input=source.encode(), capture_output=True).returncode == 0:
            return Toolchain(clang, (*COMMON, *CHECKS, *COVERAGE), ("-fsanitize=fuzzer",))
    compiler = os.environ.get("CXX", "g++").split()[-1]
    return Toolchain(
        compiler, (*COMMON, *CHECKS, "-O2"), driver=("tests/native/mutate_main.cpp",)
    )


def core_sources(*folders: str) -> list[str]:
    """Return the core's sources in ``folders``, relative to the repository."""
    return sorted(
        str(path.relative_to(ROOT))
        for folder in folders
        for path in (ROOT / "csrc" / folder).glob("*.cpp")
    )


def needed_files(program: str) -> list[str]:
    """Return what a program is made of: files it includes, and the source of each header."""
    found: set[str] = set()
    waiting = [program]
    while waiting:
        file = waiting.pop()
        if file in found or not (ROOT / file).is_file():
            continue
        found.add(file)
        for name in INCLUDE.findall((ROOT / file).read_text(encoding="utf-8")):
            for path in (Path(name), Path("csrc") / name):
                waiting += [path.as_posix(), path.with_suffix(".cpp").as_posix()]
    return sorted(found)


def compile_objects(tools: Toolchain, sources: Sequence[str], folder: Path) -> list[Path]:
    """Compile sources side by side into ``folder``.

    Raises
    ------
    RuntimeError
        If one does not compile; the message is the compiler's.
    """
    folder.mkdir(parents=True, exist_ok=True)

    def compile_one(source: str) -> Path:
        target = folder / (source.replace("/", "_") + ".o")
        _run([tools.compiler, *tools.flags, "-c", source, "-o", str(target)])
        return target

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(compile_one, sources))


def link(tools: Toolchain, objects: Sequence[Path], program: Path) -> Path:
    """Link objects into ``program``; raises RuntimeError with the linker's message."""
    _run(
        [
            *(tools.compiler, *tools.flags, *tools.link_flags),
            *map(str, objects),
            *("-o", str(program)),
        ]
    )
    return program


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
