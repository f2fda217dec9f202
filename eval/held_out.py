r"""Choose a map's options without a test dictionary: P@1 of words held out of training.

All pairs of a source word are held out together; each word once, or in the first ``--only``
of ``--folds`` parts. With ``--last`` they are from the dictionary's last words alone, which are
rare as those of a test dictionary that goes on from there. A row is added to the record::

    python -m eval.held_out --source en --target de --train en-de.0-5000.txt --work DIR \
        --method five-step --options rounds=2 rare=200 shrinkage=0.2 [--folds 5] [--only 2]
"""

from __future__ import annotations

import argparse
import ast
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from eval.cells import MAPPING, cell
from eval.language_pair import Pair
from eval.paired import pooled
from eval.record import run_record, save_record, with_other_parts

Pairs = list[tuple[str, str]]


def part(pairs: Pairs, number: int, folds: int, last: int | None = None) -> tuple[Pairs, Pairs]:
    """Return the pairs to learn from, and those of every ``folds``-th word from ``number``.

    With ``last``, only that many of the words take part, the dictionary's last ones.
    """
    words = list(dict.fromkeys(source for source, _ in pairs))[-last if last else None :]
    order = np.random.default_rng(1).permutation(len(words))
    held = {words[i] for i in order[number::folds]}
    return [p for p in pairs if p[0] not in held], [p for p in pairs if p[0] in held]


def chosen(options: list[str]) -> dict[str, Any]:
    """Return options from ``name=value``, numbers as such.

    Examples
    --------
    >>> chosen(["rare=200", "start=orthogonal"])
    {'rare': 200, 'start': 'orthogonal'}
    """
    found: dict[str, Any] = {}
    for option in options:
        name, value = option.split("=", 1)
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name] = value
    return found


def main(tokens: list[str] | None = None) -> dict[str, float]:
    """Measure each part, print a line each, then the share of all words held out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("source", "target", "train", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--method", default="orthogonal")
    parser.add_argument("--options", nargs="*", default=[], metavar="NAME=VALUE")
    for name, number in {"folds": 5, "only": None, "last": None, "threads": 2}.items():
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--output", type=Path, default=Path("eval/results/held-out.json"))
    arguments = parser.parse_args(tokens)
    arguments.source_corpus = arguments.target_corpus = None
    arguments.test = arguments.train
    pair, options = Pair(arguments), chosen(arguments.options)
    cells = []
    for number in range(arguments.only or arguments.folds):
        learned, pair.test = part(pair.train, number, arguments.folds, arguments.last)
        name = " ".join([arguments.method, *arguments.options, f"{number} {arguments.folds}"])
        measure = partial(pair.embkit, arguments.method, learned, 1, **options)
        name = f"held out {arguments.train.name} {arguments.last} {name}"
        cells.append(cell(arguments.work, name, measure, MAPPING))
    hits = {name: found["hits"] for name, found in pooled(cells).items()}
    found = {name: some.count("1") / max(1, len(some)) for name, some in hits.items()}
    print(f"P@1 of {len(hits['nn'])} words: {found}")
    row = " ".join([arguments.train.name, arguments.method, *arguments.options])
    metrics = {row: {**found, "words": len(hits["nn"]), "hits": hits}}
    record = run_record(seed=1, config=vars(arguments), metrics=metrics)
    save_record(with_other_parts(record, arguments.output), arguments.output)
    return found


if __name__ == "__main__":
    main()
