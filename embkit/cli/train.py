"""``embkit train``: from text to vectors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from cyclopts import App, Parameter

from embkit.cli import train_counts, train_glove
from embkit.cli.loading import given_vocabulary
from embkit.cli.options import FLATTEN, CommonOptions, ResumableRunOptions
from embkit.cli.outputs import inputs_of
from embkit.cli.training_run import tell_trained, train_and_save
from embkit.config import CbowConfig, SkipGramConfig, Word2VecConfig

SGNS_EXAMPLE = "Example: embkit train sgns corpus.txt.gz --output vectors.bin --dim 300"
NCE_EXAMPLE = "Example: embkit train nce corpus.txt --output model --keep-output"
SKIPGRAM_EXAMPLE = """Example: embkit train skipgram corpus.txt --output model --loss hs

Five more epochs, at a rate that falls from 0.005:

embkit train skipgram corpus.txt --output more --init-from model --learning-rate 0.005"""
CBOW_EXAMPLE = "Example: cat corpus.txt | embkit train cbow - --output vectors.txt"


@dataclass(frozen=True, kw_only=True)
class SgnsConfig(SkipGramConfig):
    """Skip-gram with its loss settled."""

    loss: Annotated[Literal["ns"], Parameter(show=False)] = "ns"


@dataclass(frozen=True, kw_only=True)
class NceConfig(SkipGramConfig):
    """Skip-gram with its loss settled."""

    loss: Annotated[Literal["nce"], Parameter(show=False)] = "nce"


def sgns(
    *corpus: str,
    run: Annotated[ResumableRunOptions, FLATTEN],
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


def nce(
    *corpus: str,
    run: Annotated[ResumableRunOptions, FLATTEN],
    config: Annotated[NceConfig, FLATTEN] = NceConfig(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Train skip-gram with noise-contrastive estimation: scores are log probabilities.

    The text has one sentence or document a line, its words parted by blanks. Files may be
    compressed with gzip, bzip2, xz or zstd.

    Parameters
    ----------
    corpus
        Text files, folders or globs; - reads standard input.
    """
    _train("nce", corpus, run, config, common)


def skipgram(
    *corpus: str,
    run: Annotated[ResumableRunOptions, FLATTEN],
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
    run: Annotated[ResumableRunOptions, FLATTEN],
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
    run: ResumableRunOptions,
    config: Word2VecConfig,
    common: CommonOptions,
) -> None:
    if not corpus:
        raise ValueError("corpus must be given: a text file, a folder, a glob, or -")
    sources = list(corpus)
    options = asdict(config)
    if isinstance(config, SgnsConfig | NceConfig):
        options.pop("loss")
    trained = train_and_save(
        method,
        sources[0] if len(sources) == 1 else sources,
        run,
        common,
        inputs=inputs_of(sources, run.vocabulary, run.cache),
        options={
            "vocabulary": given_vocabulary(run.vocabulary, least_count=1),
            "invalid": run.invalid,
            "cache": run.cache,
            **options,
        },
    )
    tell_trained(trained, common)


def register(app: App) -> None:
    """Add the command with its subcommands."""
    train = App(name="train", help="Train vectors on text.", help_epilogue=SGNS_EXAMPLE)
    train.command(sgns, help_epilogue=SGNS_EXAMPLE)
    train.command(nce, help_epilogue=NCE_EXAMPLE)
    train.command(skipgram, help_epilogue=SKIPGRAM_EXAMPLE)
    train.command(cbow, help_epilogue=CBOW_EXAMPLE)
    train_glove.register(train)
    train_counts.register(train)
    app.command(train)
