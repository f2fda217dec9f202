"""What a report says: every evaluation of every model, before anything is drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal, TypeAlias

from embkit._version import __version__
from embkit.checks import check_at_least, check_choice
from embkit.evaluation.results import Result
from embkit.evaluation.sets import (
    AnalogySet,
    CategorizationSet,
    DataSet,
    OutlierSet,
    SimilaritySet,
    WeatSet,
)
from embkit.evaluation.task_options import (
    BiasOptions,
    CategorizationOptions,
    DiagnosticsOptions,
    OutlierOptions,
    TaskOptions,
)
from embkit.report.projection import METHODS, Projection, WordMap, map_words
from embkit.report.words import Model, choose_words

Neighbors: TypeAlias = tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True)
class ReportOptions(TaskOptions):
    """Options of ``build_report``."""

    title: str = "Word embeddings, evaluated"
    """Title of the page."""
    words: tuple[str, ...] = ()
    """Words whose neighbours are shown; some frequent ones when left out."""
    neighbors: int = 8
    """Neighbours of each word."""
    projection: Literal["pca", "tsne", "umap"] = "tsne"
    """How the words and their neighbours are laid on a plane."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least("neighbors", self.neighbors, 1)
        check_choice("projection", self.projection, METHODS)


@dataclass(frozen=True)
class SetFacts:
    """A set that was used."""

    name: str
    kind: str
    entries: int
    path: str
    notes: tuple[str, ...]
    citation: str
    licence: str


@dataclass(frozen=True)
class ModelReport:
    """Everything about one model."""

    name: str
    num_words: int
    dim: int
    provenance: dict[str, Any]
    scores: dict[str, list[Result]]
    """By kind: similarity, analogy, categorization, outliers, bias, diagnostics."""
    neighbors: dict[str, Neighbors | None]
    """Of each chosen word; None where it is unknown."""
    word_map: WordMap


@dataclass(frozen=True)
class Report:
    """What a page is made of."""

    title: str
    models: tuple[ModelReport, ...]
    sets: tuple[SetFacts, ...]
    stability: tuple[Result, ...]
    comparisons: tuple[Result, ...]
    options: ReportOptions
    version: str = field(default=__version__)


def build_report(
    vectors: Sequence[tuple[str, Model]],
    data: Sequence[DataSet],
    options: ReportOptions | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Evaluate models on sets.

    Parameters
    ----------
    vectors : sequence of (name, Embeddings or SparseEmbeddings)
        At least one, with different names.
    data : sequence of data sets
        Of any kinds, as `embkit.evaluation.datasets` reads them.
    options : ReportOptions, optional
    progress : callable
        Called with what is done next.

    Returns
    -------
    Report
        To be drawn by `render`.

    Raises
    ------
    ImportError
        If the projection's package is not installed.
    ValueError
        If there are no vectors, two have one name, or they have too few words.

    Examples
    --------
    >>> import embkit
    >>> v = embkit.Embeddings.from_words(["a", "b", "c"], [[1, 0], [0.9, 0.1], [0, 1]])
    >>> report = build_report([("mine", v)], [], ReportOptions(words=("a",), neighbors=1))
    >>> report.models[0].neighbors["a"][0][0]
    'b'
    """
    options = options or ReportOptions()
    names = [name for name, _ in vectors]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"vectors must have different names, got {', '.join(names) or 'none'}")
    words = options.words or choose_words([v for _, v in vectors])
    models = tuple(_evaluate(name, v, data, words, options, progress) for name, v in vectors)
    return Report(
        options.title,
        models,
        tuple(_facts(each) for each in data),
        tuple(_stability(vectors, options, progress)),
        tuple(_comparisons(models, options)),
        options,
    )


def _evaluate(
    name: str,
    vectors: Model,
    data: Sequence[DataSet],
    words: Sequence[str],
    options: ReportOptions,
    progress: Callable[[str], None],
) -> ModelReport:
    scores: dict[str, list[Result]] = {}
    for each in data:
        progress(f"{name}: {each.name}")
        scores.setdefault(kind_of(each), []).extend(_score(name, vectors, each, options))
    progress(f"{name}: diagnostics")
    scores["diagnostics"] = [_diagnose(name, vectors, options)]
    progress(f"{name}: neighbours and map")
    known = [word for word in words if word in vectors]
    found = vectors.neighbors(known, options.neighbors)
    neighbors: dict[str, Neighbors | None] = dict.fromkeys(words)
    neighbors |= {word: tuple(answers) for word, answers in zip(known, found, strict=True)}
    projection = Projection(options.projection, options.seed)
    return ModelReport(
        name,
        len(vectors),
        vectors.dim,
        dict(vectors.provenance),
        scores,
        neighbors,
        map_words(vectors, neighbors, projection),
    )


def kind_of(data: DataSet) -> str:
    """Return the kind of a set, as the registry names it."""
    kinds = {
        SimilaritySet: "similarity",
        AnalogySet: "analogy",
        CategorizationSet: "categorization",
        OutlierSet: "outliers",
        WeatSet: "bias",
    }
    return kinds[type(data)]


def _score(
    name: str, vectors: Model, data: DataSet, options: ReportOptions
) -> Sequence[Result]:
    """Return the results of one model on one set."""
    from embkit.evaluation.analogy import evaluate_analogies
    from embkit.evaluation.bias import evaluate_bias
    from embkit.evaluation.categorization import evaluate_categorization
    from embkit.evaluation.options import AnalogyOptions, SimilarityOptions
    from embkit.evaluation.outliers import evaluate_outliers
    from embkit.evaluation.similarity import evaluate_similarity

    common = _common(options)
    if isinstance(data, SimilaritySet):
        return [evaluate_similarity(vectors, data, SimilarityOptions(**common), name=name)]
    if isinstance(data, AnalogySet):
        return evaluate_analogies(vectors, data, AnalogyOptions(**common), name=name)
    if isinstance(data, CategorizationSet):
        chosen = CategorizationOptions(**common)
        return [evaluate_categorization(vectors, data, chosen, name=name)]
    if isinstance(data, OutlierSet):
        return [evaluate_outliers(vectors, data, OutlierOptions(**common), name=name)]
    return [
        evaluate_bias(vectors, test, BiasOptions(**common), name=name) for test in data.tests
    ]


def _common(options: ReportOptions) -> dict[str, Any]:
    names = ("case", "restrict_vocab", "resamples", "confidence", "seed")
    return {name: getattr(options, name) for name in names}


def _diagnostics_options(options: ReportOptions) -> DiagnosticsOptions:
    most = DiagnosticsOptions().restrict_vocab or 0
    limit = most if options.restrict_vocab is None else min(most, options.restrict_vocab)
    return DiagnosticsOptions(
        resamples=options.resamples,
        confidence=options.confidence,
        seed=options.seed,
        restrict_vocab=limit,
    )


def _diagnose(name: str, vectors: Model, options: ReportOptions) -> Result:
    from embkit.evaluation.diagnostics import evaluate_diagnostics

    return evaluate_diagnostics(vectors, _diagnostics_options(options), name=name)


def _stability(
    vectors: Sequence[tuple[str, Model]],
    options: ReportOptions,
    progress: Callable[[str], None],
) -> list[Result]:
    from embkit.evaluation.stability import compare_neighbors

    settings = _diagnostics_options(options)
    found: list[Result] = []
    for (first, a), (second, b) in combinations(vectors, 2):
        progress(f"neighbours of {first} and {second}")
        found.append(compare_neighbors(a, b, settings, names=(first, second)))
    return found


def _comparisons(models: Sequence[ModelReport], options: ReportOptions) -> Sequence[Result]:
    """Compare each two models on the items that both cover, p-values adjusted together."""
    from embkit.evaluation.analogy import AnalogyScore
    from embkit.evaluation.compare import adjust, compare_analogies, compare_similarity
    from embkit.evaluation.similarity import SimilarityScore
    from embkit.evaluation.task_options import resampling

    settings = resampling(options)
    found = []
    for first, second in combinations(models, 2):
        for kind, scores in first.scores.items():
            for a, b in zip(scores, second.scores[kind], strict=True):
                if isinstance(a, SimilarityScore) and isinstance(b, SimilarityScore):
                    found.append(compare_similarity(a, b, settings))
                elif isinstance(a, AnalogyScore) and isinstance(b, AnalogyScore):
                    found.append(compare_analogies(a, b, settings))
    return adjust(found)


def _facts(data: DataSet) -> SetFacts:
    from embkit.evaluation.registry import registry

    entry = registry().get(data.name)
    return SetFacts(
        data.name,
        kind_of(data),
        len(data),
        data.path or "",
        data.notes,
        entry.citation if entry else "",
        entry.licence if entry else "",
    )
