"""``embkit train glove``: from text, or from counts, to vectors."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App

from embkit.cli.given_counts import check_source, load_given_counts
from embkit.cli.loading import given_vocabulary, require_input
from embkit.cli.memory import memory_limit
from embkit.cli.options import FLATTEN, CommonOptions, GloveRunOptions, show_dash
from embkit.cli.outputs import reserved_output
from embkit.cli.terminal import note, print_json
from embkit.config import GloveConfig

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.training import TrainingProgress

EXAMPLE = """Example: embkit train glove corpus.txt --output model --dim 100 --x-max 10

Ten epochs, then ten more:

embkit train glove corpus.txt --output v.txt --epochs 10 --state run.state

embkit train glove corpus.txt --output w.txt --epochs 10 --init-from run.state"""


def glove(
    *corpus: str,
    run: Annotated[GloveRunOptions, FLATTEN],
    config: Annotated[GloveConfig, FLATTEN] = GloveConfig(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Train GloVe: vectors whose products are the logarithms of co-occurrence counts.

    The text has one document or sentence a line, its words parted by blanks. Files may be
    compressed with gzip, bzip2, xz or zstd.

    Parameters
    ----------
    corpus
        Text files, folders or globs; - reads standard input.
    """
    from embkit import formats

    sources = [show_dash(source) for source in corpus]
    _check_inputs(sources, run, config)
    output = Path(show_dash(run.output))
    given = (*sources, run.cooccurrence, run.vocabulary)
    inputs = [Path(source) for source in given if source is not None]
    formats.check_output_name(output)
    with ExitStack() as reserved:
        if run.state is not None:
            outputs = reserved_output(run.state, overwrite=run.overwrite, inputs=inputs)
            reserved.enter_context(outputs)
        kept = [path for path in (run.init_from,) if path is not None]
        reserved.enter_context(
            reserved_output(output, overwrite=run.overwrite, inputs=[*inputs, *kept])
        )
        vectors, report = _train(sources, run, config, common)
        formats.save(vectors, output, overwrite=run.overwrite)
    _tell(vectors, output, report, common)


def _check_inputs(sources: list[str], run: GloveRunOptions, config: GloveConfig) -> None:
    check_source(sources, run, config)
    if run.state_every is not None and run.state is None:
        raise ValueError("state must be given with --state-every")
    if run.init_from is not None:
        require_input(run.init_from)


def _train(
    sources: list[str], run: GloveRunOptions, config: GloveConfig, common: CommonOptions
) -> tuple[Embeddings, TrainingProgress]:
    from embkit import training

    reports: list[TrainingProgress] = []
    options: dict[str, Any] = {
        "progress": not common.quiet and sys.stderr.isatty(),
        "log": run.log,
        "callback": lambda report: reports.__setitem__(slice(None), [report]),
        "memory": memory_limit(run.memory),
        "state": run.state,
        "state_every": run.state_every,
        "init_from": run.init_from,
    }
    if run.cooccurrence is not None:
        from embkit.training.glove_counts import train_on_counts

        counts = load_given_counts(run.cooccurrence, run.vocabulary)
        return train_on_counts(counts, config, **options), reports[0]
    source = sources[0] if len(sources) == 1 else sources
    options |= {"vocabulary": given_vocabulary(run.vocabulary)}
    options |= {"invalid": run.invalid, "cache": run.cache, **asdict(config)}
    return training.train("glove", source, **options), reports[0]


def _tell(
    vectors: Embeddings, output: Path, report: TrainingProgress, common: CommonOptions
) -> None:
    speed = report.tokens / report.seconds if report.seconds else 0.0
    cost = vectors.provenance["final_loss"]
    if common.json:
        summary = {
            "output": str(output),
            "num_words": len(vectors),
            "dim": vectors.dim,
            "cells_per_second": round(speed),
            "cost": cost,
            "provenance": vectors.provenance,
        }
        print_json(summary)
    else:
        size = f"{len(vectors)} words x {vectors.dim}"
        note(
            f"wrote {output}: {size}, cost {cost:.5f}, {speed:,.0f} cells/s",
            quiet=common.quiet,
        )


def register(train: App) -> None:
    """Add the command to ``embkit train``."""
    train.command(glove, help_epilogue=EXAMPLE)
