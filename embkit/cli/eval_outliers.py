"""``embkit eval outliers``: which word does not belong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App

from embkit.cli.eval_options import SharedOptions
from embkit.cli.eval_output import print_results
from embkit.cli.eval_sets import SetOptions, load_each, open_sets
from embkit.cli.options import FLATTEN, CommonOptions, LoadOptions
from embkit.evaluation.sets import OutlierSet
from embkit.evaluation.task_options import OutlierOptions

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.evaluation.results import Result

EXAMPLE = "Example: embkit eval outliers vectors.bin --set outliers-8-8-8"


def outliers(
    *vectors: Path,
    sets: Annotated[SetOptions, FLATTEN] = SetOptions(),
    options: Annotated[OutlierOptions, FLATTEN] = OutlierOptions(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print how well the word that does not belong is found: accuracy and OPP.

    Parameters
    ----------
    vectors
        Files or folders with vectors, in any format that embkit reads.
    """
    from embkit.evaluation.outliers import evaluate_outliers

    data = [each for each in open_sets("outliers", sets.set) if isinstance(each, OutlierSet)]
    results = [
        evaluate_outliers(space, each, options, name=name)
        for name, space in load_each(vectors, load)
        for each in data
    ]
    print_results(results, json=common.json, quiet=common.quiet)


def default_results(
    space: Embeddings, name: str, data: Sequence[OutlierSet], shared: SharedOptions
) -> list[Result]:
    """Return the results on some sets, for ``embkit eval all``."""
    from embkit.evaluation.outliers import evaluate_outliers

    options = shared.of(OutlierOptions)
    return [evaluate_outliers(space, each, options, name=name) for each in data]


def register(app: App) -> None:
    """Add the command."""
    app.command(outliers, help_epilogue=EXAMPLE)
