"""``embkit train ppmi`` and ``embkit train svd``: vectors from co-occurrence counts."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App

from embkit.cli.given_counts import check_source, load_given_counts
from embkit.cli.loading import given_vocabulary
from embkit.cli.options import FLATTEN, CommonOptions, CountsRunOptions
from embkit.cli.outputs import (
    check_holds_output,
    check_log,
    inputs_of,
    reserved_output,
    tells_json,
)
from embkit.cli.terminal import note, print_json
from embkit.config import PpmiConfig, SvdConfig
from embkit.memory import memory_limit

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.sparse import SparseEmbeddings

PPMI_EXAMPLE = "Example: embkit train ppmi corpus.txt --output model --window 2"
SVD_EXAMPLE = "Example: embkit train svd corpus.txt --output vectors.bin --dim 300 --eig 0.5"


def ppmi(
    *corpus: str,
    run: Annotated[CountsRunOptions, FLATTEN],
    config: Annotated[PpmiConfig, FLATTEN] = PpmiConfig(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Make PPMI vectors: how much more often than by chance words stand together.

    The vectors are sparse: the output is a folder, a .safetensors or a .npz file (which SciPy
    reads too). The text has one sentence or document a line, its words parted by blanks.
    Files may be compressed with gzip, bzip2, xz or zstd.

    Parameters
    ----------
    corpus
        Text files, folders or globs; - reads standard input.
    """
    _run("ppmi", corpus, run, config, common)


def svd(
    *corpus: str,
    run: Annotated[CountsRunOptions, FLATTEN],
    config: Annotated[SvdConfig, FLATTEN] = SvdConfig(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Make dense vectors by a truncated singular value decomposition of the PPMI matrix.

    The text has one sentence or document a line, its words parted by blanks. Files may be
    compressed with gzip, bzip2, xz or zstd.

    Parameters
    ----------
    corpus
        Text files, folders or globs; - reads standard input.
    """
    _run("svd", corpus, run, config, common)


def _run(
    method: str,
    corpus: tuple[str, ...],
    run: CountsRunOptions,
    config: PpmiConfig,
    common: CommonOptions,
) -> None:
    from embkit import formats
    from embkit.backend import array_namespace

    sources = list(corpus)
    check_source(sources, run, config)
    if isinstance(config, SvdConfig):
        array_namespace(config.device)  # refuses a device that is not there, before the work
    output = run.output
    name = formats.check_output_name(output, format=run.format, sparse=method == "ppmi")
    if isinstance(config, SvdConfig) and config.keep_output:
        check_holds_output(output, name)
    inputs = inputs_of(sources, run.cooccurrence, run.vocabulary, run.cache)
    check_log(run.log, output, *inputs)
    with reserved_output(output, overwrite=run.overwrite, inputs=inputs):
        vectors = _train(method, sources, run, config, common)
        formats.save(vectors, output, format=run.format, overwrite=run.overwrite)
    _tell(vectors, output, common)


def _train(
    method: str,
    sources: list[str],
    run: CountsRunOptions,
    config: PpmiConfig,
    common: CommonOptions,
) -> Embeddings | SparseEmbeddings:
    from embkit import training

    source: Any = sources[0] if len(sources) == 1 else sources
    options: dict[str, Any] = asdict(config)
    if run.cooccurrence is not None:
        source = load_given_counts(run.cooccurrence, run.vocabulary)
    else:
        options |= {"vocabulary": given_vocabulary(run.vocabulary)}
        options |= {"invalid": run.invalid, "cache": run.cache}
    return training.train(
        method,
        source,
        progress=not common.quiet and sys.stderr.isatty(),
        log=run.log,
        memory=memory_limit(run.memory),
        **options,
    )


def _tell(vectors: Embeddings | SparseEmbeddings, output: Path, common: CommonOptions) -> None:
    known = {
        "num_entries": getattr(vectors, "num_entries", None),
        "residual": vectors.provenance.get("residual"),
    }
    figures = {name: value for name, value in known.items() if value is not None}
    if tells_json(common, output):
        summary = {"output": str(output), "num_words": len(vectors), "dim": vectors.dim}
        print_json({**summary, **figures, "provenance": vectors.provenance})
        return
    texts = {"num_entries": "{:,} entries", "residual": "residual {:.2g}"}
    told = [texts[name].format(value) for name, value in figures.items()]
    size = f"{len(vectors)} words x {vectors.dim}"
    note(f"wrote {output}: {', '.join([size, *told])}", quiet=common.quiet)


def register(train: App) -> None:
    """Add the commands to ``embkit train``."""
    train.command(ppmi, help_epilogue=PPMI_EXAMPLE)
    train.command(svd, help_epilogue=SVD_EXAMPLE)
