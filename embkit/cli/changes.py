"""``embkit changes``: the words whose use changed between two periods."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from embkit import mapping
from embkit.backend import open_backend
from embkit.checks import check_whole
from embkit.cli.loading import load_dense_vectors, oov_of, require_input
from embkit.cli.mapped import MappingOption, check_sides, load_mapped
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions, MaybeOutput
from embkit.cli.outputs import reserved_output, tells_json
from embkit.cli.terminal import note, print_json, print_table, visible
from embkit.mapping.changes import Changes, ChangesConfig, Measure
from embkit.output import OutputFile

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings

HEADER = ("rank", "word", "score", "first_count", "second_count", "before", "after")


@dataclass(frozen=True, kw_only=True)
class PeriodsOption(MappingOption):
    """How two periods are brought together."""

    mapping: Annotated[Path | None, Parameter(alias="-m")] = None
    """Bring both sides into one space by this map, made by embkit map --identical; the measure
    neighbors can do without."""
    reverse_mapping: Flag = False
    """The map was fitted the other way round: FIRST is its target's side."""
    measure: Measure | None = None
    """neighbors: the share of a word's nearest neighbours that one side alone has (Gonen et
    al. 2020); cosine: 1 - the cosine of its two vectors (Hamilton et al. 2016), which must be
    in one space. When left out, cosine with --mapping, else neighbors."""

    @property
    def resolved(self) -> Measure:
        """The measure given, or else the one that suits the inputs."""
        return self.measure or ("cosine" if self.mapping is not None else "neighbors")


@dataclass(frozen=True, kw_only=True)
class TableOutput:
    """Where a table goes."""

    output: MaybeOutput = None
    """Write the table to this file; - is standard output."""
    overwrite: Flag = False
    """Replace the output if it exists."""


def changes(
    first: Path,
    second: Path,
    /,
    *words: str,
    topn: Annotated[int, Parameter(alias="-n")] = 20,
    periods: Annotated[PeriodsOption, FLATTEN] = PeriodsOption(),
    config: Annotated[ChangesConfig, FLATTEN] = ChangesConfig(),
    table: Annotated[TableOutput, FLATTEN] = TableOutput(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print the words whose use changed most between two periods, with neighbours.

    The columns, parted by tabs: rank, word, score (0 is no change), occurrences on both sides
    where known, and the word's nearest before and after. Words must be spelt alike on both
    sides and be frequent on both, as rare ones differ by chance alone.

    Parameters
    ----------
    first
        File or folder with the vectors of the earlier period, or of any other part.
    second
        The same of the later one.
    words
        Measure these words alone, however rare.
    topn
        Words to print, those that changed most.
    """
    open_backend(config.device)  # refuses a device that is not there, before the work
    check_whole("topn", topn)
    inputs = [path for path in (first, second, periods.mapping) if path is not None]
    reserved = table.output or Path("-")
    with reserved_output(reserved, overwrite=table.overwrite, inputs=inputs):
        left, right = _load(first, second, periods, load)
        for side, path in ((left, first), (right, second)):
            oov_of(side, words, path, "raise")
        found = mapping.changes(
            *(left, right, config),
            measure=periods.resolved,
            words=words or None,
            topn=topn,
        )
        if table.output is not None:
            with OutputFile(table.output, overwrite=table.overwrite) as stream:
                stream.writelines("\t".join(row).encode() + b"\n" for row in _rows(found))
    _note_what_is_left_out(found, [(first, left), (second, right)], config, common)
    if table.output is None:
        if common.json:
            print_json(found.to_dict())
        else:
            print_table(_rows(found))
    elif tells_json(common, table.output):
        told = {name: value for name, value in found.to_dict().items() if name != "changes"}
        print_json({"output": str(table.output), "num_words": len(found), **told})
    else:
        note(f"wrote {table.output}: {len(found)} words", quiet=common.quiet)


def _load(
    first: Path, second: Path, periods: PeriodsOption, load: LoadOptions
) -> tuple[Embeddings, Embeddings]:
    """Load both sides, into one space where the measure or a map asks for it."""
    if periods.resolved == "cosine" or periods.mapping is not None or periods.reverse_mapping:
        left, right = load_mapped(first, second, periods, load)
    else:
        require_input(second)
        left, right = load_dense_vectors(first, load), load_dense_vectors(second, load)
    copies = left.vectors.nbytes + right.vectors.nbytes  # the rows of the words compared
    check_sides([left, right], copies, load)
    return left, right


def _note_what_is_left_out(
    found: Changes,
    sides: list[tuple[Path, Embeddings]],
    config: ChangesConfig,
    common: CommonOptions,
) -> None:
    """Say which words were not compared, and where rare ones cannot be told."""
    if found.num_rare:
        why = f"as they occur less than {config.min_count} times on a side (--min-count)"
        text = f"left out {found.num_rare} of {found.num_common} words of both sides, {why}"
        note(text, quiet=common.quiet)
    unknown = [str(path) for path, side in sides if side.vocabulary.counts is None]
    if unknown and config.restrict_vocab is None:
        note(
            f"no counts in {' and '.join(dict.fromkeys(unknown))}: rare words, which differ by "
            "chance alone, may come first; --restrict-vocab 20000 keeps to the first words, "
            "and embkit's own form (a folder) has counts",
            quiet=common.quiet,
        )


def _rows(found: Changes) -> Iterator[tuple[str, ...]]:
    """Yield the names of the columns and then each word, harmless on a terminal."""
    yield HEADER
    for rank, change in enumerate(found, 1):
        counts = (change.first_count, change.second_count)
        cells = (
            *(str(rank), change.word, f"{change.score:.4f}"),
            *("" if count is None else str(count) for count in counts),
            *(" ".join(change.before), " ".join(change.after)),
        )
        yield tuple(map(visible, cells))
