"""``embkit report``: one page of HTML with everything there is to know about vectors."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal  # noqa: F401

from cyclopts import Parameter

from embkit.cli.eval_sets import load_each
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions, Output
from embkit.cli.outputs import reserved_output, tells_json
from embkit.cli.terminal import note, print_json
from embkit.errors import FormatError
from embkit.evaluation.spaces import Case  # noqa: F401  (inherited fields are read here)
from embkit.report.build import ReportOptions

if TYPE_CHECKING:
    from embkit.evaluation.registry import Kind
    from embkit.evaluation.sets import DataSet


_MANY = Parameter(negative="", show_default=False)
Names = Annotated[tuple[str, ...], _MANY]


@dataclass(frozen=True, kw_only=True)
class ReportSets:
    """The sets of each kind: files, or names of ``embkit data list``."""

    similarity: Names = ()
    """Word pairs with human scores; may be repeated, as all of these. When none of these is
    given, the usual sets that are here."""
    analogy: Names = ()
    """Analogy questions."""
    categorization: Names = ()
    """Words with categories."""
    outliers: Names = ()
    """Clusters with outliers."""
    bias: Names = ()
    """Association tests."""


@dataclass(frozen=True, kw_only=True)
class PageOptions(ReportOptions):
    """Options of the page."""

    words: Names = ()
    """Words whose neighbours are shown; may be repeated. Some frequent ones when left out."""


def report(
    *vectors: Path,
    output: Output,
    overwrite: Flag = False,
    sets: Annotated[ReportSets, FLATTEN] = ReportSets(),
    options: Annotated[PageOptions, FLATTEN] = PageOptions(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Evaluate vectors and write one page of HTML that needs nothing else.

    Parameters
    ----------
    vectors
        Files or folders with vectors, in any format that embkit reads.
    output
        The page; it runs no script and loads nothing.
    overwrite
        Replace the page if it exists.
    """
    from embkit.output import OutputFile
    from embkit.report import build_report, render

    data = list(_open(sets))
    with reserved_output(output, overwrite=overwrite, inputs=vectors):
        paths, loaded = zip(*load_each(vectors, load), strict=True)
        for path, space in zip(paths, loaded, strict=True):
            if (found := int((space.norms > 0).sum())) < 2:
                reason = f"must have at least 2 words that are not zero, got {found}"
                raise FormatError(Path(path), None, None, reason)
        named = list(zip(short_names([Path(p) for p in paths]), loaded, strict=True))
        is_told = not common.quiet and not common.json

        def progress(step: str) -> None:
            note(step, quiet=not is_told)

        page = render(build_report(named, data, options, progress=progress))
        with OutputFile(output, overwrite=overwrite) as stream:
            stream.write(page.encode("utf-8", "replace"))
    if tells_json(common, output):
        print_json({"output": str(output), "sets": [each.name for each in data]})
    elif str(output) != "-" and sys.stdout is not None:
        note(f"wrote {output}", quiet=common.quiet)


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return the shortest ends of paths that tell them apart.

    Examples
    --------
    >>> short_names([Path("runs/1/en.bin"), Path("runs/2/en.bin")])
    ['1/en.bin', '2/en.bin']
    """
    longest = max((len(path.parts) for path in paths), default=1)
    for count in range(1, longest + 1):
        names = ["/".join(path.parts[-count:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    raise ValueError(f"vectors must be different files, got {', '.join(map(str, paths))}")


def _open(sets: ReportSets) -> Iterator[DataSet]:
    """Read the sets; the usual ones that are here when none is named."""
    from embkit.evaluation.datasets import default_sets, open_set

    kinds: tuple[Kind, ...] = ("similarity", "analogy", "categorization", "outliers", "bias")
    named = any(getattr(sets, kind) for kind in kinds)
    for kind in kinds:
        for name in getattr(sets, kind) if named else default_sets(kind):
            yield open_set(name, kind)
