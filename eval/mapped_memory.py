"""Measure the memory of mapping and translating vocabularies of 200,000 words on each side.

The commands run as users run them, on files that are read into memory, with ``--memory``; told
is the most that each process held that no file backs. What is done stays done: the same
command line goes on where it was stopped. CSLS over all words of both sides takes minutes::

    python -m eval.mapped_memory --work FOLDER [--words 200000] [--dim 300] [--memory 2G]

With ``--only NAME ...`` those commands take their place among the record's others, whose commit
stays beside them. All must have been measured with the same sizes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import embkit
from embkit.cli.memory import parse_size
from eval.cells import cell
from eval.mapping import make_spaces
from eval.process import run_measured
from eval.record import run_record, save_record

ALLOWED = {  # methods, and options that shorten them without a change of what they hold
    "orthogonal": [],
    "linear": [],
    "cca": [],
    "five-step": [],
    "rcsls": ["--epochs", "2"],
    "max-margin": ["--epochs", "1", "--negative-choice", "random"],
    "self-learning": ["--iterations", "5"],
    "refine": ["--rounds", "1"],
    "growing": [],
    "hybrid": [],
    "multi-cca": [],
    "adversarial": [
        *("--epochs", "1", "--samples", "320", "--refinement", "1"),
        *("--restarts", "1", "--batch", "32", "--hidden", "2048", "--discriminator-steps", "5"),
    ],
    "alignment": [],
}
WITHOUT_DICTIONARY = ("adversarial",)
WITHOUT_MAP = ("alignment",)


def make_files(folder: Path, words: int, dim: int) -> None:
    """Write both spaces as binary files, and the dictionaries."""
    if (folder / "test").exists():
        return
    made = folder / "made"
    made.mkdir(parents=True, exist_ok=True)
    make_spaces(made, words, dim)
    for side in ("s", "t"):
        embkit.save(embkit.load(made / side), folder / f"{side}.bin", overwrite=True)
    shutil.rmtree(made)
    rows = np.random.default_rng(1).permutation(words)
    for name, some in (("train", rows[:5000]), ("test", rows[5000:6500])):
        lines = [f"s{i}\tt{i}\n" for i in some]
        (folder / name).write_text("".join(lines), encoding="utf-8")


def commands(folder: Path, memory: str) -> dict[str, list[str]]:
    """Return the commands to measure, in their order: the later ones use the first map."""
    spaces = [str(folder / "s.bin"), str(folder / "t.bin")]
    limit = ["--memory", memory, "--quiet"]
    train, test = (["--dictionary", str(folder / name)] for name in ("train", "test"))
    write = ["--overwrite", "--force", "--output-source", str(folder / "mapped.bin")]
    fits = {
        method: [
            *("map", *spaces, "--method", method, *more, *limit, *write),
            *([] if method in WITHOUT_DICTIONARY else train),
            *([] if method in WITHOUT_MAP else ["--output", str(folder / f"{method}.map")]),
        ]
        for method, more in ALLOWED.items()
    }
    mapping = ["--mapping", str(folder / "five-step.map")]
    return {
        **fits,
        "apply": [
            *("apply", str(folder / "five-step.map"), spaces[0], "--side", "source"),
            *("--output", str(folder / "applied.bin"), "--overwrite", "--quiet"),
        ],
        "map-many": [
            *("map-many", f"s={spaces[0]}", f"t={spaces[1]}", "--pivot", "t", *limit),
            *("--dictionary", f"s-t={folder / 'train'}", "--output", str(folder)),
            *("--overwrite", "--force"),
        ],
        "translate nn": [
            *("translate", *spaces, "s1", "s2", *mapping, "--retrieval", "nn", *limit),
        ],
        "induce-dictionary": [
            *("induce-dictionary", *spaces, *mapping, *limit),
            *("--overwrite", "--output", str(folder / "pairs.tsv")),
        ],
        "eval translation csls": ["eval", "translation", *spaces, *mapping, *test, *limit],
    }


def measure(command: list[str], folder: Path) -> dict[str, float]:
    """Run embkit in a process of its own; return its times and its peak.

    The resident peak is left out: until the process begins, it is that of this one.
    """
    empty = folder / "empty"
    empty.touch()
    found = run_measured(
        [sys.executable, "-m", "embkit", *command], Path(), empty, folder / "out"
    )
    return {name: value for name, value in found.items() if name != "resident_mib"}


def kept(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a record, each with the commit and the machine of its measurement.

    Raises
    ------
    SystemExit
        If the record was made with other sizes.
    """
    record = json.loads(path.read_text(encoding="utf-8"))
    for name in ("words", "dim", "memory"):
        if record["config"][name] != config[name]:
            raise SystemExit(f"{name} must be that of the record, {record['config'][name]}")
    origin = {"commit": record["commit"], "cpu": record["machine"]["cpu"]}
    return {name: {**origin, **told} for name, told in record["metrics"].items()}


def main(tokens: list[str] | None = None) -> dict[str, Any]:
    """Measure, print times and peaks, write the record; fail where a peak is too high."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--work", type=Path, required=True, help="folder for files and results")
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=300)
    parser.add_argument("--memory", default="2G")
    parser.add_argument("--output", type=Path, default=Path("eval/results/mapped-memory.json"))
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="measure these, keep the rest"
    )
    arguments = parser.parse_args(tokens)
    work: Path = arguments.work
    make_files(work, arguments.words, arguments.dim)
    config = {
        key: value for key, value in vars(arguments).items() if key not in ("work", "only")
    }
    wanted = commands(work, arguments.memory)
    if unknown := set(arguments.only or ()) - set(wanted):
        parser.error(f"--only must be of {', '.join(wanted)}, got {', '.join(sorted(unknown))}")
    found = kept(arguments.output, config) if arguments.only else {}
    for name, command in wanted.items():
        if not arguments.only or name in arguments.only:
            found[name] = cell(work, name, partial(measure, command, work))
    for name, told in found.items():
        print(f"{name:22} {told['cpu_seconds']:7.1f} CPU s {told['anonymous_mib']:7.0f} MiB")
    record = run_record(seed=1, config=config, metrics=found)
    save_record(record, arguments.output)
    highest = max(told["anonymous_mib"] for told in found.values())
    if highest > parse_size(arguments.memory) / 2**20:
        raise SystemExit(f"the peak of {highest:.0f} MiB is over {arguments.memory}")
    return record


if __name__ == "__main__":
    main()
