"""``embkit convert``: vectors from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App

from embkit.cli.loading import load_vectors, naming_damage
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions
from embkit.cli.outputs import reserved_output, tells_json
from embkit.cli.terminal import note, print_json

EXAMPLE = "Example: embkit convert GoogleNews.bin.gz vectors.txt --limit 100000"


def convert(
    source: Path,
    target: Path,
    /,
    *,
    format: str | None = None,
    overwrite: Flag = False,
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Read vectors of any format and write them in the one that the name asks for.

    A name without an extension makes a folder with ``embeddings.safetensors``, embkit's
    own complete form; .bin, .txt, .vec, .glove and .npz make the usual files.

    Parameters
    ----------
    source
        File or folder to read; its format is told by its content.
    target
        File or folder to write.
    format
        Format to write, whatever the name of the target.
    overwrite
        Replace the target if it exists.
    """
    from embkit import formats

    formats.check_output_name(target, format=format)
    with reserved_output(target, overwrite=overwrite, inputs=[source]):
        vectors = load_vectors(source, load)
        with naming_damage(source):
            formats.save(vectors, target, format=format, overwrite=overwrite)
    if tells_json(common, target):
        print_json({"output": str(target), "num_words": len(vectors), "dim": vectors.dim})
    else:
        note(f"wrote {target}: {len(vectors)} words x {vectors.dim}", quiet=common.quiet)


def register(app: App) -> None:
    """Add the command."""
    app.command(convert, help_epilogue=EXAMPLE)
