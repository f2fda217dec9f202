"""``embkit eval bias``: word embedding association tests, in one language or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App

from embkit.cli.eval_options import SharedOptions
from embkit.cli.eval_output import print_results
from embkit.cli.eval_sets import SetOptions, load_each, open_sets
from embkit.cli.loading import load_vectors, require_input
from embkit.cli.options import FLATTEN, CommonOptions, LoadOptions
from embkit.evaluation.sets import WeatSet, WeatTest
from embkit.evaluation.task_options import BiasOptions

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.evaluation.results import Result

EXAMPLE = """Example: embkit eval bias vectors.bin --set weat6

In German: embkit eval bias de.vec --set weat6 --translations xweat-de"""


@dataclass(frozen=True, kw_only=True)
class LanguageOptions:
    """Tests in another language than their words'."""

    translations: str | None = None
    """Translate the tests by this word list: a file, or xweat-de and the like."""
    translate: Literal["both", "targets", "attributes"] = "both"
    """Which words to translate."""
    attribute_vectors: Path | None = None
    """Look the attributes up here: another language, mapped into the same space."""


def bias(
    *vectors: Path,
    sets: Annotated[SetOptions, FLATTEN] = SetOptions(),
    language: Annotated[LanguageOptions, FLATTEN] = LanguageOptions(),
    options: Annotated[BiasOptions, FLATTEN] = BiasOptions(),
    load: Annotated[LoadOptions, FLATTEN] = LoadOptions(),
    common: Annotated[CommonOptions, FLATTEN] = CommonOptions(),
) -> None:
    """Print association tests (WEAT): effect size with its interval, and p-value.

    Parameters
    ----------
    vectors
        Files or folders with vectors, in any format that embkit reads.
    """
    from embkit.evaluation.bias import evaluate_bias

    data = [each for each in open_sets("bias", sets.set) if isinstance(each, WeatSet)]
    tests = _translated([test for each in data for test in each.tests], language)
    attributes = None
    if language.attribute_vectors is not None:
        require_input(language.attribute_vectors)
        attributes = load_vectors(language.attribute_vectors, load)
    results = [
        evaluate_bias(space, test, options, attribute_vectors=attributes, name=name)
        for name, space in load_each(vectors, load)
        for test in tests
    ]
    print_results(results, json=common.json, quiet=common.quiet)


def _translated(tests: Sequence[WeatTest], language: LanguageOptions) -> Sequence[WeatTest]:
    if language.translations is None:
        return tests
    from embkit.evaluation.bias import translate_test

    words = _read_words(language.translations)
    return [
        translate_test(
            test,
            words,
            targets=language.translate != "attributes",
            attributes=language.translate != "targets",
        )
        for test in tests
    ]


def _read_words(name: str) -> Mapping[str, Sequence[str]]:
    from embkit.evaluation.datasets import read_translations
    from embkit.evaluation.registry import path_of

    return read_translations(Path(name) if Path(name).exists() else path_of(name))


def default_results(
    space: Embeddings, name: str, data: Sequence[WeatSet], shared: SharedOptions
) -> list[Result]:
    """Return the results on some sets, for ``embkit eval all``."""
    from embkit.evaluation.bias import evaluate_bias

    options = shared.of(BiasOptions)
    tests = [test for each in data for test in each.tests]
    return [evaluate_bias(space, test, options, name=name) for test in tests]


def register(app: App) -> None:
    """Add the command."""
    app.command(bias, help_epilogue=EXAMPLE)
