"""Where work is done: the name of a device, as options give it, and the cores of this one."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Device:
    """Where work is to be done, as :func:`parse_device` reads it.

    Attributes
    ----------
    kind : {"auto", "cpu", "cuda"}
        "auto" is a GPU where one can be used, else the processor.
    index : int or None
        Which GPU; None leaves the choice to CUDA, which takes the first.
    """

    kind: Literal["auto", "cpu", "cuda"]
    index: int | None = None

    def __str__(self) -> str:
        return self.kind if self.index is None else f"{self.kind}:{self.index}"


def parse_device(text: str) -> Device:
    """Read the name of a device; whether it is there is asked by ``embkit.backend``.

    Raises
    ------
    ValueError
        If it is none of auto, cpu, cuda and cuda:N.

    Examples
    --------
    >>> parse_device("cuda:1")
    Device(kind='cuda', index=1)
    >>> str(parse_device("cuda:1")), parse_device("auto").kind
    ('cuda:1', 'auto')
    """
    found = re.fullmatch(r"(?P<kind>auto|cpu|cuda)|cuda:(?P<index>[0-9]{1,4})", str(text))
    if found is None or not isinstance(text, str):
        raise ValueError(f"device must be one of auto, cpu, cuda, cuda:N, got {text!r}")
    if found["kind"] == "cpu":
        return Device("cpu")
    if found["kind"] == "auto":
        return Device("auto")
    return Device("cuda", None if found["index"] is None else int(found["index"]))


def available_threads() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
