"""Two measured maps compared on the same test words."""

from __future__ import annotations

from typing import Any

import numpy as np

from embkit.evaluation.differences import mcnemar_test

Cell = dict[str, Any]


def against(ours: Cell, theirs: Cell) -> Cell:
    """Compare two cells on the same test words: both P@1, their difference, McNemar's test.

    The 95% interval of the difference is by a bootstrap over the words.
    """
    found = {}
    for retrieval in ("nn", "csls"):
        right = [
            np.frombuffer(told[retrieval]["hits"].encode(), np.uint8) == ord("1")
            for told in (ours, theirs)
        ]
        test = mcnemar_test(*right)
        gained = right[0].astype(np.float64) - right[1]
        drawn = np.random.default_rng(1).integers(0, len(gained), (10_000, len(gained)))
        low, high = np.quantile(gained[drawn].mean(1), [0.025, 0.975])
        found[retrieval] = {
            **{"P@1": [float(side.mean()) for side in right], "words": len(gained)},
            **{"difference": float(gained.mean()), "interval": [float(low), float(high)]},
            "p": test.p,
        }
    return found


def pooled(cells: list[Cell]) -> Cell:
    """Return the words of several cells in one, to be compared with another of the same."""
    return {
        name: {"hits": "".join(told[name]["hits"] for told in cells)} for name in ("nn", "csls")
    }


def tell(name: str, found: Cell) -> None:
    """Print a comparison in one line, in points."""
    parts = [
        "{} {:.1f} - {:.1f} = {:+.1f} [{:+.1f}, {:+.1f}] p {:.3f}".format(
            retrieval,
            *(100 * share for share in told["P@1"]),
            100 * told["difference"],
            *(100 * bound for bound in told["interval"]),
            told["p"],
        )
        for retrieval, told in found.items()
    ]
    print(f"{name:34} {'  '.join(parts)}", flush=True)
