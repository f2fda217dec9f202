"""Many languages into one pivot's space: each by itself, or all rotations together."""

from __future__ import annotations

import collections.abc
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from embkit._version import __version__
from embkit.checks import check_choice
from embkit.dictionaries.seed_dictionary import (
    Dictionary,
    SeedDictionary,
    as_dictionary,
    find_known,
)
from embkit.dictionaries.seed_pairs import SeedPairs
from embkit.embeddings import Embeddings
from embkit.errors import DictionaryError
from embkit.mapping.comparison import SpacesReport
from embkit.mapping.config import MultiCcaConfig, OrthogonalConfig
from embkit.mapping.fit import Doubles, fit_orthogonal, paired_rows
from embkit.mapping.normalize import Steps, apply_steps, fit_steps
from embkit.mapping.result import Mapping
from embkit.mapping.run import map, origin_of
from embkit.mapping.spaces import Spaces, weights_of_pairs
from embkit.mapping.verdict import Verdict, distinct, judge_pairs, own_pairs

Languages = collections.abc.Mapping[str, Embeddings]
Dictionaries = collections.abc.Mapping[tuple[str, str], Dictionary]
OnSpaces = Callable[[str, SpacesReport], None]

_MOST_ROUNDS = 100
_LEAST_GAIN = 1e-7  # of the objective, below which the rotations have settled


def map_many(
    languages: Languages,
    dictionaries: Dictionaries,
    *,
    pivot: str,
    method: Literal["multi-cca", "orthogonal"] = "multi-cca",
    on_spaces: OnSpaces | None = None,
    **options: Any,  # noqa: ANN401  (the fields of the method's configuration)
) -> dict[str, Mapping]:
    """Map several languages into the space of one of them, which stays as it is.

    Parameters
    ----------
    languages : mapping of name to Embeddings
        The spaces, the pivot's among them.
    dictionaries : mapping of (name, name) to what `map` takes for a dictionary
        Pairs of words of the first and the second language. ``multi-cca`` wants one between
        each language and the pivot, in either direction or both, and uses no others;
        ``orthogonal`` uses all, so that a language may reach the pivot through another one.
    pivot : str
        Whose space the others are mapped into.
    method : {"multi-cca", "orthogonal"}
        Canonical correlation (Ammar et al. 2016), each language by itself; or rotations that
        together bring all dictionaries' pairs as close as they can.
    on_spaces : callable, optional
        Called before each fit with a language's name and what it has in common with the pivot.
    **options
        The fields of the method's configuration in ``embkit.mapping.config``.

    Returns
    -------
    dict of str to Mapping
        For each language the map whose source it is and whose target is the pivot.

    Raises
    ------
    ValueError
        If a name is not known, a dictionary is of one language, none leads from a language
        to the pivot, or the dims differ with ``orthogonal``.

    Examples
    --------
    >>> de = Embeddings.from_words({"Katze": [1.0, 0.1], "Hund": [0.2, 1.0]})
    >>> en = Embeddings.from_words({"cat": [0.1, -1.0], "dog": [1.0, -0.2]})
    >>> it = Embeddings.from_words({"gatto": [-1.0, -0.1], "cane": [-0.2, -1.0]})
    >>> maps = map_many(
    ...     {"de": de, "en": en, "it": it},
    ...     {("de", "en"): [("Katze", "cat"), ("Hund", "dog")],
    ...      ("it", "de"): [("gatto", "Katze"), ("cane", "Hund")]},
    ...     pivot="en", method="orthogonal", normalization="unit",
    ... )
    >>> bool(np.allclose(maps["it"].map_source(it.vectors), en.normalized().vectors, atol=1e-6))
    True
    """
    check_choice("method", method, ("multi-cca", "orthogonal"))
    check_choice("pivot", pivot, tuple(languages))
    for pair in dictionaries:
        for name in pair:
            check_choice("languages of a dictionary", name, tuple(languages))
        if pair[0] == pair[1]:
            raise ValueError(f"languages of a dictionary must be two, got {pair[0]} twice")
    seeds = {pair: as_dictionary(found) for pair, found in dictionaries.items()}
    before = on_spaces or (lambda name, report: None)
    if method == "orthogonal":
        joined = {pair: _between(seeds, *pair) for pair in seeds if _is_first(seeds, pair)}
        return _rotations(languages, joined, pivot, OrthogonalConfig(**options), before)
    config = MultiCcaConfig(**options)
    found = {name: _between(seeds, name, pivot) for name in languages if name != pivot}
    maps = {}
    for name, space in languages.items():
        if name == pivot:
            maps[name] = _unmoved(space, _origins(languages, name, pivot), config)
            continue
        try:
            fitted = map(
                space,
                languages[pivot],
                method=method,
                dictionary=found[name],
                on_spaces=partial(before, name),
                **options,
            )
        except DictionaryError as error:
            raise DictionaryError(f"{name}-{pivot}: {error}") from None
        except ValueError as error:
            raise ValueError(f"{name}-{pivot}: {error}") from None
        told = _origins(languages, name, pivot)
        maps[name] = replace(fitted, provenance={**fitted.provenance, **told})
    return maps


def _origins(languages: Languages, name: str, pivot: str) -> dict[str, Any]:
    """Return what a language's map keeps of both its spaces, with their names."""
    sides = {"source": name, "target": pivot}
    return {side: {"name": own, **origin_of(languages[own])} for side, own in sides.items()}


def _unmoved(space: Embeddings, origins: dict[str, Any], config: MultiCcaConfig) -> Mapping:
    """Return the pivot's own map, which normalises only."""
    steps = fit_steps(space.vectors, config.normalization)
    stay = np.eye(space.dim, dtype=np.float32)
    provenance = {"method": "multi-cca", "config": asdict(config), "version": __version__}
    return Mapping(stay, stay, steps, steps, "multi-cca", {}, {**provenance, **origins})


def _is_first(seeds: dict[tuple[str, str], SeedDictionary], pair: tuple[str, str]) -> bool:
    """Tell whether a dictionary comes before that of the other direction, if there is one."""
    return next(found for found in seeds if set(found) == set(pair)) == pair


def _between(
    seeds: dict[tuple[str, str], SeedDictionary], name: str, pivot: str
) -> SeedDictionary:
    there, back = seeds.get((name, pivot)), seeds.get((pivot, name))
    if back is None:
        if there is None:
            raise ValueError(
                f"dictionaries must have one between {name} and the pivot {pivot} for multi-cca"
            )
        return there
    return back.reversed() if there is None else SeedDictionary([*there, *back.reversed()])


@dataclass(frozen=True)
class Edge:
    """One dictionary's pairs, and their rows: both sides, already weighted."""

    first: str
    second: str
    x: Doubles
    z: Doubles
    pairs: SeedPairs

    def seen_from(self, name: str) -> tuple[Doubles, Doubles, str]:
        """Return the rows of ``name``, those of the other language, and its name."""
        if name == self.first:
            return self.x, self.z, self.second
        return self.z, self.x, self.first


def _rotations(
    languages: Languages,
    seeds: dict[tuple[str, str], SeedDictionary],
    pivot: str,
    config: OrthogonalConfig,
    before: OnSpaces,
) -> dict[str, Mapping]:
    dims = {space.dim for space in languages.values()}
    if len(dims) > 1:
        raise ValueError(f"languages must have one dim for rotations, got {sorted(dims)}")
    steps = {
        name: fit_steps(space.vectors, config.normalization)
        for name, space in languages.items()
    }
    compared = {}
    for name in (name for name in languages if name != pivot):
        sides = languages[name], languages[pivot], steps[name], steps[pivot]
        report = Spaces(*sides).comparison
        before(name, report)
        compared[name] = {"spaces": report.to_dict()}
    edges = _edges(languages, seeds, steps, config)
    turns, objectives = rotate_together(edges, pivot, list(languages), dims.pop())
    told = {
        "objectives": objectives,
        "dictionaries": {f"{e.first}-{e.second}": e.pairs.report.to_dict() for e in edges},
    }
    provenance = {
        "method": "orthogonal",
        "config": asdict(config),
        "version": __version__,
        "languages": list(languages),
    }
    unmoved = np.eye(len(turns[pivot]), dtype=np.float32)
    return {
        name: Mapping(
            turn.astype(np.float32),
            unmoved,
            steps[name],
            steps[pivot],
            "orthogonal",
            {**compared.get(name, {}), **told, **_verdict(edges, name, turns)},
            {**provenance, **_origins(languages, name, pivot)},
        )
        for name, turn in turns.items()
    }


def _edges(
    languages: Languages,
    seeds: dict[tuple[str, str], SeedDictionary],
    steps: dict[str, Steps],
    config: OrthogonalConfig,
) -> list[Edge]:
    edges = []
    for (first, second), dictionary in seeds.items():
        source, target = languages[first], languages[second]
        looked: dict[str, Any] = {"case": config.case, "unicode": config.unicode}
        try:
            pairs = find_known(dictionary, source.vocabulary, target.vocabulary, **looked)
        except DictionaryError as error:
            raise DictionaryError(f"{first}-{second}: {error}") from None
        x, z = paired_rows(
            apply_steps(source.vectors[pairs.source], steps[first]),
            apply_steps(target.vectors[pairs.target], steps[second]),
            weights_of_pairs(source, target, pairs, config),
        )
        edges.append(Edge(first, second, x, z, pairs))
    return edges


def rotate_together(
    edges: list[Edge], pivot: str, names: list[str], dim: int
) -> tuple[dict[str, Doubles], list[float]]:
    """Find rotations that bring all edges' pairs together, the pivot's being the identity.

    Each language in turn gets the best rotation onto the others as they stand, so the sum of
    squared distances never rises.

    Returns
    -------
    dict of str to array, shape (dim, dim)
    list of float
        The mean squared distance of all pairs after each round.

    Raises
    ------
    ValueError
        If no dictionaries lead from a language to the pivot.
    """
    turns = {pivot: np.eye(dim)}
    while len(turns) < len(names):
        reached = [n for n in names if n not in turns and _neighbors(edges, n, turns)]
        if not reached:
            missing = ", ".join(name for name in names if name not in turns)
            raise ValueError(f"dictionaries must lead from {missing} to the pivot {pivot}")
        nearest = max(reached, key=lambda name: _num_pairs(edges, name, turns))
        turns[nearest] = _best_turn(edges, nearest, turns)
    objectives = [_objective(edges, turns)]
    for _ in range(_MOST_ROUNDS):
        for name in names:
            if name != pivot:
                turns[name] = _best_turn(edges, name, turns)
        objectives.append(_objective(edges, turns))
        if objectives[-2] - objectives[-1] <= _LEAST_GAIN * objectives[-2]:
            break
    return {name: turns[name] for name in names}, objectives


def _neighbors(
    edges: list[Edge], name: str, turns: dict[str, Doubles]
) -> list[tuple[Doubles, Doubles]]:
    """Return a language's rows and the mapped rows of each placed neighbour."""
    found = []
    for edge in edges:
        if name in (edge.first, edge.second):
            own, other, neighbor = edge.seen_from(name)
            if neighbor in turns:
                found.append((own, other @ turns[neighbor]))
    return found


def _num_pairs(edges: list[Edge], name: str, turns: dict[str, Doubles]) -> int:
    return sum(len(own) for own, _ in _neighbors(edges, name, turns))


def _best_turn(edges: list[Edge], name: str, turns: dict[str, Doubles]) -> Doubles:
    own, others = zip(*_neighbors(edges, name, turns), strict=True)
    return fit_orthogonal(np.concatenate(own), np.concatenate(others))


def _verdict(edges: list[Edge], name: str, turns: dict[str, Doubles]) -> dict[str, Any]:
    """Return the verdict on a language's place: the worst of those on its dictionaries.

    Each is judged alone: a word of several has as many targets, each of them right. One of
    too few pairs to tell counts where all are.
    """
    found = []
    for edge in edges:
        if name in (edge.first, edge.second):
            own, other, neighbor = edge.seen_from(name)
            kept = distinct((edge.pairs.source, edge.pairs.target))
            sides = own[kept], other[kept] @ turns[neighbor]
            fitted = own_pairs(sides[0] @ turns[name], sides[1])
            found.append((f"{edge.first}-{edge.second}", judge_pairs(*sides, fitted=fitted)))
    if not found:
        return {}
    told = [some for some in found if some[1].figures["held_out"] is not None]
    dictionary, worst = min(told or found, key=lambda some: _goodness(some[1]))
    if len(found) > 1:
        first, *others = worst.reasons
        worst = replace(worst, reasons=(f"{dictionary}: {first}", *others))
    return {"verdict": worst.to_dict()}


def _goodness(verdict: Verdict) -> tuple[int, float]:
    order = ("failed", "doubtful", "good").index(verdict.judgement)
    return order, float(verdict.figures["held_out"] or 0)


def _objective(edges: list[Edge], turns: dict[str, Doubles]) -> float:
    distances = [((e.x @ turns[e.first] - e.z @ turns[e.second]) ** 2).sum() for e in edges]
    return float(sum(distances) / max(1, sum(len(e.x) for e in edges)))
