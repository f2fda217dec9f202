"""What holds for every test."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def hangups_reach_children() -> Iterator[None]:
    """Let the programs that tests start see SIGHUP, also where nohup started the tests.

    An ignored signal stays ignored in a child, and embkit leaves it so; one that is handled
    here goes back to its default there.
    """
    before = signal.getsignal(signal.SIGHUP)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    yield
    signal.signal(signal.SIGHUP, before)
