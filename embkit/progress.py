"""Bars on standard error for work whose end is known, or found on the way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Update = Callable[[int, int | None], None]
"""Takes how much is done and, where it is known, the whole."""

_USUAL_SIZE: dict[str, Any] = {"ncols": 79, "nrows": 24}  # a column and a row less


def open_bar(**options: Any) -> Any:  # noqa: ANN401  (tqdm's own type depends on the frontend)
    """Return tqdm's bar for where this runs: a terminal, a notebook."""
    from tqdm.auto import tqdm

    return tqdm(**options, **(_USUAL_SIZE if _has_no_size() else {}))


def _has_no_size() -> bool:
    """Tell a terminal that nobody told its size: on those tqdm would show nothing."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns == 0
    except (AttributeError, OSError, ValueError):
        return False  # no terminal


@contextmanager
def work_bar(show: bool, description: str, unit: str) -> Iterator[Update | None]:
    """Show a bar while work goes on; yield its update, or None where nothing is shown.

    Examples
    --------
    >>> with work_bar(False, "counting", "word") as update:
    ...     update is None
    True
    """
    if not show:
        yield None
        return
    divisor = 1024 if unit == "B" else 1000
    with open_bar(unit=unit, unit_scale=True, unit_divisor=divisor, desc=description) as bar:

        def update(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update
