"""Tables and trends from the scores of all models, as Levy et al. (2015) print them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.levy_models import Model
from eval.levy_scores import ANALOGIES, METHODS, SIMILARITY
from eval.scores import paired_interval

COLUMNS = [
    *SIMILARITY.values(),
    *(f"{name} {way}" for name in ANALOGIES.values() for way in METHODS.values()),
]
SIMILARITIES = list(SIMILARITY.values())
ADDS = [f"{name} Add" for name in ANALOGIES.values()]
MULS = [f"{name} Mul" for name in ANALOGIES.values()]

Scores = dict[Model, dict[str, float]]


@dataclass(frozen=True)
class Trend:
    """A claim of the paper: one value of a knob is at least as good as another.

    ``tasks`` is averaged; a trend holds where the mean difference is not below ``least``.
    """

    name: str
    method: str
    knob: str
    better: object
    worse: object
    tasks: Sequence[str]
    strict: bool = False


TRENDS = [
    Trend("eig 0.5 above 1", "svd", "eig", 0.5, 1.0, SIMILARITIES, strict=True),
    Trend("smoothing 0.75 not below 1", "ppmi", "smoothing", 0.75, 1.0, [*SIMILARITIES, *ADDS]),
    Trend("5 negatives not below 1", "sgns", "negatives", 5, 1, [*SIMILARITIES, *ADDS]),
]


def seeds_of(model: Model, scores: Scores) -> list[Model]:
    """Return the models that differ from this one in their seeds only, by seed."""
    same = (m for m in scores if (m.method, m.knobs) == (model.method, model.knobs))
    return sorted(same, key=lambda m: m.seed)


def table(models: Iterable[Model], scores: Scores) -> list[dict[str, Any]]:
    """Return a line for each method and setting: mean and half interval of each task."""
    lines = []
    for model in dict.fromkeys(Model(m.method, m.knobs, 0) for m in models):
        runs = seeds_of(model, scores)
        line: dict[str, Any] = {
            "method": model.method,
            "knobs": model.label,
            "seeds": len(runs),
        }
        for column in COLUMNS:
            mean, low, high = paired_interval([scores[run][column] for run in runs])
            half = (high - low) / 2 if len(runs) > 1 else None
            line[column] = {"mean": mean, "half_interval": half}
        lines.append(line)
    return lines


def trend_lines(trend: Trend, scores: Scores) -> list[dict[str, Any]]:
    """Return where the trend was tried, the mean difference and whether it holds."""
    lines = []
    for model in dict.fromkeys(Model(m.method, m.knobs, 0) for m in scores):
        knobs = dict(model.knobs)
        if model.method != trend.method or knobs.get(trend.knob) != trend.better:
            continue
        other = Model(
            model.method, tuple({**knobs, trend.knob: trend.worse}.items()), model.seed
        )
        pairs = list(zip(seeds_of(model, scores), seeds_of(other, scores), strict=False))
        if not pairs:
            continue
        differences = [
            float(np.mean([scores[a][task] - scores[b][task] for task in trend.tasks]))
            for a, b in pairs
        ]
        lines.append(
            _line(trend.name, f"{model.method} {model.label}", differences, trend.strict)
        )
    return lines


def multiplication_lines(scores: Scores) -> list[dict[str, Any]]:
    """Return, for each method, by how much 3CosMul is above 3CosAdd over all its models."""
    lines = []
    for method in dict.fromkeys(model.method for model in scores):
        by_setting = dict.fromkeys(
            Model(m.method, m.knobs, 0) for m in scores if m.method == method
        )
        differences = [
            float(
                np.mean(
                    [
                        scores[run][mul] - scores[run][add]
                        for run in seeds_of(setting, scores)
                        for add, mul in zip(ADDS, MULS, strict=True)
                    ]
                )
            )
            for setting in by_setting
        ]
        lines.append(_line("3CosMul not below 3CosAdd", f"{method}, all settings", differences))
    return lines


def _line(
    name: str, where: str, differences: list[float], strict: bool = False
) -> dict[str, Any]:
    mean, low, high = paired_interval(differences)
    many = len(differences) > 1
    return {
        "trend": name,
        "where": where,
        "difference": mean,
        "interval": [low, high] if many else None,
        "values": len(differences),
        "reproduced": mean > 0 if strict else mean >= 0,
    }


def markdown(
    tables: dict[str, list[dict[str, Any]]],
    trends: list[dict[str, Any]],
    about: Mapping[str, Any],
) -> str:
    """Return all tables as text, below what holds for all models.

    A figure after +- is half the 95% interval over the seeds.
    """
    said = [f"{name} {value}" for name, value in about.items() if name != "runs"]
    parts = [
        "Similarity sets: Spearman's rho x 100. Analogies: % right by 3CosAdd and 3CosMul."
        " Behind +-: half the 95% t interval over the seeds.\n\nAll models: "
        + "; ".join(said)
        + "."
    ]
    for name, lines in tables.items():
        head = ["method", "knobs", "seeds", *COLUMNS]
        rows = [
            [
                line["method"],
                line["knobs"],
                str(line["seeds"]),
                *(_cell(line[c]) for c in COLUMNS),
            ]
            for line in lines
        ]
        parts.append(f"## {name}\n\n{_grid(head, rows)}")
    rows = [
        [
            t["trend"],
            t["where"],
            f"{t['difference']:+.2f}",
            _range(t),
            _verdict(t),
        ]
        for t in trends
    ]
    head = ["trend", "where", "difference, points", "95% interval", "reproduced"]
    parts.append(f"## Trends\n\n{_grid(head, rows)}")
    return "\n\n".join(parts) + "\n"


def _verdict(trend: dict[str, Any]) -> str:
    answer = "yes" if trend["reproduced"] else "no"
    low, high = trend["interval"] or (1, 1)
    return f"{answer}, but not told apart from 0" if low <= 0 <= high else answer


def _cell(value: dict[str, float | None]) -> str:
    half = value["half_interval"]
    return f"{value['mean']:.1f}" + ("" if half is None else f" +- {half:.1f}")


def _range(trend: dict[str, Any]) -> str:
    if trend["interval"] is None:
        return "one run, no chance in it"
    low, high = trend["interval"]
    return f"{low:+.2f} to {high:+.2f} ({trend['values']} values)"


def _grid(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
