"""Files without a name, for what does not fit in memory."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.file_arrays import map_array
from embkit.output import temporary_folder


class TemporaryFiles:
    """Files without a name, which vanish when nothing holds them."""

    def __init__(self, stack: ExitStack, *, num_spills: int) -> None:
        self.folder = temporary_folder()

        def create() -> BinaryIO:
            return cast(
                "BinaryIO",
                stack.enter_context(tempfile.TemporaryFile(dir=self.folder, buffering=0)),
            )

        self.spills = [create() for _ in range(num_spills)]
        self.ids = create()
        self.sentence_offsets = create()

    def descriptors(self) -> core.EncodeFiles:
        """Return the files as the core takes them; they stay ours."""
        return core.EncodeFiles(
            spills=[file.fileno() for file in self.spills],
            ids=self.ids.fileno(),
            sentence_offsets=self.sentence_offsets.fileno(),
            folder=os.fsencode(self.folder),
        )


def mapped(file: BinaryIO, dtype: type[np.generic], size: int) -> NDArray[Any]:
    """Map a temporary file that holds an array; the map outlives the open file."""
    return map_array(file, dtype, name=temporary_folder(), size=size)
