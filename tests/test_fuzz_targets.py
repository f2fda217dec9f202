"""Every module that opens a file to read it has a fuzz target, or a reason why not."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from embkit.errors import FormatError
from tests.attacks import kept_files
from tests.native.build import ROOT
from tests.native.fuzz_targets import Target, make_targets

OPENS = {
    *("open", "open_input", "open_raw_input", "open_archive", "read_bytes", "read_text"),
    *("fromfile", "memmap", "FileIO", "read_header", "read_rows", "read_table"),
    *("map_array", "map_temporary", "open_file", "read_lines"),
}
NOT_FUZZED = {
    "cli/address_space.py": "the system's own files",
    "cli/demo_text.py": "files of the gensim package",
    "cli/doctor.py": "the system's and the package's own files",
    "cli/map.py": "opens a map through Mapping.open",
    "cli/mapped.py": "opens a map through Mapping.open",
    "cli/memory.py": "the system's own file",
    "cli/outputs.py": "writes",
    "cli/own_files.py": "opens maps, counts and their headers by readers that are fuzzed",
    "cli/signals.py": "/dev/null",
    "evaluation/fetching.py": "only copied, then checked by sha256",
    "evaluation/registry.py": "the package's own list; data only for its sha256",
    "file_arrays.py": "maps what its callers open and check",
    "mapping/apply.py": "a temporary file of the same process",
    "mapping/hybrid.py": "opens a map through Mapping.open",
    "memory.py": "the system's own files",
    "output.py": "writes",
    "phrases/learn.py": "temporary files of the same process",
    "report/projector.py": "its own configuration, in which it only looks for names",
}


def opens_files(path: Path) -> bool:
    """Tell whether a module calls anything that opens a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in OPENS:
                return True
    return False


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    return make_targets(tmp_path_factory.mktemp("seeds"))


def test_every_module_that_opens_a_file_is_fuzzed_or_says_why_not(
    targets: dict[str, Target],
) -> None:
    package = ROOT / "embkit"
    opening = {path for path in package.rglob("*.py") if opens_files(path)}
    patterns = {pattern for target in targets.values() for pattern in target.sources}
    fuzzed = {path for pattern in patterns for path in package.glob(pattern)}
    left = {path.relative_to(package).as_posix() for path in opening - fuzzed}
    assert left == set(NOT_FUZZED)
    assert all(any(package.glob(pattern)) for pattern in patterns)


@pytest.mark.parametrize("name", kept_files.ATTACKS)
def test_attack_on_what_is_kept_is_refused(
    targets: dict[str, Target], name: str, tmp_path: Path
) -> None:
    target, content, reason = kept_files.ATTACKS[name]
    path = tmp_path / "attack"
    path.write_bytes(content(next(iter(targets[target].seeds))))
    with pytest.raises(ValueError, match=reason) as raised:
        targets[target].read(path)
    assert isinstance(raised.value, FormatError) or target == "config"
    assert str(raised.value).isprintable()
