"""The field's data sets by name: where they are, and how they are brought.

A name is looked up in the registry and then found in the folder of data sets (``EMBKIT_DATA``,
else the user's cache), or among the test data of an installed gensim. Nothing is brought from
the network but by `embkit.evaluation.fetching`.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from embkit.errors import FormatError
from embkit.streams import open_file

Kind: TypeAlias = Literal[
    "similarity", "analogy", "categorization", "outliers", "bias", "translations"
]
KINDS: tuple[Kind, ...] = get_args(Kind)

Place: TypeAlias = Literal["folder", "gensim", "nowhere"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One data set of the registry."""

    name: str
    title: str
    kind: Kind
    language: str
    """A code, or two joined by a hyphen."""
    file: str
    """Its name in the folder of data sets."""
    licence: str
    citation: str
    url: str | None = None
    """None where it must be had by hand from ``page``."""
    page: str | None = None
    sha256: str | None = None
    """None if its bytes were never seen whole."""
    size: int | None = None
    """Bytes."""
    entries: int | None = None
    """Pairs, questions, words, groups, tests, or words with translations."""
    columns: tuple[str, ...] | None = None
    gensim: str | None = None
    """Its name among gensim's test data."""
    default: bool = False
    """Whether it is used where no set is named."""
    aliases: tuple[str, ...] = field(default=())


@cache
def registry() -> Mapping[str, Entry]:
    """Return the entries of the registry by name.

    Examples
    --------
    >>> registry()["ws353"].entries
    353
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    tables = tomllib.loads(_registry_text())
    return {name: _entry(name, table) for name, table in tables.items()}


def _registry_text() -> str:
    if importlib.util.find_spec("embkit.data") is not None:
        folder = resources.files("embkit.data")
    else:  # a source tree built in place, where nothing maps the package to its folder
        folder = resources.files("embkit") / ".." / "data"
    return (folder / "registry.toml").read_text(encoding="utf-8")


def _entry(name: str, table: dict[str, Any]) -> Entry:
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in table.items()
    }
    return Entry(name=name, **values)


def find_entry(name: str) -> Entry:
    """Return the entry of a name or another name of it.

    Raises
    ------
    ValueError
        If the registry has none; the message names the nearest.
    """
    for entry in registry().values():
        if name.lower() in (entry.name, *entry.aliases):
            return entry
    close = difflib.get_close_matches(name.lower(), registry(), n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    raise ValueError(
        f"data set must be a file or a name of `embkit data list`, got {name!r}{hint}"
    )


def data_folder() -> Path:
    """Return the folder of data sets: ``EMBKIT_DATA``, else one in the user's cache."""
    given = os.environ.get("EMBKIT_DATA")
    if given:
        return Path(given)
    import pooch

    return Path(pooch.os_cache("embkit")) / "data"


def locate(entry: Entry) -> tuple[Place, Path]:
    """Return where a set is; "nowhere" with the path at which it was looked for.

    Examples
    --------
    >>> getfixture("monkeypatch").setenv("EMBKIT_DATA", str(getfixture("tmp_path")))
    >>> place, path = locate(find_entry("men"))
    >>> place, path.name
    ('nowhere', 'men.txt')
    """
    path = data_folder() / entry.file
    if path.exists():
        return "folder", path
    bundled = None if entry.gensim is None else gensim_data(entry.gensim)
    return ("nowhere", path) if bundled is None else ("gensim", bundled)


def gensim_data(name: str) -> Path | None:
    """Return a file of gensim's test data, None without gensim; imports nothing of it."""
    spec = importlib.util.find_spec("gensim")
    folders = (spec.submodule_search_locations or []) if spec is not None else []
    paths = (Path(folder) / "test" / "test_data" / name for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def path_of(name: str) -> Path:
    """Return the path of a set that is here.

    Raises
    ------
    FileNotFoundError
        If it is not; the message says how to bring it.
    FormatError
        If the file differs from the registry's.
    ValueError
        If the registry has no such name.
    """
    entry = find_entry(name)
    place, path = locate(entry)
    if place == "nowhere":
        how = f"embkit data fetch {entry.name}" if entry.url else by_hand(entry)
        raise FileNotFoundError(2, f"the data set {entry.name} is not here: {how}", str(path))
    if place == "folder":
        check_file(entry, path)
    return path


def by_hand(entry: Entry) -> str:
    """Say how to get a set that cannot be fetched."""
    return f"get it from {entry.page}, then embkit data import {entry.name} PATH"


def check_file(entry: Entry, path: Path) -> None:
    """Raise FormatError if a file has not the checksum of the registry."""
    if entry.sha256 is None or not path.is_file():
        return
    digest = hashlib.sha256()
    with open_file(path) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    found = digest.hexdigest()
    if found != entry.sha256:
        reason = (
            f"not the {entry.name} of the registry: sha256 must be {entry.sha256[:12]}..., "
            f"got {found[:12]}...; remove the file, or use it by its path"
        )
        raise FormatError(path, None, None, reason)
