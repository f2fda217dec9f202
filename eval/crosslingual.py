r"""Measure maps between languages: P@1 and seconds, with VecMap on the same vectors.

Every cell is kept in the work folder, so a stopped run goes on; ``--parts`` chooses what to
measure, the record's other parts stay as they are, each with the commit of its own: ``real``
maps from dictionaries, with the reverse dictionaries both ways; ``starts`` self-learning;
``identical`` maps by the words that both languages spell alike, both ways too; ``planted``
rotations (needs ``--sample``, a file of real vectors); ``unrelated`` spaces, which must be told
as failed; ``timing`` (needs a quiet machine).
Without ``--vecmap`` and ``--muse`` only embkit runs; MUSE's programs need torch in
``--muse-python``, this Python when left out. VecMap's self-learning among 20,000 words
takes hours, so ``starts`` and ``identical`` are compared among ``--cutoff`` words::

    python -m eval.crosslingual --source en --target de --train en-de.0-5000.txt \
        --test en-de.5000-6500.txt [--reverse-train D --reverse-test D] --work DIR \
        [--vecmap FOLDER] [--muse FOLDER] [--sample V] [--parts real,starts,planted]

Vectors that are not there are trained from ``--source-corpus`` and ``--target-corpus``.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import embkit
from eval.cells import MAPPING, SCORING, cell
from eval.language_pair import FROM_DICTIONARY, STARTS, Pair
from eval.learning_time import measure_timing
from eval.muse import REFINEMENTS, Muse
from eval.paired import against, pooled, tell
from eval.planted_rotation import NOISES, planted_embkit, planted_vecmap
from eval.record import run_record, save_record, with_other_parts
from eval.starts import measure_identical, measure_starts
from eval.unrelated_spaces import DIMS, map_unrelated
from eval.vecmap import VecMap

SUPERVISED: dict[str, dict[str, Any]] = {
    "orthogonal": {},
    "five-step": {},
    "five-step extended": {"rounds": 2, "rare": 200, "shrinkage": 0.2},
    "five-step spelling": {"rounds": 2, "rare": 200, "shrinkage": 0.2, "spelling": 0.25},
    "rcsls": {},
    "refine": {},
}
CHOSEN = (
    "The options of five-step extended and RCSLS's defaults were chosen on words held out of "
    "the training dictionaries. English-German test words had been scored before, with those "
    "of five-step extended and with earlier defaults of RCSLS; German-English ones never. The "
    "weight of spelling was chosen on the words of the English-German training dictionary, by "
    "maps from identical words, which had not seen it."
)


def measure_real(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure all maps from a dictionary, one way or both, and compare them with VecMap's."""
    found = {"forward": _one_way(arguments, reverse=False)}
    if arguments.reverse_train is not None:
        found["reverse"] = _one_way(arguments, reverse=True)
    ways = list(found.values())
    if len(ways) > 1:
        found["both"] = {}
    for way, cells in found.items():
        for method, theirs in _comparisons(ways[0], _methods(arguments)):
            name = f"embkit {method} against {theirs}"
            ours = [told[f"embkit {method}"] for told in (ways if way == "both" else [cells])]
            peers = [told[theirs] for told in (ways if way == "both" else [cells])]
            cells[name] = against(pooled(ours), pooled(peers))
            tell(f"{way} {name}", cells[name])
    return {**found, "options": SUPERVISED, "chosen": CHOSEN}


def _comparisons(cells: dict[str, Any], methods: list[str]) -> list[tuple[str, str]]:
    """Return which of embkit's maps is compared with which of the other tools' cells."""
    wanted = [(method, "vecmap supervised") for method in methods]
    wanted += [
        (method, f"{tool} {method}") for method in methods for tool in ("vecmap", "muse")
    ]
    return [(method, theirs) for method, theirs in wanted if theirs in cells]


def _one_way(arguments: argparse.Namespace, *, reverse: bool) -> dict[str, Any]:
    """Measure the maps of both tools from one language to the other."""
    pair, found = Pair(arguments, reverse=reverse), {}
    for method in _methods(arguments):
        options = SUPERVISED[method]
        name, plain = f"embkit {method}", method.split()[0]
        measure = partial(pair.embkit, plain, pair.train, 1, **options)
        found[name] = cell(pair.work, name, measure, MAPPING)
    modes = FROM_DICTIONARY if "orthogonal" in _methods(arguments) else FROM_DICTIONARY[:1]
    for mode in modes if arguments.vecmap is not None else ():
        tool, name = VecMap(arguments.vecmap, arguments.threads), f"vecmap {mode}"
        found[name] = cell(pair.work, name, partial(pair.vecmap, tool, mode, None), SCORING)
    known = [mode for mode in REFINEMENTS if mode in _methods(arguments)]
    for mode in known if arguments.muse is not None else ():
        muse = Muse(arguments.muse, arguments.muse_python, arguments.threads)
        name = f"muse {mode}"
        found[name] = cell(pair.work, name, partial(pair.muse, muse, mode), SCORING)
    return found


def _methods(arguments: argparse.Namespace) -> list[str]:
    """Return the maps to measure, as they are named in `SUPERVISED`."""
    return list(arguments.methods.split(",") if arguments.methods else SUPERVISED)


def measure_planted(arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure planted rotations by both tools, ten seeds each by default."""
    vectors, work, found = embkit.load(arguments.sample), arguments.work, {}
    for noise in arguments.noises or NOISES:
        for seed in range(arguments.planted_seeds):
            name, measure = f"planted {noise} embkit {seed}", partial(planted_embkit, vectors)
            found[name] = _without_hits(
                cell(work, name, partial(measure, noise, seed), MAPPING)
            )
            if arguments.vecmap is not None:
                tool = VecMap(arguments.vecmap, arguments.threads)
                name = f"planted {noise} vecmap {seed}"
                run = partial(planted_vecmap, vectors, noise, seed, tool, work)
                found[name] = _without_hits(cell(work, name, run, SCORING))
    return found


def measure_unrelated(arguments: argparse.Namespace) -> dict[str, Any]:
    """Map unrelated spaces of several dims from nothing, and count what was told."""
    found = {
        f"unrelated {dim} {seed}": cell(
            arguments.work,
            f"unrelated {dim} {seed}",
            partial(map_unrelated, dim, seed),
            MAPPING,
        )
        for dim in DIMS
        for seed in range(arguments.planted_seeds)
    }
    told = Counter(each["verdict"] for each in found.values())
    print("unrelated", dict(told))
    return {**found, "told": dict(told)}


def _without_hits(told: dict[str, Any]) -> dict[str, Any]:
    """Leave out which words were found: only parts that are compared word by word keep it."""
    return {
        name: {what: value for what, value in part.items() if what != "hits"}
        if isinstance(part, dict)
        else part
        for name, part in told.items()
    }


def _name(part: str, arguments: argparse.Namespace) -> str:
    """Return a part's name in the record, which says how much of it was asked for."""
    if part == "real" and arguments.methods:
        return f"real: {arguments.methods}"
    if part in ("starts", "identical"):
        return f"{part} among {arguments.cutoff}"
    if part == "planted" and arguments.noises:
        return f"planted at {' '.join(map(str, arguments.noises))}"
    return part


def main(tokens: list[str] | None = None) -> dict[str, Any]:
    """Measure the parts that were asked for, print them, write the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("source", "target", "train", "test", "work"):
        parser.add_argument(f"--{name}", type=Path, required=name == "work")
    for name in ("reverse-train", "reverse-test", "source-corpus", "target-corpus"):
        parser.add_argument(f"--{name}", type=Path)
    for name in ("sample", "vecmap", "muse"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--muse-python", type=Path, default=Path(sys.executable))
    numbers = {"seeds": 1, "planted-seeds": 10, "threads": 2, "vecmap-iterations": 6}
    numbers |= {"cutoff": 4000, "timing-words": 20_000, "whole-words": 2000}
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--methods", help=f"those of real alone: {','.join(SUPERVISED)}")
    parser.add_argument("--noises", type=float, nargs="+", help="those of planted alone")
    parser.add_argument("--starts", default=",".join(STARTS))
    parser.add_argument("--parts", default="real,starts,planted")
    parser.add_argument("--output", type=Path, default=Path("eval/results/crosslingual.json"))
    arguments = parser.parse_args(tokens)
    if (arguments.reverse_train is None) != (arguments.reverse_test is None):
        parser.error("--reverse-train and --reverse-test must be given together")
    parts = {"real": measure_real, "starts": measure_starts, "identical": measure_identical}
    parts |= {"planted": measure_planted, "unrelated": measure_unrelated}
    parts |= {"timing": measure_timing}
    found = {
        _name(part, arguments): parts[part](arguments) for part in arguments.parts.split(",")
    }
    record = with_other_parts(
        run_record(seed=1, config=vars(arguments), metrics=found), arguments.output
    )
    save_record(record, arguments.output)
    return record


if __name__ == "__main__":
    main()
