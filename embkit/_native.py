"""The gate to the native parts: the only module that imports ``_core`` and ``_cuda``."""

from __future__ import annotations

import importlib.util
from types import ModuleType

from embkit import _core as core
from embkit.errors import CudaError

__all__ = ["WITHOUT_CUDA", "core", "cuda"]

WITHOUT_CUDA = "embkit was built without CUDA"


def cuda() -> ModuleType:
    """Import the part that runs on GPUs, or say why it cannot be; nothing is asked of a driver.

    Raises
    ------
    CudaError
        If embkit was built without it, or it cannot be loaded.
    """
    try:
        from embkit import _cuda
    except ImportError as error:
        if importlib.util.find_spec("embkit._cuda") is None:
            reason = f"{WITHOUT_CUDA}: embkit doctor names the command that mends it"
        else:
            reason = f"embkit's CUDA part cannot be loaded: {error}"
        raise CudaError(reason) from error
    return _cuda
