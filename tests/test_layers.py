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
    "config": {"device"},
    "_native": {"_core", "_cuda"},
    "vocabulary": {"_native"},
    "backend": {"_native", "device"},
    "subwords": {"_native"},
    "streams": set(),
    "memory": set(),
    "progress": set(),
    "output": {"streams"},
    "corpus": {"_native", "config", "output", "streams", "vocabulary"},
    "embeddings": {"dense_queries", "plotting", "queries", "subwords", "vocabulary"},
    "plotting": set(),
    "queries": {"neighbors", "vocabulary"},
    "dense_queries": {"config", "neighbors", "queries"},
    "sparse": {"_native", "config", "neighbors", "queries", "sparse_search", "vocabulary"},
    "sparse_search": {"_native", "config", "neighbors"},
    "formats": {
        *("_native", "config", "embeddings", "output", "sparse", "streams", "subwords"),
        *("memory", "vocabulary"),
    },
    "metrics": set(),
    "screening": {"backend"},
    "scanning": {"_native", "backend", "metrics", "screening"},
    "neighbors": {"_native", "backend", "config", "metrics", "scanning"},
    "retrieval": {"backend", "config", "neighbors"},
    "training": {
        *(
            "_native",
            "backend",
            "device",
            "config",
            "corpus",
            "counts",
            "embeddings",
            "formats",
        ),
        *("memory", "output", "peers", "progress", "sparse", "vocabulary"),
    },
    "phrases": {
        *("_native", "config", "corpus", "counts", "output", "progress", "streams"),
        "vocabulary",
    },
    "counts": {
        *("_native", "backend", "config", "corpus", "embeddings", "formats", "sparse"),
        *("memory", "output", "progress", "streams", "vocabulary"),
    },
    "mapping": {
        *("_native", "backend", "config", "embeddings", "formats", "neighbors", "output"),
        *("retrieval", "screening", "sparse", "streams", "vocabulary"),
    },
    "evaluation": {
        *("_native", "backend", "config", "embeddings", "neighbors", "plotting", "sparse"),
        *("output", "retrieval", "streams"),
    },
    "report": {"config", "embeddings", "evaluation", "output", "plotting", "sparse"},
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
