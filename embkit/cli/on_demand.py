"""Commands whose modules are imported when they are used: they need much of the library.

``embkit --help`` shows them by the lines written here.
"""

from __future__ import annotations

from cyclopts import App

MAP_EXAMPLE = """Example: embkit map en.bin de.bin --dictionary en-de.txt --output en-de.map

Then: embkit apply en-de.map en.bin --side source --output en-mapped.bin"""
MANY_EXAMPLE = """Example: embkit map-many en=en.bin de=de.bin it=it.bin --pivot en
--dictionary de-en=de-en.txt --dictionary it-en=it-en.txt --output maps"""
APPLY_EXAMPLE = "Example: embkit apply en-de.map en.bin --side source --output mapped.vec"

TRANSLATE_EXAMPLE = "Example: embkit translate en.bin de.bin dog cat --mapping en-de.map"
INDUCE_EXAMPLE = """Example: embkit induce-dictionary en.bin de.bin --mapping en-de.map
--output pairs.tsv"""

CHANGES_EXAMPLE = """Example: embkit changes 1850 1950 --mapping periods.map --topn 50

Then, of some words alone: embkit changes 1850 1950 gay broadcast"""

REPORT_EXAMPLE = """Example: embkit report vectors.bin --output report.html

Two models: embkit report a.bin b.bin --output ab.html --words music --words king"""
DOCTOR_EXAMPLE = "Example: embkit doctor --json"


def register(app: App) -> None:
    """Add the commands."""
    app.command("embkit.cli.eval:EVAL", name="eval", help="Evaluate vectors, with intervals.")
    app.command(
        "embkit.cli.report:report",
        help="Evaluate vectors and write one page of HTML that needs nothing else.",
        help_epilogue=REPORT_EXAMPLE,
    )
    app.command(
        "embkit.cli.doctor:doctor",
        help="Show what embkit finds here, and the command that mends what is missing.",
        help_epilogue=DOCTOR_EXAMPLE,
    )
    app.command(
        "embkit.cli.map:map_command",
        name="map",
        help="Fit a map that brings two embedding spaces together."
        "\n\nThe exit code is 7, and nothing is written without --force, where the map cannot "
        "be trusted: what it learned does not hold for pairs held out, or for another run. "
        "Fewer than 40 pairs are too few to tell wrong ones from right ones: then the verdict "
        "is doubtful. Alignments are judged by the source words' own vectors.",
        help_epilogue=MAP_EXAMPLE,
    )
    app.command(
        "embkit.cli.map_many:map_many_command",
        name="map-many",
        help="Map several languages into the space of one of them, the pivot."
        "\n\nThe exit code is 7, and nothing is written without --force, where a language's "
        "map cannot be trusted: what it learned does not hold for pairs held out.",
        help_epilogue=MANY_EXAMPLE,
    )
    app.command(
        "embkit.cli.map:apply_command",
        name="apply",
        help="Bring vectors of one side into the common space of a fitted map."
        "\n\nVectors of both sides must be brought there before they are compared: the "
        "target's too, as most maps turn, centre or scale both.",
        help_epilogue=APPLY_EXAMPLE,
    )
    app.command(
        "embkit.cli.translate:translate",
        help="Print the best translations of each word, with their scores.",
        help_epilogue=TRANSLATE_EXAMPLE,
    )
    app.command(
        "embkit.cli.induce:induce_dictionary",
        help="Write the pairs of words that translate each other, a line each."
        "\n\nThe columns, parted by tabs: source word, target word, confidence (0 to 1), "
        "score, lead over the second best, and whether the pair is mutual (1 or 0). Words that "
        "no dictionary can hold, such as those that are not UTF-8, are left out.",
        help_epilogue=INDUCE_EXAMPLE,
    )
    app.command(
        "embkit.cli.changes:changes",
        help="Print the words whose use changed most between two periods, with neighbours."
        "\n\nThe columns, parted by tabs: rank, word, score (0 is no change), occurrences on "
        "both sides where known, and the word's nearest before and after. Words must be spelt "
        "alike on both sides and be frequent on both, as rare ones differ by chance alone.",
        help_epilogue=CHANGES_EXAMPLE,
    )
