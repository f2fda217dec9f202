"""What the tasks of ``embkit eval`` print: tables of results, and why a figure is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embkit.cli.exit_codes import NothingEvaluatedError
from embkit.cli.terminal import note, print_json, print_table
from embkit.evaluation.results import Result


def print_results(results: Sequence[Result], *, json: bool, quiet: bool = False) -> None:
    """Print results as a table with a header, or as one JSON document.

    Undefined figures are ``-`` in the table; their reasons follow on stderr.

    Raises
    ------
    NothingEvaluatedError
        If there are results, and none of them has its figure.
    """
    if json:
        print_json([result.to_dict() for result in results])
    else:
        told = quiet or is_nothing_evaluated(results)
        print_explained([row for result in results for row in result.rows()], quiet=told)
    refuse_nothing_evaluated(results)


def is_nothing_evaluated(results: Sequence[Result]) -> bool:
    """Tell whether there are results, and none of them has its figure."""
    return bool(results) and all(result.undefined() for result in results)


def refuse_nothing_evaluated(results: Sequence[Result]) -> None:
    """End the command with the exit code of unusable data if nothing could be evaluated.

    Call it when the results have been printed: they tell how much was covered.

    Raises
    ------
    NothingEvaluatedError
        If there are results, and none of them has its figure.
    """
    if is_nothing_evaluated(results):
        reasons = dict.fromkeys(str(result.undefined()) for result in results)
        raise NothingEvaluatedError(f"nothing could be evaluated: {'; '.join(reasons)}")


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
