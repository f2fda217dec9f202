"""``embkit eval analogy``: a is to b as c is to what."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App

from embkit.cli.eval_options import ScoreOptions, SharedOptions, check_several
from embkit.cli.eval_output import (
    is_nothing_evaluated,
    print_explained,
    refuse_nothing_evaluated,
)
from embkit.cli.eval_sets import load_each, open_sets
from embkit.cli.eval_similarity import print_more, seed_row
from embkit.cli.options import FLATTEN, CommonOptions, Flag, LoadOptions
from embkit.cli.terminal import print_json
from embkit.evaluation.options import AnalogyOptions

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.evaluation.analogy import AnalogyScore
    from embkit.evaluation.compare import Comparison
    from embkit.evaluation.results import Result

EXAMPLE = "Example: embkit eval analogy vectors.bin --set google --restrict-vocab 30000"

BySetAndMethod = list[list["AnalogyScore"]]


def analogy(
    *vectors: Path,
    sections: Flag = False,
    sets: Annotated[ScoreOptions, FLATTEN] = ScoreOptions(),
    options: Annotated[AnalogyOptions, FLATTEN] = AnalogyOptions(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print the share of analogy questions that the vectors answer right.

    Parameters
    ----------
    vectors
        Files or folders with vectors, in any format that embkit reads.
    sections
        Print each section too.
    """
    from embkit.backend import open_backend
    from embkit.evaluation.analogy import evaluate_analogies, on_common_items

    open_backend(options.device)  # refuses a device that is not there, before the work
    check_several(vectors, sets)
    data: list[Any] = open_sets("analogy", sets.set)
    scores: BySetAndMethod = [[] for _ in data for _ in options.method]
    for name, space in load_each(vectors, load):
        found = [s for d in data for s in evaluate_analogies(space, d, options, name=name)]
        for of_set, score in zip(scores, found, strict=True):
            of_set.append(score)
    if sets.common:
        scores = [on_common_items(of_set, options) for of_set in scores]
    comparisons = _comparisons(scores, options) if sets.compare else []
    seeds = _seeds(scores) if sets.runs else []
    results = [score for of_set in scores for score in of_set]
    if common.json:
        document = {
            "results": [score.to_dict() for score in results],
            "runs": seeds if sets.runs else None,
            "comparisons": [c.to_dict() for c in comparisons] if sets.compare else None,
        }
        print_json(document)
    else:
        shown = [score.rows() if sections else score.total_rows() for score in results]
        quiet = common.quiet or is_nothing_evaluated(results)
        print_explained([row for rows in shown for row in rows], quiet=quiet)
        print_more(seeds, comparisons)
    refuse_nothing_evaluated(results)


def default_results(
    space: Embeddings, name: str, data: Sequence[Any], shared: SharedOptions
) -> list[Result]:
    """Return the scores on some sets, for ``embkit eval all``."""
    from embkit.evaluation.analogy import evaluate_analogies

    options = shared.of(AnalogyOptions)
    return [s for one in data for s in evaluate_analogies(space, one, options, name=name)]


def default_comparisons(
    scores: Sequence[AnalogyScore], shared: SharedOptions
) -> list[Comparison]:
    """Return the comparisons of those scores, for ``embkit eval all``."""
    by_set: dict[tuple[str, str], list[AnalogyScore]] = {}
    for score in scores:
        by_set.setdefault((score.set, score.method), []).append(score)
    return _comparisons(list(by_set.values()), shared.of(AnalogyOptions))


def _comparisons(scores: BySetAndMethod, options: AnalogyOptions) -> list[Comparison]:
    from embkit.evaluation.compare import adjust, compare_analogies

    return adjust(
        [
            compare_analogies(first, second, options)
            for of_set in scores
            for first, second in combinations(of_set, 2)
        ]
    )


def _seeds(scores: BySetAndMethod) -> list[dict[str, Any]]:
    return [
        seed_row(
            of_set[0].set,
            f"accuracy {of_set[0].method}",
            [score.accuracy.value for score in of_set],
        )
        for of_set in scores
    ]


def register(app: App) -> None:
    """Add the command."""
    app.command(analogy, help_epilogue=EXAMPLE)
