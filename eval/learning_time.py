"""The time of self-learning without pairs, beside VecMap's on the same vectors."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from eval.cells import MAPPING, cell
from eval.language_pair import Pair
from eval.vecmap import VecMap

# VecMap ends at the earliest when each of its five shares of candidates kept (a tenth, then
# twice as many until all) has gone its 50 iterations and one without gain.
_LEAST_ITERATIONS = 5 * 51


def measure_timing(arguments: argparse.Namespace) -> dict[str, Any]:
    """Time self-learning without pairs, embkit's beside VecMap's, among equally many words.

    ``iteration``: the median of a few, among ``--timing-words`` of each side, as both take by
    default at last. ``whole``: from the spaces to the dictionary, among ``--whole-words``, few
    enough for VecMap to end in minutes. VecMap's whole is the sum of its iterations, without
    its start; embkit's is the whole of `embkit.map`, the run that checks the first one and
    the verdict included, but further attempts, as VecMap makes none. ``usual``: embkit's whole
    with its own start and growth to ``--timing-words``, beside the fewest iterations after
    which VecMap can end, at the median of those measured. Needs a quiet machine.
    """
    if arguments.vecmap is None:
        raise SystemExit("timing needs --vecmap, a checkout of VecMap")
    pair, work, found = Pair(arguments), arguments.work, {}
    tool, most = VecMap(arguments.vecmap, arguments.threads), arguments.vecmap_iterations
    for part, words, limit in (
        ("iteration", arguments.timing_words, {"iterations": most}),
        ("whole", arguments.whole_words, {}),
    ):
        options = {"cutoff": words, "early_cutoff": words, "attempts": 0, **limit}
        ours = partial(pair.learn, "none", 1, scored=False, **options)
        theirs = partial(pair.vecmap, tool, "none", limit.get("iterations"), cutoff=words)
        found[part] = {
            "embkit": cell(work, f"timing {part} embkit {words}", ours, MAPPING),
            "vecmap": cell(
                work, f"timing {part} vecmap {words}", partial(theirs, scored=False), MAPPING
            ),
        }
    usual = partial(
        pair.learn, "none", 1, scored=False, attempts=0, cutoff=arguments.timing_words
    )
    found["usual"] = {"embkit": cell(work, "timing usual embkit", usual, MAPPING)}
    key = "median_iteration_s"
    least = _LEAST_ITERATIONS * found["iteration"]["vecmap"][key]
    found["usual"]["vecmap"] = {"iterations": _LEAST_ITERATIONS, "least_iterations_s": least}
    found["VecMap over embkit"] = {
        "iteration": found["iteration"]["vecmap"][key] / found["iteration"]["embkit"][key],
        "whole": found["whole"]["vecmap"]["iterations_s"] / found["whole"]["embkit"]["seconds"],
        "usual, at least": least / found["usual"]["embkit"]["seconds"],
    }
    print("VecMap over embkit", found["VecMap over embkit"])
    return found
