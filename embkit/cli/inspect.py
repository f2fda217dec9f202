"""``embkit inspect``: what a file is, and what is odd in it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

from cyclopts import App

from embkit.cli.loading import require_input
from embkit.cli.options import FLATTEN, CommonOptions
from embkit.cli.terminal import print_json, print_table

EXAMPLE = "Example: embkit inspect vectors.bin --json"


def inspect(
    file: Path, /, *, common: Annotated[CommonOptions, FLATTEN] = CommonOptions()
) -> None:
    """Tell the format of a file, its size, and everything odd in it.

    Parameters
    ----------
    file
        File or folder with vectors.
    """
    require_input(file)
    from embkit import formats

    report = dataclasses.asdict(formats.inspect(file))
    if common.json:
        print_json(report)
    else:
        print_table((name.replace("_", " "), _text(value)) for name, value in report.items())


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={entry}" for key, entry in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(str(entry) for entry in value) or "none"
    return str(value)


def register(app: App) -> None:
    """Add the command."""
    app.command(inspect, help_epilogue=EXAMPLE)
