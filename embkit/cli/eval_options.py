"""Options of the tasks of ``embkit eval`` that score several vectors on several sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from embkit.cli.eval_sets import SetOptions
from embkit.cli.loading import require_input
from embkit.cli.options import Flag


@dataclass(frozen=True, kw_only=True)
class ScoreOptions(SetOptions):
    """Which sets are used, and what is done with the scores of several vectors."""

    set: Annotated[
        tuple[str, ...], Parameter(name=("--set", "-s"), negative="", show_default=False)
    ] = ()
    """A file, or a name of ``embkit data list``; may be repeated. When left out, the usual
    sets that are here."""
    common: Flag = False
    """Use only the items that all the vectors cover."""
    compare: Flag = False
    """Say who is better, by how much, and whether it can be told apart, for each two of the
    vectors on the items that both cover."""
    runs: Flag = False
    """The vectors are runs of one model with different seeds: add mean, standard deviation and
    t interval."""


def check_several(vectors: Sequence[Path], options: ScoreOptions) -> None:
    """Make sure that there are vectors, as many as the options need.

    Raises
    ------
    FileNotFoundError
        If any is missing.
    ValueError
        If there are too few.
    """
    if not vectors:
        raise ValueError("vectors must be given: a file or folder, or several")
    for path in vectors:
        require_input(path)
    for option in ("compare", "runs", "common"):
        if getattr(options, option) and len(vectors) < 2:
            raise ValueError(f"vectors must be at least 2 with --{option}, got {len(vectors)}")
