"""``embkit cooccur``: from text to weighted counts of which words stand near which."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App

from embkit.cli.loading import given_vocabulary
from embkit.cli.memory import used_memory
from embkit.cli.options import FLATTEN, CommonOptions, CountOptions
from embkit.cli.outputs import check_distinct, inputs_of, reserved_output, tells_json
from embkit.cli.terminal import note, print_json
from embkit.config import CooccurrenceConfig
from embkit.memory import memory_limit

if TYPE_CHECKING:
    from embkit.counts.cooccurrence import Cooccurrence

_HEADROOM = 16 << 20  # bytes that the process grows by beside the counting

EXAMPLE = """Example: embkit cooccur corpus.txt --output counts --window 5 --weighting dynamic

What Stanford's GloVe reads, once shuffled:

embkit cooccur corpus.txt --output cooccurrence.bin --save-vocabulary vocab.txt"""


def cooccur(
    *corpus: str,
    run: Annotated[CountOptions, FLATTEN],
    config: Annotated[CooccurrenceConfig, FLATTEN] = CooccurrenceConfig(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Count how often words stand near each other.

    The text has one document or sentence a line, its words parted by blanks. Files may be
    compressed with gzip, bzip2, xz or zstd. With less memory than the corpus needs, sorted
    runs go to the folder that TMPDIR names.

    Parameters
    ----------
    corpus
        Text files, folders or globs; - reads standard input.
    """
    if not corpus:
        raise ValueError("corpus must be given: a text file, a folder, a glob, or -")
    from embkit import formats
    from embkit.counts import cooccurrence, files

    sources = list(corpus)
    output = run.output
    files.check_counts_name(output)
    is_own = files.is_own_form(output)
    if output.suffix == ".bin" and run.vocabulary is None and run.save_vocabulary is None:
        raise ValueError("save_vocabulary must be given with a .bin output, which has no words")
    inputs = inputs_of(sources, run.vocabulary, run.cache)
    outputs = [output, *([run.save_vocabulary] if run.save_vocabulary else [])]
    check_distinct(outputs)
    with ExitStack() as reserved:
        for path in outputs:
            lock = reserved_output(path, overwrite=run.overwrite, inputs=inputs)
            reserved.enter_context(lock)
        counts = cooccurrence.cooccur(
            sources[0] if len(sources) == 1 else sources,
            config,
            vocabulary=given_vocabulary(run.vocabulary),
            output=output if is_own else None,
            overwrite=run.overwrite,
            invalid=run.invalid,
            cache=run.cache,
            memory=max(memory_limit(run.memory) - used_memory() - _HEADROOM, 1),
            progress=not common.quiet and sys.stderr.isatty(),
        )
        if not is_own:
            files.save_counts(counts, output, overwrite=run.overwrite)
        if run.save_vocabulary is not None:
            words = counts.vocabulary
            formats.save_vocabulary(words, run.save_vocabulary, overwrite=run.overwrite)
    _tell(counts, output, common)


def _tell(counts: Cooccurrence, output: Path, common: CommonOptions) -> None:
    num_words = len(counts.vocabulary)
    if tells_json(common, output):
        summary = {
            "output": str(output),
            "num_words": num_words,
            "num_entries": counts.num_entries,
            "provenance": counts.provenance,
        }
        print_json(summary)
    else:
        size = f"{num_words} words, {counts.num_entries} pairs"
        note(f"wrote {output}: {size}", quiet=common.quiet)


def register(app: App) -> None:
    """Add the command."""
    app.command(cooccur, help_epilogue=EXAMPLE)
