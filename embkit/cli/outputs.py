"""Outputs are reserved before the work: what cannot be written later is refused now."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from embkit.errors import OutputError, OutputExistsError
from embkit.output import locked


@contextlib.contextmanager
def reserved_output(
    path: Path, *, overwrite: bool, inputs: Iterable[Path] = ()
) -> Iterator[None]:
    """Make sure that ``path`` can be written when the work is done, and hold it meanwhile.

    Raises
    ------
    OutputExistsError
        If it exists and is not to be overwritten.
    OutputError
        If its folder does not exist.
    LockedError
        If another run holds it.
    OSError
        If its folder refuses a new file.
    ValueError
        If it is one of the inputs.
    """
    if any(path.exists() and s.exists() and path.samefile(s) for s in inputs):
        raise ValueError(f"output must not be an input, got {path}")
    if is_stream(path):
        yield
        return
    model = path / "embeddings.safetensors"
    if not overwrite and (path.is_file() or model.exists()):
        raise OutputExistsError(f"output {path} exists; --overwrite replaces it")
    if not path.parent.is_dir():
        raise OutputError(errno.ENOENT, "the output's folder does not exist", str(path))
    _try_writing(path)
    with locked(path.with_name(path.name + ".lock"), f"output {path}"):
        yield


def is_stream(path: Path) -> bool:
    """Tell whether ``path`` is written to as it is: standard output, a pipe, a device."""
    return str(path) == "-" or (path.exists() and not path.is_file() and not path.is_dir())


def _try_writing(path: Path) -> None:
    try:
        descriptor, probe = tempfile.mkstemp(
            prefix=".embkit-", dir=path if path.is_dir() else path.parent
        )
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        os.close(descriptor)
    finally:
        Path(probe).unlink(missing_ok=True)
