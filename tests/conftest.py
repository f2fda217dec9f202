"""What holds for every test."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.stand_in_cupy import StandIn, sparse_module


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


def has_gpu() -> bool:
    """Tell whether CuPy is here and sees a GPU."""
    try:
        import cupy
    except ImportError:
        return False
    try:
        return bool(cupy.cuda.runtime.getDeviceCount())
    except cupy.cuda.runtime.CUDARuntimeError:
        return False


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Put a module in CuPy's place that is as strict, and works without a GPU."""
    module = StandIn()
    monkeypatch.setitem(sys.modules, "cupy", module)
    monkeypatch.setitem(sys.modules, "cupyx", ModuleType("cupyx"))
    monkeypatch.setitem(sys.modules, "cupyx.scipy", ModuleType("cupyx.scipy"))
    monkeypatch.setitem(sys.modules, "cupyx.scipy.sparse", sparse_module(module))
    return module


@pytest.fixture(params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> str:
    """Return a device's name; where there is no GPU, a stand-in for CuPy serves cuda."""
    if request.param == "cuda" and not has_gpu():
        request.getfixturevalue("stand_in")
    return str(request.param)
