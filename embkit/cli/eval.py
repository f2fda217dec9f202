"""``embkit eval``: how good vectors are, with coverage and uncertainty beside every figure."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Annotated

from cyclopts import App, Parameter

from embkit.cli import (
    eval_analogy,
    eval_bias,
    eval_categorization,
    eval_crosslingual,
    eval_diagnostics,
    eval_outliers,
    eval_similarity,
)
from embkit.cli.eval_output import print_explained, refuse_nothing_evaluated
from embkit.cli.eval_sets import load_each
from embkit.cli.options import FLATTEN, CommonOptions, LoadOptions
from embkit.cli.terminal import note, print_json
from embkit.evaluation.results import Result

EXAMPLE = "Example: embkit eval similarity vectors.bin --set ws353"
ALL_EXAMPLE = "Example: embkit eval all vectors.bin --json"

# Each task's module has register(app), which adds its command. It may also have
# default_results(space, name, sets): what ``embkit eval all`` shows of one model, where
# ``sets`` are the names of the sets of its kind that are here.
TASKS: dict[str, ModuleType] = {
    "similarity": eval_similarity,
    "analogy": eval_analogy,
    "categorization": eval_categorization,
    "outliers": eval_outliers,
    "bias": eval_bias,
    "diagnostics": eval_diagnostics,
    "translation": eval_crosslingual,
}


def evaluate_all(
    *vectors: Path,
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Evaluate vectors on every task, with the usual English sets that are here.

    Tasks whose sets are not here are left out, and named on stderr.

    Parameters
    ----------
    vectors
        Files or folders with vectors, in any format that embkit reads.
    """
    from embkit.evaluation.named import default_sets
    from embkit.evaluation.registry import KINDS

    tasks = {name: task for name, task in TASKS.items() if hasattr(task, "default_results")}
    sets: dict[str, list[str]] = {k: default_sets(k) for k in KINDS if k in tasks}
    for kind in sets:
        if not sets[kind]:
            del tasks[kind]
            note(f"no {kind} set is here; embkit data fetch brings them", quiet=common.quiet)
    results: dict[str, list[Result]] = {name: [] for name in tasks}
    for name, space in load_each(vectors, load):
        for task, module in tasks.items():
            results[task] += module.default_results(space, name, sets.get(task, []))
    if common.json:
        print_json({n: [r.to_dict() for r in found] for n, found in results.items()})
    else:
        for found in results.values():
            if rows := [row for result in found for row in result.total_rows()]:
                print_explained(rows, quiet=common.quiet)
                print()
    refuse_nothing_evaluated([result for found in results.values() for result in found])


def build_eval() -> App:
    """Return the command with a subcommand for each task."""
    evaluation = App(
        name="eval",
        help_epilogue=EXAMPLE,
        default_parameter=Parameter(negative_iterable=()),
    )
    for task in TASKS.values():
        task.register(evaluation)
    evaluation.command(evaluate_all, name="all", help_epilogue=ALL_EXAMPLE)
    return evaluation


EVAL = build_eval()
