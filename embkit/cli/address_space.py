"""Whether limits of memory (``ulimit -v``, ``ulimit -d``) leave room for NumPy and SciPy.

Each brings an OpenBLAS, which asks for a buffer for each of its threads as it is loaded. Where
one is refused it asks again, for ever, ends the process or pretends that Ctrl-C was pressed.
"""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from embkit.device import available_threads
from embkit.errors import ResourceError

_SCIPY = ("linalg", "optimize", "sparse.linalg", "spatial", "special", "stats")
_LOADING = ("numpy", *(f"scipy.{name}" for name in _SCIPY))
"""Each loads the OpenBLAS of its library, unless another has."""


@dataclass(frozen=True)
class _Limit:
    """A limit that a shell sets, with the bytes that it must leave."""

    kind: int
    option: str
    what: str
    column: int
    """Of /proc/self/statm, where the pages stand that count."""
    libraries: dict[str, int]
    """What is mapped from the import on that loads an OpenBLAS of one thread."""
    thread: int
    """For each further thread: a buffer of 32 MiB, and a stack."""


_LIMITS = (
    _Limit(
        *(resource.RLIMIT_AS, "-v", "the address space", 0),
        {"numpy": 160 << 20, "scipy": 168 << 20},
        48 << 20,
    ),
    _Limit(
        *(resource.RLIMIT_DATA, "-d", "the memory for data", 5),
        {"numpy": 48 << 20, "scipy": 92 << 20},
        40 << 20,
    ),
)
_MOST_THREADS = 64
_WORK = 96 << 20
"""Bytes that what is advised leaves for a small piece of work."""


def look_for_room() -> None:
    """See to it that `ResourceError` is raised instead of an import that has no room."""
    if any(resource.getrlimit(each.kind)[0] != resource.RLIM_INFINITY for each in _LIMITS):
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds no module, but is asked for each before it is imported."""

    def __init__(self) -> None:
        self._left = set(_LOADING)

    def find_spec(self, name: str, *_: object) -> None:
        if name not in self._left:
            return
        library = name.partition(".")[0]
        for limit in _LIMITS:
            _refuse_too_little(library, limit)
        self._left = {each for each in self._left if not each.startswith(library)}


def _refuse_too_little(library: str, limit: _Limit) -> None:
    most = resource.getrlimit(limit.kind)[0]
    if most == resource.RLIM_INFINITY:
        return
    try:
        columns = Path("/proc/self/statm").read_text(encoding="ascii").split()
    except OSError:
        return  # the system does not tell
    mapped = int(columns[limit.column]) * resource.getpagesize()
    with_one = mapped + limit.libraries[library]
    whole = with_one + (blas_threads() - 1) * limit.thread
    if whole <= most:
        return
    fewer = " or OPENBLAS_NUM_THREADS=1" if with_one + _WORK <= most else ""
    raise ResourceError(
        f"{limit.what} is limited to {most >> 10} KiB, too little to load {library}: "
        f"ulimit {limit.option} {(whole + _WORK) >> 10}{fewer} would do"
    )


def blas_threads() -> int:
    """Return how many threads an OpenBLAS starts when it is loaded."""
    most = min(available_threads(), _MOST_THREADS)
    for name in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        chosen = os.environ.get(name, "")
        if chosen.isdecimal() and int(chosen) > 0:
            return min(int(chosen), most)
    return most
