"""Bars on standard error for work whose end is known, or found on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Update = Callable[[int, int | None], None]
"""Takes how much is done and, where it is known, the whole."""


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
    from tqdm.auto import tqdm

    divisor = 1024 if unit == "B" else 1000
    with tqdm(unit=unit, unit_scale=True, unit_divisor=divisor, desc=description) as bar:

        def update(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update
