"""A training run as the commands begin it and go on with it: output, folder, what is told."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embkit.cli.loading import require_input
from embkit.cli.options import CommonOptions, ResumableRunOptions
from embkit.cli.outputs import (
    check_apart,
    check_holds_output,
    check_log,
    is_stream,
    reserved_output,
    tells_json,
    try_space,
)
from embkit.cli.terminal import note, print_json
from embkit.errors import DivergenceError
from embkit.memory import memory_limit

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.training import RunFolder, TrainingProgress


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run came to."""

    vectors: Embeddings
    output: Path
    last_report: TrainingProgress | None
    """None where all of it had been trained before."""

    @property
    def speed(self) -> float:
        """Words (GloVe: cells) per second, of those that were trained now."""
        report = self.last_report
        if report is None or report.seconds <= 0:
            return 0.0
        return (report.tokens - report.tokens_before) / report.seconds


def train_and_save(
    method: str,
    source: object,
    run: ResumableRunOptions,
    common: CommonOptions,
    *,
    inputs: Iterable[Path],
    options: dict[str, Any],
) -> Trained:
    """Train with the output reserved, save, and remove the run's folder.

    Raises
    ------
    FileNotFoundError
        If there is no ``--init-from``.
    ValueError
        If options do not fit together; other errors as `embkit.training.train` has them.
    """
    from embkit import formats, training

    output = run.output
    name = formats.check_output_name(output, format=run.format)
    if options.get("keep_output"):
        check_holds_output(output, name)
    folder = _run_folder(run, output)
    kept = [] if run.init_from is None else [run.init_from]
    for path in kept:
        require_input(path)
    inputs = [*inputs, *kept]
    check_log(run.log, output, *inputs)
    reports: list[TrainingProgress] = []
    with reserved_output(output, overwrite=run.overwrite, inputs=inputs):
        with told_where_to_resume(folder, common, run.log):
            vectors = training.train(
                method,
                source,  # type: ignore[arg-type]
                progress=not common.quiet and sys.stderr.isatty(),
                log=run.log,
                callback=lambda report: reports.__setitem__(slice(None), [report]),
                memory=memory_limit(run.memory),
                init_from=run.init_from,
                run=folder,
                keep_run=True,  # until the vectors are written
                ready=lambda num_words, dim: try_space(output, 4 * num_words * dim),
                **options,
            )
            formats.save(vectors, output, format=run.format, overwrite=run.overwrite)
        if folder is not None and not run.keep_run:
            folder.remove()
    return Trained(vectors, output, reports[0] if reports else None)


def _run_folder(run: ResumableRunOptions, output: Path) -> RunFolder | None:
    """Return the folder of a run that is to be resumable."""
    from embkit.training import RunFolder
    from embkit.training.run import EVERY

    if run.run is None and run.checkpoint_every is None:
        if run.keep_run:
            raise ValueError("run or checkpoint_every must be given with --keep-run")
        return None
    if is_stream(output):
        raise ValueError(f"output must be a file or a folder for a run to resume, got {output}")
    if str(run.run) == "-":
        raise ValueError("run must be a folder, got -")
    path = run.run or output.with_name(output.name + ".run")
    check_apart(path, output)
    facts = {"path": str(output.absolute()), "format": run.format, "overwrite": run.overwrite}
    return RunFolder(
        path,
        run.checkpoint_every or EVERY,
        {**facts, "keep_run": run.keep_run},
        checkpoint_at_end=run.keep_run,
    )


@contextlib.contextmanager
def told_where_to_resume(
    folder: RunFolder | None, common: CommonOptions, log: Path | None
) -> Iterator[None]:
    """Name the command that goes on, if the work within ends early and there is one."""
    try:
        yield
    except BaseException as error:
        would_fail_again = isinstance(error, ValueError | DivergenceError | FileNotFoundError)
        if folder is not None and folder.is_begun() and not would_fail_again:
            told = "" if log is None else f" --log {log}"
            note(f"embkit resume {folder.path}{told} goes on", quiet=common.quiet)
        raise


def tell_trained(trained: Trained, common: CommonOptions) -> None:
    """Say what was written."""
    vectors, provenance = trained.vectors, trained.vectors.provenance
    is_glove = provenance["method"] == "glove"
    if tells_json(common, trained.output):
        summary: dict[str, Any] = {
            "output": str(trained.output),
            "num_words": len(vectors),
            "dim": vectors.dim,
        }
        if is_glove:
            summary |= {"cells_per_second": round(trained.speed)}
            summary |= {"cost": provenance["final_loss"]}
        else:
            summary |= {"words_per_second": round(trained.speed)}
        print_json({**summary, "provenance": provenance})
        return
    if (begun := provenance.get("init_from")) is not None:
        found = f"{begun['num_found']} of {begun['num_words']} words"
        what = "their vectors and output vectors" if begun["has_output"] else "their vectors"
        note(f"{found} began with {what} in {begun['source']}", quiet=common.quiet)
    cost = f"cost {provenance['final_loss']:.5f}, " if is_glove else ""
    size = f"{len(vectors)} words x {vectors.dim}"
    unit = "cells" if is_glove else "words"
    normalizer = provenance.get("normalizer")
    sums = f", probabilities sum to {normalizer['mean']:.3g}" if normalizer else ""
    place = f" on {provenance['device']}" if "device" in provenance else ""
    note(
        f"wrote {trained.output}: {size}, {cost}{trained.speed:,.0f} {unit}/s{place}{sums}",
        quiet=common.quiet,
    )
