"""Two spaces in one, as the commands across languages take them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from embkit.cli.loading import load_dense_vectors, require_input
from embkit.cli.options import Flag, LoadOptions
from embkit.cli.terminal import human_bytes
from embkit.errors import ResourceError
from embkit.memory import memory_limit

Source = Annotated[
    Path,
    Parameter(
        help="File or folder with the vectors of the source, in one space with those of the "
        "target (embkit apply brings them there) or, with --mapping, as they were trained."
    ),
]
Target = Annotated[Path, Parameter(help="The same of the target.")]

SIDES: tuple[Side, Side] = ("source", "target")
_log = logging.getLogger("embkit")
_WORKING_BYTES = 1 << 28  # products of a search, scores of a tile of queries
# Both sides' rows in float64: as they are, weighted, centred, mapped.
_COPIES_OF_PAIRS = 8
_COPIES_OF_LEARNED = 5  # as they are, weighted, and half of both in float32 before that

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.mapping import Mapping
    from embkit.mapping.result import Side


@dataclass(frozen=True, kw_only=True)
class MappingOption:
    """The option of commands that work across two languages."""

    mapping: Annotated[Path | None, Parameter(alias="-m")] = None
    """Bring both sides into one space by this map, made by embkit map; without it they must be
    in one space already."""
    reverse_mapping: Flag = False
    """The map was fitted the other way round: SOURCE is its target's side."""


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
    ResourceError
        If both sides, mapped copies and working space exceed the memory limit.
    ValueError
        If the spaces do not fit each other or the map.
    """
    for path in (source, target, option.mapping):
        if path is not None:
            require_input(path)
    if option.reverse_mapping and option.mapping is None:
        raise ValueError("mapping must be given where reverse_mapping is")
    from embkit.mapping import Mapping

    fitted = Mapping.open(option.mapping) if option.mapping is not None else None
    left, right = load_dense_vectors(source, load), load_dense_vectors(target, load)
    _check_memory([left, right], None if fitted is None else fitted.dim, load)
    if fitted is not None:
        first, second = SIDES[::-1] if option.reverse_mapping else SIDES
        _check_fit(fitted, {first: (source, left), second: (target, right)})
        return fitted.apply(left, first), fitted.apply(right, second)
    if left.dim != right.dim:
        raise ValueError(
            "vectors must be in one space, or --mapping be given: "
            f"dims are {left.dim} and {right.dim}"
        )
    if not (_may_be_mapped(left) or _may_be_mapped(right) or source.samefile(target)):
        _log.warning("neither side says that it was brought into a common space (--mapping)")
    return left, right


def _may_be_mapped(vectors: Embeddings) -> bool:
    """Tell whether vectors may share a space with others: not if they say they were trained."""
    return "embkit" not in vectors.provenance or bool(
        {"mapping", "init_from"} & {*vectors.provenance}
    )


def _check_fit(fitted: Mapping, sides: dict[Side, tuple[Path, Embeddings]]) -> None:
    """Refuse vectors that a map cannot take; warn where both are known from its other side."""
    from embkit.mapping.run import origin_of

    hint = "is SOURCE the side that the map calls target? --reverse-mapping says so"
    for side, (path, vectors) in sides.items():
        if (told := fitted.misfit(side, vectors.dim)) is not None:
            fits_turned = vectors.dim == fitted.width(SIDES[side == "source"])
            raise ValueError(f"{path}: {told}{f'; {hint}' if fits_turned else ''}")
    found = [origin_of(sides[side][1]) for side in SIDES]
    fitted_to = [fitted.provenance.get(side) for side in SIDES]
    if found != fitted_to and found == fitted_to[::-1]:
        _log.warning("both files are known from the map's other side; %s", hint)


def _check_memory(sides: list[Embeddings], dim: int | None, load: LoadOptions) -> None:
    """Raise ResourceError unless two sides fit, with copies of ``dim`` columns where mapped."""
    copies = sum(len(side) * 4 * dim for side in sides) if dim is not None else 0
    check_sides(sides, copies, load)


def check_sides(sides: Iterable[Embeddings], copies: int, load: LoadOptions) -> None:
    """Raise ResourceError unless both sides fit into memory, with what is made of them.

    Parameters
    ----------
    sides
        What was loaded.
    copies
        Bytes of what is held beside it.
    load
        With the memory limit.
    """
    needed = sum(side.vectors.nbytes for side in sides) + copies + _WORKING_BYTES
    limit = memory_limit(load.memory)
    if needed > limit:
        raise ResourceError(
            f"both sides need {human_bytes(needed)}, over the limit of {human_bytes(limit)}: "
            "--memory raises it, --limit reads fewer words"
        )


def bytes_of_pairs(dim: int, num_pairs: int, num_learned: int = 0) -> int:
    """Return what the rows of a dictionary's pairs and of pairs that a map learns take."""
    return 8 * dim * (_COPIES_OF_PAIRS * num_pairs + _COPIES_OF_LEARNED * num_learned)
