"""Learning between two languages without a dictionary, beside VecMap from the same start."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from embkit.mapping import identical_dictionary
from eval.cells import MAPPING, SCORING, cell
from eval.language_pair import Pair
from eval.paired import against, pooled, tell
from eval.vecmap import VecMap

EXTENDED: dict[str, Any] = {"rounds": 4, "rare": 200, "shrinkage": 0.2}
IDENTICAL: dict[str, dict[str, Any]] = {
    "five-step": {},
    "five-step extended": EXTENDED,
    "five-step spelling": {**EXTENDED, "spelling": 0.25},
}
"""Maps fitted to the words that both sides spell alike."""
_THEIRS = "vecmap identical"


def measure_starts(arguments: argparse.Namespace) -> dict[str, Any]:
    """Learn from ``--starts`` among the ``--cutoff`` most frequent words, to the end.

    embkit with each of ``--seeds``; each VecMap once, compared with embkit's first.
    """
    pair, work, found = Pair(arguments), arguments.work, {}
    options = {"cutoff": arguments.cutoff, "early_cutoff": arguments.cutoff}
    for kind in arguments.starts.split(","):
        for seed in range(1, arguments.seeds + 1):
            name = f"embkit {kind} {seed} {arguments.cutoff}"
            learn = partial(pair.learn, kind, seed, **options)
            ours = found[name] = cell(work, name, learn, MAPPING)
            if seed > 1 or arguments.vecmap is None or "refused" in ours:
                continue
            tool = VecMap(arguments.vecmap, arguments.threads)
            name = f"vecmap {kind} {arguments.cutoff}"
            run = partial(pair.vecmap, tool, kind, None, cutoff=arguments.cutoff)
            found[name] = cell(work, name, run, SCORING)
            compared = f"embkit against {name}"
            found[compared] = against(ours, found[name])
            tell(compared, found[compared])
    return found


def measure_identical(arguments: argparse.Namespace) -> dict[str, Any]:
    """Map by the words that both sides spell alike, and VecMap from the same.

    embkit's maps take the ``--cutoff`` most frequent words further in, as VecMap does; the
    last one is measured with its usual cutoff too.
    """
    ways = {"forward": _identical(arguments, reverse=False)}
    if arguments.reverse_train is not None:
        ways["reverse"] = _identical(arguments, reverse=True)
    measured = list(ways.values())
    maps = [name for name in measured[0] if name != _THEIRS]
    if measured[1:]:
        ways["both"] = {}
    for way, cells in ways.items() if _THEIRS in measured[0] else ():
        chosen = measured if way == "both" else [cells]
        for name in maps:
            sides = [pooled([told[which] for told in chosen]) for which in (name, _THEIRS)]
            compared = f"{name} against {_THEIRS}"
            cells[compared] = against(*sides)
            tell(f"{way} {compared}", cells[compared])
    return {**ways, "options": IDENTICAL}


def _identical(arguments: argparse.Namespace, *, reverse: bool) -> dict[str, Any]:
    pair, cutoff, found = Pair(arguments, reverse=reverse), arguments.cutoff, {}
    pairs = [
        (entry.source, entry.target)
        for entry in identical_dictionary(pair.source.vocabulary, pair.target.vocabulary)
    ]
    chosen = {
        f"{name} {cutoff}": {**options, "cutoff": cutoff} for name, options in IDENTICAL.items()
    }
    last, its_options = list(IDENTICAL.items())[-1]
    chosen[last] = its_options  # with its usual cutoff
    for label, options in chosen.items():
        name = f"embkit identical {label}"
        fit = partial(pair.embkit, "five-step", pairs, 1, **options)
        found[name] = cell(pair.work, name, fit, MAPPING)
    if arguments.vecmap is not None:
        tool = VecMap(arguments.vecmap, arguments.threads)
        run = partial(pair.vecmap, tool, "identical", None, cutoff=cutoff)
        found[_THEIRS] = cell(pair.work, f"{_THEIRS} {cutoff}", run, SCORING)
    return found
