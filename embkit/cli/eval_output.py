"""What the tasks of ``embkit eval`` print: tables of results, and why a figure is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embkit.cli.terminal import note, print_json, print_table
from embkit.evaluation.results import Result


def print_results(results: Sequence[Result], *, json: bool, quiet: bool = False) -> None:
    """Print results as a table with a header, or as one JSON document.

    Undefined figures are ``-`` in the table; their reasons follow on stderr.
    """
    if json:
        print_json([result.to_dict() for result in results])
        return
    print_explained([row for result in results for row in result.rows()], quiet=quiet)


def print_explained(rows: Sequence[dict[str, Any]], *, quiet: bool = False) -> None:
    """Print rows as a table, and on stderr the reason of each that has one."""
    print_rows(rows)
    for row in rows:
        if row.get("reason"):
            names = [str(row[n]) for n in ("vectors", "set", "method", "section") if row.get(n)]
            note(f"{' '.join(names)}: {row['reason']}", quiet=quiet)


def print_rows(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows under the names of their columns, in columns parted by tabs."""
    names = list(dict.fromkeys(name for row in rows for name in row if name != "reason"))
    print_table([names, *([shown(row.get(name)) for name in names] for row in rows)])


def shown(value: object) -> str:
    """Return a cell: figures with three decimals, ``-`` for undefined.

    Examples
    --------
    >>> shown(0.51234), shown(353), shown(None)
    ('0.512', '353', '-')
    """
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
