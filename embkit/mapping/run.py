"""Fit a map: check everything, normalise, run the method, keep what it tells."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from embkit._version import __version__
from embkit.dictionaries.seed_dictionary import (
    Dictionary,
    SeedDictionary,
    as_dictionary,
    find_known,
)
from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.embeddings import Embeddings
from embkit.mapping.comparison import SpacesReport
from embkit.mapping.config import DictionaryConfig, HybridConfig, MappingConfig
from embkit.mapping.hybrid import check_first_space
from embkit.mapping.learning_config import SelfLearningConfig
from embkit.mapping.methods import METHODS, make_config
from embkit.mapping.progress import fitting_bar
from embkit.mapping.result import Mapping
from embkit.mapping.spaces import Fit, Report, Spaces
from embkit.mapping.starts import check_start
from embkit.mapping.verdict import Verdict, distinct, judge_pairs, own_pairs


def map(
    source: Embeddings,
    target: Embeddings,
    *,
    method: str = "orthogonal",
    dictionary: Dictionary | None = None,
    progress: bool = False,
    callback: Report | None = None,
    on_spaces: Callable[[SpacesReport], None] | None = None,
    **options: Any,  # noqa: ANN401  (the fields of the method's configuration)
) -> Mapping:
    """Fit a map between two embedding spaces.

    Everything is checked before the work starts; nothing but the two spaces and the seed
    dictionary is needed.

    Parameters
    ----------
    source, target : Embeddings
        The spaces, of shapes (source_words, source_dim) and (target_words, target_dim).
    method : str
        A key of ``embkit.mapping.METHODS``.
    dictionary : SeedDictionary, path, or iterable or mapping of pairs, optional
        Pairs to learn from, for the methods that need any: a file that `SeedDictionary.read`
        reads, (source word, target word) with or without a weight, or each source word with
        its translation or a list of several.
    progress : bool
        Show a bar on standard error where the method takes steps.
    callback : callable, optional
        Called with the steps done, their number and a dict of figures; an exception ends
        the run.
    on_spaces : callable, optional
        Called before the fit with what both spaces have in common.
    **options
        The fields of the method's configuration in ``embkit.mapping.config``.

    Returns
    -------
    Mapping
        Maps both spaces, or any further vectors of them, into one.

    Raises
    ------
    ValueError
        If method, option or dictionary are not allowed, the dims do not suit the method, or a
        vector is not finite.
    DictionaryError
        If no pair is known to both vocabularies.
    FormatError
        If the dictionary's file is malformed.

    Examples
    --------
    >>> en = Embeddings.from_words({"cat": [1.0, 0.1], "dog": [0.2, 1.0]})
    >>> de = Embeddings.from_words({"Katze": [0.1, -1.0], "Hund": [1.0, -0.2]})
    >>> seeds = {"cat": "Katze", "dog": "Hund"}
    >>> mapping = map(en, de, dictionary=seeds, normalization="unit")
    >>> bool(np.allclose(mapping.map_source(en.vectors), mapping.map_target(de.vectors)))
    True
    """
    for side, space in (("source", source), ("target", target)):
        if not isinstance(space, Embeddings):
            raise ValueError(f"{side} must be Embeddings, got {type(space).__name__}")
    config = make_config(method, options, map.__kwdefaults__ or ())
    chosen = METHODS[method]
    pairs = find_pairs(source, target, dictionary, config, method)
    spaces = Spaces.of(source, target, config.normalization)
    if on_spaces is not None:
        on_spaces(spaces.comparison)
    with fitting_bar(progress, method) as bar:
        fit = chosen.fit(spaces, pairs, config, _both(bar, callback))
    statistics = {"spaces": spaces.comparison.to_dict(), **fit.statistics}
    if pairs is not None:
        statistics["dictionary"] = pairs.report.to_dict()
        if "verdict" not in statistics:
            statistics["verdict"] = _judged(spaces, pairs, fit).to_dict()
    return Mapping(
        np.asarray(fit.source_map, np.float32),
        np.asarray(fit.target_map, np.float32),
        spaces.source_steps,
        spaces.target_steps,
        method,
        statistics,
        _provenance(source, target, method, config, dictionary),
    )


def _judged(spaces: Spaces, pairs: SeedPairs, fit: Fit) -> Verdict:
    """Return the verdict on a map from the pairs that it was fitted to."""
    kept = distinct((pairs.source, pairs.target))
    sides = spaces.source_rows(pairs.source[kept]), spaces.target_rows(pairs.target[kept])
    fitted = own_pairs(sides[0] @ fit.source_map, sides[1] @ fit.target_map)
    return judge_pairs(*sides, fitted=fitted)


def find_pairs(
    source: Embeddings,
    target: Embeddings,
    dictionary: Dictionary | None,
    config: MappingConfig,
    method: str,
) -> SeedPairs | None:
    """Return a dictionary's pairs as rows, once it is sure that the method can use them.

    Raises
    ------
    ValueError
        If the method needs a dictionary and there is none, or the other way round, or no
        pair has both its words in the vocabularies.
    """
    check_supervision(method, config, given=dictionary is not None)
    if dictionary is None:
        return None
    dictionary = as_dictionary(dictionary)
    looked: dict[str, Any] = {}
    if isinstance(config, DictionaryConfig):
        looked = {"case": config.case, "unicode": config.unicode}
    return find_known(dictionary, source.vocabulary, target.vocabulary, **looked)


def check_supervision(method: str, config: MappingConfig, *, given: bool) -> None:
    """Raise where a method lacks what it learns from, or gets what it has no use for.

    Parameters
    ----------
    method : str
    config : MappingConfig
        Its options.
    given : bool
        Whether there is a dictionary.

    Raises
    ------
    ValueError
        If dictionary, method and options do not go together.
    FormatError
        If a saved map that is named in the options is none.
    OSError
        If a file that is named in the options cannot be opened.
    """
    supervision = METHODS[method].supervision
    if given and supervision == "none":
        raise ValueError(f"dictionary must be left out for the method {method}")
    if not given and supervision == "dictionary":
        others = [name for name, known in METHODS.items() if known.supervision != "dictionary"]
        raise ValueError(
            f"dictionary must be given for the method {method}, got None; the words that "
            f"both sides share are one (--identical, identical_dictionary), and "
            f"{', '.join(others[:-1])} and {others[-1]} can do without"
        )
    if isinstance(config, SelfLearningConfig):
        check_start(config.start, given=given)
    if isinstance(config, HybridConfig):
        check_first_space(config, given=given)


def _both(bar: Report, callback: Report | None) -> Report:
    if callback is None:
        return bar

    def report(done: int, total: int, told: dict[str, float]) -> None:
        bar(done, total, told)
        callback(done, total, told)

    return report


def _provenance(
    source: Embeddings,
    target: Embeddings,
    method: str,
    config: MappingConfig,
    dictionary: Dictionary | None,
) -> dict[str, Any]:
    told: dict[str, Any] = {"method": method, "config": asdict(config), "version": __version__}
    told |= {"source": origin_of(source), "target": origin_of(target)}
    if isinstance(dictionary, SeedDictionary):
        told["dictionary"] = dictionary.path
    elif isinstance(dictionary, str | os.PathLike):
        told["dictionary"] = os.fspath(dictionary)
    return told


def origin_of(space: Embeddings) -> dict[str, Any]:
    """Return what a map keeps of a space that it was fitted to."""
    return {"num_words": len(space), "dim": space.dim, "from": space.provenance}
