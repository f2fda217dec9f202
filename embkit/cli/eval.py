"""``embkit eval``: how good vectors are, with coverage and uncertainty beside every figure."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

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
from embkit.cli.eval_options import SharedOptions, check_several
from embkit.cli.eval_output import print_explained, refuse_nothing_evaluated
from embkit.cli.eval_sets import load_each, open_sets
from embkit.cli.eval_similarity import print_more
from embkit.cli.options import FLATTEN, CommonOptions, LoadOptions
from embkit.cli.terminal import note, print_json
from embkit.evaluation.results import Result

if TYPE_CHECKING:
    from embkit.evaluation.compare import Comparison
    from embkit.evaluation.sets import DataSet

EXAMPLE = "Example: embkit eval similarity vectors.bin --set ws353"
ALL_EXAMPLE = "Example: embkit eval all vectors.bin other.bin --compare"

# Each task's module has register(app), which adds its command. It may also have
# default_results(space, name, data, shared): what ``embkit eval all`` shows of one model, where
# ``data`` are the sets of its kind that are here; and then, with --compare,
# default_comparisons(results, shared) of all models.
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
    shared: Annotated[SharedOptions, FLATTEN] = SharedOptions(),
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
    from embkit.backend import open_backend
    from embkit.evaluation.named import default_sets
    from embkit.evaluation.registry import KINDS

    open_backend(shared.device or "cpu")  # refuses a device that is not there, before the work
    check_several(vectors, shared)
    tasks = {name: task for name, task in TASKS.items() if hasattr(task, "default_results")}
    data: dict[str, list[DataSet]] = {}
    for kind in KINDS:
        if kind in tasks and (names := default_sets(kind)):
            data[kind] = open_sets(kind, names)
        elif kind in tasks:
            del tasks[kind]
            note(f"no {kind} set is here; embkit data fetch brings them", quiet=common.quiet)
    results: dict[str, list[Result]] = {name: [] for name in tasks}
    for name, space in load_each(vectors, load):
        for task, module in tasks.items():
            results[task] += module.default_results(space, name, data.get(task, []), shared)
    comparisons: dict[str, list[Comparison]] = {
        name: task.default_comparisons(results[name], shared)
        for name, task in tasks.items()
        if shared.compare and hasattr(task, "default_comparisons")
    }
    if common.json:
        told = {name: [r.to_dict() for r in found] for name, found in results.items()}
        compared = [c.to_dict() for found in comparisons.values() for c in found]
        print_json({**told, "comparisons": compared} if shared.compare else told)
    else:
        for name, found in results.items():
            if rows := [row for result in found for row in result.total_rows()]:
                print_explained(rows, quiet=common.quiet)
                print_more([], comparisons.get(name, []))
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
