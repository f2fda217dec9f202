"""The core compiles with clang's own library, and where int64_t is long long: as on macOS."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.native.build import Toolchain, compile_objects, core_sources

PROBE = """
#include <cstdint>
#include <type_traits>
static_assert(std::is_same_v<std::int64_t, long long>);
#ifndef _LIBCPP_VERSION
#error "not clang's own library"
#endif
"""


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Toolchain:
    """Return clang with its library; a changed header of glibc makes int64_t long long."""
    headers = sorted(Path("/usr/include").glob("*/bits/types.h"))
    if shutil.which("clang++") is None or not headers:
        pytest.skip("needs clang++ and the headers of glibc")
    folder = tmp_path_factory.mktemp("headers")
    changed = headers[0].read_text().replace("#if __WORDSIZE == 64", "#if 0", 1)
    (folder / "bits").mkdir()
    (folder / "bits" / "types.h").write_text(changed)
    flags = ("-std=c++17", "-stdlib=libc++", "-isystem", str(folder), "-Icsrc", "-fsyntax-only")
    command = ["clang++", *flags, "-x", "c++", "-"]
    done = subprocess.run(command, input=PROBE, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"libc++ is not installed: {done.stderr.splitlines()[0]}")
    return Toolchain("clang++", flags)


def complaints(tools: Toolchain, sources: list[str], folder: Path) -> str:
    """Return what the compiler says of sources that it does not take."""
    try:
        compile_objects(tools, sources, folder)
    except RuntimeError as error:
        return str(error)
    return ""


def test_what_this_library_lacks_is_seen(tools: Toolchain, tmp_path: Path) -> None:
    source = tmp_path / "finite.cpp"
    source.write_text(
        "#include <atomic>\n#include <cmath>\n"
        "bool f(const std::atomic<double>& x) { return std::isfinite(x); }\n"
    )
    assert "isfinite" in complaints(tools, [str(source)], tmp_path)


def test_bindings_compile_with_libcxx(tools: Toolchain, tmp_path: Path) -> None:
    pybind11 = pytest.importorskip("pybind11")
    headers = (pybind11.get_include(), sysconfig.get_path("include"))
    more = tuple(part for path in headers for part in ("-isystem", path))
    sources = [name for name in core_sources("bindings") if "_cuda" not in name]
    with_python = Toolchain(tools.compiler, (*tools.flags, *more))
    assert complaints(with_python, sources, tmp_path) == ""


@pytest.mark.parametrize("folder", ["core", "io", "linalg", "text", "train"])
def test_core_compiles_with_libcxx(folder: str, tools: Toolchain, tmp_path: Path) -> None:
    assert complaints(tools, core_sources(folder), tmp_path) == ""
