"""The gate to an array library: NumPy on the processor, CuPy on a GPU."""

from __future__ import annotations

import importlib
from typing import Any, Literal, TypeAlias

import numpy as np

Device: TypeAlias = Literal["cpu", "cuda"]


def array_namespace(device: Device) -> Any:  # noqa: ANN401  (CuPy has no types)
    """Return the module whose arrays live on a device.

    Parameters
    ----------
    device : {"cpu", "cuda"}

    Raises
    ------
    ValueError
        If the device is none of these, or CuPy or a GPU is missing.

    Examples
    --------
    >>> array_namespace("cpu").__name__
    'numpy'
    """
    if device == "cpu":
        return np
    if device != "cuda":
        raise ValueError(f"device must be one of cpu, cuda, got {device!r}")
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        raise ValueError(
            "device must be cpu where CuPy is not installed (the extras embkit[cuda12] and "
            "embkit[cuda13] bring it), got 'cuda'"
        ) from error
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise ValueError(
            f"device must be cpu where there is no GPU, got 'cuda' ({error})"
        ) from error
    if devices < 1:
        raise ValueError("device must be cpu where there is no GPU, got 'cuda'")
    return cupy
