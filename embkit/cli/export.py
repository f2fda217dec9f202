"""``embkit export``: vectors for other programs to show."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App

from embkit.cli.loading import load_dense_vectors, require_input
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions
from embkit.cli.terminal import note, print_json

EXAMPLE = "Example: embkit export projector vectors.bin projector/ --limit 10000"


def projector(
    vectors: Path,
    output: Path,
    /,
    *,
    overwrite: Flag = False,
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Write the files of TensorBoard's embedding projector: tensors, metadata, configuration.

    ``tensorboard --logdir FOLDER`` shows them; projector.tensorflow.org takes both tables.

    Parameters
    ----------
    vectors
        File or folder with vectors, in any format that embkit reads.
    output
        The folder; made if it does not exist.
    overwrite
        Replace the files if they exist.
    """
    from embkit.report.projector import check_folder, write_projector

    require_input(vectors)
    check_folder(output, overwrite=overwrite)
    paths = write_projector(load_dense_vectors(vectors, load), output, overwrite=overwrite)
    if common.json:
        print_json({"files": [str(path) for path in paths]})
    else:
        note("wrote " + ", ".join(map(str, paths)), quiet=common.quiet)


def register(app: App) -> None:
    """Add the command with its subcommand."""
    export = App(name="export", help="Write vectors for other programs to show.")
    export.command(projector, help_epilogue=EXAMPLE)
    export.help_epilogue = EXAMPLE
    app.command(export)
