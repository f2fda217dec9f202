"""Line shuffles of a corpus: run i of every tool trains on shuffle i."""

from __future__ import annotations

import random
from pathlib import Path


def shuffle_lines(source: Path, target: Path, seed: int) -> Path:
    """Write the lines of ``source`` to ``target`` in the order that ``seed`` gives.

    A ``target`` that exists is kept, so a stopped run goes on with the same text; it is
    renamed into place when whole. The last line gets a newline if it has none, or it would
    run into another.
    """
    if not target.exists():
        lines = source.read_bytes().split(b"\n")
        if not lines[-1]:
            lines.pop()
        random.Random(seed).shuffle(lines)
        partial = target.with_name(target.name + ".part")
        partial.write_bytes(b"".join(line + b"\n" for line in lines))
        partial.replace(target)
    return target
