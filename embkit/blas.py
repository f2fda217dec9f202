"""One BLAS thread at a time, where the work is spread over threads of our own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


@cache
def _controller() -> Any:  # noqa: ANN401  (threadpoolctl has no types)
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which matrix products run on the thread that asks for them.

    BLAS's own threads would wait for work in a loop, on the cores that others need.

    Examples
    --------
    >>> with one_blas_thread():
    ...     pass
    """
    limit: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limit
