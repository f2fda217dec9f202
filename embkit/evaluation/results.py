"""What every evaluation returns: frozen dataclasses that print, export and never hold NaN."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, fields, is_dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95


class Result:
    """Base of all results: plain data out, a data frame, a table in a notebook.

    A result is a frozen dataclass. A figure that is undefined is None and stands beside a
    ``reason``; NaN appears nowhere. A result made of parts overrides :meth:`rows`.
    """

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain Python values that JSON can hold (None for undefined).

        Raises
        ------
        ValueError
            If a field holds NaN or infinity: that is a fault of the evaluation.
        """
        values = plain(self)
        assert isinstance(values, dict)
        return values

    def undefined(self) -> str | None:
        """Return why the first figure, which the result is about, is undefined; or None."""
        for name in getattr(self, "__dataclass_fields__", ()):
            value = getattr(self, name)
            first = next(iter(value.values()), None) if isinstance(value, dict) else value
            if isinstance(first, Estimate):
                return None if first.value is not None else first.reason or "no reason is known"
        return None

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the table: here one, the fields that are single values."""
        flat = self.to_dict().items()
        return [{name: v for name, v in flat if not isinstance(v, dict | list)}]

    def total_rows(self) -> list[dict[str, Any]]:
        """Return the rows that sum the result up: here all."""
        return self.rows()

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows as a data frame.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self.rows())

    def _repr_html_(self) -> str:
        rows = self.rows()
        names = list(rows[0]) if rows else []
        head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(_cell(row[n]))}</td>" for n in names) + "</tr>"
            for row in rows
        )
        caption = html.escape(type(self).__name__)
        return f"<table><caption>{caption}</caption><tr>{head}</tr>{body}</table>"


@dataclass(frozen=True)
class Interval(Result):
    """A confidence interval and the method that made it.

    Attributes
    ----------
    low, high : float
        Its ends.
    confidence : float
        Share of such intervals that hold the true value, if the method's assumptions do.
    method : str
        Such as "bootstrap over pairs", "Fisher z with Fieller's error" or "Wilson".
    """

    low: float
    high: float
    method: str
    confidence: float = CONFIDENCE

    def __str__(self) -> str:
        return f"[{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True)
class Estimate(Result):
    """A figure with its uncertainty, or the reason why there is none.

    Attributes
    ----------
    value : float or None
        None where undefined.
    interval : Interval or None
        None where it cannot be had.
    reason : str or None
        Why value or interval are None.

    Examples
    --------
    >>> str(Estimate(0.5, Interval(0.4, 0.6, "Wilson")))
    '0.500 [0.400, 0.600]'
    >>> str(Estimate(None, reason="all words are unknown"))
    'undefined: all words are unknown'
    """

    value: float | None
    interval: Interval | None = None
    reason: str | None = None

    def __str__(self) -> str:
        if self.value is None:
            return f"undefined: {self.reason}"
        return f"{self.value:.3f}" + (f" {self.interval}" if self.interval else "")


def plain(value: Any) -> Any:  # noqa: ANN401
    """Return dataclasses, arrays and NumPy scalars as dict, list and Python's own values.

    Raises
    ------
    ValueError
        If a number is NaN or infinite.

    Examples
    --------
    >>> plain({"scores": np.array([1, 2]), "best": np.float64(0.5)})
    {'scores': [1, 2], 'best': 0.5}
    """
    if is_dataclass(value) and not isinstance(value, type):
        shown = (field.name for field in fields(value) if field.repr)
        return {name: plain(getattr(value, name)) for name in shown}
    if isinstance(value, dict):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"an undefined figure must be None with a reason, got {value}")
    return value


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
