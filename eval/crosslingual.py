r"""Measure maps between languages: P@1 and seconds, with VecMap on the same vectors.

Every cell is kept in the work folder, so a stopped run goes on; ``--parts`` chooses what to
measure (``planted`` needs ``--sample``, a file of real vectors; ``timing`` a quiet machine).
Without ``--vecmap`` only embkit runs. VecMap's self-learning may take hours: without
``--full`` it is ended after ``--vecmap-iterations``, and only its seconds each are told::

    python -m eval.crosslingual --source en --target de --train en-de.0-5000.txt \
        --test en-de.5000-6500.txt --work DIR [--vecmap FOLDER] [--sample V] [--full]

Vectors that are not there are trained from ``--source-corpus`` and ``--target-corpus``.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

import embkit
from eval.cells import cell
from eval.language_pair import FROM_DICTIONARY, MODES, STARTS, Pair
from eval.learning_time import measure_timing
from eval.paired import against
from eval.planted_rotation import NOISES, planted_embkit, planted_vecmap
from eval.record import run_record, save_record
from eval.vecmap import VecMap

SUPERVISED: dict[str, dict[str, Any]] = {
    "orthogonal": {},
    "five-step": {},
    "five-step extended": {"rounds": 2, "rare": 200, "shrinkage": 0.2},
    "rcsls": {},
    "rcsls rare": {"rare": 200},
    "refine": {},
}


def measure_real(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure all methods on two real languages."""
    pair, work, found = Pair(arguments), arguments.work, {}
    for method, options in SUPERVISED.items():
        name, plain = f"embkit {method}", method.split()[0]
        found[name] = cell(work, name, partial(pair.embkit, plain, pair.train, 1, **options))
    for seed in range(1, arguments.seeds + 1):
        for kind in STARTS:
            name = f"embkit self-learning {kind} {seed}"
            found[name] = cell(work, name, partial(pair.learn, kind, seed))
    if arguments.vecmap is not None:
        tool = VecMap(arguments.vecmap, arguments.threads)
        for mode in MODES:
            is_whole = mode in FROM_DICTIONARY or arguments.full
            most = None if is_whole else arguments.vecmap_iterations
            name = f"vecmap {mode}{'' if most is None else f' {most} iterations'}"
            found[name] = cell(work, name, partial(pair.vecmap, tool, mode, most))
        for method in SUPERVISED:
            for mode in (
                ("supervised", "orthogonal") if method == "orthogonal" else ("supervised",)
            ):
                name = f"embkit {method} against vecmap {mode}"
                found[name] = against(found[f"embkit {method}"], found[f"vecmap {mode}"])
                print(name, found[name])
    return found


def measure_planted(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure planted rotations, ten seeds each by default; VecMap on the first or more."""
    vectors, work, found = embkit.load(arguments.sample), arguments.work, {}
    for noise in NOISES:
        for seed in range(arguments.planted_seeds):
            name = f"planted {noise} embkit {seed}"
            found[name] = cell(work, name, partial(planted_embkit, vectors, noise, seed))
        if arguments.vecmap is not None:
            tool = VecMap(arguments.vecmap, arguments.threads)
            for seed in range(arguments.planted_vecmap_seeds):
                name = f"planted {noise} vecmap {seed}"
                found[name] = cell(
                    work, name, partial(planted_vecmap, vectors, noise, seed, tool, work)
                )
    return found


def main(tokens: list[str] | None = None) -> dict[str, Any]:
    """Measure the parts that were asked for, print them, write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("source", "target", "train", "test", "work"):
        parser.add_argument(f"--{name}", type=Path, required=name == "work")
    for name in ("source-corpus", "target-corpus", "sample", "vecmap"):
        parser.add_argument(f"--{name}", type=Path)
    numbers = {"seeds": 1, "planted-seeds": 10, "planted-vecmap-seeds": 1}
    numbers |= {"threads": 2, "vecmap-iterations": 20}
    numbers |= {"timing-words": 20_000, "whole-words": 2000}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--parts", default="real,planted")
    parser.add_argument("--full", action="store_true", help="let VecMap's self-learning end")
    parser.add_argument("--output", type=Path, default=Path("eval/results/crosslingual.json"))
    arguments = parser.parse_args(tokens)
    parts = {"real": measure_real, "planted": measure_planted, "timing": measure_timing}
    found = {part: parts[part](arguments) for part in arguments.parts.split(",")}
    record = run_record(seed=1, config=vars(arguments), metrics=found)
    save_record(record, arguments.output)
    return record


if __name__ == "__main__":
    main()
