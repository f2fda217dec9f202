"""Measure the memory of mapping and translating vocabularies of 200,000 words on each side.

The commands run as users run them, with ``--memory``; what is told is the most that each
process had resident, mapped files included. CSLS over all words of both sides takes minutes::

    python -m eval.mapped_memory [--words 200000] [--dim 300] [--memory 2G]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from embkit.cli.memory import parse_size
from eval.mapping import make_spaces
from eval.record import run_record, save_record


def peak_of(arguments: list[str]) -> dict[str, float]:
    """Run embkit in a process of its own; return its seconds and its peak in bytes."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "embkit", *arguments])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"embkit {arguments[0]} ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {"seconds": time.perf_counter() - start, "peak_bytes": usage.ru_maxrss * unit}


def commands(folder: Path, words: int, memory: str) -> dict[str, list[str]]:
    """Return the commands to measure, on the spaces saved in a folder."""
    rows = np.random.default_rng(1).permutation(words)
    for name, some in (("train", rows[:5000]), ("test", rows[5000:6500])):
        lines = [f"s{i}\tt{i}\n" for i in some]
        (folder / name).write_text("".join(lines), encoding="utf-8")
    spaces = [str(folder / "s"), str(folder / "t")]
    limit, train = ["--memory", memory, "--quiet"], ["--dictionary", str(folder / "train")]
    mapping, test = str(folder / "map"), ["--dictionary", str(folder / "test")]
    learn = ["--method", "self-learning", "--iterations", "5", "--overwrite", "--force"]
    return {
        "five-step": [
            "map",
            *spaces,
            "--method",
            "five-step",
            *train,
            "--output",
            mapping,
            *limit,
        ],
        "self-learning": ["map", *spaces, *learn, *train, "--output", mapping + "2", *limit],
        "apply": [
            *("apply", mapping, spaces[0], "--side", "source"),
            *("--output", str(folder / "mapped"), "--quiet"),
        ],
        "csls": ["eval", "translation", *spaces, "--mapping", mapping, *test, *limit],
    }


def main(tokens: list[str] | None = None) -> dict[str, Any]:
    """Measure, print seconds and peaks, write the record; fail where a peak is too high."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=300)
    parser.add_argument("--memory", default="2G")
    parser.add_argument("--output", type=Path, default=Path("eval/results/mapped_memory.json"))
    arguments = parser.parse_args(tokens)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        make_spaces(Path(folder), arguments.words, arguments.dim)
        for name, command in commands(Path(folder), arguments.words, arguments.memory).items():
            found[name] = peak_of(command)
            told = found[name]
            print(f"{name:14} {told['seconds']:7.1f} s {told['peak_bytes'] / 1e6:8.0f} MB")
    record = run_record(seed=1, config=vars(arguments), metrics=found)
    save_record(record, arguments.output)
    highest = max(told["peak_bytes"] for told in found.values())
    if highest > parse_size(arguments.memory):
        raise SystemExit(f"the peak of {highest / 1e6:.0f} MB is over {arguments.memory}")
    return record


if __name__ == "__main__":
    main()
