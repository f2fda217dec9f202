"""Sections of a report on categories, outliers, associations and the inside of vectors."""

from __future__ import annotations

from embkit.evaluation.bias import BiasScore
from embkit.evaluation.categorization import CategorizationScore
from embkit.evaluation.diagnostics import Diagnostics
from embkit.evaluation.outliers import OutlierScore
from embkit.evaluation.stability import Stability
from embkit.report.build import Report
from embkit.report.markup import coverage, number, section, table, text, track, word
from embkit.report.parts import figure, model_name, models_named, scores_of


def categories_section(report: Report) -> str:
    """Return the section: clusters against categories."""
    scores = scores_of(report, "categorization", CategorizationScore)
    rows = [
        (
            text(score.set),
            model_name(report, model),
            track(score.purity, 0, 1, model=model, label=f"{score.vectors} on {score.set}"),
            figure(score.purity),
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


def outliers_section(report: Report) -> str:
    """Return the section: the words that do not belong."""
    scores = scores_of(report, "outliers", OutlierScore)
    rows = [
        (
            text(score.set),
            model_name(report, model),
            track(score.accuracy, 0, 1, model=model, label=f"{score.vectors} on {score.set}"),
            figure(score.accuracy),
            figure(score.opp),
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


def bias_section(report: Report) -> str:
    """Return the section: association tests."""
    scores = scores_of(report, "bias", BiasScore)
    rows = [
        (
            f"{text(score.set)}: {text(score.targets)}"
            f"<br><small>{text(score.attributes)}</small>",
            model_name(report, model),
            track(score.effect, -2, 2, model=model, label=f"{score.vectors}, {score.targets}"),
            figure(score.effect),
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


def diagnostics_section(report: Report) -> str:
    """Return the section: what needs no test set."""
    scores = scores_of(report, "diagnostics", Diagnostics)
    rows = [
        (
            model_name(report, model),
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
    agreed = [_agreement(report, s) for s in report.stability if isinstance(s, Stability)]
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


def _agreement(report: Report, score: Stability) -> tuple[str, ...]:
    first, second = models_named(report, score.first, score.second)
    label = f"{score.first} and {score.second}"
    return (
        f"{model_name(report, first)} {model_name(report, second)}",
        track(score.overlap, 0, 1, model=first, label=label),
        figure(score.overlap),
        f"{score.n_words:,}",
    )
