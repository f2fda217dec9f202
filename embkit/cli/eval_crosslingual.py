"""The tasks of ``embkit eval`` across two languages, loaded when they are used."""

from __future__ import annotations

from cyclopts import App

TRANSLATION_EXAMPLE = """Example: embkit eval translation en.bin de.bin --mapping en-de.map
--dictionary test.txt"""

_PAIR = "en.bin de.bin --mapping en-de.map"
# Each command's function, help, and what follows the vectors in its example.
TASKS = {
    "crosslingual-similarity": (
        "Print how cosines across two languages correlate with human scores.",
        "--set semeval17-en-de.tsv",
    ),
    "crosslingual-analogy": (
        "Print how many analogies across two languages are solved.",
        "--set analogies.txt",
    ),
    "sentences": (
        "Print how often a sentence's translation is found.",
        "--source-text en.txt --target-text de.txt",
    ),
    "documents": (
        "Print how well a classifier trained in one language does in the other.",
        "--train en.tsv --test de.tsv",
    ),
    "alignment": (
        "Print the error rate of aligning words by their vectors.",
        "--source-text en.txt --target-text de.txt --gold links.txt",
    ),
}


def register(app: App) -> None:
    """Add the commands."""
    app.command(
        "embkit.cli.eval_translation:translation",
        help="Print how often the translations of a dictionary's words are found.",
        help_epilogue=TRANSLATION_EXAMPLE,
    )
    for name, (text, example) in TASKS.items():
        function = name.replace("-", "_")
        app.command(
            f"embkit.cli.eval_crosslingual_tasks:{function}",
            name=name,
            help=text,
            help_epilogue=f"Example: embkit eval {name} {_PAIR}\n{example}",
        )
