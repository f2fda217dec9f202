"""``embkit train glove``: from text, or from counts, to vectors."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from cyclopts import App

from embkit.cli.given_counts import check_source, load_given_counts
from embkit.cli.loading import given_vocabulary
from embkit.cli.options import FLATTEN, CommonOptions, GloveRunOptions
from embkit.cli.outputs import inputs_of
from embkit.cli.training_run import tell_trained, train_and_save
from embkit.config import GloveConfig

EXAMPLE = """Example: embkit train glove corpus.txt --output model --dim 100 --x-max 10

Ten epochs, then ten more:

embkit train glove corpus.txt --output v.txt --epochs 10 --run v.run --keep-run

embkit resume v.run --epochs 20 --output w.txt"""


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
    sources = list(corpus)
    check_source(sources, run, config)
    inputs = inputs_of(sources, run.cooccurrence, run.vocabulary, run.cache)
    options: dict[str, Any] = asdict(config)
    source: object = sources[0] if len(sources) == 1 else sources
    if run.cooccurrence is not None:
        source = load_given_counts(run.cooccurrence, run.vocabulary)
    else:
        options |= {"vocabulary": given_vocabulary(run.vocabulary)}
        options |= {"invalid": run.invalid, "cache": run.cache}
    tell_trained(
        train_and_save("glove", source, run, common, inputs=inputs, options=options), common
    )


def register(train: App) -> None:
    """Add the command to ``embkit train``."""
    train.command(glove, help_epilogue=EXAMPLE)
