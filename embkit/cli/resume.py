"""``embkit resume``: go on with a run that was interrupted."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App

from embkit.cli.options import FLATTEN, CommonOptions, Flag, MaybeOutput, MemoryOption
from embkit.cli.outputs import check_apart, check_log, reserved_output
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
    output: MaybeOutput = None,
    format: str | None = None,
    overwrite: Flag = False,
    keep_run: Flag = False,
    epochs: int | None = None,
    log: Path | None = None,
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
        Where the vectors go; as the run was told when left out, with the same --format and
        --overwrite where the run's folder is OUTPUT.run.
    format
        Format to write, whatever the name of the output; as the run was told when left out.
    overwrite
        Replace the output if it exists, also where the run was not told so.
    keep_run
        Keep the folder after success, also where the run was not told so.
    epochs
        For GloVe: train on to so many epochs, as one run of so many. (The learning rate of the
        others falls to the end of their epochs: embkit train --init-from trains them further.)
    log
        Add a line of JSON to this file for each report, as embkit train --log does.
    """
    from embkit import formats, training
    from embkit.training.run import read_run

    if not (run / "run.json").exists():
        hint = "No run is here; after success its folder goes, unless --keep-run was given"
        raise FileNotFoundError(errno.ENOENT, hint, str(run))
    content = read_run(run)
    _choose_simd(content["identity"]["simd"])
    told = content["output"] or {}
    if output is not None:
        target, replace = output, overwrite
    else:
        target, told_format, told_overwrite = _told_output(run, told)
        format, replace = format or told_format, overwrite or told_overwrite
    reports: list[TrainingProgress] = []
    formats.check_output_name(target, format=format)
    check_apart(run, target)
    check_log(log, target, run / "run.json")
    is_kept = keep_run or told.get("keep_run", False)
    folder = training.RunFolder(run, checkpoint_at_end=is_kept)
    with reserved_output(target, overwrite=replace):
        with told_where_to_resume(folder, common, log):
            vectors = training.resume(
                folder,
                progress=not common.quiet and sys.stderr.isatty(),
                callback=lambda report: reports.__setitem__(slice(None), [report]),
                memory=memory_limit(limits.memory),
                log=log,
                keep_run=True,  # until the vectors are written
                epochs=epochs,
            )
            formats.save(vectors, target, format=format, overwrite=replace)
        if not is_kept:
            folder.remove()
    tell_trained(Trained(vectors, target, reports[0] if reports else None), common)


def _told_output(run: Path, told: Mapping[str, Any]) -> tuple[Path, str | None, bool]:
    """Return the output that the run was begun for, its format, and whether to replace it.

    A folder that comes from elsewhere might name any file of the user's. So nothing is replaced
    that the folder is not called after, as OUTPUT.run is, and no name is taken that is not one
    of vectors.

    Raises
    ------
    ValueError
        If it tells none, or one that the command line must name.
    """
    if "path" not in told:
        raise ValueError("output must be given: the run was begun from Python")
    path, format = Path(told["path"]), told.get("format")
    if Path(f"{path}.run") == Path(os.path.abspath(run)):  # noqa: PTH100  (".." is resolved)
        return path, format, told.get("overwrite") is True
    if format is not None:
        raise ValueError(f"output and format must be given: they were {path} and {format}")
    return path, None, False


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
