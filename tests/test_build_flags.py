"""setup.py gives each instruction set the flags of the system and processor it is built on."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import embkit._core

ROOT = Path(__file__).parents[1]
ASK = """
import json, os, platform, runpy, sys
import setuptools
import pybind11.setup_helpers
os.environ["EMBKIT_CUDA"] = "0"
told = {}
setuptools.setup = told.update
sys.platform, machine = sys.argv[1:]
platform.machine = lambda: machine
runpy.run_path("setup.py")
flags = {name.removeprefix("embkit_simd_"): how["cflags"] for name, how in told["libraries"]}
links = [extension.extra_link_args for extension in told["ext_modules"]]
others = [extension.extra_compile_args for extension in told["ext_modules"]]
print(json.dumps([flags, links, others]))
"""


class Flags(NamedTuple):
    """What compilers are told."""

    kernels: dict[str, list[str]]
    """By instruction set."""
    links: list[list[str]]
    """Of each extension, when it is linked."""
    others: list[list[str]]
    """Of each extension's files that are not kernels."""


def flags_of(system: str, machine: str) -> Flags:
    """Return all flags on a system."""
    command = [sys.executable, "-c", ASK, system, machine]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Flags(*json.loads(done.stdout))


@pytest.mark.parametrize("machine", ["x86_64", "arm64"])
def test_macos_flags_name_the_processor_they_are_for(machine: str) -> None:
    kernels, links, _ = flags_of("darwin", machine)
    assert links == [[]]  # ld64 knows neither -pthread nor the flags of GNU's linker
    for level, flags in kernels.items():
        own = [i for i, flag in enumerate(flags) if flag.startswith("-m")]
        assert all(flags[i - 1] == "-Xarch_x86_64" for i in own)
        assert bool(own) == (level in ("avx2", "avx512"))


@pytest.mark.parametrize(("machine", "has_avx"), [("x86_64", True), ("aarch64", False)])
def test_linux_gives_flags_of_x86_to_x86_alone(machine: str, has_avx: bool) -> None:
    kernels, links, _ = flags_of("linux", machine)
    assert links == [["-pthread", "-Wl,-z,relro,-z,now"]]
    for level, flags in kernels.items():
        own = [flag for flag in flags if flag.startswith("-m")]
        assert bool(own) == (has_avx and level in ("avx2", "avx512"))
        assert "-march=native" not in flags
        assert "-ffast-math" not in flags
        assert "-Xarch_x86_64" not in flags


@pytest.mark.parametrize("system", ["darwin", "linux"])
def test_all_but_the_kernels_is_hardened(system: str) -> None:
    kernels, _, others = flags_of(system, "x86_64")
    hardened = {"-D_FORTIFY_SOURCE=3", "-fstack-protector-strong"}
    assert all(hardened <= set(flags) for flags in others)
    for flags in others:  # where a distribution's Python sets another level, that is taken back
        assert flags.index("-U_FORTIFY_SOURCE") < flags.index("-D_FORTIFY_SOURCE=3")
    assert not any(hardened & set(flags) for flags in kernels.values())


@pytest.mark.skipif(sys.platform != "linux", reason="reads ELF")
def test_what_was_built_is_hardened() -> None:
    built = Path(embkit._core.__file__).read_bytes()
    assert b"__stack_chk_fail" in built
    assert has_read_only_relocations(built)


def has_read_only_relocations(elf: bytes) -> bool:
    """Return whether a 64-bit ELF has a segment GNU_RELRO and flags that bind all at once."""
    gnu_relro, dynamic, flags, bind_now = 0x6474E552, 2, 30, 8
    (headers,) = struct.unpack_from("<Q", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", elf, headers + i * size) for i in range(count)]
    entries: dict[int, int] = {}
    for kind, _, offset, _, _, length, *_ in segments:
        if kind == dynamic:
            entries.update(struct.iter_unpack("<QQ", elf[offset : offset + length]))
    is_relro = any(segment[0] == gnu_relro for segment in segments)
    return is_relro and bool(entries.get(flags, 0) & bind_now)
