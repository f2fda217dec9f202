"""The record that every measurement is stored with: what ran, where, with which settings.

It names the machine's kind, never the machine: no host name, no user, no path.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path, PurePath
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("numpy", "scipy", "gensim")
# A slash that opens a path (not the one of "words/s"), up to the last slash of that path.
ABSOLUTE_FOLDER = re.compile(r"(?<![\w.])/(?:[^\s/]+/)*")


def run_record(
    *, seed: int | None, config: Mapping[str, Any], metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a published number needs: commit, machine, software, settings, results.

    Paths in ``config`` and ``metrics`` are reduced to file names.
    """
    return {
        "commit": commit(),
        "machine": machine(),
        "software": {
            "python": platform.python_version(),
            **{name: version for name in PACKAGES if (version := _version(name))},
        },
        "seed": seed,
        "config": _anonymous(config),
        "metrics": _anonymous(metrics),
    }


def machine() -> dict[str, Any]:
    """Return processor, cores, memory (GiB), operating system and the load at this moment."""
    info = _fields(Path("/proc/cpuinfo"))
    return {
        "cpu": info.get("model name") or platform.processor() or platform.machine(),
        "cpu_family_model": f"{info.get('cpu family', '?')}/{info.get('model', '?')}",
        "cores": os.cpu_count(),
        "memory_gib": round(
            os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1
        ),
        "os": f"{platform.system()} {platform.release().split('-')[0]}",
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def with_other_parts(record: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return a record with the parts of the one in ``path`` that it did not measure itself.

    ``origins`` tells of each part of the metrics which commit, machine and settings it is of.
    """
    shared = ("commit", "machine", "software", "config")
    own = {name: record[name] for name in shared}
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"metrics": {}}
    told = before.get("origins", {})
    kept = {
        part: found
        for part, found in before["metrics"].items()
        if part not in record["metrics"]
    }
    origins = {part: told.get(part) or {name: before[name] for name in shared} for part in kept}
    return {
        **record,
        "metrics": {**kept, **record["metrics"]},
        "origins": {**origins, **dict.fromkeys(record["metrics"], own)},
    }


def save_record(record: Mapping[str, Any], path: Path) -> None:
    """Write ``record`` as JSON, keys in the order given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def commit() -> str | None:
    """Return the commit, with ``+`` if files that git knows were changed since."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD").strip() + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _fields(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(":") for line in reversed(lines) if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _anonymous(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, Mapping):
        return {str(key): _anonymous(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_anonymous(item) for item in value]
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, str):
        return ABSOLUTE_FOLDER.sub("", value)
    return value
