"""``embkit train``: from text to vectors."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from embkit.cli import train_counts, train_glove
from embkit.cli.loading import given_vocabulary
from embkit.cli.memory import memory_limit
from embkit.cli.options import FLATTEN, CommonOptions, Word2VecRunOptions, show_dash
from embkit.cli.outputs import is_stream, reserved_output
from embkit.cli.terminal import note, print_json
from embkit.config import CbowConfig, SkipGramConfig, Word2VecConfig
from embkit.errors import DivergenceError

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.training import RunFolder, TrainingProgress

SGNS_EXAMPLE = "Example: embkit train sgns corpus.txt.gz --output vectors.bin --dim 300"
SKIPGRAM_EXAMPLE = "Example: embkit train skipgram corpus.txt --output model --loss hs"
CBOW_EXAMPLE = "Example: cat corpus.txt | embkit train cbow - --output vectors.txt"


@dataclass(frozen=True, kw_only=True)
class SgnsConfig(SkipGramConfig):
    """Skip-gram with its loss settled."""

    loss: Annotated[Literal["ns"], Parameter(show=False)] = "ns"


def sgns(
    *corpus: str,
    run: Annotated[Word2VecRunOptions, FLATTEN],
    config: Annotated[SgnsConfig, FLATTEN] = SgnsConfig(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Train skip-gram with negative sampling.

    The text has one sentence or document a line, its words parted by blanks. Files may be
    compressed with gzip, bzip2, xz or zstd.

    Parameters
    ----------
    corpus
        Text files, folders or globs; - reads standard input.
    """
    _train("sgns", corpus, run, config, common)


def skipgram(
    *corpus: str,
    run: Annotated[Word2VecRunOptions, FLATTEN],
    config: Annotated[SkipGramConfig, FLATTEN] = SkipGramConfig(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Train skip-gram: predict a word's neighbours from the word.

    The text has one sentence or document a line, its words parted by blanks. Files may be
    compressed with gzip, bzip2, xz or zstd.

    Parameters
    ----------
    corpus
        Text files, folders or globs; - reads standard input.
    """
    _train("skipgram", corpus, run, config, common)


def cbow(
    *corpus: str,
    run: Annotated[Word2VecRunOptions, FLATTEN],
    config: Annotated[CbowConfig, FLATTEN] = CbowConfig(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Train CBOW: predict a word from its neighbours.

    The text has one sentence or document a line, its words parted by blanks. Files may be
    compressed with gzip, bzip2, xz or zstd.

    Parameters
    ----------
    corpus
        Text files, folders or globs; - reads standard input.
    """
    _train("cbow", corpus, run, config, common)


def _train(
    method: str,
    corpus: tuple[str, ...],
    run: Word2VecRunOptions,
    config: Word2VecConfig,
    common: CommonOptions,
) -> None:
    if not corpus:
        raise ValueError("corpus must be given: a text file, a folder, a glob, or -")
    from embkit import formats, training

    sources = [show_dash(source) for source in corpus]
    output = Path(show_dash(run.output))
    options = asdict(config)
    if isinstance(config, SgnsConfig):
        options.pop("loss")
    reports: list[TrainingProgress] = []
    formats.check_output_name(output)
    folder = _run_folder(run, output)
    with reserved_output(output, overwrite=run.overwrite, inputs=map(Path, sources)):
        with told_where_to_resume(folder, common):
            vectors = training.train(
                method,
                sources[0] if len(sources) == 1 else sources,
                vocabulary=given_vocabulary(run.vocabulary),
                invalid=run.invalid,
                cache=run.cache,
                progress=not common.quiet and sys.stderr.isatty(),
                log=run.log,
                callback=lambda report: reports.__setitem__(slice(None), [report]),
                memory=memory_limit(run.memory),
                run=folder,
                keep_run=True,  # until the vectors are written
                **options,
            )
            formats.save(vectors, output, overwrite=run.overwrite)
        if folder is not None and not run.keep_run:
            folder.remove()
    speed = reports[0].tokens / reports[0].seconds if reports and reports[0].seconds else 0.0
    tell_trained(vectors, output, speed, common)


def _run_folder(run: Word2VecRunOptions, output: Path) -> RunFolder | None:
    """Return the folder of a run that is to be resumable."""
    from embkit.training import RunFolder
    from embkit.training.run import EVERY

    if run.run is None and run.checkpoint_every is None:
        if run.keep_run:
            raise ValueError("run or checkpoint_every must be given with --keep-run")
        return None
    if is_stream(output):
        raise ValueError(f"output must be a file or a folder for a run to resume, got {output}")
    path = run.run or output.with_name(output.name + ".run")
    facts = {"path": str(output.absolute()), "overwrite": run.overwrite}
    return RunFolder(path, run.checkpoint_every or EVERY, {**facts, "keep_run": run.keep_run})


@contextlib.contextmanager
def told_where_to_resume(folder: RunFolder | None, common: CommonOptions) -> Iterator[None]:
    """Name the command that goes on, if the work within ends early and there is one."""
    try:
        yield
    except BaseException as error:
        would_fail_again = isinstance(error, ValueError | DivergenceError)
        if folder is not None and folder.is_begun() and not would_fail_again:
            note(f"embkit resume {folder.path} goes on", quiet=common.quiet)
        raise


def tell_trained(
    vectors: Embeddings, output: Path, speed: float, common: CommonOptions
) -> None:
    """Say what was written."""
    if common.json:
        summary = {
            "output": str(output),
            "num_words": len(vectors),
            "dim": vectors.dim,
            "words_per_second": round(speed),
            "provenance": vectors.provenance,
        }
        print_json(summary)
    else:
        size = f"{len(vectors)} words x {vectors.dim}"
        note(f"wrote {output}: {size}, {speed:,.0f} words/s", quiet=common.quiet)


def register(app: App) -> None:
    """Add the command with its subcommands."""
    train = App(name="train", help="Train vectors on text.", help_epilogue=SGNS_EXAMPLE)
    train.command(sgns, help_epilogue=SGNS_EXAMPLE)
    train.command(skipgram, help_epilogue=SKIPGRAM_EXAMPLE)
    train.command(cbow, help_epilogue=CBOW_EXAMPLE)
    train_glove.register(train)
    train_counts.register(train)
    app.command(train)
