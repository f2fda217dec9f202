"""What ``embkit map`` tells of a map: the run, the verdict, what was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embkit import mapping
from embkit.cli.options import CommonOptions
from embkit.cli.outputs import tells_json
from embkit.cli.terminal import note, print_json

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.mapping import Mapping


def has_failed(told: dict[str, Any]) -> bool:
    """Tell whether what is told of a result has the verdict that it failed."""
    return bool(told.get("verdict", {}).get("judgement") == "failed")


def tell_projection(found: Embeddings, paths: dict[str, Path], common: CommonOptions) -> None:
    """Tell of vectors that were projected by alignments; without a path, not written."""
    told = found.provenance
    if tells_json(common, *paths.values()):
        outputs = {name: str(path) for name, path in paths.items()}
        print_json({"outputs": outputs, "dim": found.dim, "provenance": told})
        return
    counts = ", ".join(
        f"{told[name]} {name.replace('_', ' ')}"
        for name in ("aligned", "propagated", "without_vector")
    )
    note(counts, quiet=common.quiet)
    _tell_verdict(told, common)
    _tell_written(paths, common)


def tell_map(fitted: Mapping, paths: dict[str, Path], common: CommonOptions) -> None:
    """Tell of a map and its outputs; without any, that it was not written."""
    if tells_json(common, *paths.values()):
        summary = {
            "outputs": {name: str(path) for name, path in paths.items()},
            "method": fitted.method,
            "dim": fitted.dim,
            "statistics": fitted.statistics,
            "provenance": fitted.provenance,
        }
        print_json(summary)
        return
    tell_statistics(fitted.statistics, common)
    _tell_written(paths, common)


def tell_statistics(
    statistics: dict[str, Any], common: CommonOptions, *, name: str = ""
) -> None:
    """Tell of a map's dictionary, course and verdict, each line after the ``name``."""
    if (used := statistics.get("dictionary")) is not None:
        note(name + mapping.SeedReport(**used).summary(), quiet=common.quiet)
    for line in told_of_run(statistics):
        note(name + line, quiet=common.quiet)
    _tell_verdict(statistics, common, name)


def _tell_verdict(told: dict[str, Any], common: CommonOptions, name: str = "") -> None:
    if (judged := told.get("verdict")) is not None:
        verdict = mapping.Verdict(judged["judgement"], tuple(judged["reasons"]))
        note(name + verdict.summary(), quiet=common.quiet and verdict.judgement != "failed")


def _tell_written(paths: dict[str, Path], common: CommonOptions) -> None:
    if not paths:
        note("nothing written; --force writes it nevertheless")
        return
    note(f"wrote {', '.join(map(str, paths.values()))}", quiet=common.quiet)


def told_of_run(statistics: dict[str, Any]) -> Iterator[str]:
    """Yield lines on the course of a run, its restarts and how clear its translations are.

    Examples
    --------
    >>> list(told_of_run({"restarts": {"runs": 10, "succeeded": 9}}))
    ['9 of 10 runs succeeded']
    """
    figures = statistics.get("verdict", {}).get("figures", {})
    if statistics.get("course"):
        last = dict(zip(statistics["course_columns"], statistics["course"][-1], strict=True))
        last |= {name: figures[name] for name in last.keys() & figures.keys()}  # of the best
        yield (
            f"{len(statistics['course'])} rounds: objective {last['objective']:.4f}, "
            f"{last['pairs']} pairs, {last['cycles']:.0%} of cycles closed"
        )
    if (restarts := statistics.get("restarts")) is not None:
        told = f"{restarts['succeeded']} of {restarts['runs']} runs succeeded"
        alike = figures.get("restarts_alike")
        yield told if alike is None else f"{told}; they translate {alike:.0%} of words alike"
    if figures.get("csls_margin") is not None:
        yield f"CSLS margin {figures['csls_margin']:.3f}"
