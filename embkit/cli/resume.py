"""``embkit resume``: go on with a run that was interrupted."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App

from embkit.cli.options import FLATTEN, CommonOptions, Flag, MemoryOption, show_dash
from embkit.cli.outputs import reserved_output
from embkit.cli.terminal import visible
from embkit.cli.training_run import Trained, tell_trained, told_where_to_resume
from embkit.memory import memory_limit

if TYPE_CHECKING:
    from embkit.training import TrainingProgress

EXAMPLE = """Example: embkit resume model.run

after embkit train sgns corpus.txt --output model --checkpoint-every 10m was interrupted

GloVe, trained on from 25 epochs to 50:

embkit train glove corpus.txt --output v.bin --run v.run --keep-run

embkit resume v.run --epochs 50 --output w.bin"""


def resume(
    run: Path,
    /,
    *,
    output: Path | None = None,
    format: str | None = None,
    overwrite: Flag = False,
    keep_run: Flag = False,
    epochs: int | None = None,
    limits: Annotated[MemoryOption, FLATTEN] = MemoryOption(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Go on with a run that was interrupted, from its last whole checkpoint.

    With one thread the result is that of the run without interruption, bit for bit.

    Parameters
    ----------
    run
        The folder that embkit train made for the run.
    output
        Where the vectors go; as the run was told when left out.
    format
        Format to write, whatever the name of the output; as the run was told when left out.
    overwrite
        Replace the output if it exists, also where the run was not told so.
    keep_run
        Keep the folder after success, also where the run was not told so.
    epochs
        For GloVe: train on to so many epochs, as one run of so many. (The learning rate of the
        others falls to the end of their epochs: embkit train --init-from trains them further.)
    """
    from embkit import formats, training
    from embkit.training.run import read_run

    content = read_run(run)
    _choose_simd(content["identity"]["simd"])
    told = content["output"] or {}
    if output is None and "path" not in told:
        raise ValueError("output must be given: the run was begun from Python")
    target = Path(show_dash(output)) if output is not None else Path(told["path"])
    if format is None and output is None:
        format = told.get("format")
    replace = overwrite or told.get("overwrite", False)
    reports: list[TrainingProgress] = []
    formats.check_output_name(target, format=format)
    is_kept = keep_run or told.get("keep_run", False)
    folder = training.RunFolder(run, checkpoint_at_end=is_kept)
    with reserved_output(target, overwrite=replace):
        with told_where_to_resume(folder, common):
            vectors = training.resume(
                folder,
                progress=not common.quiet and sys.stderr.isatty(),
                callback=lambda report: reports.__setitem__(slice(None), [report]),
                memory=memory_limit(limits.memory),
                keep_run=True,  # until the vectors are written
                epochs=epochs,
            )
            formats.save(vectors, target, format=format, overwrite=replace)
        if not is_kept:
            folder.remove()
    tell_trained(Trained(vectors, target, reports[0] if reports else None), common)


def _choose_simd(level: str) -> None:
    """Use the run's SIMD level, or refuse; the core chooses at its first use."""
    from embkit._native import core

    if level not in core.simd_levels():
        raise ValueError(f"the run needs SIMD level {visible(level)}, this machine has none")
    os.environ.setdefault("EMBKIT_SIMD", level)
    if core.simd_level() != level:
        raise ValueError(
            f"EMBKIT_SIMD must be {level}, as when the run began, got {core.simd_level()}"
        )


def register(app: App) -> None:
    """Add the command."""
    app.command(resume, help_epilogue=EXAMPLE)
