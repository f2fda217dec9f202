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
    "device": set(),
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
    "embeddings": {"checks", "dense_queries", "plotting", "queries", "subwords", "vocabulary"},
    "plotting": set(),
    "terms": {"neighbors"},
    "queries": {"checks", "neighbors", "notebook", "terms", "vocabulary"},
    "dense_queries": {"checks", "neighbors", "queries", "terms"},
    "sparse": {
        "_native",
        "checks",
        "neighbors",
        "queries",
        "sparse_search",
        "terms",
        "vocabulary",
    },
    "sparse_search": {"_native", "device", "neighbors"},
    "formats": {
        *("_native", "checks", "compression", "device", "embeddings"),
        *("memory", "output", "sparse"),
        *("file_arrays", "streams", "subwords", "vocabulary"),
    },
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
        *("progress", "streams", "vocabulary"),
    },
    "counts": {
        *("_native", "backend", "checks", "config", "corpus", "device", "embeddings"),
        *("file_arrays", "formats", "memory", "output", "progress", "sparse", "streams"),
        "vocabulary",
    },
    "mapping": {
        *("_native", "backend", "checks", "device", "embeddings", "formats", "neighbors"),
        *("file_arrays", "output", "retrieval", "screening", "streams", "vocabulary"),
    },
    "evaluation": {
        *("_native", "backend", "checks", "device", "embeddings", "neighbors", "output"),
        *("retrieval", "streams"),
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


def imported_layers(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            module = node.module or ""
            names = [f"embkit.{a.name}" for a in node.names] if module == "embkit" else [module]
        yield from (name.split(".")[1] for name in names if name.startswith("embkit."))


@pytest.mark.parametrize("layer", PYTHON_LAYERS)
def test_python_layer(layer: str) -> None:
    paths = [ROOT / f"embkit/{layer}.py", *(ROOT / "embkit" / layer).rglob("*.py")]
    for path in filter(Path.exists, paths):
        assert set(imported_layers(path)) <= PYTHON_LAYERS[layer] | {
            layer,
            "errors",
            "_version",
        }, path


@pytest.mark.parametrize("layer", NATIVE_LAYERS)
def test_native_layer(layer: str) -> None:
    for path in (ROOT / "csrc" / layer).rglob("*.*"):
        source = path.read_text(encoding="utf-8")
        includes = set(re.findall(r'^#include "(\w+)/', source, re.MULTILINE))
        assert includes <= NATIVE_LAYERS[layer], path
        assert layer == "bindings" or not re.search(r"pybind11|Python\.h", source), path
