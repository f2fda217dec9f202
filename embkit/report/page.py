"""The page of a report: sections in order, one file that needs nothing else."""

from __future__ import annotations

import json
from typing import TypeVar

from embkit.evaluation.analogy import AnalogyScore
from embkit.evaluation.bias import BiasScore
from embkit.evaluation.categorization import CategorizationScore
from embkit.evaluation.diagnostics import Diagnostics
from embkit.evaluation.outliers import OutlierScore
from embkit.evaluation.results import Estimate, Result
from embkit.evaluation.similarity import SimilarityScore
from embkit.evaluation.stability import Stability
from embkit.report.build import ModelReport, Report
from embkit.report.charts import disagreements, scatter, word_map
from embkit.report.markup import (
    badge,
    coverage,
    number,
    section,
    shown_interval,
    table,
    text,
    track,
    word,
)
from embkit.report.style import STYLE

Kind = TypeVar("Kind", bound=Result)


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
        _similarity(report),
        _analogies(report),
        _categories(report),
        _outliers(report),
        _bias(report),
        _diagnostics(report),
        _neighbors(report),
        _maps(report),
        _provenance(report),
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


def _scores(report: Report, kind: str, cls: type[Kind]) -> list[tuple[int, Kind]]:
    """Return all results of a kind with their models' numbers, set by set."""
    found = [
        (position, number, score)
        for number, model in enumerate(report.models)
        for position, score in enumerate(model.scores.get(kind, ()))
        if isinstance(score, cls)
    ]
    return [(number, score) for _, number, score in sorted(found, key=lambda row: row[:2])]


def _name(report: Report, model: int) -> str:
    return badge(model, report.models[model].name)


def _models(report: Report) -> str:
    cards = []
    for i, model in enumerate(report.models):
        method = model.provenance.get("method")
        facts = f"{model.num_words:,} words × {model.dim}" + (
            f", trained by {text(method)}" if method else ""
        )
        cards.append(f'<li class="card">{badge(i, model.name)}<p>{facts}</p></li>')
    return section("models", "Models", f'<ul class="cards">{"".join(cards)}</ul>')


def _figure(estimate: Estimate) -> str:
    return f"<b>{number(estimate.value)}</b> <small>{shown_interval(estimate)}</small>"


def _similarity(report: Report) -> str:
    scores = _scores(report, "similarity", SimilarityScore)
    if not scores:
        return ""
    lows = [s.spearman.interval.low for _, s in scores if s.spearman.interval]
    low = -1.0 if min(lows, default=0.0) < 0 else 0.0
    rows = [
        (
            text(score.set),
            _name(report, model),
            track(score.spearman, low, 1, model=model, label=f"{score.vectors} on {score.set}"),
            _figure(score.spearman),
            number(score.pearson.value),
            coverage(score.n_used, score.n_total),
        )
        for model, score in scores
    ]
    names = ("set", "model", f"{low:.0f} to 1", "Spearman’s ρ", "Pearson’s r", "pairs used")
    plots = "".join(
        f"<figure>{scatter(score, model)}<figcaption>{_name(report, model)} on "
        f"{text(score.set)}{disagreements(score)}</figcaption></figure>"
        for model, score in scores
        if score.n_used
    )
    policy = scores[0][1]
    return section(
        "similarity",
        "Word similarity",
        "<p>How the cosines of word pairs rank against the scores that people gave them. "
        f"Unknown words: {text(policy.oov)}; case: {text(policy.case)}.</p>",
        table("Correlation with human scores", names, rows, "plot"),
        "<h3>Human scores against cosines</h3>",
        f'<div class="grid">{plots}</div>',
    )


def _analogies(report: Report) -> str:
    scores = _scores(report, "analogy", AnalogyScore)
    parts = []
    for name in dict.fromkeys(score.set for _, score in scores):
        of_set = [(model, score) for model, score in scores if score.set == name]
        totals = [
            (
                text(score.method),
                _name(report, model),
                track(
                    score.accuracy, 0, 1, model=model, label=f"{score.vectors}, {score.method}",
                    bar=True,
                ),
                _figure(score.accuracy),
                coverage(score.n_used, score.n_total),
            )
            for model, score in of_set
        ]  # fmt: skip
        columns = ("method", "model", "0 to 1", "accuracy", "questions used")
        parts.append(f"<h3>{text(name)}</h3>")
        parts.append(table(f"Accuracy on {name}", columns, totals, "plot"))
        parts.append(_section_bars(report, of_set))
    if not parts:
        return ""
    return section(
        "analogies",
        "Analogies",
        "<p>a is to b as c is to what? The words of the question are no answers. Intervals "
        "resample a section’s word pairs, of which its questions are combinations.</p>",
        *parts,
    )


def _section_bars(report: Report, scores: list[tuple[int, AnalogyScore]]) -> str:
    method = scores[0][1].method
    rows = [
        (
            text(parts[0].name),
            _name(report, model),
            track(parts[at].accuracy, 0, 1, model=model, label=f"{parts[at].name}", bar=True),
            _figure(parts[at].accuracy),
            coverage(parts[at].n_used, parts[at].n_total),
        )
        for position in range(len(scores[0][1].sections) + len(scores[0][1].groups))
        for model, score in scores
        if score.method == method
        for parts, at in [((*score.sections, *score.groups)[position : position + 1], 0)]
    ]
    if not rows:
        return ""
    names = ("section", "model", "0 to 1", "accuracy", "questions used")
    body = table(f"Accuracy by section, {method}", names, rows, "plot")
    return f"<details open><summary>Sections, {text(method)}</summary>{body}</details>"


def _categories(report: Report) -> str:
    scores = _scores(report, "categorization", CategorizationScore)
    rows = [
        (
            text(score.set),
            _name(report, model),
            track(score.purity, 0, 1, model=model, label=f"{score.vectors} on {score.set}"),
            _figure(score.purity),
            number(score.chance),
            number(score.v_measure.value),
            number(score.ari.value),
            coverage(score.n_used, score.n_total),
        )
        for model, score in scores
    ]
    names = (
        *("set", "model", "0 to 1", "purity", "purity by chance", "V-measure", "ARI"),
        "words used",
    )
    return section(
        "categorization",
        "Categorisation",
        "<p>Spherical k-means with as many clusters as there are categories; the categories "
        "take no part in any choice.</p>" * bool(rows),
        table("Clusters against categories", names, rows, "plot") if rows else "",
    )


def _outliers(report: Report) -> str:
    scores = _scores(report, "outliers", OutlierScore)
    rows = [
        (
            text(score.set),
            _name(report, model),
            track(score.accuracy, 0, 1, model=model, label=f"{score.vectors} on {score.set}"),
            _figure(score.accuracy),
            _figure(score.opp),
            coverage(score.n_used, score.n_total),
        )
        for model, score in scores
    ]
    names = ("set", "model", "0 to 1", "accuracy", "OPP", "outliers asked")
    return section(
        "outliers",
        "Outlier detection",
        "<p>Which word does not belong? Intervals resample the clusters.</p>" * bool(rows),
        table("Outliers found", names, rows, "plot") if rows else "",
    )


def _bias(report: Report) -> str:
    scores = _scores(report, "bias", BiasScore)
    rows = [
        (
            f"{text(score.set)}: {text(score.targets)}"
            f"<br><small>{text(score.attributes)}</small>",
            _name(report, model),
            track(score.effect, -2, 2, model=model, label=f"{score.vectors}, {score.targets}"),
            _figure(score.effect),
            f"{_p_value(score.p_value)}<br><small>{text(score.p_method)}</small>",
            f"{score.n_x}+{score.n_y}, {score.n_a}+{score.n_b}",
        )
        for model, score in scores
    ]
    names = (
        "targets, attributes",
        "model",
        "−2 to 2",
        "effect size d",
        "p, one-sided",
        "words",
    )
    return section(
        "bias",
        "Association tests",
        "<p>WEAT: do the first targets stand nearer to the first attributes than the second "
        "do? 0 is no difference.</p>" * bool(rows),
        table("Association tests", names, rows, "plot") if rows else "",
    )


def _p_value(value: float | None) -> str:
    return "&lt; 0.0001" if value is not None and value < 1e-4 else number(value, 4)


def _diagnostics(report: Report) -> str:
    scores = _scores(report, "diagnostics", Diagnostics)
    rows = [
        (
            _name(report, model),
            f"{d.n_words:,}",
            number(d.hubness.value, 2),
            f"{word(d.largest_hub)} ({d.largest_n_k:,})",
            f"{d.orphans:.1%}",
            number(d.isotropy.value),
            number(d.mean_cosine),
            number(d.frequency_length.value, 2),
        )
        for model, d in scores
    ]
    names = (
        *("model", "words", "hubness", "largest hub", "nobody’s neighbour", "isotropy"),
        *("mean cosine", "length ~ frequency"),
    )
    numbers = {model.name: i for i, model in enumerate(report.models)}
    agreed = [
        (
            f"{_name(report, numbers[s.first])} {_name(report, numbers[s.second])}",
            track(s.overlap, 0, 1, model=numbers[s.first], label=f"{s.first} and {s.second}"),
            _figure(s.overlap),
            f"{s.n_words:,}",
        )
        for s in report.stability
        if isinstance(s, Stability)
    ]
    columns = ("models", "0 to 1", "neighbours shared", "common words")
    return section(
        "diagnostics",
        "From inside",
        "<p>Figures that need no test set, over the most frequent words. Hubness is the "
        "skewness of how often a word is among the ten nearest of others.</p>",
        table("What the vectors look like", names, rows),
        table("How far the models agree on neighbours", columns, agreed, "plot")
        if agreed
        else "",
    )


def _neighbors(report: Report) -> str:
    cards = []
    for chosen in report.models[0].neighbors:
        columns = []
        for i, model in enumerate(report.models):
            found = model.neighbors[chosen]
            items = "".join(
                f"<li>{word(other)} <small>{number(score, 2)}</small></li>"
                for other, score in found or ()
            )
            body = f"<ol>{items}</ol>" if found else '<p class="note">unknown</p>'
            name = _name(report, i) if len(report.models) > 1 else ""
            columns.append(f"<div>{name}{body}</div>")
        body = f'<div class="columns">{"".join(columns)}</div>'
        cards.append(f'<li class="card"><h3>{word(chosen)}</h3>{body}</li>')
    wide = 15 if len(report.models) == 1 else 21
    return section(
        "neighbours",
        "Nearest neighbours",
        f'<ul class="cards" style="--wide:{wide}rem">{"".join(cards)}</ul>' if cards else "",
    )


def _maps(report: Report) -> str:
    figures = []
    for i, model in enumerate(report.models):
        label = f"Map of words of {model.name}"
        drawn = word_map(model.word_map, label) if model.word_map.words else ""
        caption = f"<figcaption>{_name(report, i)} {text(model.word_map.caption)}</figcaption>"
        figures.append(f"<figure>{drawn}{caption}</figure>")
    return section("map", "Words on a plane", *figures)


def _provenance(report: Report) -> str:
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
