"""Two measured maps compared on the same test words."""

from __future__ import annotations

from typing import Any

import numpy as np

from embkit.evaluation.differences import mcnemar_test


def against(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Compare two cells on the same test words: the difference of P@1, and McNemar's test.

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
            **{"difference": float(gained.mean()), "interval": [float(low), float(high)]},
            "p": test.p,
        }
    return found
