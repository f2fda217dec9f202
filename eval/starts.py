r"""Measure self-learning between two languages from each start: P@1, verdict, seconds.

The starts are 25 pairs (the first of ``--train``), identical words, numerals, and none::

    python -m eval.starts --source en --target de --train en-de.0-5000.txt \
        --test en-de.5000-6500.txt --work DIR [--cutoff 20000] [--starts identical,none]
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from eval.cells import cell
from eval.language_pair import STARTS, Pair
from eval.record import run_record, save_record


def main(tokens: list[str] | None = None) -> dict[str, Any]:
    """Measure each start with each seed, print a line each, write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("source", "target", "train", "test", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    numbers = {"cutoff": 20_000, "early-cutoff": 10_000, "seeds": 1, "threads": 2}
    numbers |= {"attempts": 8}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--starts", default=",".join(STARTS))
    parser.add_argument("--keep-probability", type=float, default=0.1)
    parser.add_argument("--output", type=Path, default=Path("eval/results/starts.json"))
    arguments = parser.parse_args(tokens)
    arguments.source_corpus = arguments.target_corpus = None
    chosen = ("cutoff", "early_cutoff", "attempts")
    options = {name: getattr(arguments, name) for name in chosen}
    options["keep_probability"] = arguments.keep_probability
    pair, found = Pair(arguments), {}
    for kind in arguments.starts.split(","):
        for seed in range(1, arguments.seeds + 1):
            name = f"{kind} {seed} {' '.join(map(str, options.values()))}"
            found[name] = cell(arguments.work, name, partial(pair.learn, kind, seed, **options))
    record = run_record(seed=1, config=vars(arguments), metrics=found)
    save_record(record, arguments.output)
    return record


if __name__ == "__main__":
    main()
