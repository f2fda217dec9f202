"""The tasks of ``embkit eval`` across two languages, loaded when they are used."""

from __future__ import annotations

from cyclopts import App

TRANSLATION_EXAMPLE = """Example: embkit eval translation en.bin de.bin --mapping en-de.map
--dictionary test.txt"""


def register(app: App) -> None:
    """Add the commands."""
    app.command(
        "embkit.cli.eval_translation:translation",
        help="Print how often the translations of a dictionary's words are found.",
        help_epilogue=TRANSLATION_EXAMPLE,
    )
