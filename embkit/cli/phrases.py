"""``embkit phrases``: find phrases in a corpus, and join them in one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App

from embkit.cli.loading import require_input
from embkit.cli.options import (
    FLATTEN,
    CommonOptions,
    JoinOptions,
    LearnOptions,
)
from embkit.cli.outputs import inputs_of, reserved_output, tells_json
from embkit.cli.terminal import note, print_json
from embkit.config import PhraseConfig
from embkit.memory import memory_limit

EXAMPLE = """Example: embkit phrases learn corpus.txt --output phrases.tsv

Phrases of up to four words:

embkit phrases learn corpus.txt --output phrases.tsv --thresholds 200 --thresholds 100"""
APPLY_EXAMPLE = "Example: embkit phrases apply phrases.tsv corpus.txt --output joined.txt"


def learn(
    *corpus: str,
    run: Annotated[LearnOptions, FLATTEN],
    config: Annotated[PhraseConfig, FLATTEN] = PhraseConfig(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Find phrases and write them to a table.

    Parameters
    ----------
    corpus
        Text files, folders or globs; - reads standard input.
    """
    sources = _sources(corpus)
    from embkit.phrases import learn_phrases

    output = run.output
    with reserved_output(output, overwrite=run.overwrite, inputs=inputs_of(sources)):
        table = learn_phrases(
            sources[0] if len(sources) == 1 else sources,
            config,
            invalid=run.invalid,
            memory=memory_limit(run.memory),
            progress=not common.quiet and sys.stderr.isatty(),
        )
        table.save(output, overwrite=run.overwrite)
    if tells_json(common, output):
        pairs = [len(pairs.left) for pairs in table.passes]
        print_json({"output": str(output), "num_phrases": len(table), "passes": pairs})
    else:
        note(f"wrote {output}: {len(table)} phrases", quiet=common.quiet)


def apply(
    table: Path,
    /,
    *corpus: str,
    run: Annotated[JoinOptions, FLATTEN],
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Write a corpus with the phrases of a table joined.

    Parameters
    ----------
    table
        What ``embkit phrases learn`` wrote.
    corpus
        Text files, folders or globs; - reads standard input.
    """
    sources = _sources(corpus)
    from embkit.phrases import join_text, load_phrases

    require_input(table)
    output = run.output
    inputs = inputs_of(sources, table)
    with reserved_output(output, overwrite=run.overwrite, inputs=inputs):
        num_bytes = join_text(
            load_phrases(table),
            sources,
            output,
            overwrite=run.overwrite,
            threads=run.threads,
            progress=not common.quiet and sys.stderr.isatty(),
        )
    if tells_json(common, output):
        print_json({"output": str(output), "bytes_read": num_bytes})
    else:
        note(f"wrote {output}: {num_bytes} bytes of text read", quiet=common.quiet)


def _sources(corpus: tuple[str, ...]) -> list[str]:
    if not corpus:
        raise ValueError("corpus must be given: a text file, a folder, a glob, or -")
    return list(corpus)


def register(app: App) -> None:
    """Add the command with its subcommands."""
    phrases = App(name="phrases", help="Find and join phrases.", help_epilogue=EXAMPLE)
    phrases.command(learn, help_epilogue=EXAMPLE)
    phrases.command(apply, help_epilogue=APPLY_EXAMPLE)
    app.command(phrases)
