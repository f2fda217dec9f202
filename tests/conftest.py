"""What holds for every test."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

import embkit
from embkit import _native
from embkit.errors import CudaError
from tests.examples import register_profiles
from tests.native import fake_cuda as fake
from tests.stand_in_cupy import StandIn, sparse_module

register_profiles()  # before the tests are imported, and before the command line chooses


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a GPU where there is none, with the reason that a user would get."""
    if item.get_closest_marker("cuda") is not None:
        try:
            _native.cuda().use_device(0)
        except CudaError as error:
            if error.is_sticky:  # an earlier test broke the process: nothing was tried
                raise
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def fake_cuda_build() -> fake.FakeCuda:
    """Return the GPU part with a fake of CUDA's runtime and emulated kernels."""
    if shutil.which(fake.COMPILER) is None:
        pytest.skip(f"no compiler: {fake.COMPILER}")
    return fake.load()


@pytest.fixture
def fake_cuda(
    fake_cuda_build: fake.FakeCuda, monkeypatch: pytest.MonkeyPatch
) -> Iterator[fake.FakeCuda]:
    """Put the fake in the place of the GPU part; nothing may be left on it at the end."""
    fake_cuda_build.reset()
    monkeypatch.setitem(sys.modules, "embkit._cuda", fake_cuda_build.module)
    monkeypatch.setattr(embkit, "_cuda", fake_cuda_build.module, raising=False)
    yield fake_cuda_build
    assert fake_cuda_build.left() == 0


@pytest.fixture(scope="session")
def comma_locale(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables of a locale with a decimal comma, installed or made here."""
    listed = ["locale", "-a"] if shutil.which("locale") else ["true"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    for name in ("de_DE.UTF-8", "de_DE.utf8"):
        if name in names:
            return {"LC_ALL": name}
    folder = tmp_path_factory.mktemp("locales")
    make = ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")]
    if shutil.which(make[0]) is None:
        pytest.skip("localedef, which makes a locale with a decimal comma, is not installed")
    if subprocess.run(make, capture_output=True).returncode != 0:
        pytest.skip("the source of a locale with a decimal comma is not installed")
    return {"LC_ALL": "de_DE.UTF-8", "LOCPATH": str(folder)}


@pytest.fixture(autouse=True, scope="session")
def signals_reach_children() -> Iterator[None]:
    """Let the programs that tests start see SIGINT and SIGHUP, also where the tests do not.

    nohup ignores SIGHUP, and a shell ignores SIGINT for what it starts in the background. An
    ignored signal stays ignored in a child, and embkit leaves it so; one that is handled here
    goes back to its default there.
    """
    ignored = [
        number
        for number in (signal.SIGINT, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_IGN
    ]
    for number in ignored:
        signal.signal(number, lambda *_: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture(autouse=True)
def kept_signal_handlers() -> Iterator[None]:
    """Put back the handlers that the command line installs."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


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
