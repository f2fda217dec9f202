"""Work that goes on beside the thread that asked for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class InBackground(Generic[Result]):
    """A call on a thread of its own; one made at once where no thread can be started.

    Parameters
    ----------
    call : callable
        What is called, without arguments.

    Examples
    --------
    >>> InBackground(lambda: 6 * 7).result()
    42
    """

    def __init__(self, call: Callable[[], Result]) -> None:
        self._call = call
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads here
            self._run()

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:
            self._error = error

    def is_done(self) -> bool:
        """Tell whether the call has ended."""
        return not self._thread.is_alive()

    def wait(self) -> None:
        """Wait for the call to end."""
        if self._thread.ident is not None:
            self._thread.join()

    def result(self) -> Result:
        """Wait for the call, and return or raise what it did."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._results[0]
