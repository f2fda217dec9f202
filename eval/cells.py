"""Measured cells, kept in a work folder so that a stopped program goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from eval.record import ROOT, commit

SCORING = (
    *("embkit/evaluation/translation.py", "embkit/retrieval.py", "embkit/neighbors.py"),
    "csrc/linalg",
)
"""Sources that a score across languages comes from, whoever made the map."""
MAPPING = (*SCORING, "embkit/mapping")
"""Sources that embkit's own maps and their scores come from."""
EMBKIT = ("embkit", "csrc")


def cell(
    work: Path,
    name: str,
    measure: Callable[[], dict[str, Any]],
    sources: Iterable[str] = EMBKIT,
) -> dict[str, Any]:
    """Return what a measurement gave, measured now unless it is kept in the work folder.

    A kept one counts as long as the ``sources`` (files and folders of the repository) are those
    that it was measured with; the commit of its measurement stands in it. What is measured
    (vectors, dictionaries) is not looked at: each choice of it needs a work folder of its own.
    """
    plain = name.replace(" ", "_").replace("/", "-")
    path = work / "cells" / f"{plain}.{digest(sources)}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({**measure(), "commit": commit()}), encoding="utf-8")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    print(f"{name:34} {line(found)}", flush=True)
    return found


def digest(sources: Iterable[str], root: Path = ROOT) -> str:
    """Return twelve hexadecimal digits that change whenever one of the sources does."""
    found = hashlib.sha256()
    for source in sources:
        top = root / source
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.suffix in (".py", ".cpp", ".h"):
                found.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:12]


def line(found: dict[str, Any]) -> str:
    """Return a cell in one line: P@1 with its interval by both retrievals, and seconds."""
    parts = []
    for retrieval in ("nn", "csls"):
        if retrieval in found and found[retrieval]["P@1"] is not None:
            low, high = found[retrieval]["interval"]
            share = f"{100 * found[retrieval]['P@1']:5.1f} [{100 * low:.1f}, {100 * high:.1f}]"
            parts.append(f"{retrieval} {share}")
    for key in ("seconds", "iterations", "median_iteration_s", "verdict", "refused"):
        if found.get(key) is not None:
            value = found[key]
            parts.append(f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}")
    return "  ".join(parts)
