"""``embkit map``: fit a map between two spaces; ``embkit apply``: use it on any vectors."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from cyclopts import Parameter

from embkit import formats, mapping
from embkit.backend import open_backend
from embkit.checks import check_at_least
from embkit.cli.exit_codes import ExitCode
from embkit.cli.loading import load_dense_vectors, require_input
from embkit.cli.map_told import has_failed, tell_map, tell_projection
from embkit.cli.mapped import bytes_of_pairs, check_sides
from embkit.cli.method_options import method_options
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions, MaybeOutput, Output
from embkit.cli.outputs import check_distinct, reserved_output, tells_json
from embkit.cli.terminal import note, print_json
from embkit.mapping.config import AlignmentConfig, HybridConfig
from embkit.mapping.edit_distance import DeletionIndex
from embkit.mapping.hybrid import first_dim
from embkit.mapping.methods import METHODS, copied_rows, learned_pairs, make_config
from embkit.mapping.run import check_supervision
from embkit.progress import work_bar

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.mapping import Mapping, SeedDictionary, SeedPairs, SpacesReport
    from embkit.mapping.config import MappingConfig

MethodOptions = method_options(METHODS)
_METHOD_HELP = "; ".join(
    f"{name}: {method.summary[:1].lower()}{method.summary[1:].rstrip('.')}"
    for name, method in METHODS.items()
)


@dataclass(frozen=True, kw_only=True)
class MapOutputs:
    """Where the results go."""

    output: MaybeOutput = None
    """Where the map goes, to be used by embkit apply."""
    output_source: Path | None = None
    """Where the mapped source vectors go, in any format."""
    output_target: Path | None = None
    """Where the mapped target vectors go, in any format."""
    format: str | None = None
    """Format of mapped vectors, whatever the names of their outputs."""
    unit: Flag = False
    """Bring mapped vectors to unit length."""
    overwrite: Flag = False
    """Replace outputs that exist."""
    force: Flag = False
    """Write the outputs even of a map whose verdict is that it failed."""

    def paths(self) -> dict[str, Path]:
        """Return the outputs that were asked for."""
        named = {"output": self.output, "source": self.output_source}
        named["target"] = self.output_target
        found = {k: path for k, path in named.items() if path is not None}
        if not found:
            raise ValueError("output, output_source or output_target must be given")
        return found


@dataclass(frozen=True, kw_only=True)
class SeedOptions:
    """What the map is learned from."""

    dictionary: Path | None = None
    """Pairs of words, a line each: source, target and perhaps a weight, parted by tabs; or
    source and its targets, parted by blanks."""
    reverse_dictionary: Flag = False
    """The dictionary names the word of the target first."""
    identical: Flag = False
    """Instead of a dictionary, the words that both sides spell alike: for two spaces of one
    language, such as of two periods."""
    alignments: Path | None = None
    """Instead of a dictionary, links i-j between the words of source_text and target_text."""
    source_text: Path | None = None
    """Text of the source language, a sentence a line."""
    target_text: Path | None = None
    """Its translation, line by line."""
    reverse_alignments: Flag = False
    """The links name the word of target_text first."""

    def files(self) -> list[Path]:
        """Return the files that are to be read, once it is sure that they are there.

        Raises
        ------
        ValueError
            If they do not go together.
        FileNotFoundError
            If one is not there.
        """
        aligned = [self.alignments, self.source_text, self.target_text]
        if None in aligned and aligned != [None] * 3:
            raise ValueError("alignments, source_text and target_text must be given together")
        if self.dictionary is not None and self.alignments is not None:
            raise ValueError("dictionary must be left out where alignments are given")
        if self.identical and (self.dictionary or self.alignments):
            raise ValueError("identical must be left out where pairs are given otherwise")
        for name, given in (("dictionary", self.dictionary), ("alignments", self.alignments)):
            if getattr(self, f"reverse_{name}") and given is None:
                raise ValueError(f"{name} must be given where reverse_{name} is")
        files = [path for path in (self.dictionary, *aligned) if path]
        for path in files:
            require_input(path)
        return files

    def read(self, *, counts: bool) -> SeedDictionary | None:
        """Read the pairs; of alignments all with their counts, or each word's most frequent."""
        files = self.files()
        if not files:
            return None
        if len(files) == 1:
            found = mapping.SeedDictionary.read(files[0])
            return found.reversed() if self.reverse_dictionary else found
        links, source, target = files
        counted = mapping.read_word_alignments(
            source, target, links, reverse=self.reverse_alignments
        )
        return counted if counts else mapping.most_frequent(counted)


def map_command(
    source: Path,
    target: Path,
    /,
    *,
    method: Annotated[str, Parameter(help=_METHOD_HELP)] = "orthogonal",
    seeds: Annotated[SeedOptions, FLATTEN] = SeedOptions(),
    outputs: Annotated[MapOutputs, FLATTEN] = MapOutputs(),
    options: Annotated[MethodOptions, FLATTEN] = MethodOptions(),  # type: ignore[valid-type]
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> int:
    """Fit a map that brings two embedding spaces together.

    The exit code is 7, and nothing is written without --force, where the map cannot be
    trusted: what it learned does not hold for pairs held out, or for another run. Fewer than
    40 pairs are too few to tell wrong ones from right ones: then the verdict is doubtful.
    Alignments are judged by the source words' own vectors.

    Parameters
    ----------
    source
        File or folder with the vectors of the source, in any format that embkit reads.
    target
        The same of the target.
    """
    chosen = {name: value for name, value in asdict(options).items() if value is not None}
    config = make_config(method, chosen)
    open_backend(getattr(config, "device", "cpu"))  # refuses one that is not there
    paths = outputs.paths()
    for side in paths.keys() & {"source", "target"}:
        formats.check_output_name(paths[side], format=outputs.format)
    first = [chosen.get(f"first{side}") for side in ("", "_source", "_target")]
    inputs = [source, target, *seeds.files(), *(Path(path) for path in first if path)]
    pairs = seeds.read(counts=method == "alignment")
    check_supervision(method, config, given=pairs is not None or seeds.identical)
    if pairs is not None and (method == "alignment" or getattr(config, "weights", False)):
        pairs.check_weights()
    if method == "alignment" and set(paths) != {"source"}:
        raise ValueError("output_source alone must be given: alignment gives vectors, no map")
    check_distinct(paths.values())
    with ExitStack() as held:
        for path in paths.values():
            held.enter_context(
                reserved_output(path, overwrite=outputs.overwrite, inputs=inputs)
            )
        sides = {"source": source, "target": target}
        spaces = {name: load_dense_vectors(path, load) for name, path in sides.items()}
        if seeds.identical:
            pairs = mapping.identical_dictionary(*(side.vocabulary for side in spaces.values()))
        check_sides(spaces.values(), _copies(spaces, config, pairs, paths), load)

        def before(found: SpacesReport) -> None:
            note(f"before: {found.summary()}", quiet=common.quiet)

        if method == "alignment" and pairs is not None:
            projected = mapping.project_aligned(
                spaces["source"], spaces["target"], pairs, on_spaces=before, **chosen
            )
            if has_failed(projected.provenance) and not outputs.force:
                tell_projection(projected, {}, common)
                return ExitCode.UNUSABLE
            path, kept = paths["source"], outputs.overwrite
            formats.save(projected, path, format=outputs.format, overwrite=kept)
            tell_projection(projected, paths, common)
            return ExitCode.DONE
        fitted = mapping.map(
            spaces["source"],
            spaces["target"],
            method=method,
            dictionary=pairs,
            progress=not common.quiet and sys.stderr.isatty(),
            on_spaces=before,
            **chosen,
        )
        if has_failed(fitted.statistics) and not outputs.force:
            tell_map(fitted, {}, common)
            return ExitCode.UNUSABLE
        _write(fitted, spaces, paths, outputs)
    tell_map(fitted, paths, common)
    return ExitCode.DONE


def _copies(
    spaces: dict[str, Embeddings],
    config: MappingConfig,
    pairs: SeedDictionary | None,
    paths: dict[str, Path],
) -> int:
    """Return the bytes that a fit and its outputs take beside the spaces."""
    dim = max(side.dim for side in spaces.values())
    if isinstance(config, HybridConfig):
        dim = max(dim, first_dim(config))
    written = max((len(spaces[name]) for name in paths if name in spaces), default=0)
    known = None if pairs is None else _known(spaces, config, pairs)
    if isinstance(config, AlignmentConfig) and known is not None:
        aligned = map(spaces["source"].vocabulary.__getitem__, np.unique(known.source))
        return 4 * dim * written + DeletionIndex.most_bytes(aligned, config.distance)
    rows = copied_rows(config)
    copied = [len(side) if rows is None else min(rows, len(side)) for side in spaces.values()]
    most_learned = 2 * max(map(len, spaces.values()))
    return 4 * dim * (sum(copied) + max(max(copied), written)) + bytes_of_pairs(
        dim,
        0 if known is None else len(known),
        min(learned_pairs(config), most_learned),
    )


def _known(
    spaces: dict[str, Embeddings], config: MappingConfig, pairs: SeedDictionary
) -> SeedPairs:
    looked = {name: getattr(config, name) for name in ("case", "unicode")}
    return pairs.find(spaces["source"].vocabulary, spaces["target"].vocabulary, **looked)


def _write(
    fitted: Mapping, spaces: dict[str, Embeddings], paths: dict[str, Path], outputs: MapOutputs
) -> None:
    for name, path in paths.items():
        if name == "output":
            fitted.save(path, overwrite=outputs.overwrite)
            continue
        mapped = fitted.apply(spaces[name], _side(name), unit=outputs.unit)
        formats.save(mapped, path, format=outputs.format, overwrite=outputs.overwrite)


def _side(name: str) -> Literal["source", "target"]:
    return "source" if name == "source" else "target"


def apply_command(
    mapping_file: Path,
    vectors: Path,
    /,
    *,
    side: Literal["source", "target"],
    output: Output,
    unit: Flag = False,
    format: str | None = None,
    overwrite: Flag = False,
    limit: int | None = None,
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Bring vectors of one side into the common space of a fitted map.

    Vectors of both sides must be brought there before they are compared: the target's too, as
    most maps turn, centre or scale both.

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
    limit
        Map only this many words, the first ones.
    """
    if limit is not None:
        check_at_least("limit", limit, 1)
    formats.check_output_name(output, format=format)
    require_input(mapping_file)
    with reserved_output(output, overwrite=overwrite, inputs=[mapping_file, vectors]):
        fitted = mapping.Mapping.open(mapping_file)
        if str(vectors) != "-":
            require_input(vectors)
        show = not common.quiet and sys.stderr.isatty()
        with work_bar(show, "mapping", "word") as progress:
            num_words, dim = mapping.apply_to_file(
                fitted,
                vectors,
                output,
                side=side,
                unit=unit,
                format=format,
                overwrite=overwrite,
                limit=limit,
                progress=progress,
            )
    if tells_json(common, output):
        print_json({"output": str(output), "num_words": num_words, "dim": dim})
    else:
        note(f"wrote {output}: {num_words} words x {dim}", quiet=common.quiet)
