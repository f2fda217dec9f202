"""Two spaces in one, as the commands across languages take them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from embkit.cli.loading import load_vectors, require_input
from embkit.cli.options import LoadOptions, show_dash

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings


@dataclass(frozen=True, kw_only=True)
class MappingOption:
    """The option of commands that work across two languages."""

    mapping: Annotated[Path | None, Parameter(alias="-m")] = None
    """Bring both sides into one space by this map, made by embkit map; without it they must be
    in one space already."""


def load_mapped(
    source: Path, target: Path, option: MappingOption, load: LoadOptions
) -> tuple[Embeddings, Embeddings]:
    """Load two sides and bring them into one space, all inputs checked first.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    FormatError
        If one is broken.
    ValueError
        If the spaces do not fit each other or the map.
    """
    for path in (source, target, option.mapping):
        if path is not None and show_dash(path) != "-":
            require_input(path)
    from embkit.mapping import Mapping

    fitted = Mapping.open(option.mapping) if option.mapping is not None else None
    left, right = load_vectors(source, load), load_vectors(target, load)
    if fitted is not None:
        return fitted.apply(left, "source"), fitted.apply(right, "target")
    if left.dim != right.dim:
        raise ValueError(
            "vectors must be in one space, or --mapping be given: "
            f"dims are {left.dim} and {right.dim}"
        )
    return left, right
