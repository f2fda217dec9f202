"""What a GloVe run needs to go on: all rows, their squared gradients, and the epochs done.

One safetensors file, with the words, so that a state cannot be continued on others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.errors import FormatError
from embkit.formats.checks import blocks, checksum
from embkit.formats.safetensors_header import (
    Header,
    build_header,
    parse_json,
    read_header,
    to_json,
)
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

    def has_words_of(self, vocabulary: Vocabulary) -> bool:
        """Return whether the words are these, in this order."""
        own, other = self.vocabulary, vocabulary
        begins = own.offsets[0], other.offsets[0]
        ends = own.offsets[-1], other.offsets[-1]
        return np.array_equal(own.offsets - begins[0], other.offsets - begins[1]) and bool(
            np.array_equal(
                own.data[int(begins[0]) : int(ends[0])],
                other.data[int(begins[1]) : int(ends[1])],
            )
        )

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
        _check_header(header, path)
        file = np.memmap(stream, np.uint8, "r").view(np.ndarray)
    tensors = {name: tensor.view(file) for name, tensor in header.tensors.items()}
    sums = _checksums(header, path)
    for name, array in tensors.items():
        if sums.get(name) != checksum(array):
            reason = f"tensor {name!r} is damaged: its checksum differs"
            raise FormatError(path, None, header.tensors[name].begin, reason)
    rows = {name: (tensors[name], tensors[f"{name}_biases"]) for name in SIDES}
    try:
        words = Vocabulary(tensors["words"], tensors["word_offsets"], None)
    except ValueError as error:
        raise FormatError(path, None, 8, f"the words do not fit together: {error}") from None
    return GloveState(int(header.metadata["epochs"]), rows, words)


def _check_header(header: Header, path: str | Path) -> None:
    """Raise FormatError unless the header is that of a state, with tensors that fit."""
    metadata, tensors = header.metadata, header.tensors
    if metadata.get("format") != FORMAT:
        raise FormatError(path, None, 8, "it is not the state of a GloVe run")
    if metadata.get("format_version") != VERSION:
        found = metadata.get("format_version", "none")[:20]
        raise FormatError(path, None, 8, f"format_version must be {VERSION}, got {found!r}")
    if not re.fullmatch("[0-9]{1,9}", metadata.get("epochs", "")) or not header.is_intact():
        raise FormatError(path, None, 8, "the header was changed after it was written")
    num_words, dim = (*tensors["input"].shape, 0, 0)[:2] if "input" in tensors else (0, 0)
    shapes: dict[str, tuple[str, tuple[int, ...]]] = {
        "word_offsets": ("U64", (num_words + 1,)),
        "words": ("U8", tensors["words"].shape[:1] if "words" in tensors else ()),
    }
    for name in SIDES:
        shapes |= {name: ("F32", (num_words, dim)), f"{name}_biases": ("F32", (num_words,))}
    found_shapes = {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
    if found_shapes != shapes:
        wrong = [name for name in shapes if found_shapes.get(name) != shapes[name]]
        names = ", ".join(wrong or sorted(set(found_shapes) - set(shapes)))
        raise FormatError(path, None, 8, f"tensors do not fit together: {names}")


def _checksums(header: Header, path: str | Path) -> dict[str, Any]:
    try:
        return parse_json(header.metadata.get("crc32", "{}").encode("utf-8"))
    except ValueError as error:
        raise FormatError(
            path, None, 8, f"the metadata's crc32 is not valid: {error}"
        ) from None
