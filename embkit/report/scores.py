"""Sections of a report with scores against people: similarity and analogies."""

from __future__ import annotations

from collections.abc import Sequence

from embkit.evaluation.analogy import AnalogyScore
from embkit.evaluation.compare import Comparison
from embkit.evaluation.similarity import SimilarityScore
from embkit.report.build import Report
from embkit.report.charts import disagreements, scatter
from embkit.report.markup import coverage, number, section, table, text, track
from embkit.report.parts import figure, model_name, models_named, scores_of


def similarity_section(report: Report) -> str:
    """Return the section: correlations, plots and the pairs people see otherwise."""
    scores = scores_of(report, "similarity", SimilarityScore)
    if not scores:
        return ""
    lows = [s.spearman.interval.low for _, s in scores if s.spearman.interval]
    low = -1.0 if min(lows, default=0.0) < 0 else 0.0
    rows = [
        (
            text(score.set),
            model_name(report, model),
            track(score.spearman, low, 1, model=model, label=f"{score.vectors} on {score.set}"),
            figure(score.spearman),
            number(score.pearson.value),
            coverage(score.n_used, score.n_total),
        )
        for model, score in scores
    ]
    names = (
        "set",
        "model",
        f"{number(low, 0)} to 1",
        "Spearman’s ρ",
        "Pearson’s r",
        "pairs used",
    )
    plots = "".join(
        f"<figure>{scatter(score, model)}<figcaption>{model_name(report, model)} on "
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


def analogies_section(report: Report) -> str:
    """Return the section: totals and sections."""
    scores = scores_of(report, "analogy", AnalogyScore)
    parts = []
    for name in dict.fromkeys(score.set for _, score in scores):
        of_set = [(model, score) for model, score in scores if score.set == name]
        totals = [
            (
                text(score.method),
                model_name(report, model),
                track(
                    score.accuracy, 0, 1, model=model, label=f"{score.vectors}, {score.method}",
                    bar=True,
                ),
                figure(score.accuracy),
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
            model_name(report, model),
            track(parts[at].accuracy, 0, 1, model=model, label=f"{parts[at].name}", bar=True),
            figure(parts[at].accuracy),
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


def comparisons_section(report: Report) -> str:
    """Return the section: who is better, and whether it can be told apart."""
    compared = [c for c in report.comparisons if isinstance(c, Comparison)]
    bound = _bound(compared)
    rows = []
    for c in compared:
        first, second = models_named(report, c.first, c.second)
        told = "yes" if c.is_told_apart else "no"
        rows.append(
            (
                f"{text(c.set)}<br><small>{text(c.measure)}</small>",
                f"{model_name(report, first)} {model_name(report, second)}",
                track(c.difference, -bound, bound, model=first, label=f"difference on {c.set}"),
                figure(c.difference),
                f"{number(c.p_adjusted, 4)}<br><small>{text(c.tests[0].method)}</small>",
                "–" if c.difference.value is None else told,
                f"{c.n_common:,}",
            )
        )
    names = (
        *(
            "set",
            "models",
            f"−{bound:g} to {bound:g}",
            "first less second",
            "p, Holm’s",
            "told apart?",
        ),
        "common items",
    )
    return section(
        "comparison",
        "Who is better",
        "<p>Each two models on the items that both cover. Right of the middle the first is "
        "better.</p>" * bool(rows),
        table("Differences", names, rows, "plot") if rows else "",
    )


def _bound(compared: Sequence[Comparison]) -> float:
    """Return the end of an axis on which all differences and their intervals have room."""
    ends = [abs(c.difference.value or 0.0) for c in compared]
    ends += [
        max(abs(c.difference.interval.low), abs(c.difference.interval.high))
        for c in compared
        if c.difference.interval is not None
    ]
    return next(b for b in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0) if b >= max(ends, default=0))
