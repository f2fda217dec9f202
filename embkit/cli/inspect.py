"""``embkit inspect``: what a file is, and what is odd in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from cyclopts import App

from embkit.cli.exit_codes import ExitCode
from embkit.cli.loading import require_input
from embkit.cli.options import FLATTEN, CommonOptions
from embkit.cli.own_files import inspect_own
from embkit.cli.terminal import print_json, print_table
from embkit.notebook import MOST_SHOWN

EXAMPLE = "Example: embkit inspect vectors.bin --json"


def inspect(
    file: Path, /, *, common: Annotated[CommonOptions, FLATTEN] = CommonOptions()
) -> int:
    """Tell the format of a file, its size, and everything odd in it.

    Of a map: how it was fitted, and the verdict on it; of counts: how they were made. The exit
    code is 3 if the file has problems, so that it loads only with --lenient.

    Parameters
    ----------
    file
        File or folder with vectors, a map or counts; - reads standard input.
    """
    require_input(file)
    from embkit import formats

    report = inspect_own(file) or formats.inspect(file).to_dict()
    if common.json:
        print_json(report)
    else:
        print_table(row for name, value in report.items() for row in _rows(name, value))
    return ExitCode.INPUT if report.get("problems") else ExitCode.DONE


def _rows(name: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield a row of each fact; what holds groups of facts has one for each of its parts."""
    if isinstance(value, dict) and any(isinstance(part, dict) for part in value.values()):
        for part, entry in value.items():
            is_long = isinstance(entry, list | tuple) and len(entry) > MOST_SHOWN
            yield from _rows(f"{name} {part}", _brief(entry) if is_long else entry)
    else:
        yield name.replace("_", " "), _text(value)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={_brief(entry)}" for key, entry in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(str(entry) for entry in value) or "none"
    return "none" if value is None else str(value)


def _brief(entry: object) -> str:
    if not isinstance(entry, list | tuple) or len(entry) <= MOST_SHOWN:
        return str(entry)
    return f"[{', '.join(map(str, entry[:MOST_SHOWN]))}, ... ({len(entry)} in all)]"


def register(app: App) -> None:
    """Add the command."""
    app.command(inspect, help_epilogue=EXAMPLE)
