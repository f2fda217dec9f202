"""Outputs are looked at before the work: what cannot be written later is refused now."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from embkit.cli.exit_codes import OutputError
from embkit.errors import OutputExistsError


def check_output(path: Path, *, overwrite: bool, inputs: Iterable[Path] = ()) -> None:
    """Make sure that ``path`` can be written when the work is done.

    Raises
    ------
    OutputExistsError
        If it exists and is not to be overwritten.
    OutputError
        If its folder does not exist or refuses a new file.
    ValueError
        If it is one of the inputs.
    """
    for source in inputs:
        if path.exists() and source.exists() and path.samefile(source):
            raise ValueError(f"output must not be an input, got {path}")
    if path.exists() and not overwrite:
        raise OutputExistsError(f"output {path} exists; --overwrite replaces it")
    parent = path.parent
    if not parent.is_dir():
        raise OutputError(f"{path}: output folder {parent} does not exist")
    try:
        descriptor, probe = tempfile.mkstemp(prefix=".embkit-", dir=parent)
    except OSError as error:
        raise OutputError(f"{path}: output folder: {error.strerror}") from error
    os.close(descriptor)
    with contextlib.suppress(OSError):
        Path(probe).unlink()
