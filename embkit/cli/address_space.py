"""Whether a limit of the address space (``ulimit -v``) leaves room for NumPy and SciPy.

Each brings an OpenBLAS, which asks for a buffer for each of its threads as it is loaded. Where
one is refused it asks again, for ever, ends the process or pretends that Ctrl-C was pressed.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from embkit.device import available_threads
from embkit.errors import ResourceError

_SCIPY = ("linalg", "optimize", "sparse.linalg", "spatial", "special", "stats")
_NEEDED = {"numpy": 160 << 20} | {f"scipy.{name}": 168 << 20 for name in _SCIPY}
"""Bytes that are mapped from the import on that loads an OpenBLAS, which the first one does."""
_THREAD = 48 << 20
"""Bytes for each thread of an OpenBLAS but the first: a buffer of 32 MiB, and a stack."""
_MOST_THREADS = 64
_WORK = 96 << 20
"""Bytes that what is advised leaves for a small piece of work."""


def look_for_room() -> None:
    """See to it that `ResourceError` is raised instead of an import that has no room."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds no module, but is asked for each before it is imported."""

    def __init__(self) -> None:
        self._left = dict(_NEEDED)

    def find_spec(self, name: str, *_: object) -> None:
        if name not in self._left:
            return
        library = name.partition(".")[0]
        _refuse_too_little(library, self._left[name])
        for loaded in [each for each in self._left if each.startswith(library)]:
            del self._left[loaded]


def _refuse_too_little(library: str, needed: int) -> None:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return  # the system does not tell
    with_one = pages * resource.getpagesize() + needed
    whole = with_one + (blas_threads() - 1) * _THREAD
    if whole <= limit:
        return
    fewer = " or OPENBLAS_NUM_THREADS=1" if with_one + _WORK <= limit else ""
    raise ResourceError(
        f"the address space is limited to {limit >> 10} KiB, too little to load {library}: "
        f"ulimit -v {(whole + _WORK) >> 10}{fewer} would do"
    )


def blas_threads() -> int:
    """Return how many threads an OpenBLAS starts when it is loaded."""
    most = min(available_threads(), _MOST_THREADS)
    for name in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        chosen = os.environ.get(name, "")
        if chosen.isdecimal() and int(chosen) > 0:
            return min(int(chosen), most)
    return most
