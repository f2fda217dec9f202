"""What the documents promise of the source: no code from files, no network, lazy imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "embkit").rglob("*.py"))
CODE_FROM_FILES = {"pickle", "joblib", "dill", "cloudpickle", "marshal", "shelve", "runpy"}
PROGRAMS = {"subprocess", "pty", "multiprocessing", "concurrent.futures.process"}
NETWORK = {"socket", "ssl", "http", "ftplib", "smtplib", "requests", "urllib.request"}
LAZY = {"scipy", "sklearn", "tqdm", "safetensors", "pooch", "pandas", "gensim", "cyclopts"}
CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
CALLS |= {"np.load", "numpy.load", "torch.load"}
PREFIXES = ("os.exec", "os.spawn", "os.posix_spawn", "os.fork")
NAMES = {"numpy.load", "torch.load", "os.system", "os.popen", "builtins.eval", "builtins.exec"}


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dangerous_calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        ends = (".extractall", ".extract")
        if name in CALLS or name.startswith(PREFIXES) or name.endswith(ends):
            yield name
        for keyword in node.keywords:
            if keyword.arg == "allow_pickle" and ast.unparse(keyword.value) != "False":
                yield f"{name}({keyword.arg})"


def begins_with_any(module: str, names: set[str]) -> bool:
    return any(module == name or module.startswith(name + ".") for name in names)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_comes_from_files_and_nothing_from_the_network(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = set(imported_modules(tree))
    assert not {m for m in modules if begins_with_any(m, CODE_FROM_FILES | NETWORK | PROGRAMS)}
    assert not modules & NAMES
    assert list(dangerous_calls(tree)) == []


def test_only_data_fetch_downloads() -> None:
    root = ROOT / "embkit"
    texts = {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in SOURCES}
    users = {}
    for module in ("pooch", "embkit.evaluation.fetching"):
        users[module] = {
            name
            for name, text in texts.items()
            if any(begins_with_any(m, {module}) for m in imported_modules(ast.parse(text)))
        }
    assert users == {
        "pooch": {"evaluation/fetching.py", "evaluation/registry.py"},
        "embkit.evaluation.fetching": {"cli/data.py"},
    }
    names = set(re.findall(r"\bpooch\.(\w+)", texts["evaluation/registry.py"]))
    assert names == {"os_cache"}  # where the folder is, no more


def test_the_scan_sees_what_it_looks_for() -> None:
    bad = ast.parse(
        "import pickle\nfrom urllib import request\nfrom numpy import load\neval(1)\n"
        "f(allow_pickle=True)\ntorch.load(1)\nos.execv(1)\nx.extractall()"
    )
    assert set(imported_modules(bad)) == {"pickle", "urllib.request", "numpy.load"}
    found = ["eval", "f(allow_pickle)", "torch.load", "os.execv", "x.extractall"]
    assert list(dangerous_calls(bad)) == found


def test_the_library_needs_only_numpy_at_import() -> None:
    program = (
        "import sys, embkit, embkit.training, embkit.formats, embkit.embeddings\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = set(done.stdout.split())
    assert "numpy" in loaded
    assert loaded & LAZY == set()


# What loads and stores rows that other threads load and store at the same time.
RACING = ["train_window", "train_cbow", "exchange", "train_glove"]


def test_every_kernel_that_may_race_has_a_form_without_races() -> None:
    header = (ROOT / "csrc/simd/kernels.h").read_text("utf-8")
    table = header.split("struct Kernels {")[1].split("};")[0]
    kernels = re.findall(r"\(\*(\w+)\)\(", table)
    assert kernels == [*RACING, "multiply_sparse"]  # whose rows are each thread's own
    assert table.count("(*") == len(kernels)
    relaxed = (ROOT / "tests/native/kernels_relaxed.cpp").read_text("utf-8")
    assert re.findall(r"&(\w+)", relaxed.split("kTable = {")[1].split("};")[0]) == kernels


def test_no_function_is_hidden_from_sanitizers_and_no_report_is_suppressed() -> None:
    sources = [
        p for p in (ROOT / "csrc").rglob("*") if p.suffix in (".h", ".cpp", ".cu", ".cuh")
    ]
    hidden = sum(path.read_text(encoding="utf-8").count("no_sanitize") for path in sources)
    assert len(sources) > 100
    assert hidden == 0
    assert "suppressions" not in (ROOT / "tests/native/sanitize.py").read_text("utf-8")
