"""Self-learning between two languages from each start, beside VecMap from the same."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from eval.cells import MAPPING, SCORING, cell
from eval.language_pair import Pair
from eval.paired import against, tell
from eval.vecmap import VecMap


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
