"""How much memory this process may use, by the machine, its control groups and the user."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from embkit.errors import ResourceError

_SHARE = 0.8  # of what is available; the rest is for the interpreter and the page cache
_ROOT = Path("/")
_for_readers: ContextVar[int | None] = ContextVar("memory of readers", default=None)


def physical_memory() -> int:
    """Return the machine's memory in bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cgroups(root: Path) -> Iterator[tuple[Path, str, str, str]]:
    """Yield each folder that may limit this process, and its names of limit, use and cache."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / ("sys/fs/cgroup/memory" if controllers else "sys/fs/cgroup")
        names = ("memory.max", "memory.current", "inactive_file")
        if controllers:
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        folder = top / path.lstrip("/")
        for parent in (folder, *folder.parents):
            if parent.is_relative_to(top):
                yield (parent, *names)


def cgroup_limit(root: Path = _ROOT) -> int | None:
    """Return the tightest memory limit of the process's control groups, None without one."""
    texts = (_text(folder / limit).strip() for folder, limit, _, _ in _cgroups(root))
    tightest = min((int(text) for text in texts if text.isdigit()), default=None)
    return tightest if tightest is not None and tightest < physical_memory() else None


def cgroup_available(root: Path = _ROOT) -> int | None:
    """Return what the control groups leave to this process, None where they set no limit.

    Files that they hold in memory without need count as free.
    """
    left = []
    for folder, limit, use, cache in _cgroups(root):
        texts = [_text(folder / name).strip() for name in (limit, use)]
        if texts[0].isdigit():  # "max" means no limit
            cached = re.search(rf"^{cache} (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
            used = int(texts[1]) if texts[1].isdigit() else 0
            used -= min(used, int(cached[1]) if cached else 0)
            left.append(max(int(texts[0]) - used, 0))
    return min(left, default=None)


def available_memory(root: Path = _ROOT) -> int:
    """Return what this process could still get, by the system and its control groups.

    Examples
    --------
    >>> 0 < available_memory() <= physical_memory()
    True
    """
    available = physical_memory()
    if match := re.search(
        r"^MemAvailable:\s+(\d+) kB", _text(root / "proc/meminfo"), re.MULTILINE
    ):
        available = int(match[1]) * 1024
    left = cgroup_available(root)
    return available if left is None else min(available, left)


def memory_limit(chosen: int | None = None) -> int:
    """Return the user's limit or, without one, most of what is available.

    Examples
    --------
    >>> memory_limit(1000), 0 < memory_limit() < physical_memory()
    (1000, True)
    """
    return min(chosen, 2**63 - 1) if chosen is not None else int(_SHARE * available_memory())


def limit_readers(memory: int | None) -> None:
    """Choose what a `ByteBudget` allows to whoever reads in this context from now on."""
    _for_readers.set(memory)


class ByteBudget:
    """The memory that reading one file, or the files of one folder, may take.

    Readers that make Python objects of a text charge what they keep before they make it: a
    small compressed file may hold a thousand times its size, and each of its words takes ten
    times its own. What is allowed is what `limit_readers` chose, and never more than
    `memory_limit` says.

    Examples
    --------
    >>> budget = ByteBudget()
    >>> budget.charge("words.txt", 1, 100)
    """

    def __init__(self) -> None:
        chosen = _for_readers.get()
        self._allowed = memory_limit() if chosen is None else min(chosen, memory_limit())
        self._left = self._allowed

    def check(self, path: str | os.PathLike[str], line: int | None, num_bytes: int) -> None:
        """Raise ResourceError if less than this is left for what a line calls for."""
        if num_bytes > self._left:
            place = os.fspath(path) if line is None else f"{os.fspath(path)}:{line}"
            raise ResourceError(
                f"{place}: what is read up to here would take more than the "
                f"{self._allowed} bytes of memory that are allowed"
            )

    def charge(self, path: str | os.PathLike[str], line: int | None, num_bytes: int) -> None:
        """Take this off what is left; raises as `check` does."""
        self.check(path, line, num_bytes)
        self._left -= num_bytes


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
