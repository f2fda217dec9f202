"""The GPU part's interface, checked against the built module by stubtest."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# bind_cuda_devices

def versions() -> tuple[int, int]: ...
def devices() -> list[dict[str, Any]]: ...
def use_device(number: int) -> dict[str, Any]: ...
def block_shared_bytes(dim: int, window: int, block_negatives: int) -> int: ...
def measure_rows(
    device: int, num_words: int, dim: int, rows: NDArray[np.uint32], repeats: int
) -> tuple[float, float]: ...

# bind_cuda_session

class Session:
    def __init__(
        self,
        device: int,
        options: dict[str, Any],
        ids: NDArray[np.uint32],
        sentence_offsets: NDArray[np.uint64],
        tables: dict[str, Any],
        input: NDArray[np.float32],
        output: NDArray[np.float32],
    ) -> None: ...
    def train(self, on_progress: Callable[[], object]) -> bool: ...
    def is_consistent(self) -> bool: ...
    def counters(self) -> dict[str, Any]: ...
    def restore(
        self,
        input: NDArray[np.float32],
        output: NDArray[np.float32],
        counters: dict[str, Any],
    ) -> None: ...
    def download(self, input: NDArray[np.float32], output: NDArray[np.float32]) -> None: ...
    def device(self) -> dict[str, Any]: ...
