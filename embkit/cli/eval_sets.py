"""What the tasks of ``embkit eval`` are given: vectors, and sets by name or by file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from embkit.cli.loading import load_vectors, naming_damage, require_input
from embkit.cli.options import LoadOptions

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.evaluation.registry import Kind
    from embkit.evaluation.sets import DataSet


@dataclass(frozen=True, kw_only=True)
class SetOptions:
    """Which sets a task reads."""

    set: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = ()
    """A file, or a name of ``embkit data list``; may be repeated. When left out, the usual
    sets that are here."""


def open_sets(kind: Kind, names: Sequence[str], columns: Sequence[str] = ()) -> list[DataSet]:
    """Return the sets, checked before any vectors are read.

    ``columns`` are those of files, where they are not to be guessed.

    Raises
    ------
    FileNotFoundError
        If a known set is not here.
    FormatError
        If one is malformed.
    ValueError
        If a name is unknown, or none is given and none is here.
    """
    from embkit.evaluation.datasets import default_sets, open_set

    chosen = list(names) or default_sets(kind)
    if not chosen:
        raise ValueError(
            f"set must be given, since no {kind} set is here: "
            f"embkit data list --kind {kind} shows what embkit data fetch brings"
        )
    return [open_set(name, kind, columns=list(columns) or None) for name in chosen]


def load_each(paths: Sequence[Path], options: LoadOptions) -> Iterator[tuple[str, Embeddings]]:
    """Load one after the other, with the name that results give it.

    Raises
    ------
    FileNotFoundError
        If any is missing, before the first is loaded.
    FormatError
        If the content of one is wrong, or a row not finite.
    ValueError
        If there are none.
    """
    if not paths:
        raise ValueError("vectors must be given: a file or folder, or several")
    for path in paths:
        require_input(path)
    for path in paths:
        vectors = load_vectors(path, options)
        with naming_damage(path):
            _ = vectors.norms  # which evaluation needs anyhow
        yield str(path), vectors
