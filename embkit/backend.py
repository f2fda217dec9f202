"""The gate to an array library: NumPy on the processor, CuPy on a GPU.

Code that works on both takes a :class:`Backend`, calls ``backend.xp`` for what NumPy calls
``np``, and brings arrays over with ``asarray`` and ``to_numpy``; nothing goes over by itself.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from embkit.device import Device, parse_device
from embkit.errors import CudaError, ResourceError

__all__ = [
    "Backend",
    "Device",
    "DeviceArray",
    "Namespace",
    "array_namespace",
    "open_backend",
    "parse_device",
]

DeviceArray: TypeAlias = Any
"""An array of a device's own library, which has no types."""
Namespace: TypeAlias = Any
"""NumPy, or CuPy, which answers to the same names."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Backend:
    """An array library and the device that its arrays live on.

    Attributes
    ----------
    xp : module
        NumPy or CuPy.
    device : Device
        Never "auto".

    Examples
    --------
    >>> backend = open_backend("cpu")
    >>> backend.to_numpy(backend.xp.ones(2) + backend.asarray([1, 2]))
    array([2., 3.])
    """

    xp: Any
    device: Device

    @property
    def is_gpu(self) -> bool:
        """Whether arrays have to be brought over."""
        return self.device.kind == "cuda"

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Make this GPU the one on which arrays are made, and tell its faults.

        Raises
        ------
        CudaError
            Where the GPU, or a library of it, reports a fault.
        MemoryError
            Where it reports that memory does not suffice.
        """
        number = self.device.index
        place = contextlib.nullcontext() if number is None else self.xp.cuda.Device(number)
        try:
            with place:
                yield
        except Exception as error:
            if not self._is_fault(error):
                raise
            if "ALLOC" in str(error).upper():  # cudaErrorMemoryAllocation, ..._ALLOC_FAILED
                raise MemoryError(f"{self.device}: {error}") from error
            status = int(getattr(error, "status", 0))
            raise CudaError(f"{self.device}: {error}", status) from error

    def _is_fault(self, error: Exception) -> bool:
        """Tell whether an error comes from CUDA, not from the array library's own checks."""
        if not self.is_gpu or isinstance(error, MemoryError):
            return False
        library = type(error).__module__.partition(".")[0]
        runtime = self.xp.cuda.runtime.CUDARuntimeError
        return isinstance(error, runtime) or library == "cupy_backends"

    def asarray(self, array: Any, dtype: Any = None) -> Any:  # noqa: ANN401
        """Bring an array of NumPy over; one that is there already stays."""
        return self.xp.asarray(array, dtype)

    def to_numpy(self, array: Any) -> NDArray[Any]:  # noqa: ANN401
        """Return an array of this library as NumPy's."""
        return np.asarray(self.xp.asnumpy(array) if self.is_gpu else array)

    def free_bytes(self) -> int | None:
        """Return the GPU's free memory, once unused blocks are given back; None without one."""
        if not self.is_gpu:
            return None
        with self.active():
            self.xp.get_default_memory_pool().free_all_blocks()
            return int(self.xp.cuda.runtime.memGetInfo()[0])

    def fitting(
        self,
        work: Callable[[int], Result],
        size: int,
        need: Callable[[int], int],
        *,
        least: int = 1,
    ) -> Result:
        """Run ``work(size)``, with smaller sizes while the GPU has no memory for it.

        Parameters
        ----------
        work : callable
            Takes the size, such as rows at a time, which must not change its result. It runs
            again from its start where memory did not suffice.
        size, least : int
            What to begin with, halved down to ``least``.
        need : callable
            Returns about how many bytes a size takes, for the error.

        Raises
        ------
        ResourceError
            If there is too little memory for the least size too.
        """
        while True:
            try:
                with self.active():
                    return work(size)
            except MemoryError as error:
                if not self.is_gpu or isinstance(error, ResourceError):
                    raise
            if size <= least:  # outside of the handler, which holds the arrays of the attempt
                raise self._too_little(need(size))
            self.free_bytes()
            size = max(least, size // 2)

    @contextlib.contextmanager
    def telling(self, needed: int) -> Iterator[None]:
        """Let the GPU's lack of memory end in one line with an estimate, in bytes.

        Raises
        ------
        ResourceError
            Where the memory did not suffice.
        """
        try:
            with self.active():
                yield
        except MemoryError as error:
            if not self.is_gpu or isinstance(error, ResourceError):
                raise
            raise self._too_little(needed) from None

    def _too_little(self, needed: int) -> ResourceError:
        free = self.free_bytes() or 0
        return ResourceError(
            f"{self.device} needs about {needed / 2**20:.0f} MiB, "
            f"{free / 2**20:.0f} MiB are free: --device cpu works without it"
        )


def open_backend(device: str | Device = "cpu") -> Backend:
    """Return the array library of a device.

    Parameters
    ----------
    device : str or Device
        "cpu"; "cuda" or "cuda:N", a GPU through CuPy; "auto", a GPU where one can be used.

    Raises
    ------
    ValueError
        If the device is none of these.
    CudaError
        If CuPy or the GPU is missing.

    Examples
    --------
    >>> open_backend("cpu").xp.__name__
    'numpy'
    """
    wanted = parse_device(str(device)) if isinstance(device, Device) else parse_device(device)
    if wanted.kind == "cpu":
        return Backend(np, wanted)
    try:
        cupy = _usable_cupy(wanted)
    except CudaError:
        if wanted.kind == "auto":
            return Backend(np, Device("cpu"))
        raise
    return Backend(cupy, Device("cuda", wanted.index))


def array_namespace(device: str) -> Any:  # noqa: ANN401  (CuPy has no types)
    """Return the module whose arrays live on a device; see `open_backend`.

    Examples
    --------
    >>> array_namespace("cpu").__name__
    'numpy'
    """
    return open_backend(device).xp


def _usable_cupy(device: Device) -> Any:  # noqa: ANN401  (CuPy has no types)
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        raise CudaError(
            "device must be cpu where CuPy is not installed (the extras embkit[cuda12] and "
            f"embkit[cuda13] bring it), got {str(device)!r}"
        ) from error
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise CudaError(
            f"device must be cpu where there is no GPU, got {str(device)!r} ({error})"
        ) from error
    if devices < 1:
        raise CudaError(f"device must be cpu where there is no GPU, got {str(device)!r}")
    if device.index is not None and device.index >= devices:
        most = f"cuda:{devices - 1}"
        raise CudaError(f"device must be at most {most} here, got {str(device)!r}")
    return cupy
