"""Count the branches of readers and checkpoints that their tests take.

    python -m tests.native.coverage --work DIR [--go-on] [--output RECORD]

In C++ a branch is one outcome of one condition, as clang counts them (of ``a && b`` there are
four; none for exceptions); in Python it is a jump from one line to another, as coverage.py
counts them. The tests run once, in a copy of the repository in which the readers' objects are
compiled by clang; after a stop ``--go-on`` runs the test files that are left. Nothing is left
out of the counts: what no test can reach is listed with its reason.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.record import run_record, save_record
from tests.native.build import ROOT
from tests.native.copies import Copy

LEAST = 0.95
TESTS = (
    *("tests/test_native_readers.py", "tests/test_native_binary.py"),
    *("tests/test_native_text.py", "tests/test_native_numbers.py"),
    *("tests/test_checkpoint.py", "tests/test_run_folder.py"),
    *("tests/test_safetensors_header.py", "tests/test_sparse_entries.py"),
    *("tests/test_word2vec_text.py", "tests/test_word2vec_binary.py"),
    *("tests/test_fasttext.py", "tests/test_fasttext_hostile.py"),
    *("tests/test_formats.py", "tests/test_formats_blocks.py", "tests/test_sniff.py"),
    "tests/test_attacks.py",
    *("tests/test_npz.py", "tests/test_npz_hostile.py"),
    *("tests/test_npz_sparse.py", "tests/test_sparse_files.py"),
    *("tests/test_safetensors_dir.py", "tests/test_safetensors_hostile.py"),
    *("tests/test_vocabulary_text.py", "embkit/formats"),
    *("tests/test_resume_options.py", "tests/test_init_from.py", "tests/test_every_bit.py"),
)
FLAGS = ("-O1", "-fprofile-instr-generate", "-fcoverage-mapping")
CONFIG = """[run]
branch = True
parallel = True
patch = subprocess
data_file = {folder}/.coverage
include =
    {root}/embkit/formats/*
    {root}/embkit/training/checkpoint.py
    {root}/embkit/training/run.py
"""

# What no test can make happen, by a part of the line: why it is there.
UNREACHABLE: dict[tuple[str, str], str] = {
    ("csrc/io/byte_budget.h", "std::numeric_limits<size_t>::max()"): (
        "where size_t has 64 bits the budget refuses first"
    ),
    (
        "csrc/io/fasttext.cpp",
        "model.word(order[i].second) == model.word(order[i - 1].second)",
    ): ("needs two words with the same 64-bit hash"),
}


@dataclass
class Branches:
    """The branches of a file."""

    total: int = 0
    missing: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    """How many are not taken, by line."""

    @property
    def taken(self) -> int:
        """How many are."""
        return self.total - sum(self.missing.values())


def native_branches(copy: Copy, profile: Path) -> dict[str, Branches]:
    """Return the branches of the readers in C++."""
    command = ["llvm-cov", "export", "-instr-profile", str(profile), str(copy.extension)]
    command += [str(copy.folder / "csrc" / "io"), str(copy.folder / "csrc/core/errors.h")]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    found: dict[str, Branches] = {}
    for file in told["data"][0]["files"]:
        name = str(Path(file["filename"]).relative_to(copy.folder))
        outcomes: dict[tuple[int, ...], list[int]] = defaultdict(lambda: [0, 0])
        for branch in file["branches"]:  # an instance of a template has its own counts
            both = outcomes[tuple(branch[:4])]
            both[0] += branch[4]
            both[1] += branch[5]
        branches = found[name] = Branches()
        for (line, *_), counts in outcomes.items():
            branches.total += 2
            branches.missing[line] += counts.count(0)
    return found


def python_branches(copy: Copy, told: Path) -> dict[str, Branches]:
    """Return the branches of the readers and checkpoints in Python."""
    found: dict[str, Branches] = {}
    for name, file in json.loads(told.read_text("utf-8"))["files"].items():
        branches = found[str((copy.folder / name).relative_to(copy.folder))] = Branches()
        branches.total = file["summary"]["num_branches"]
        for line, _ in file["missing_branches"]:
            branches.missing[line] += 1
    return found


def build(copy: Copy) -> None:
    """Link the extension with the readers as clang compiles them to count.

    Raises
    ------
    RuntimeError
        If a tool is missing or something does not compile.
    """
    for tool in ("clang++", "llvm-cov", "llvm-profdata"):
        if shutil.which(tool) is None:
            raise RuntimeError(f"{tool} is needed")
    sources = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("csrc/io/*.cpp"))]
    objects = {source: copy.compile(source, ["clang++"], FLAGS) for source in sources}
    whole = {source: path for source, path in objects.items() if path is not None}
    if len(whole) < len(objects) or not copy.link(whole, ["clang++"], FLAGS):
        raise RuntimeError("the readers do not compile with clang++")


def run_tests(copy: Copy, counts: Path) -> Path:
    """Run each test file that was not run yet; return coverage.py's configuration.

    Raises
    ------
    RuntimeError
        If a test fails.
    """
    config = counts / "coveragerc"
    config.write_text(CONFIG.format(folder=counts, root=copy.folder), encoding="utf-8")
    profiles = {"LLVM_PROFILE_FILE": str(counts / "%p.profraw")}
    for test in TESTS:
        done = counts / (test.replace("/", "_") + ".done")
        if done.exists():
            continue
        run = ("run", f"--rcfile={config}", "-m", "pytest", "-q", "-p", "no:cacheprovider")
        if copy.run("-m", "coverage", *run, test, environment=profiles) != 0:
            log = (copy.folder / "log").read_text("utf-8", "replace")
            raise RuntimeError(f"the tests of {test} fail\n{log}")
        done.touch()
    return config


def measure(copy: Copy, work: Path) -> dict[str, Branches]:
    """Run the tests once; return the branches of every file."""
    counts = work / "counts"
    if not (copy.is_old and counts.exists()):
        shutil.rmtree(counts, ignore_errors=True)
        build(copy)
        counts.mkdir()
    config = run_tests(copy, counts)
    copy.run("-m", "coverage", "combine", "--keep", f"--rcfile={config}")
    copy.run("-m", "coverage", "json", f"--rcfile={config}", f"-o{counts}/told.json")
    raw = [str(path) for path in counts.glob("*.profraw")]
    merged = counts / "profile"
    subprocess.run(
        ["llvm-profdata", "merge", "-sparse", "-failure-mode=all", *raw, "-o", str(merged)],
        check=True,
    )
    return {**native_branches(copy, merged), **python_branches(copy, counts / "told.json")}


def groups(files: dict[str, Branches]) -> Iterator[tuple[str, float]]:
    """Yield the share of branches taken in each group that has a goal."""
    for group in ("csrc", "embkit/formats", "embkit/training"):
        members = [found for name, found in files.items() if name.startswith(group)]
        total = sum(found.total for found in members)
        yield group, sum(found.taken for found in members) / max(total, 1)


def missing_lines(files: dict[str, Branches]) -> Iterator[dict[str, Any]]:
    """Yield every line with a branch that is not taken."""
    for name, found in files.items():
        lines = (ROOT / name).read_text("utf-8").splitlines()
        for line, count in sorted(found.missing.items()):
            if count:
                text = lines[line - 1].strip()
                reasons = [
                    reason
                    for (file, part), reason in UNREACHABLE.items()
                    if file == name and part in text
                ]
                place = f"{name}:{line}"
                yield {"line": place, "code": text, "branches": count, "why": reasons[:1]}


def main() -> int:
    """Measure, print every branch that is not taken, write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--go-on", action="store_true", help="keep what a stopped run has")
    parser.add_argument("--output", type=Path, help="JSON record")
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    files = measure(Copy(work / "copy", go_on=options.go_on), work)
    missing = list(missing_lines(files))
    for row in missing:
        why = "".join(f" ({reason})" for reason in row["why"])
        print(f"{row['line']}: {row['branches']} not taken: {row['code']}{why}")
    for name, found in files.items():
        print(f"{name:40} {found.taken:4} of {found.total:4}")
    shares = dict(groups(files))
    for group, share in shares.items():
        print(f"{group}: {share:.1%} of the branches are taken")
    if options.output:
        table = {
            n: {"taken": found.taken, "branches": found.total} for n, found in files.items()
        }
        metrics = {"shares": shares, "files": table, "not_taken": missing}
        config = {"tests": TESTS, "least": LEAST}
        save_record(run_record(seed=None, config=config, metrics=metrics), options.output)
    return int(min(shares.values()) < LEAST)


if __name__ == "__main__":
    sys.exit(main())
