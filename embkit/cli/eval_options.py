"""Options of the tasks of ``embkit eval`` that score several vectors on several sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter

from embkit.cli.eval_sets import SetOptions
from embkit.cli.loading import require_input
from embkit.cli.options import Flag
from embkit.evaluation.spaces import Case
from embkit.evaluation.task_options import TaskOptions

Options = TypeVar("Options")


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


@dataclass(frozen=True, kw_only=True)
class SharedOptions:
    """Options that tasks have in common; each takes those that it has, in its own sense."""

    compare: Flag = False
    """Say who is better, as ``embkit eval similarity`` and ``analogy`` do, for each two of the
    vectors."""
    case: Case | None = None
    """How a word finds its row: as written (exact), in lower case, regardless of case (fold),
    or as written and else in other cases (fallback); each task's own way when left out."""
    restrict_vocab: int | None = None
    """Know only the first so many words; each task's own number when left out."""
    resamples: int | None = None
    """Bootstrap samples; each task's own number when left out."""
    confidence: float | None = None
    """Confidence of the intervals; each task's own when left out."""
    seed: int | None = None
    """Seed of all that is drawn; each task's own when left out."""
    device: str | None = None
    """Where analogies and the neighbours of the diagnostics are searched: cpu (when left out),
    cuda or cuda:N (through CuPy), or auto."""

    def __post_init__(self) -> None:
        self.of(TaskOptions)  # refuses, before the work, what no task takes

    def of(self, kind: type[Options]) -> Options:
        """Return a task's options, as far as they are given here."""
        names = {option.name for option in fields(kind)}  # type: ignore[arg-type]
        given: dict[str, Any] = {
            name: value for name, value in vars(self).items() if value is not None
        }
        return kind(**{name: value for name, value in given.items() if name in names})


def check_several(vectors: Sequence[Path], options: ScoreOptions | SharedOptions) -> None:
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
        if getattr(options, option, False) and len(vectors) < 2:
            raise ValueError(f"vectors must be at least 2 with --{option}, got {len(vectors)}")
