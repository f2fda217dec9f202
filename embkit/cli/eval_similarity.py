"""``embkit eval similarity``: correlation of cosines with human scores."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from embkit.cli.eval_options import ScoreOptions, SharedOptions, check_several
from embkit.cli.eval_output import (
    is_nothing_evaluated,
    print_explained,
    print_rows,
    refuse_nothing_evaluated,
)
from embkit.cli.eval_sets import load_each, open_sets
from embkit.cli.options import FLATTEN, CommonOptions, LoadOptions
from embkit.cli.terminal import note, print_json
from embkit.evaluation.options import SimilarityOptions

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.evaluation.compare import Comparison
    from embkit.evaluation.results import Result
    from embkit.evaluation.similarity import SimilarityScore

EXAMPLE = "Example: embkit eval similarity a.bin b.bin --set ws353 --set mine.tsv --compare"


def similarity(
    *vectors: Path,
    sets: Annotated[ScoreOptions, FLATTEN] = ScoreOptions(),
    columns: Annotated[tuple[str, ...], Parameter(show_default=False)] = (),
    options: Annotated[SimilarityOptions, FLATTEN] = SimilarityOptions(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print how well the cosines of word pairs agree with human scores.

    Spearman's rho with its interval, Pearson's r, the harmonic mean of both, and how many
    pairs of the set were used.

    Parameters
    ----------
    vectors
        Files or folders with vectors, in any format that embkit reads.
    columns
        Of set files: the columns of both words and the score, by name or number; give it
        three times. They are guessed when left out.
    """
    from embkit.evaluation.similarity import evaluate_similarity, on_common_pairs

    check_several(vectors, sets)
    data: list[Any] = open_sets("similarity", sets.set, columns)
    by_set: list[list[SimilarityScore]] = [[] for _ in data]
    for name, space in load_each(vectors, load):
        for scores, one in zip(by_set, data, strict=True):
            scores.append(evaluate_similarity(space, one, options, name=name))
    if sets.common:
        by_set = [on_common_pairs(scores, options) for scores in by_set]
    comparisons = _comparisons(by_set, options) if sets.compare else []
    results = [score for of_set in by_set for score in of_set]
    if common.json:
        print_json(_document(by_set, comparisons, sets))
    else:
        quiet = common.quiet or is_nothing_evaluated(results)
        print_explained([row for score in results for row in score.rows()], quiet=quiet)
        _print_means(by_set, quiet=quiet)
        print_more(_seeds(by_set) if sets.runs else [], comparisons)
    refuse_nothing_evaluated(results)


def default_results(
    space: Embeddings, name: str, data: Sequence[Any], shared: SharedOptions
) -> list[Result]:
    """Return the scores on some sets, for ``embkit eval all``."""
    from embkit.evaluation.similarity import evaluate_similarity

    options = shared.of(SimilarityOptions)
    return [evaluate_similarity(space, one, options, name=name) for one in data]


def default_comparisons(
    scores: Sequence[SimilarityScore], shared: SharedOptions
) -> list[Comparison]:
    """Return the comparisons of those scores, for ``embkit eval all``."""
    by_set: dict[str, list[SimilarityScore]] = {}
    for score in scores:
        by_set.setdefault(score.set, []).append(score)
    return _comparisons(list(by_set.values()), shared.of(SimilarityOptions))


def _comparisons(
    by_set: Sequence[Sequence[SimilarityScore]], options: SimilarityOptions
) -> list[Comparison]:
    from embkit.evaluation.compare import adjust, compare_similarity

    return adjust(
        [
            compare_similarity(first, second, options)
            for scores in by_set
            for first, second in combinations(scores, 2)
        ]
    )


def _seeds(by_set: Sequence[Sequence[SimilarityScore]]) -> list[dict[str, Any]]:
    return [
        seed_row(scores[0].set, "spearman", [score.spearman.value for score in scores])
        for scores in by_set
    ]


def seed_row(name: str, measure: str, values: Sequence[float | None]) -> dict[str, Any]:
    """Return mean, standard deviation and interval of the runs' figures, where defined."""
    from embkit.evaluation.intervals import summarize_seeds

    row: dict[str, Any] = {"set": name, "measure": measure, "runs": len(values)}
    defined = [value for value in values if value is not None]
    if len(defined) < len(values):
        reason = f"undefined for {len(values) - len(defined)} runs"
        return {**row, "mean": None, "sd": None, "low": None, "high": None, "reason": reason}
    summary = summarize_seeds(defined)
    ends = (summary.interval.low, summary.interval.high) if summary.interval else (None, None)
    return {
        **row,
        "mean": summary.mean,
        "sd": summary.sd,
        "low": ends[0],
        "high": ends[1],
        "reason": summary.reason,
    }


def print_more(seeds: Sequence[dict[str, Any]], comparisons: Sequence[Comparison]) -> None:
    """Print the tables of several runs and of comparisons, where there are any."""
    for rows in (list(seeds), [row for c in comparisons for row in c.rows()]):
        if rows:
            print()
            print_rows(rows)


def _print_means(by_set: Sequence[Sequence[SimilarityScore]], *, quiet: bool) -> None:
    if len(by_set) < 2:
        return
    means, reason = _means(by_set)
    if reason is not None:
        note(f"no mean over the sets: {reason}; --common uses the same for all", quiet=quiet)
        return
    print()
    print_explained(
        [
            {
                "vectors": score.vectors,
                "mean of": f"{len(by_set)} sets",
                "spearman": mean.value,
                "reason": mean.reason,
            }
            for score, mean in zip(by_set[0], means, strict=True)
        ],
        quiet=quiet,
    )


def _means(by_set: Sequence[Sequence[SimilarityScore]]) -> tuple[list[Any], str | None]:
    from embkit.evaluation.similarity import mean_over_sets

    try:
        return mean_over_sets(by_set), None
    except ValueError as error:  # different coverage: told, never averaged
        return [], str(error)


def _document(
    by_set: Sequence[Sequence[SimilarityScore]],
    comparisons: Sequence[Comparison],
    sets: ScoreOptions,
) -> dict[str, Any]:
    means, reason = _means(by_set)
    named = zip((score.vectors for score in by_set[0]), means, strict=False)
    return {
        "results": [score.to_dict() for scores in by_set for score in scores],
        "means": {name: mean.to_dict() for name, mean in named} or None,
        "means_reason": reason,
        "runs": _seeds(by_set) if sets.runs else None,
        "comparisons": [c.to_dict() for c in comparisons] if sets.compare else None,
    }


def register(app: App) -> None:
    """Add the command."""
    app.command(similarity, help_epilogue=EXAMPLE)
