"""A stand-in for CuPy made of NumPy, as strict as CuPy is where there is a GPU.

Its arrays never become NumPy's by themselves, do not mix with NumPy's, and know their device;
only names that CuPy has are there. It counts what goes over, and runs out of memory on demand.
"""

from __future__ import annotations

import contextlib
import operator
import weakref
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

# ruff: noqa: SIM905
FUNCTIONS = """
    abs absolute all any arange argmax argmin argpartition argsort array_equal ascontiguousarray
    bincount broadcast_to clip concatenate copysign count_nonzero cumsum diagonal dot einsum
    empty empty_like exp expand_dims eye flatnonzero full full_like isfinite isnan log log1p
    logaddexp matmul maximum mean median minimum moveaxis multiply nonzero ones ones_like outer
    partition power prod ravel repeat reshape sign sort sqrt square squeeze stack std subtract
    sum take take_along_axis tile trace transpose tril triu unique vstack where zeros zeros_like
    divide add negative right_shift left_shift bitwise_xor bitwise_and greater less hstack
""".split()
LINALG = "cholesky eigh eigvalsh inv lstsq norm qr solve svd pinv".split()
METHODS = """
    all any argmax argmin argpartition argsort astype clip copy cumsum dot fill max mean min
    nonzero partition prod ravel repeat reshape sort squeeze std sum take trace transpose var
""".split()
CONSTANTS = """
    bool_ float32 float64 inf int32 int64 intp nan newaxis pi uint32 uint64 uint8
""".split()


class OutOfMemoryError(MemoryError):
    """What CuPy raises when the GPU is full."""


class CUDARuntimeError(RuntimeError):
    """What CuPy raises where there is no driver, or after a fault."""


class StandIn(ModuleType):
    """The module ``cupy``.

    Attributes
    ----------
    capacity : int
        Bytes that its arrays may take together.
    uploads, downloads : int
        Arrays brought over so far.
    refusals : int
        Times that memory did not suffice.
    devices : int
        GPUs that there are.
    used : list of int
        The GPU of each array that was made.
    """

    def __init__(self) -> None:
        super().__init__("cupy")
        self.capacity, self.live, self.highest = 1 << 40, 0, 0
        self.uploads = self.downloads = self.refusals = 0
        self.devices = 1
        self.current, self.used = [0], [0][:0]
        self.linalg = SimpleNamespace(
            **{n: self._wrapped(getattr(np.linalg, n)) for n in LINALG}
        )
        self.random = SimpleNamespace(default_rng=lambda seed: Generator(self, seed))
        self.cuda = SimpleNamespace(
            Device=self._device,
            OutOfMemoryError=OutOfMemoryError,
            memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError),
            runtime=SimpleNamespace(
                getDeviceCount=lambda: self.devices,
                CUDARuntimeError=CUDARuntimeError,
                memGetInfo=lambda: (max(0, self.capacity - self.live), self.capacity),
            ),
        )
        for name in CONSTANTS:
            setattr(self, name, getattr(np, name))
        for name in FUNCTIONS:
            setattr(self, name, self._wrapped(getattr(np, name)))
        self.ndarray = Array

    def asarray(self, values: Any, dtype: Any = None) -> Array:
        """Bring an array over."""
        if isinstance(values, Array):
            return values if dtype is None else values.astype(dtype, copy=False)
        self.uploads += 1
        return Array(self, np.array(values, dtype))

    array = asarray

    def asnumpy(self, values: Any) -> NDArray[Any]:
        """Bring an array back."""
        return values.get() if isinstance(values, Array) else np.asarray(values)

    def get_default_memory_pool(self) -> Any:
        """Return a pool that keeps nothing back."""
        return SimpleNamespace(free_all_blocks=lambda: None)

    @contextlib.contextmanager
    def _device(self, number: int) -> Iterator[None]:
        self.current.append(number)
        try:
            yield
        finally:
            self.current.pop()

    def _wrapped(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            for name in ("where", "casting", "subok", "like"):
                if name in options and getattr(function, "__name__", "") != "where":
                    raise TypeError(f"CuPy's functions have no option {name}")
            plain = [unwrapped(a) for a in args]
            chosen = {name: unwrapped(value) for name, value in options.items()}
            given = options.get("out")
            found = function(*plain, **chosen)
            return given if given is not None else self.wrap(found)

        return call

    def wrap(self, found: Any) -> Any:
        """Return NumPy's results as CuPy gives them: arrays, also of no dimension."""
        if isinstance(found, np.ndarray | np.generic):
            return Array(self, np.asarray(found))
        if isinstance(found, tuple | list):
            kind = type(found)
            parts = [self.wrap(part) for part in found]
            return kind(*parts) if hasattr(found, "_fields") else kind(parts)
        return found

    def reserve(self, size: int) -> None:
        """Take account of an array; raise where there is no room for it."""
        if self.live + size > self.capacity:
            self.refusals += 1
            raise OutOfMemoryError(f"Out of memory allocating {size} bytes")
        self.live += size
        self.used.append(self.current[-1])
        self.highest = max(self.highest, self.live)

    def release(self, size: int) -> None:
        """Take account of an array that is gone."""
        self.live -= size


def unwrapped(value: Any) -> Any:
    """Return what NumPy is to work on; refuse its own arrays."""
    if isinstance(value, Array):
        if value.device != value.module.current[-1]:
            raise ValueError("Array device must be same as the current device")
        return value.values
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, tuple | list):
        return type(value)(unwrapped(part) for part in value)
    return value


class Array:
    """An array that only this module's functions may touch."""

    def __init__(self, module: StandIn, values: NDArray[Any]) -> None:
        self.module, self.values, self.device = module, values, module.current[-1]
        if values.base is None:
            module.reserve(values.nbytes)
            weakref.finalize(self, module.release, values.nbytes)

    def get(self) -> NDArray[Any]:
        """Bring the array back."""
        self.module.downloads += 1
        return self.values.copy()

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. Please use `.get()`"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, **options: Any) -> Any:
        if method != "__call__" or ufunc.__name__ not in FUNCTIONS:
            return NotImplemented
        if "out" in options:
            options["out"] = options["out"][0]
        return getattr(self.module, ufunc.__name__)(*args, **options)

    def __array_function__(self, function: Any, _: Any, args: Any, options: Any) -> Any:
        place = self.module.linalg if "linalg" in function.__module__ else self.module
        found = getattr(place, function.__name__, None)
        return NotImplemented if found is None else found(*args, **options)

    def __getattr__(self, name: str) -> Any:
        if name in ("shape", "ndim", "size", "dtype", "nbytes", "itemsize", "flags"):
            return getattr(self.values, name)
        if name == "T":
            return self.module.wrap(self.values.T)
        if name in METHODS:
            return self.module._wrapped(getattr(self.values, name))
        raise AttributeError(f"CuPy's arrays have no {name!r} here")

    def __getitem__(self, key: Any) -> Any:
        return self.module.wrap(self.values[unwrapped(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        self.values[unwrapped(key)] = unwrapped(value)

    def __len__(self) -> int:
        return len(self.values)

    def __float__(self) -> float:
        return float(self.get())

    def __int__(self) -> int:
        return int(self.get())

    def __bool__(self) -> bool:
        return bool(self.get())

    __hash__ = None  # type: ignore[assignment]


def _calling(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *others: self.module._wrapped(function)(self, *others)


def _operator(name: str) -> None:
    function = getattr(operator, name)

    def forward(self: Array, other: Any) -> Any:
        return self.module._wrapped(function)(self, other)

    def backward(self: Array, other: Any) -> Any:
        return self.module._wrapped(function)(other, self)

    def in_place(self: Array, other: Any) -> Array:
        self.values[...] = function(self.values, unwrapped(other))
        return self

    plain = name.strip("_")
    setattr(Array, f"__{plain}__", forward)
    setattr(Array, f"__r{plain}__", backward)
    setattr(Array, f"__i{plain}__", in_place)


for _name in "add sub mul truediv floordiv mod pow matmul and_ or_ xor lshift rshift".split():
    _operator(_name)
for _name in "lt le gt ge eq ne neg abs invert".split():
    setattr(Array, f"__{_name}__", _calling(getattr(operator, _name)))


class Generator:
    """Draws of NumPy, as arrays of this module."""

    def __init__(self, module: StandIn, seed: Any) -> None:
        self.module, self.rng = module, np.random.default_rng(seed)

    def __getattr__(self, name: str) -> Any:
        if name not in ("integers", "random", "standard_normal"):
            raise AttributeError(f"CuPy's generators have no {name!r} here")
        return self.module._wrapped(getattr(self.rng, name))


def sparse_module(module: StandIn) -> ModuleType:
    """Return ``cupyx.scipy.sparse``, as far as the solver uses it."""
    import scipy.sparse

    class Csr:
        """A sparse matrix whose parts and products are this module's arrays."""

        def __init__(self, parts: Any, shape: Any) -> None:
            held = tuple(unwrapped(part) for part in parts)
            self.inner = scipy.sparse.csr_matrix(held, shape)

        @property
        def T(self) -> Any:
            flipped = self.inner.T.tocsr()
            parts = [module.wrap(a) for a in (flipped.data, flipped.indices, flipped.indptr)]
            found = Csr(parts, flipped.shape)
            return SimpleNamespace(tocsr=lambda: found)

        def __matmul__(self, dense: Any) -> Any:
            if not isinstance(dense, Array):
                raise TypeError(f"Unsupported type {type(dense)}")
            return module.wrap(self.inner @ unwrapped(dense))

    found: Any = ModuleType("cupyx.scipy.sparse")
    found.csr_matrix = Csr
    return found  # type: ignore[no-any-return]
