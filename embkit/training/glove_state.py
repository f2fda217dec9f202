"""What a GloVe run needs to go on: all rows, their squared gradients, and the epochs done.

One safetensors file, with the words, so that a state cannot be continued on others.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.errors import FormatError
from embkit.formats.checks import blocks, checksum
from embkit.formats.safetensors_header import Header, build_header, read_header, to_json
from embkit.output import OutputFile
from embkit.vocabulary import Vocabulary

FORMAT = "embkit glove state"
VERSION = "1"
# The tensors of each side of the model, with the core's arguments: contexts, squares.
SIDES = {
    "input": (False, False),
    "input_squares": (False, True),
    "output": (True, False),
    "output_squares": (True, True),
}

Rows = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class GloveState:
    """A run after some epochs."""

    epochs: int
    """Epochs done so far."""
    rows: Mapping[str, Rows]
    """Vectors, shape (num_words, dim), and biases, shape (num_words,), by `SIDES`."""
    vocabulary: Vocabulary
    """The words, in row order."""

    @classmethod
    def of_model(cls, model: core.GloVe, epochs: int, vocabulary: Vocabulary) -> GloveState:
        """Copy the rows of a model."""
        rows = {name: model.rows(*arguments) for name, arguments in SIDES.items()}
        return cls(epochs, rows, vocabulary)

    def restore(self, model: core.GloVe) -> None:
        """Put the rows into a model of the same shape."""
        for name, (vectors, biases) in self.rows.items():
            model.set_rows(*SIDES[name], vectors, biases)


def save_state(state: GloveState, path: str | Path) -> None:
    """Write a state; a file of this name is replaced, once the new one is whole.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    begin = int(state.vocabulary.offsets[0])
    tensors: dict[str, NDArray[Any]] = {
        "word_offsets": (state.vocabulary.offsets - np.uint64(begin)).astype("<u8", copy=False)
    }
    for name, (vectors, biases) in state.rows.items():
        tensors |= {name: vectors, f"{name}_biases": biases}
    tensors["words"] = state.vocabulary.data[begin : int(state.vocabulary.offsets[-1])]
    metadata = {"format": FORMAT, "format_version": VERSION, "epochs": str(state.epochs)}
    metadata["crc32"] = to_json({name: checksum(array) for name, array in tensors.items()})
    with OutputFile(path, overwrite=True) as stream:
        stream.write(build_header(tensors, metadata))
        for array in tensors.values():
            for block in blocks(array):
                stream.write(block)


def load_state(path: str | Path) -> GloveState:
    """Read a state.

    Raises
    ------
    OSError
        If the file cannot be opened.
    FormatError
        If it is no such file, or is damaged.
    """
    with Path(path).open("rb") as stream:
        header = read_header(stream, path)
        epochs = _check_header(header, path)
        file = np.memmap(stream, np.uint8, "r").view(np.ndarray)
    tensors = {name: tensor.view(file) for name, tensor in header.tensors.items()}
    sums = json.loads(header.metadata.get("crc32", "{}"))
    for name, array in tensors.items():
        if sums.get(name) != checksum(array):
            reason = f"tensor {name!r} is damaged: its checksum differs"
            raise FormatError(path, None, header.tensors[name].begin, reason)
    rows = {name: (tensors[name], tensors[f"{name}_biases"]) for name in SIDES}
    words = Vocabulary(tensors["words"], tensors["word_offsets"], None)
    return GloveState(epochs, rows, words)


def _check_header(header: Header, path: str | Path) -> int:
    """Return the epochs done of a header that has what a state must have."""
    metadata, tensors = header.metadata, header.tensors
    if metadata.get("format") != FORMAT:
        raise FormatError(path, None, 8, "it is not the state of a GloVe run")
    if metadata.get("format_version") != VERSION:
        found = metadata.get("format_version", "none")[:20]
        raise FormatError(path, None, 8, f"format_version must be {VERSION}, got {found!r}")
    if not metadata.get("epochs", "").isdecimal() or not header.is_intact():
        raise FormatError(path, None, 8, "the header was changed after it was written")
    needed = {"words", "word_offsets", *SIDES, *(f"{name}_biases" for name in SIDES)}
    if set(tensors) != needed:
        missing = ", ".join(sorted(needed ^ set(tensors)))
        raise FormatError(path, None, 8, f"tensors are missing or too many: {missing}")
    return int(metadata["epochs"])
