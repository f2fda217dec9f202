"""Mutate small files of every format that Python reads; only declared errors may come out.

    python -m tests.native.fuzz_python --minutes 1 --work DIR [--target NAME]...
        [--executions N] [--output RECORD]

The files lie in memory where the system offers that; a read takes 0.03 to 0.7 ms, most of it in
Python and NumPy, so that 10^6 executions of a reader take 1 to 12 minutes of one core, which is
the aim for each: a tenth of that for the core's readers (`tests.native.fuzz`). Memory cannot be
corrupted here; what is looked for is an exception of an undeclared kind, or a reason with bytes
that a terminal obeys. A finding is kept in DIR, ends the program with exit code 1, and belongs
into tests/attacks/.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embkit import memory
from embkit.errors import FormatError
from tests.native import fuzz_record
from tests.native.fuzz_targets import Target, make_targets

LONGEST = 4096
BATCH = 200
SEALED = 0.9
"""Share of the inputs that are made whole; readers of the others stop at the first check."""
TOKENS = (
    *(b"0", b"-1", b"1e999", b"nan", b"\t", b"\n", b"\r\n", b"\x00", b"\xef\xbb\xbf", b": a\n"),
    *(b'"', b"{}", b"[1,2]", b"9223372036854775808", b"\xff\xfe"),
)


class Input:
    """A file that is written again and again, in memory where that is possible."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self.path = path

    def write(self, data: bytes) -> None:
        """Let the file hold ``data``."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, data, 0)


@contextlib.contextmanager
def input_file(path: Path) -> Iterator[Input]:
    """Make a file without a name, or where there is no such thing, one at ``path``."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("input")
        path = Path(f"/proc/self/fd/{descriptor}")
    else:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield Input(descriptor, path)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def fixed_limits() -> Iterator[None]:
    """Ask the control groups once: each read asks anew, which takes longer than most reads."""
    asked, left = memory.cgroup_available, memory.cgroup_available()

    def answer(root: Path = Path("/")) -> int | None:
        return left

    memory.cgroup_available = answer  # no Mock, which keeps each of millions of calls
    try:
        yield
    finally:
        memory.cgroup_available = asked


def sources_of(target: Target) -> str:
    """Return a name for the contents of all sources that a target tests."""
    patterns = [f"embkit/{pattern}" for pattern in target.sources]
    return fuzz_record.digest([*patterns, "tests/native/fuzz_python.py"])


def make_input(target: Target, seeds: list[bytes], chosen: random.Random) -> bytes:
    """Return a seed with a few changes, mostly made whole again where the target can."""
    data = mutate(seeds[_below(chosen, len(seeds))], seeds, chosen)
    return target.seal(data) if target.seal and chosen.random() < SEALED else data


def mutate(data: bytes, seeds: list[bytes], chosen: random.Random) -> bytes:
    """Return ``data`` with a few bytes changed, cut, doubled or joined with another seed's."""
    out = bytearray(data)
    for _ in range(1 + _below(chosen, 5)):
        place = _below(chosen, len(out) + 1)
        match _below(chosen, 6):
            case 0 if out:
                out[place % len(out)] ^= 1 << _below(chosen, 8)
            case 1 if out:
                out[place % len(out)] = _below(chosen, 256)
            case 2:
                out[place:place] = TOKENS[_below(chosen, len(TOKENS))]
            case 3:
                del out[place : place + 1 + _below(chosen, 8)]
            case 4:
                del out[place:]
            case _:
                other = seeds[_below(chosen, len(seeds))]
                out[place:] = other[_below(chosen, len(other) + 1) :]
    return bytes(out[:LONGEST])


def _below(chosen: random.Random, end: int) -> int:
    # A third of the time of randrange, which would be a good part of an execution.
    return int(chosen.random() * end)


def check_promises(target: Target, path: Path) -> None:
    """Read a file; only a declared error may come out, and nothing that a terminal obeys."""
    try:
        target.read(path)
    except target.raises as error:
        if isinstance(error, FormatError) and not error.reason.isprintable():
            raise AssertionError(f"not printable: {error.reason!r}") from error


def run_target(
    name: str, target: Target, work: Path, seconds: float, executions: int = 0
) -> dict[str, Any]:
    """Read mutations for some seconds, or up to the first that raises something else."""
    chosen = random.Random(f"{name} {time.time_ns()}")
    seeds = [seed for seed in target.seeds if len(seed) <= LONGEST]
    kept = name.replace(" ", "-")
    done, begin, output = 0, time.monotonic(), ""
    with input_file(work / f"input-{kept}") as file:
        while time.monotonic() - begin < seconds and not output:
            if executions and done >= executions:
                break
            for _ in range(BATCH):
                data = make_input(target, seeds, chosen)
                file.write(data)
                done += 1
                try:
                    check_promises(target, file.path)
                except Exception:
                    (work / f"finding-{kept}").write_bytes(data)
                    output = traceback.format_exc(limit=-4)
                    break
    return {
        "engine": "mutations, in Python",
        "sources": sources_of(target),
        "executions": done,
        "seconds": round(time.monotonic() - begin, 1),
        "findings": int(bool(output)),
        **({"output": output} if output else {}),
    }


def main() -> int:
    """Run the chosen targets one after the other and add to the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1, help="for all targets together")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--target", action="append", help="only this one")
    parser.add_argument("--executions", type=int, default=0, help="of each target, at most")
    parser.add_argument("--output", type=Path, help="JSON record, added to")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    options.work.mkdir(parents=True, exist_ok=True)
    with fixed_limits(), tempfile.TemporaryDirectory(dir=options.work) as folder:  # a new one
        return run_all(options, make_targets(Path(folder)))


def run_all(options: argparse.Namespace, targets: dict[str, Target]) -> int:
    """Run the chosen targets, tell of each and add it to the record; return the exit code."""
    chosen = {name: targets[name] for name in options.target or targets}
    totals = fuzz_record.read_totals(options.output)
    wanted = {
        name: fuzz_record.still_wanted(totals, name, sources_of(target), options.executions)
        for name, target in chosen.items()
    }
    names = [name for name in chosen if wanted[name] or not options.executions]
    end = time.monotonic() + options.minutes * 60
    results = {}
    for number, name in enumerate(names):
        seconds = (end - time.monotonic()) / (len(names) - number)
        results[name] = run_target(name, targets[name], options.work, seconds, wanted[name])
        print(f"{name:16} {results[name]['executions']:10,} executions,", end=" ")
        print(f"{results[name]['findings']} findings", flush=True)
        print(results[name].get("output", ""), end="")
        if options.output:
            config = {"longest input of Python": LONGEST}
            fuzz_record.add(options.output, {name: results[name]}, config)
    print(json.dumps({"executions": sum(r["executions"] for r in results.values())}))
    return int(any(result["findings"] for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
