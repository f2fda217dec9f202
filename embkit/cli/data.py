"""``embkit data``: the data sets that evaluation reads by name."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App

from embkit.cli.loading import require_input
from embkit.cli.options import FLATTEN, CommonOptions, Flag
from embkit.cli.terminal import note, print_json, print_table

LIST_EXAMPLE = "Example: embkit data list --kind similarity"
FETCH_EXAMPLE = "Example: embkit data fetch ws353 simlex999"
PATH_EXAMPLE = "Example: embkit data path ws353"
IMPORT_EXAMPLE = "Example: embkit data import bats BATS_3.0/"
_PLACES = {"folder": "yes", "gensim": "in gensim", "nowhere": "no"}


def list_(
    *,
    kind: str | None = None,
    language: str | None = None,
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print the known data sets: name, kind, language, entries, whether it is here, title.

    Parameters
    ----------
    kind
        Only similarity, analogy, categorization, outliers, bias or translations.
    language
        Only this language, such as de or en-de.
    """
    from embkit.checks import check_choice
    from embkit.evaluation.registry import KINDS, locate, registry

    if kind is not None:
        check_choice("kind", kind, KINDS)
    entries = [
        entry
        for entry in registry().values()
        if kind in (None, entry.kind) and language in (None, entry.language)
    ]
    if common.json:
        print_json([{**dataclasses.asdict(e), "here": locate(e)[0]} for e in entries])
        return
    rows: list[tuple[str, ...]] = [("name", "kind", "language", "entries", "here", "title")]
    for entry in entries:
        size = "-" if entry.entries is None else str(entry.entries)
        here = _PLACES[locate(entry)[0]]
        rows.append((entry.name, entry.kind, entry.language, size, here, entry.title))
    print_table(rows)


def fetch(
    *names: str,
    all: Flag = False,
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Bring data sets into the folder EMBKIT_DATA, or the user's cache, and check them.

    Parameters
    ----------
    names
        Names that `embkit data list` shows.
    all
        All that can be fetched.
    """
    from embkit.evaluation import fetching, registry

    chosen = [entry for entry in registry.registry().values() if all and entry.url]
    chosen += [entry for name in names if (entry := registry.find_entry(name)) not in chosen]
    if not chosen:
        raise ValueError("names must be given, or --all: embkit data fetch NAMES...")
    progress = not common.quiet and sys.stderr.isatty()
    brought: list[dict[str, Any]] = []
    for entry in chosen:
        path = fetching.fetch(entry.name, progress=progress)
        if entry.sha256 is None:
            note(
                f"{entry.name}: no checksum is known, nobody has checked these bytes",
                quiet=common.quiet,
            )
        brought.append({"name": entry.name, "path": str(path), "licence": entry.licence})
        if not common.json:
            print_table([(entry.name, str(path), entry.licence)])
    if common.json:
        print_json(brought)


def path(name: str, /, *, common: Annotated[CommonOptions, FLATTEN] = CommonOptions()) -> None:
    """Print where a data set is; an error if it is not here, or not what it should be.

    Parameters
    ----------
    name
        A name that `embkit data list` shows.
    """
    from embkit.evaluation.registry import path_of

    found = str(path_of(name))
    if common.json:
        print_json({"name": name, "path": found})
    else:
        print_table([(found,)])


def import_(
    name: str,
    file: Path,
    /,
    *,
    overwrite: Flag = False,
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Copy a data set that you have into the folder of data sets, under its known name.

    Parameters
    ----------
    name
        A name that `embkit data list` shows.
    file
        The file, or the folder where the set is one.
    overwrite
        Replace what is there.
    """
    from embkit.evaluation.fetching import import_file

    require_input(file)
    target = str(import_file(name, file, overwrite=overwrite))
    if common.json:
        print_json({"name": name, "path": target})
    else:
        print_table([(name, target)])


def register(app: App) -> None:
    """Add the command with its subcommands."""
    data = App(name="data", help="List, fetch and find the data sets of evaluation.")
    data.command(list_, name="list", help_epilogue=LIST_EXAMPLE)
    data.command(fetch, help_epilogue=FETCH_EXAMPLE)
    data.command(path, help_epilogue=PATH_EXAMPLE)
    data.command(import_, name="import", help_epilogue=IMPORT_EXAMPLE)
    data.help_epilogue = LIST_EXAMPLE
    app.command(data)
