"""What a long fit shows while it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from embkit.mapping.spaces import Report
from embkit.progress import open_bar


def silent(done: int, total: int, told: dict[str, float]) -> None:
    """Show nothing."""


@contextmanager
def fitting_bar(show: bool, label: str) -> Iterator[Report]:
    """Show a bar on standard error; yield the function that moves it.

    Examples
    --------
    >>> with fitting_bar(False, "rcsls") as report:
    ...     report(1, 10, {"loss": 0.5})
    """
    if not show:
        yield silent
        return
    with open_bar(unit="step", desc=label) as bar:

        def update(done: int, total: int, told: dict[str, float]) -> None:
            bar.total = total
            bar.set_postfix_str(", ".join(f"{k} {v:.4f}" for k, v in told.items()))
            bar.update(done - bar.n)

        yield update
