"""Measured cells, kept in a work folder so that a stopped program goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def cell(work: Path, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what a measurement gave, measured now unless it is kept in the work folder."""
    path = work / "cells" / f"{name.replace(' ', '_').replace('/', '-')}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(measure()), encoding="utf-8")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    print(f"{name:34} {line(found)}", flush=True)
    return found


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
