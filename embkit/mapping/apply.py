"""Map the vectors of a file into another, some rows at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.file_arrays import map_array
from embkit.formats import check_output_name, save
from embkit.formats.blocks import BLOCK_BYTES, read_blocks
from embkit.mapping.result import Mapping, Side
from embkit.output import temporary_folder
from embkit.streams import naming
from embkit.vocabulary import Vocabulary

Progress = Callable[[int, int | None], None]


def apply_to_file(
    mapping: Mapping,
    vectors: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    side: Side,
    unit: bool = False,
    format: str | None = None,
    overwrite: bool = False,
    limit: int | None = None,
    block_bytes: int = BLOCK_BYTES,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Map all vectors of a file; only their words and one block of rows are in memory.

    The mapped rows wait in a temporary file beside the output until it can be written.

    Parameters
    ----------
    mapping : Mapping
        What ``map`` returned.
    vectors : path
        Vectors of one of its spaces, in any format; binary and text rows, plain or
        compressed, and mapped files are read in blocks, other formats whole.
    output : path
        As for ``save``.
    side : {"source", "target"}
        Which space they belong to.
    unit : bool
        Bring the mapped rows to unit length.
    format : str, optional
        As for ``save``.
    overwrite : bool
        Replace what exists.
    limit : int, optional
        Map only this many words, the first ones.
    block_bytes : int
        About how much of the file is read at a time.
    progress : callable, optional
        Called with the words done and None.

    Returns
    -------
    tuple of int
        Number of words, and the dim of the output.

    Raises
    ------
    FormatError
        If the vectors' file is malformed or holds none.
    OSError
        If a file cannot be read or written, or the disk is full.
    ValueError
        If the vectors are not of the map's width, or the output's format is not known.

    Examples
    --------
    >>> folder = getfixture("tmp_path")
    >>> save(Embeddings.from_words({"a": [1.0, 0.0], "b": [0.0, 1.0]}), folder / "v.bin")
    >>> double = Mapping(2 * np.eye(2), np.eye(2))
    >>> apply_to_file(double, folder / "v.bin", folder / "w.txt", side="source")
    (2, 2)
    >>> (folder / "w.txt").read_text().splitlines()
    ['2 2', 'a 2 0', 'b 0 2']
    """
    check_output_name(output, format=format)
    parent = Path(output).absolute().parent
    is_folder = parent.is_dir() and not str(parent).startswith("/dev")
    folder = str(parent) if is_folder else temporary_folder()
    shown = os.fspath(output) if is_folder else folder
    words, counts, provenance = _Words(), _Counts(), None
    with naming(shown), tempfile.TemporaryFile(dir=folder, prefix=".embkit-") as spool:
        for block in read_blocks(vectors, block_bytes=block_bytes, limit=limit):
            if (told := mapping.misfit(side, block.dim)) is not None:
                raise ValueError(f"{os.fspath(vectors)}: {told}")
            spool.write(mapping.map_rows(block.vectors, side, unit=unit).data)
            words.add(block.vocabulary)
            counts.add(block.vocabulary)
            provenance = provenance or block.provenance
            if progress is not None:
                progress(len(words), None)
        if not len(words):
            raise FormatError(vectors, None, None, "vectors must have a row, got none")
        spool.flush()
        shape = (len(words), mapping.dim)
        rows = map_array(spool, np.float32, name=shown).reshape(shape)
    mapped = Embeddings(  # the map holds the rows; what fails from here on is the output's
        words.vocabulary(counts.values()),
        rows,
        provenance={**(provenance or {}), "mapping": mapping.told_of(side)},
    )
    save(mapped, output, format=format, overwrite=overwrite)
    return len(words), mapping.dim


class _Words:
    """Words of all blocks, as one run of bytes."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._lengths: list[np.ndarray[tuple[int], np.dtype[np.uint64]]] = []

    def __len__(self) -> int:
        return sum(len(some) for some in self._lengths)

    def add(self, vocabulary: Vocabulary) -> None:
        begin, end = int(vocabulary.offsets[0]), int(vocabulary.offsets[-1])
        self._data += vocabulary.data[begin:end].tobytes()
        self._lengths.append(np.diff(vocabulary.offsets))

    def vocabulary(
        self, counts: np.ndarray[tuple[int], np.dtype[np.int64]] | None
    ) -> Vocabulary:
        offsets = np.zeros(len(self) + 1, np.uint64)
        np.cumsum(np.concatenate(self._lengths), out=offsets[1:])
        return Vocabulary(np.frombuffer(self._data, np.uint8), offsets, counts)


class _Counts:
    """Counts of all blocks; None where a block has none."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
        self._known = True

    def add(self, vocabulary: Vocabulary) -> None:
        if vocabulary.counts is None:
            self._known = False
        else:
            self._parts.append(np.asarray(vocabulary.counts))

    def values(self) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
        return np.concatenate(self._parts) if self._known and self._parts else None
