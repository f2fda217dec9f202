"""``embkit eval diagnostics``: what vectors look like without a test set."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App

from embkit.cli.eval_options import SharedOptions
from embkit.cli.eval_output import print_results
from embkit.cli.eval_sets import load_each
from embkit.cli.exit_codes import NothingEvaluatedError
from embkit.cli.options import FLATTEN, CommonOptions, LoadOptions
from embkit.cli.terminal import print_json
from embkit.evaluation.task_options import DiagnosticsOptions

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.evaluation.diagnostics import Diagnostics
    from embkit.evaluation.results import Result

EXAMPLE = "Example: embkit eval diagnostics run1.bin run2.bin"


def diagnostics(
    *vectors: Path,
    options: Annotated[DiagnosticsOptions, FLATTEN] = DiagnosticsOptions(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print hubness, isotropy and the trace of frequency; of several, how neighbours agree.

    Parameters
    ----------
    vectors
        Files or folders with vectors, in any format that embkit reads.
    """
    from embkit.backend import open_backend
    from embkit.evaluation.stability import compare_neighbors

    open_backend(options.device)  # refuses a device that is not there, before the work
    loaded = list(load_each(vectors, load))
    found = [_look_at(space, name, options) for name, space in loaded]
    agreed = [
        compare_neighbors(first[1], second[1], options, names=(first[0], second[0]))
        for first, second in combinations(loaded, 2)
    ]
    if common.json:
        print_json(
            {
                "diagnostics": [each.to_dict() for each in found],
                "stability": [each.to_dict() for each in agreed],
            }
        )
        return
    print_results(found, json=False, quiet=common.quiet)
    if agreed:
        print()
        print_results(agreed, json=False, quiet=common.quiet)


def default_results(
    space: Embeddings, name: str, data: Sequence[object], shared: SharedOptions
) -> list[Result]:
    """Return the diagnostics, which need no sets, for ``embkit eval all``."""
    return [_look_at(space, name, shared.of(DiagnosticsOptions))]


def _look_at(space: Embeddings, name: str, options: DiagnosticsOptions) -> Diagnostics:
    from embkit.evaluation.diagnostics import evaluate_diagnostics

    try:
        return evaluate_diagnostics(space, options, name=name)
    except ValueError as error:  # too few words
        raise NothingEvaluatedError(f"{name}: {error}") from error


def register(app: App) -> None:
    """Add the command."""
    app.command(diagnostics, help_epilogue=EXAMPLE)
