"""``embkit map``: fit a map between two spaces; ``embkit apply``: use it on any vectors."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from embkit import formats, mapping
from embkit.cli.loading import load_vectors, require_input
from embkit.cli.method_options import method_options
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions, show_dash
from embkit.cli.outputs import reserved_output
from embkit.cli.terminal import note, print_json
from embkit.mapping.methods import METHODS, make_config

if TYPE_CHECKING:
    from embkit.mapping import Mapping

MethodOptions = method_options(METHODS)


@dataclass(frozen=True, kw_only=True)
class MapOutputs:
    """Where the results go."""

    output: Path | None = None
    """Where the map goes, to be used by embkit apply."""
    output_source: Path | None = None
    """Where the mapped source vectors go, in any format."""
    output_target: Path | None = None
    """Where the mapped target vectors go, in any format."""
    unit: Flag = False
    """Bring mapped vectors to unit length."""
    overwrite: Flag = False
    """Replace outputs that exist."""

    def paths(self) -> dict[str, Path]:
        """Return the outputs that were asked for."""
        named = {"output": self.output, "source": self.output_source}
        named["target"] = self.output_target
        found = {k: Path(show_dash(path)) for k, path in named.items() if path is not None}
        if not found:
            raise ValueError("output, output_source or output_target must be given")
        return found


def map_command(
    source: Path,
    target: Path,
    /,
    *,
    method: Annotated[str, Parameter(help=f"One of {', '.join(METHODS)}.")] = "orthogonal",
    dictionary: Path | None = None,
    outputs: Annotated[MapOutputs, FLATTEN] = MapOutputs(),
    options: Annotated[MethodOptions, FLATTEN] = MethodOptions(),  # type: ignore[valid-type]
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Fit a map that brings two embedding spaces together.

    Parameters
    ----------
    source, target
        Files or folders with vectors, in any format that embkit reads.
    dictionary
        Pairs of words: source, then its targets, parted by tabs or blanks.
    """
    chosen = {name: value for name, value in asdict(options).items() if value is not None}
    make_config(method, chosen)
    paths = outputs.paths()
    for side in paths.keys() & {"source", "target"}:
        formats.check_output_name(paths[side])
    seeds = None
    if dictionary is not None:
        require_input(Path(show_dash(dictionary)))
        seeds = mapping.SeedDictionary.read(show_dash(dictionary))
    inputs = [source, target, *([] if dictionary is None else [dictionary])]
    with ExitStack() as held:
        for path in paths.values():
            held.enter_context(
                reserved_output(path, overwrite=outputs.overwrite, inputs=inputs)
            )
        spaces = {"source": load_vectors(source, load), "target": load_vectors(target, load)}
        fitted = mapping.map(
            spaces["source"],
            spaces["target"],
            method=method,
            dictionary=seeds,
            progress=not common.quiet and sys.stderr.isatty(),
            **chosen,
        )
        for name, path in paths.items():
            if name == "output":
                fitted.save(path, overwrite=outputs.overwrite)
                continue
            mapped = fitted.apply(spaces[name], _side(name), unit=outputs.unit)
            formats.save(mapped, path, overwrite=outputs.overwrite)
    _tell(fitted, paths, common)


def _side(name: str) -> Literal["source", "target"]:
    return "source" if name == "source" else "target"


def _tell(fitted: Mapping, paths: dict[str, Path], common: CommonOptions) -> None:
    if common.json:
        summary = {
            "outputs": {name: str(path) for name, path in paths.items()},
            "method": fitted.method,
            "dim": fitted.dim,
            "statistics": fitted.statistics,
            "provenance": fitted.provenance,
        }
        print_json(summary)
        return
    told = fitted.statistics.get("dictionary")
    if told is not None:
        note(mapping.SeedReport(**told).summary(), quiet=common.quiet)
    note(f"wrote {', '.join(map(str, paths.values()))}", quiet=common.quiet)


def apply_command(
    mapping_file: Path,
    vectors: Path,
    /,
    *,
    side: Literal["source", "target"],
    output: Path,
    unit: Flag = False,
    format: str | None = None,
    overwrite: Flag = False,
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Bring vectors of one side into the common space of a fitted map.

    Parameters
    ----------
    mapping_file
        What embkit map wrote.
    vectors
        File or folder with vectors of that side, known to the map or not.
    side
        Which space the vectors belong to.
    output
        File or folder to write.
    unit
        Bring the mapped vectors to unit length.
    format
        Format to write, whatever the name of the output.
    overwrite
        Replace the output if it exists.
    """
    vectors, output = Path(show_dash(vectors)), Path(show_dash(output))
    formats.check_output_name(output, format=format)
    require_input(mapping_file)
    with reserved_output(output, overwrite=overwrite, inputs=[mapping_file, vectors]):
        fitted = mapping.Mapping.open(mapping_file)
        mapped = fitted.apply(load_vectors(vectors, load), side, unit=unit)
        formats.save(mapped, output, format=format, overwrite=overwrite)
    if common.json:
        print_json({"output": str(output), "num_words": len(mapped), "dim": mapped.dim})
    else:
        note(f"wrote {output}: {len(mapped)} words x {mapped.dim}", quiet=common.quiet)
