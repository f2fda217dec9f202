"""Sections of a report that show words, and where everything comes from."""

from __future__ import annotations

import json

from embkit.report.build import ModelReport, Report
from embkit.report.charts import word_map
from embkit.report.markup import badge, number, section, table, text, word
from embkit.report.parts import model_name


def neighbors_section(report: Report) -> str:
    """Return the section: the neighbours of the chosen words."""
    cards = []
    for chosen in report.models[0].neighbors:
        columns = []
        for i, model in enumerate(report.models):
            found = model.neighbors[chosen]
            items = "".join(
                f"<li><small>{number(score, 2)}</small> {word(other)}</li>"
                for other, score in found or ()
            )
            body = f"<ol>{items}</ol>" if found else '<p class="note">unknown</p>'
            name = model_name(report, i) if len(report.models) > 1 else ""
            columns.append(f"<div>{name}{body}</div>")
        body = f'<div class="columns">{"".join(columns)}</div>'
        cards.append(f'<li class="card"><h3>{word(chosen)}</h3>{body}</li>')
    wide = 15 if len(report.models) == 1 else 21
    return section(
        "neighbours",
        "Nearest neighbours",
        f'<ul class="cards" style="--wide:{wide}rem">{"".join(cards)}</ul>' if cards else "",
    )


def maps_section(report: Report) -> str:
    """Return the section: the words on a plane."""
    figures = []
    for i, model in enumerate(report.models):
        label = f"Map of words of {model.name}"
        drawn = word_map(model.word_map, label) if model.word_map.words else ""
        caption = (
            f"<figcaption>{model_name(report, i)} {text(model.word_map.caption)}</figcaption>"
        )
        figures.append(f"<figure>{drawn}{caption}</figure>")
    return section("map", "Words on a plane", *figures)


def provenance_section(report: Report) -> str:
    """Return the section: where models and sets come from."""
    sets = [
        (
            text(s.name),
            text(s.kind),
            f"{s.entries:,}",
            text(s.citation or s.path),
            text("; ".join(s.notes)) or "–",
        )
        for s in report.sets
    ]
    names = ("set", "kind", "entries", "source", "known defects")
    models = "".join(_model_provenance(i, model) for i, model in enumerate(report.models))
    return section(
        "provenance",
        "Provenance",
        models,
        table("Data sets", names, sets) if sets else "",
        f'<p class="note">embkit {text(report.version)}; {_settings(report)}.</p>',
    )


def _settings(report: Report) -> str:
    options = report.options
    vocabulary = options.restrict_vocab or "all words"
    return (
        f"seed {options.seed}, {options.resamples:,} bootstrap samples, case "
        f"{text(options.case)}, vocabulary {vocabulary}"
    )


def _model_provenance(i: int, model: ModelReport) -> str:
    facts = json.dumps(model.provenance, indent=2, ensure_ascii=False, default=str)
    shown = (
        f"<pre tabindex=0>{text(facts)}</pre>" if model.provenance else "<p>not recorded</p>"
    )
    return f"<details><summary>{badge(i, model.name)}</summary>{shown}</details>"
