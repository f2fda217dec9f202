"""``embkit eval categorization``: whether clusters of vectors are the categories of people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from embkit.cli.eval_options import SharedOptions
from embkit.cli.eval_output import print_results
from embkit.cli.eval_sets import SetOptions, load_each, open_sets
from embkit.cli.options import FLATTEN, CommonOptions, LoadOptions
from embkit.evaluation.sets import CategorizationSet
from embkit.evaluation.task_options import CategorizationOptions

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.evaluation.results import Result

EXAMPLE = "Example: embkit eval categorization vectors.bin --set bless"


def categorization(
    *vectors: Path,
    sets: Annotated[SetOptions, FLATTEN] = SetOptions(),
    columns: Annotated[tuple[str, ...], Parameter(show_default=False)] = (),
    options: Annotated[CategorizationOptions, FLATTEN] = CategorizationOptions(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print how clusters of words agree with categories: purity, V-measure, ARI.

    Parameters
    ----------
    vectors
        Files or folders with vectors, in any format that embkit reads.
    columns
        Of set files: the columns of category and word, by name or number; give it twice.
    """
    from embkit.evaluation.categorization import evaluate_categorization

    data = [
        each
        for each in open_sets("categorization", sets.set, columns)
        if isinstance(each, CategorizationSet)
    ]
    results = [
        evaluate_categorization(space, each, options, name=name)
        for name, space in load_each(vectors, load)
        for each in data
    ]
    print_results(results, json=common.json, quiet=common.quiet)


def default_results(
    space: Embeddings, name: str, data: Sequence[CategorizationSet], shared: SharedOptions
) -> list[Result]:
    """Return the results on some sets, for ``embkit eval all``."""
    from embkit.evaluation.categorization import evaluate_categorization

    options = shared.of(CategorizationOptions)
    return [evaluate_categorization(space, each, options, name=name) for each in data]


def register(app: App) -> None:
    """Add the command."""
    app.command(categorization, help_epilogue=EXAMPLE)
