"""The page of a report: sections in order, one file that needs nothing else."""

from __future__ import annotations

from embkit.report.build import Report
from embkit.report.markup import badge, section, text
from embkit.report.origins import maps_section, neighbors_section, provenance_section
from embkit.report.scores import analogies_section, comparisons_section, similarity_section
from embkit.report.style import STYLE
from embkit.report.tasks import (
    bias_section,
    categories_section,
    diagnostics_section,
    outliers_section,
)


def render(report: Report) -> str:
    """Return the page as HTML; it runs no script and loads nothing.

    Examples
    --------
    >>> import embkit
    >>> from embkit.report.build import ReportOptions, build_report
    >>> v = embkit.Embeddings.from_words(["a", "b", "c"], [[1, 0], [0.9, 0.1], [0, 1]])
    >>> options = ReportOptions(words=("a",), neighbors=1, title="<mine>")
    >>> "<h1>&lt;mine&gt;</h1>" in render(build_report([("v", v)], [], options))
    True
    """
    sections = [
        _models(report),
        similarity_section(report),
        analogies_section(report),
        comparisons_section(report),
        categories_section(report),
        outliers_section(report),
        bias_section(report),
        diagnostics_section(report),
        neighbors_section(report),
        maps_section(report),
        provenance_section(report),
    ]
    parts = [part for part in sections if part]
    links = "".join(_link(part) for part in parts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="generator" content="embkit {text(report.version)}">
<title>{text(report.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<header><h1>{text(report.title)}</h1>
<p>{_summary(report)}</p>
<nav aria-label="Sections">{links}</nav></header>
<main>
{chr(10).join(parts)}
</main>
<footer>Made by embkit {text(report.version)}. Every figure stands with its coverage, the
intervals are {report.options.confidence:.0%} ones.</footer>
</body>
</html>
"""


def _link(part: str) -> str:
    name = part.split('"', 2)[1]
    title = part.split(f'id="{name}-title">', 1)[1].split("<", 1)[0]
    return f'<a href="#{name}">{title}</a>'


def _summary(report: Report) -> str:
    models, sets = len(report.models), len(report.sets)
    return f"{models} model{'s' * (models > 1)} on {sets} data set{'s' * (sets != 1)}."


def _models(report: Report) -> str:
    cards = []
    for i, model in enumerate(report.models):
        method = model.provenance.get("method")
        facts = f"{model.num_words:,} words × {model.dim}" + (
            f", trained by {text(method)}" if method else ""
        )
        cards.append(f'<li class="card">{badge(i, model.name)}<p>{facts}</p></li>')
    return section("models", "Models", f'<ul class="cards">{"".join(cards)}</ul>')
