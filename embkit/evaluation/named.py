"""Data sets by name or by path, read by the reader of their kind."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from embkit.checks import check_choice
from embkit.errors import FormatError
from embkit.evaluation.analogy_files import read_analogies
from embkit.evaluation.readers import (
    read_categorization,
    read_outliers,
    read_similarity,
    read_weat,
)
from embkit.evaluation.registry import (
    KINDS,
    Kind,
    data_folder,
    find_entry,
    locate,
    path_of,
    registry,
)
from embkit.evaluation.sets import (
    AnalogySet,
    CategorizationSet,
    DataSet,
    OutlierSet,
    SimilaritySet,
)

_Set = TypeVar("_Set", SimilaritySet, AnalogySet, CategorizationSet, OutlierSet)
_KINDS: dict[type, Kind] = {
    SimilaritySet: "similarity",
    AnalogySet: "analogy",
    CategorizationSet: "categorization",
    OutlierSet: "outliers",
}


def read_file(kind: Kind, path: Path, *, columns: Sequence[str] | None = None) -> DataSet:
    """Read a file as a set of a kind other than "translations".

    Raises
    ------
    FormatError
        If it is malformed.
    ValueError
        If ``kind`` is unknown, or has no columns to be named.
    """
    check_choice("kind", kind, tuple(k for k in KINDS if k != "translations"))
    if columns is not None and kind not in ("similarity", "categorization"):
        raise ValueError(f"columns must be left out for {kind} sets, got {', '.join(columns)}")
    if kind == "similarity":
        return read_similarity(path, columns=columns)
    if kind == "categorization":
        return read_categorization(path, columns=columns)
    if kind == "analogy":
        return read_analogies(path)
    return read_outliers(path) if kind == "outliers" else read_weat(path)


def open_set(
    name: str | os.PathLike[str], kind: Kind, *, columns: Sequence[str] | None = None
) -> DataSet:
    r"""Return a set by its file or by its name in the registry.

    Parameters
    ----------
    name : str or path
        A file or folder that exists, else a name.
    kind : str
        What the set must be.
    columns : sequence of str, optional
        For a file: the columns, as the reader of the kind takes them.

    Raises
    ------
    FileNotFoundError
        If it is a known name, but the set is not here.
    FormatError
        If it is malformed, or not what the registry says.
    ValueError
        If the name is unknown, or of another kind.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "mine.tsv"
    >>> _ = path.write_text("sun\tsea\t1.5\n")
    >>> len(open_set(path, "similarity"))
    1
    """
    if os.fspath(name) and Path(name).exists():
        return read_file(kind, Path(name), columns=columns)
    if columns is not None or os.sep in os.fspath(name):
        raise FileNotFoundError(2, os.strerror(2), os.fspath(name))
    entry = find_entry(os.fspath(name))
    if entry.kind != kind:
        raise ValueError(f"data set must be of kind {kind}, but {entry.name} is {entry.kind}")
    path = path_of(entry.name)
    in_folder = path == data_folder() / entry.file
    known = entry.columns if in_folder and kind in ("similarity", "categorization") else None
    read = read_file(kind, path, columns=known)
    if entry.entries is not None and len(read) != entry.entries:
        reason = f"{entry.name} has {entry.entries} entries, got {len(read)}"
        raise FormatError(path, None, None, reason)
    return replace(read, name=entry.name)


def as_set(data: _Set | str | os.PathLike[str], form: type[_Set]) -> _Set:
    r"""Return a set that is given as it is, or as `open_set` takes it.

    Raises
    ------
    FileNotFoundError, FormatError, ValueError
        As `open_set`; ValueError too if ``data`` is of another form.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "mine.tsv"
    >>> _ = path.write_text("sun\tsea\t1.5\n")
    >>> as_set(path, SimilaritySet).pairs
    (('sun', 'sea'),)
    """
    found = open_set(data, _KINDS[form]) if isinstance(data, str | os.PathLike) else data
    if not isinstance(found, form):
        kinds = f"{form.__name__}, a file or a name of `embkit data list`"
        raise ValueError(f"data must be {kinds}, got {type(found).__name__}")
    return found


def default_sets(kind: Kind, *, language: str = "en") -> list[str]:
    """Return the names of the usual sets of a kind that are here.

    Examples
    --------
    >>> getfixture("monkeypatch").setenv("EMBKIT_DATA", str(getfixture("tmp_path")))
    >>> set(default_sets("categorization"))
    set()
    """
    return [
        entry.name
        for entry in registry().values()
        if (entry.kind, entry.language, entry.default) == (kind, language, True)
        and locate(entry)[0] != "nowhere"
    ]
