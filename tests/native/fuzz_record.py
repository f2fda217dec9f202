"""The record of fuzzing: executions add up over runs, as long as the sources stay the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eval.record import run_record, save_record
from tests.native.build import ROOT

SUMMED = ("executions", "seconds", "findings")


def digest(patterns: Iterable[str]) -> str:
    """Return a name for the contents of the repository's files that match ``patterns``."""
    found = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        found.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        found.update(path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def read_totals(path: Path | None) -> dict[str, dict[str, Any]]:
    """Return what a record holds of each target, nothing where there is none."""
    if path is None or not path.exists():
        return {}
    totals: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))["metrics"]
    return totals


def still_wanted(
    totals: Mapping[str, Mapping[str, Any]], name: str, sources: str, executions: int
) -> int:
    """Return how many executions a target lacks, counting those of the same sources."""
    done = totals.get(name, {})
    return max(0, executions - (done["executions"] if done.get("sources") == sources else 0))


def add(path: Path, results: Mapping[str, Mapping[str, Any]], config: dict[str, Any]) -> None:
    """Add a run's results to the record, in place of those of other sources."""
    totals = read_totals(path)
    for name, result in results.items():
        before = totals.get(name, {})
        if before.get("sources") != result["sources"]:
            before = {}
        sums = {key: round(before.get(key, 0) + result[key], 1) for key in SUMMED}
        kept = {key: value for key, value in result.items() if key != "output"}
        totals[name] = {**kept, **sums, "runs": before.get("runs", 0) + 1}
    old = json.loads(path.read_text("utf-8"))["config"] if path.exists() else {}
    record = run_record(seed=None, config={**old, **config}, metrics=totals)
    save_record(record, path)
