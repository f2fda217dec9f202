"""Break the readers and the checkpoints in small ways, and see whether their tests notice.

    python -m tests.native.mutants --work DIR [--sample 8] [--minutes 4] [--file FILE]...
        [--output RECORD]

A mutant is one operator, constant or refusal changed: by the syntax tree in Python, by tokens
in C++. Of each file a seeded sample is tried in a copy of the repository, where the extension
is built anew and the file's own tests run; a mutant is killed if they fail. Outcomes are kept
in DIR, so a stopped program goes on. C++ mutants that do not compile are not counted.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.record import run_record, save_record
from tests.native.build import ROOT

LEAST_SCORE = 0.85
TIMEOUT = 180
SEED = 1
TEXT = ("tests/test_word2vec_text.py", "tests/test_attacks.py")
BINARY = ("tests/test_word2vec_binary.py", "tests/test_attacks.py")
MODEL = ("tests/test_safetensors_dir.py", "tests/test_every_bit.py")
TESTS: dict[str, tuple[str, ...]] = {
    "csrc/io/word2vec_binary.cpp": BINARY,
    "csrc/io/word2vec_text.cpp": TEXT,
    "csrc/io/text_rows.cpp": TEXT,
    "csrc/io/parse_float.cpp": TEXT,
    "csrc/io/word_vectors.cpp": (*TEXT, *BINARY, "tests/test_formats.py"),
    "csrc/io/fasttext.cpp": ("tests/test_fasttext.py", "tests/test_attacks.py"),
    "embkit/training/checkpoint.py": ("tests/test_resume.py", "tests/test_every_bit.py"),
    "embkit/formats/safetensors_header.py": MODEL,
    "embkit/formats/npz_archive.py": ("tests/test_npz.py", "tests/test_attacks.py"),
    "embkit/formats/sniff.py": ("tests/test_formats.py", "tests/test_attacks.py"),
    "embkit/formats/vocabulary_text.py": ("tests/test_vocabulary_text.py",),
}

TOKENS = [
    (r"(?<= )<=(?= )", "<"), (r"(?<= )>=(?= )", ">"), (r"(?<= )<(?= )", "<="),
    (r"(?<= )>(?= )", ">="), (r"==", "!="), (r"!=", "=="), (r"&&", "||"), (r"\|\|", "&&"),
    (r"(?<= )\+(?= )", "-"), (r"(?<= )-(?= )", "+"), (r"(?<= )\*(?= )", "+"),
    (r"(?<=[ (\[])[1-9]\d*(?=[ ;)\],])", "0"), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
    (r"\bfail(_at)?\((?=.*;$)", "(void)("),
]  # fmt: skip
SWAPS: dict[type[Any], type[Any]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Add,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A file's text with one change."""

    file: str
    line: int
    what: str
    text: str

    @property
    def key(self) -> str:
        """A name that is the same as long as the text is."""
        return hashlib.sha256(f"{self.file}\0{self.text}".encode()).hexdigest()[:16]


def native_mutants(file: str, text: str) -> Iterator[Mutant]:
    """Yield every mutant of a C++ source."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        code = line.partition("//")[0]
        if code.lstrip().startswith(("#", "template", "using", "static_assert")):
            continue
        for pattern, changed in TOKENS:
            for found in re.finditer(pattern, code):
                if code[: found.start()].count('"') % 2:
                    continue  # within a string
                new = line[: found.start()] + changed + line[found.end() :]
                whole = "\n".join([*lines[:number], new, *lines[number + 1 :]])
                yield Mutant(file, number + 1, f"{found[0]} -> {changed}", whole)


def _changes(node: ast.AST) -> Iterator[tuple[str, str, Any]]:
    """Yield what may be changed in a node: a description, a field, its new value."""
    operators = getattr(node, "ops", None) or [getattr(node, "op", None)]
    swap = SWAPS.get(type(operators[0]))
    if swap is not None:
        what = f"{type(operators[0]).__name__} -> {swap.__name__}"
        many = isinstance(node, ast.Compare)
        yield what, "ops" if many else "op", [swap(), *operators[1:]] if many else swap()
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield f"{node.value} -> {node.value + 1}", "value", node.value + 1
    if isinstance(node, ast.If):
        yield "if -> if not", "test", ast.UnaryOp(ast.Not(), node.test)


def python_mutants(file: str, text: str) -> Iterator[Mutant]:
    """Yield every mutant of a Python source."""
    tree = ast.parse(text)
    for node in list(ast.walk(tree)):
        for what, field, value in list(_changes(node)):
            old = getattr(node, field)
            setattr(node, field, value)
            whole = ast.unparse(ast.fix_missing_locations(tree))
            setattr(node, field, old)
            yield Mutant(file, getattr(node, "lineno", 0), what, whole)


def sample(file: str, size: int) -> list[Mutant]:
    """Return a seeded sample of a file's mutants."""
    text = (ROOT / file).read_text(encoding="utf-8")
    found = list((native_mutants if file.endswith(".cpp") else python_mutants)(file, text))
    return random.Random(f"{SEED} {file}").sample(found, min(size, len(found)))


class Copy:
    """A copy of the repository in which one file at a time is changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "copy"
        shutil.rmtree(self.folder, ignore_errors=True)
        command = ["git", "-C", str(ROOT), "ls-files", "-z"]
        names = subprocess.run(command, capture_output=True, check=True).stdout.decode()
        for name in names.split("\0")[:-1]:
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.folder / name)
        for built in ("build", *(f"embkit/{path.name}" for path in ROOT.glob("embkit/*.so"))):
            if (ROOT / built).is_dir():
                shutil.copytree(ROOT / built, self.folder / built)
            elif (ROOT / built).exists():
                shutil.copy2(ROOT / built, self.folder / built)
        if not self.build():  # only what is older than its sources
            raise RuntimeError("the extension does not build")

    def run(self, *arguments: str) -> int:
        """Run Python in the copy; return its exit code, 124 where it takes too long."""
        environment = {**os.environ, "EMBKIT_CUDA": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                [sys.executable, *arguments], cwd=self.folder, env=environment,
                capture_output=True, timeout=TIMEOUT,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return 124
        return done.returncode

    def build(self) -> bool:
        """Compile the extension."""
        return self.run("setup.py", "-q", "build_clib", "build_ext", "--inplace") == 0

    def test(self, file: str) -> bool:
        """Tell whether the tests of a file pass."""
        options = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider")
        return self.run(*options, *TESTS[file]) == 0

    def outcome(self, mutant: Mutant) -> str:
        """Return ``killed``, ``survived`` or ``invalid``."""
        path = self.folder / mutant.file
        old, is_native = path.read_text(encoding="utf-8"), mutant.file.endswith(".cpp")
        path.write_text(mutant.text, encoding="utf-8")
        try:
            if is_native and not self.build():
                return "invalid"
            return "survived" if self.test(mutant.file) else "killed"
        finally:
            path.write_text(old, encoding="utf-8")


def try_all(mutants: list[Mutant], work: Path, minutes: float) -> dict[str, str]:
    """Try what was not tried yet, until the time is over; return all outcomes by key."""
    path = work / "outcomes.json"
    outcomes: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    left = [mutant for mutant in mutants if mutant.key not in outcomes]
    end, copy = time.monotonic() + 60 * minutes, None
    whole: set[str] = set()
    for mutant in left:
        if time.monotonic() > end:
            break
        copy = copy or Copy(work)
        if mutant.file not in whole:
            if mutant.file.endswith(".cpp") or not whole:
                copy.build()
            if not copy.test(mutant.file):
                raise RuntimeError(f"the tests of {mutant.file} fail without any change")
            whole.add(mutant.file)
        outcomes[mutant.key] = copy.outcome(mutant)
        path.write_text(json.dumps(outcomes), encoding="utf-8")
        print(
            f"{outcomes[mutant.key]:9} {mutant.file}:{mutant.line}: {mutant.what}", flush=True
        )
    return outcomes


def main() -> int:
    """Try a sample of each file's mutants, print the scores, write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=8, help="mutants of each file")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after, go on later")
    parser.add_argument("--file", action="append", choices=TESTS, help="only this one")
    parser.add_argument("--output", type=Path, help="JSON record")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    mutants = [m for file in options.file or TESTS for m in sample(file, options.sample)]
    outcomes = try_all(mutants, options.work.resolve(), options.minutes)
    table: dict[str, Counter[str]] = {}
    for mutant in mutants:
        table.setdefault(mutant.file, Counter())[outcomes.get(mutant.key, "not tried")] += 1
    for file, counts in table.items():
        print(f"{file:40}", dict(counts))
    total = sum(table.values(), Counter())
    score = total["killed"] / max(total["killed"] + total["survived"], 1)
    print(f"mutation score {score:.2f} of {total['killed'] + total['survived']} mutants")
    survivors = [
        f"{m.file}:{m.line}: {m.what}" for m in mutants if outcomes.get(m.key) == "survived"
    ]
    if options.output:
        config = {"sample": options.sample, "least_score": LEAST_SCORE}
        metrics = {"score": score, "files": table, "survivors": survivors}
        save_record(run_record(seed=SEED, config=config, metrics=metrics), options.output)
    return int(total["not tried"] > 0 or score < LEAST_SCORE)


if __name__ == "__main__":
    sys.exit(main())
