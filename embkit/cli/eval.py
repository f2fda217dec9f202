"""``embkit eval``: how good vectors are, with coverage and uncertainty beside every figure."""

from __future__ import annotations

from types import ModuleType

from cyclopts import App

from embkit.cli import eval_bias, eval_categorization, eval_diagnostics, eval_outliers

EXAMPLE = "Example: embkit eval similarity vectors.bin --set ws353.tsv"

# Each task's module has register(app), which adds its command. It may also have
# default_results(space, settings): the results that ``embkit eval all`` shows.
TASKS: dict[str, ModuleType] = {
    "categorization": eval_categorization,
    "outliers": eval_outliers,
    "bias": eval_bias,
    "diagnostics": eval_diagnostics,
}


def register(app: App) -> None:
    """Add the command with a subcommand for each task."""
    evaluation = App(
        name="eval", help="Evaluate vectors, with intervals.", help_epilogue=EXAMPLE
    )
    for task in TASKS.values():
        task.register(evaluation)
    if TASKS:
        app.command(evaluation)
