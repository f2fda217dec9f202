"""``embkit map-many``: several languages into the space of one of them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from embkit import mapping
from embkit.backend import open_backend
from embkit.cli.exit_codes import ExitCode
from embkit.cli.loading import load_dense_vectors, require_input
from embkit.cli.map_told import has_failed, tell_statistics
from embkit.cli.mapped import bytes_of_pairs, check_sides
from embkit.cli.method_options import method_options
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions, Output
from embkit.cli.outputs import reserved_output
from embkit.cli.terminal import note, print_json
from embkit.mapping.methods import METHODS, make_config
from embkit.output import made_folder

ManyOptions = method_options({name: METHODS[name] for name in ("multi-cca", "orthogonal")})


@dataclass(frozen=True)
class Named:
    """A file and the name given to it: NAME=FILE."""

    name: str
    path: Path

    @classmethod
    def parse(cls, text: str, what: str) -> Named:
        """Take NAME=FILE apart.

        Raises
        ------
        ValueError
            If it is not of this form.
        FileNotFoundError
            If there is no such file.
        """
        name, equals, path = text.partition("=")
        if not (name and equals and path) or "/" in name:
            raise ValueError(f"{what} must be given as NAME=FILE, got {text!r}")
        require_input(Path(path))
        return cls(name, Path(path))


def map_many_command(
    *languages: str,
    pivot: str,
    dictionary: Annotated[list[str], Parameter(negative="")],
    output: Output,
    method: Literal["multi-cca", "orthogonal"] = "multi-cca",
    overwrite: Flag = False,
    force: Flag = False,
    options: Annotated[ManyOptions, FLATTEN] = ManyOptions(),  # type: ignore[valid-type]
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> int:
    """Map several languages into the space of one of them, the pivot.

    The exit code is 7, and nothing is written without --force, where a language's map cannot
    be trusted: what it learned does not hold for pairs held out.

    Parameters
    ----------
    languages
        Vectors of each, as NAME=FILE.
    pivot
        The language whose space stays as it is.
    dictionary
        Pairs of words of two languages, as NAME-NAME=FILE; may be given several times.
    output
        Folder for the maps, made if it does not exist: NAME.map for each language.
    method
        Each language by itself (multi-cca), or all rotations together (orthogonal).
    overwrite
        Replace maps that exist.
    force
        Write the maps even if the verdict on one is that it failed.
    """
    chosen = {name: value for name, value in vars(options).items() if value is not None}
    config = make_config(method, chosen)
    open_backend(getattr(config, "device", "cpu"))  # refuses one that is not there
    named = [Named.parse(text, "languages") for text in languages]
    names = [language.name for language in named]
    if len(named) < 2 or len(set(names)) < len(named):
        raise ValueError(f"languages must be two or more of different names, got {names}")
    seeds = {}
    for text in dictionary:
        found = Named.parse(text, "dictionary")
        first, second = _two_languages(found.name, names, text)
        if (first, second) in seeds:
            raise ValueError(f"dictionary must name each two languages once, got {text!r} too")
        seeds[first, second] = mapping.SeedDictionary.read(found.path)
    if pivot not in names:
        raise ValueError(f"pivot must be one of {', '.join(names)}, got {pivot!r}")
    inputs = [language.path for language in named]
    with ExitStack() as held:
        held.enter_context(made_folder(output))
        for name in names:
            path = output / f"{name}.map"
            held.enter_context(reserved_output(path, overwrite=overwrite, inputs=inputs))
        spaces = {language.name: load_dense_vectors(language.path, load) for language in named}
        dim = max(space.dim for space in spaces.values())
        num_pairs = sum(map(len, seeds.values()))
        check_sides(spaces.values(), bytes_of_pairs(dim, num_pairs), load)

        def before(name: str, found: mapping.SpacesReport) -> None:
            note(f"{name}: before: {found.summary()}", quiet=common.quiet)

        maps = mapping.map_many(
            spaces, seeds, pivot=pivot, method=method, on_spaces=before, **chosen
        )
        is_kept = force or not any(has_failed(fitted.statistics) for fitted in maps.values())
        for name, fitted in maps.items() if is_kept else ():
            fitted.save(output / f"{name}.map", overwrite=overwrite)
    _tell(maps, output if is_kept else None, common)
    return ExitCode.DONE if is_kept else ExitCode.UNUSABLE


def _two_languages(name: str, languages: list[str], text: str) -> tuple[str, str]:
    """Return the languages that a dictionary's name stands for, whose names may have dashes.

    Examples
    --------
    >>> _two_languages("pt-br-en", ["pt-br", "en"], "pt-br-en=d.txt")
    ('pt-br', 'en')
    """
    parts = name.split("-")
    splits = [("-".join(parts[:i]), "-".join(parts[i:])) for i in range(1, len(parts))]
    found = [(a, b) for a, b in splits if a in languages and b in languages and a != b]
    if not found:
        raise ValueError(f"dictionary must be NAME-NAME=FILE of two languages, got {text!r}")
    if len(found) > 1:
        both = " and ".join(f"{a}, {b}" for a, b in found)
        raise ValueError(f"dictionary must name two languages, got {text!r} of {both}")
    return found[0]


def _tell(maps: dict[str, mapping.Mapping], output: Path | None, common: CommonOptions) -> None:
    verdicts = {name: fitted.statistics.get("verdict") for name, fitted in maps.items()}
    if common.json:
        outputs = {name: str(output / f"{name}.map") for name in maps if output is not None}
        told = {
            side: {name: getattr(fitted, side) for name, fitted in maps.items()}
            for side in ("statistics", "provenance")
        }
        print_json({"outputs": outputs, "verdicts": verdicts, **told})
        return
    shared = next(iter(maps.values())).statistics.get("dictionaries", {})
    for pair, report in shared.items():
        note(f"{pair}: {mapping.SeedReport(**report).summary()}", quiet=common.quiet)
    for name, fitted in maps.items():
        tell_statistics(fitted.statistics, common, name=f"{name}: ")
    if output is None:
        note("nothing written; --force writes it nevertheless")
        return
    note(f"wrote {output}: {', '.join(f'{n}.map' for n in maps)}", quiet=common.quiet)
