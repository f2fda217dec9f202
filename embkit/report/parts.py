"""What the sections of a report have in common."""

from __future__ import annotations

from typing import TypeVar

from embkit.evaluation.results import Estimate, Result
from embkit.report.build import Report
from embkit.report.markup import badge, number, shown_interval

Kind = TypeVar("Kind", bound=Result)


def scores_of(report: Report, kind: str, cls: type[Kind]) -> list[tuple[int, Kind]]:
    """Return all results of a kind with their models' numbers, set by set."""
    found = [
        (position, number, score)
        for number, model in enumerate(report.models)
        for position, score in enumerate(model.scores.get(kind, ()))
        if isinstance(score, cls)
    ]
    return [(number, score) for _, number, score in sorted(found, key=lambda row: row[:2])]


def model_name(report: Report, model: int) -> str:
    """Return a model's name behind its colour."""
    return badge(model, report.models[model].name)


def models_named(report: Report, first: str, second: str) -> tuple[int, int]:
    """Return the numbers of two models."""
    numbers = {model.name: i for i, model in enumerate(report.models)}
    return numbers[first], numbers[second]


def figure(estimate: Estimate) -> str:
    """Return a figure with its interval."""
    return f"<b>{number(estimate.value)}</b> <small>{shown_interval(estimate)}</small>"
