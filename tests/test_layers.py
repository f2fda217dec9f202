"""Modules import only from their own layer's row, or from rows below it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Each package or module under embkit/, with what it may import beside errors.
PYTHON_LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "_version": set(),
    "device": set(),
    "blas": set(),
    "peers": set(),
    "checks": set(),
    "config": {"checks", "device"},
    "_native": {"_core", "_cuda"},
    "vocabulary": {"_native"},
    "backend": {"device"},
    "subwords": {"_native"},
    "compression": set(),
    "streams": {"compression"},
    "file_arrays": {"streams"},
    "notebook": set(),
    "memory": set(),
    "progress": set(),
    "output": set(),
    "corpus": {
        *("_native", "checks", "compression", "config", "device"),
        *("file_arrays", "output", "streams"),
        "vocabulary",
    },
    "embeddings": {
        *("checks", "dense_queries", "plotting", "subwords", "vocabulary", "word_rows"),
    },
    "plotting": set(),
    "terms": {"neighbors"},
    "word_rows": {"checks", "neighbors", "notebook", "terms", "vocabulary"},
    "queries": {"checks", "neighbors", "terms", "word_rows"},
    "dense_queries": {"checks", "neighbors", "queries", "terms", "word_rows"},
    "sparse": {
        "_native",
        "checks",
        "neighbors",
        "queries",
        "sparse_search",
        "terms",
        "vocabulary",
        "word_rows",
    },
    "sparse_search": {"_native", "device", "neighbors"},
    "formats": {
        *("_native", "checks", "compression", "device", "embeddings"),
        *("memory", "output", "sparse"),
        *("file_arrays", "streams", "subwords", "vocabulary"),
    },
    "dictionaries": {"checks", "memory", "streams", "vocabulary"},
    "metrics": set(),
    "screening": {"backend"},
    "scanning": {"_native", "backend", "metrics", "screening"},
    "neighbors": {"_native", "backend", "checks", "device", "metrics", "scanning"},
    "retrieval": {"backend", "checks", "neighbors"},
    "training": {
        *("_native", "checks", "config", "corpus", "counts", "device", "embeddings"),
        *("file_arrays", "formats", "memory", "output", "peers", "progress", "streams"),
        "vocabulary",
    },
    "phrases": {
        *("_native", "checks", "config", "corpus", "counts", "device", "output"),
        *("memory", "progress", "streams", "vocabulary"),
    },
    "counts": {
        *("_native", "backend", "checks", "config", "corpus", "device", "embeddings"),
        *("file_arrays", "formats", "memory", "output", "progress", "sparse", "streams"),
        "vocabulary",
    },
    "mapping": {
        *("_native", "backend", "blas", "checks", "device", "dictionaries", "embeddings"),
        *("file_arrays", "formats", "memory", "neighbors", "output", "progress"),
        *("retrieval", "screening", "streams", "vocabulary"),
    },
    "evaluation": {
        *("_native", "backend", "blas", "checks", "device", "dictionaries", "embeddings"),
        *("memory", "neighbors", "output", "retrieval", "streams"),
    },
    "report": {"checks", "embeddings", "evaluation", "output", "plotting", "sparse"},
}

# Each folder of csrc/, with the folders its files may include.
NATIVE_LAYERS = {
    "core": {"core"},
    "io": {"core", "io"},
    "simd": {"core", "simd"},
    "linalg": {"core", "simd", "linalg"},
    "text": {"core", "io", "text"},
    "train": {"core", "io", "simd", "text", "train"},
    "cuda": {"core", "cuda"},
    "bindings": {"core", "io", "linalg", "simd", "text", "train", "cuda", "bindings"},
}


# May import anything of embkit: the commands, and what stands for the package as a whole.
ABOVE_ALL = {"__init__", "__main__", "cli"}

# What programs of eval/ take of embkit beside public names, and why it is nobody else's.
EVAL_EXCEPTIONS = {
    # How far apart the cores are decides how several threads fare: told beside each timing.
    "speed.py": {"embkit._native.core"},
    # Whether the GPU part was built at all is what it looks at, before anything is trained.
    "gpu.py": {"embkit._native"},
    # The rates of rows read and added to in random order: a benchmark that the core carries.
    "gpu_training.py": {"embkit._native"},
}


def imported_names(path: Path) -> Iterator[str]:
    """Yield what a file imports, each with the module that it is taken from."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_layers(path: Path) -> set[str]:
    names = (name.split(".") for name in imported_names(path))
    return {parts[1] for parts in names if parts[0] == "embkit" and len(parts) > 1}


def is_private(name: str) -> bool:
    parts = name.split(".")
    return parts[0] == "embkit" and any(re.match("_(?!_)", part) for part in parts)


@pytest.mark.parametrize("layer", PYTHON_LAYERS)
def test_python_layer(layer: str) -> None:
    paths = [ROOT / f"embkit/{layer}.py", *(ROOT / "embkit" / layer).rglob("*.py")]
    allowed = PYTHON_LAYERS[layer] | {layer, "errors", "_version"}
    for path in filter(Path.exists, paths):
        assert imported_layers(path) <= allowed, path


def test_every_module_has_a_row_and_every_row_a_module() -> None:
    files = {path.stem for path in (ROOT / "embkit").glob("*.py")}
    folders = {path.parent.name for path in (ROOT / "embkit").glob("*/__init__.py")}
    assert files | folders == PYTHON_LAYERS.keys() | ABOVE_ALL


def test_every_package_is_installed() -> None:
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = re.findall(r"\npackages = \[\n(.*?)\n\]", settings, re.DOTALL)[0]
    folders = {path.parent for path in (ROOT / "embkit").rglob("__init__.py")}
    names = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert {*re.findall(r'"(.*?)"', listed)} == names | {"embkit.data"}


def test_nothing_but_tests_imports_eval_or_tests() -> None:
    for path in (ROOT / "embkit").rglob("*.py"):
        roots = {name.partition(".")[0] for name in imported_names(path)}
        assert roots.isdisjoint({"eval", "tests"}), path
    for path in (ROOT / "eval").rglob("*.py"):
        assert not any(name.partition(".")[0] == "tests" for name in imported_names(path)), path


def test_eval_takes_public_names_only() -> None:
    paths = [(path.name, imported_names(path)) for path in (ROOT / "eval").rglob("*.py")]
    private = {name: set(filter(is_private, names)) for name, names in paths}
    assert {name: found for name, found in private.items() if found} == EVAL_EXCEPTIONS


@pytest.mark.parametrize("layer", NATIVE_LAYERS)
def test_native_layer(layer: str) -> None:
    for path in (ROOT / "csrc" / layer).rglob("*.*"):
        source = path.read_text(encoding="utf-8")
        includes = set(re.findall(r'^#include "(\w+)/', source, re.MULTILINE))
        assert includes <= NATIVE_LAYERS[layer], path
        assert layer == "bindings" or not re.search(r"pybind11|Python\.h", source), path
