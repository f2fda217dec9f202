"""Types of the native core, one section a binding file."""

import numpy as np
from numpy.typing import NDArray

# bind_io

# bind_linalg

# bind_sampling

def random_draws(seed: int, epoch: int, count: int, *, draw: int) -> NDArray[np.uint64]: ...

class AliasTable:
    def __init__(self, weights: NDArray[np.float64]) -> None: ...
    def sample(self, draws: NDArray[np.uint64]) -> NDArray[np.uint32]: ...
    def __len__(self) -> int: ...

class HuffmanTree:
    def __init__(self, counts: NDArray[np.int64]) -> None: ...
    def path(self, word: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]: ...
    @property
    def num_nodes(self) -> int: ...
    def __len__(self) -> int: ...

# bind_text

# bind_word2vec
