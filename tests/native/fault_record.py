"""The record of ``make faults``: slices add up, as long as the sources stay the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eval.record import run_record, save_record

SOURCES = (
    *("embkit/**/*.py", "csrc/**/*.h", "csrc/**/*.cpp", "tests/interruptions.py"),
    *(f"tests/native/{name}.py" for name in ("faults", "kills", "power", "stops")),
    *(
        f"tests/native/{name}.py"
        for name in ("fault_cases", "rooms", "forks", "pausing", "watching")
    ),
    "tests/native/fault_shim.cpp",
)

Slices = dict[str, dict[str, Any]]
"""What was found, by part and case, and of the faults by kind: "faults train open"."""


def read_slices(path: Path, sources: str) -> Slices:
    """Return what a record holds that was found with these sources."""
    if not path.exists():
        return {}
    record = json.loads(path.read_text("utf-8"))
    same = record["config"].get("sources") == sources
    found: Slices = record["metrics"]["slices"] if same else {}
    return found


def summary(slices: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Add up the slices by part: what was tried, how often, and how much of it was wrong."""
    sums: dict[str, Counter[str]] = {}
    for name, found in slices.items():
        part = sums.setdefault(name.partition(" ")[0], Counter())
        part["wrong"] += len(found["wrong"])
        part.update({key: value for key, value in found.items() if isinstance(value, int)})
    return {part: dict(counts) for part, counts in sorted(sums.items())}


def missing(slices: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the slices that are still to be run, in the order wanted."""
    done = set(slices)
    return [name for name in wanted if name not in done]


def add(path: Path, found: Slices, config: Mapping[str, Any], wanted: Iterable[str]) -> None:
    """Put slices into the record, in place of the same ones and of those of other sources."""
    slices = dict(sorted({**read_slices(path, config["sources"]), **found}.items()))
    lacking = missing(slices, wanted)
    metrics = {"summary": summary(slices), "not_run": lacking, "slices": slices}
    record = run_record(seed=1, config=dict(config), metrics=metrics)
    save_record(record, path)
