"""Break the readers and the checkpoints in small ways, and see whether their tests notice.

    python -m tests.native.mutants --work DIR [--sample 8] [--minutes 4] [--again]
        [--file FILE]... [--output RECORD]

A mutant is one operator, constant or refusal changed: by the syntax tree in Python, by tokens
in C++. Of each file a seeded sample is tried in a copy of the repository, where its object is
compiled anew and the file's own tests run; a mutant is killed if they fail. Outcomes are kept
in DIR, so a stopped program goes on; after tests were added ``--again`` tries the survivors
once more. C++ mutants that do not compile are not counted, nor those that a person
found to do the same as the original (`EQUIVALENT`).
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import random
import re
import shlex
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.record import run_record, save_record
from tests.native.build import ROOT
from tests.native.copies import Copy
from tests.native.equivalent_mutants import EQUIVALENT

LEAST_SCORE = 0.85
MEMORY = 8 << 30
SEED = 4  # tests were written for what 1 to 3 let through: they say nothing any more
READERS = ("tests/test_native_readers.py",)
TEXT = (
    *READERS,
    "tests/test_native_text.py",
    "tests/test_native_numbers.py",
    "tests/test_word2vec_text.py",
    "tests/test_attacks.py",
)
BINARY = (
    *READERS,
    "tests/test_native_binary.py",
    "tests/test_word2vec_binary.py",
    "tests/test_attacks.py",
)
FASTTEXT = ("tests/test_fasttext.py", "tests/test_fasttext_hostile.py")
MODEL = (
    "tests/test_safetensors_header.py",
    "tests/test_safetensors_dir.py",
    "tests/test_safetensors_hostile.py",
)
NPZ = ("tests/test_npz.py", "tests/test_npz_hostile.py", "tests/test_npz_sparse.py")
TESTS: dict[str, tuple[str, ...]] = {
    "csrc/io/fasttext.cpp": (*FASTTEXT, "tests/test_attacks.py"),
    "csrc/io/parse_float.cpp": TEXT,
    "csrc/io/word_vectors.cpp": (*TEXT, *BINARY, "tests/test_formats.py"),
    "csrc/io/word2vec_binary.cpp": BINARY,
    "csrc/io/word2vec_text.cpp": TEXT,
    "csrc/io/text_rows.cpp": TEXT,
    "embkit/training/checkpoint.py": (
        *(
            "tests/test_checkpoint.py",
            "tests/test_run_folder.py",
            "tests/test_every_bit.py::test_every_format_is_tried",
        ),
        "tests/test_every_bit.py::test_every_truncation_is_refused_or_leaves_a_whole_result",
    ),
    "embkit/training/run.py": (
        "tests/test_run_folder.py",
        "tests/test_checkpoint.py",
        "tests/test_resume_options.py",
    ),
    "embkit/formats/safetensors_header.py": MODEL,
    "embkit/formats/safetensors_dir.py": MODEL,
    "embkit/formats/sparse_entries.py": ("tests/test_sparse_entries.py", *NPZ),
    "embkit/formats/npz_archive.py": (*NPZ, "tests/test_attacks.py"),
    "embkit/formats/npz.py": NPZ,
    "embkit/formats/npz_sparse.py": ("tests/test_npz_sparse.py",),
    "embkit/formats/fasttext.py": FASTTEXT,
    "embkit/formats/sniff.py": ("tests/test_sniff.py", "tests/test_attacks.py"),
    "embkit/formats/words.py": ("tests/test_formats.py", *TEXT, *BINARY),
    "embkit/formats/blocks.py": ("tests/test_formats_blocks.py",),
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
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"

    @property
    def code(self) -> str:
        """The line that is changed, as it was."""
        return (ROOT / self.file).read_text("utf-8").splitlines()[self.line - 1].strip()

    def why_equivalent(self) -> str | None:
        """Return why no test can tell it from the original, if a person found it so."""
        return EQUIVALENT.get(self.file, {}).get((self.code, self.what))

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
    if isinstance(node, ast.If) and ast.unparse(node.test) != "TYPE_CHECKING":
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


def _numbered(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """Tell equal changes of one line apart: the second is called ``== -> != (2)``."""
    seen: Counter[tuple[int, str]] = Counter()
    for mutant in mutants:
        seen[mutant.line, mutant.what] += 1
        number = seen[mutant.line, mutant.what]
        yield mutant if number == 1 else replace(mutant, what=f"{mutant.what} ({number})")


def mutants_of(file: str) -> list[Mutant]:
    """Return every mutant of a file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    make = native_mutants if file.endswith(".cpp") else python_mutants
    return list(_numbered(make(file, text)))


def sample(file: str, size: int) -> list[Mutant]:
    """Return a seeded sample of a file's mutants."""
    found = mutants_of(file)
    return random.Random(f"{SEED} {file}").sample(found, min(size, len(found)))


class Trial:
    """A copy of the repository in which one file at a time is changed and tested."""

    def __init__(self, folder: Path) -> None:
        self.copy = Copy(folder / "copy")
        self._limits: dict[str, float] = {}

    def _passes(self, file: str, *, timeout: float | None = None, write: bool = False) -> bool:
        options = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *TESTS[file])
        keep = "" if write else "1"  # bytecode is written of unchanged sources only
        environment = {"PYTHONDONTWRITEBYTECODE": keep}
        done = self.copy.run(*options, timeout=timeout, memory=MEMORY, environment=environment)
        return done == 0

    def _limit(self, file: str) -> float:
        """Return after how many seconds a file's tests are taken to hang, having run them."""
        if file not in self._limits:
            begin = time.monotonic()
            if not self._passes(file, write=True):
                log = (self.copy.folder / "log").read_text("utf-8", "replace")
                raise RuntimeError(f"the tests of {file} fail without any change\n{log}")
            self._limits[file] = 30 + 5 * (time.monotonic() - begin)
        return self._limits[file]

    def outcome(self, mutant: Mutant) -> str:
        """Return ``killed``, ``survived`` or ``invalid``."""
        limit = self._limit(mutant.file)
        path = self.copy.folder / mutant.file
        old, is_native = path.read_text(encoding="utf-8"), mutant.file.endswith(".cpp")
        path.write_text(mutant.text, encoding="utf-8")
        later = time.time() + 100  # so that no bytecode is taken for this text's
        os.utime(path, (later, later))
        compiler = shlex.split(os.environ.get("CXX", "c++"))
        try:
            if is_native:
                built = self.copy.compile(mutant.file, compiler, ("-O1", "-w"))
                if built is None or not self.copy.link({mutant.file: built}, compiler[-1:]):
                    return "invalid"
            return "survived" if self._passes(mutant.file, timeout=limit) else "killed"
        finally:
            path.write_text(old, encoding="utf-8")
            if is_native:
                self.copy.restore()


def try_all(
    mutants: list[Mutant], work: Path, minutes: float, *, again: bool
) -> dict[str, str]:
    """Try what was not tried yet, until the time is over; return all outcomes by key.

    With ``again`` survivors count as not tried.
    """
    path = work / "outcomes.json"
    outcomes: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    end, trial = time.monotonic() + 60 * minutes, None
    for mutant in mutants:
        if time.monotonic() > end:
            break
        known = outcomes.get(mutant.key)
        is_tried = known is not None and not (again and known == "survived")
        if is_tried or mutant.why_equivalent() is not None:
            continue
        trial = trial or Trial(work)
        outcomes[mutant.key] = trial.outcome(mutant)
        path.write_text(json.dumps(outcomes), encoding="utf-8")
        print(f"{outcomes[mutant.key]:9} {mutant.place}: {mutant.what}", flush=True)
    return outcomes


def score_of(counts: Counter[str]) -> float | None:
    """Return which part of the mutants that differ from the original was killed."""
    tried = counts["killed"] + counts["survived"]
    return counts["killed"] / tried if tried else None


def main() -> int:
    """Try a sample of each file's mutants, print the scores, write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=8, help="mutants of each file")
    parser.add_argument("--again", action="store_true", help="try survivors once more")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after, go on later")
    parser.add_argument("--file", action="append", choices=TESTS, help="only this one")
    parser.add_argument("--output", type=Path, help="JSON record")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    mutants = [m for file in options.file or TESTS for m in sample(file, options.sample)]
    outcomes = try_all(mutants, options.work.resolve(), options.minutes, again=options.again)
    table: dict[str, Counter[str]] = {}
    survivors, equivalent = [], []
    for mutant in mutants:
        outcome, row = outcomes.get(mutant.key, "not tried"), f"{mutant.place}: {mutant.what}"
        if (reason := mutant.why_equivalent()) is not None:
            outcome = "equivalent"
            equivalent.append({"mutant": row, "code": mutant.code, "why": reason})
        elif outcome == "survived":
            survivors.append({"mutant": row, "code": mutant.code})
        table.setdefault(mutant.file, Counter())[outcome] += 1
    total = sum(table.values(), Counter())
    for survivor in survivors:
        print(f"survived: {survivor['mutant']}: {survivor['code']}")
    for file, counts in (*table.items(), ("all", total)):
        score = score_of(counts)
        print(f"{file:40} {'-' if score is None else f'{score:.2f}'} {dict(counts)}")
    if options.output:
        config = {"sample": options.sample, "least_score": LEAST_SCORE}
        files = {file: {"score": score_of(found), **found} for file, found in table.items()}
        metrics = {
            "score": score_of(total), "files": files,
            "survivors": survivors, "equivalent": equivalent,
        }  # fmt: skip
        save_record(run_record(seed=SEED, config=config, metrics=metrics), options.output)
    return int(total["not tried"] > 0 or (score_of(total) or 0) < LEAST_SCORE)


if __name__ == "__main__":
    sys.exit(main())
