"""fastText's own model files (``.bin``): word vectors, and the subwords for other words."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.compression import detect_compression
from embkit.device import available_threads
from embkit.embeddings import Embeddings
from embkit.file_arrays import map_array
from embkit.formats.limits import check_memory
from embkit.streams import open_file, open_input
from embkit.subwords import Subwords
from embkit.vocabulary import Vocabulary

_BLOCK = 1 << 20


def read_embeddings(
    path: str | os.PathLike[str],
    *,
    threads: int | None = None,
    limit: int | None = None,
    memory: int | None = None,
    lenient: bool = False,
) -> Embeddings:
    """Read a fastText model, version 11, 12 or older, plain or compressed.

    Each word's vector is the mean of its own row and its n-grams' rows, the same values as
    fastText's. The n-grams' rows stay in the file, mapped, for words outside the vocabulary
    (compressed files are read into memory). Left out are the labels of supervised models
    and the output matrix.

    Parameters
    ----------
    path : str or path
        The file.
    threads : int, optional
        Threads that compute the vectors; all cores when left out.
    limit : int, optional
        Keep only this many words, the first and most frequent ones.
    memory : int, optional
        Bytes that it may take: its words' vectors, and the file where it is compressed.
    lenient : bool
        Return vectors of words that are not finite as they are.

    Returns
    -------
    Embeddings
        With counts, and with subwords where the model has any.

    Raises
    ------
    OSError
        If the file cannot be opened.
    FormatError
        If it is damaged, or its matrices are quantised (``.ftz``).
    ResourceError
        If it would take more than ``memory``.
    """
    data = _file_bytes(path, memory)
    return parse(data, path, threads=threads, limit=limit, memory=memory, lenient=lenient)


def parse(
    file: NDArray[np.uint8],
    path: str | os.PathLike[str],
    *,
    threads: int | None = None,
    limit: int | None = None,
    memory: int | None = None,
    lenient: bool = False,
) -> Embeddings:
    """Read a model from its bytes, which the subwords keep; see ``read_embeddings``.

    Raises
    ------
    FormatError
        If it is damaged, or its matrices are quantised.
    ResourceError
        If its words' vectors would take more than ``memory``.
    """
    name = os.fsencode(path)
    model = core.FastTextModel(name, file)
    num_words = len(model.counts)
    rows = num_words if limit is None else min(limit, num_words)
    check_memory(path, 4 * model.dim * rows, memory)
    threads = threads or available_threads()
    vectors = model.word_vectors(name, file, rows=rows, threads=threads, lenient=lenient)
    vocabulary = Vocabulary(model.words, model.word_offsets[: rows + 1], model.counts[:rows])
    return Embeddings(
        vocabulary, vectors, provenance=_provenance(model), subwords=_subwords(model, file)
    )


def _file_bytes(path: str | os.PathLike[str], memory: int | None) -> NDArray[np.uint8]:
    """Return the file's bytes: mapped, or decompressed into memory."""
    with open_file(path) as raw:
        head = raw.read(10)
        if raw.seekable() and len(head) == 10 and detect_compression(head) is None:
            return map_array(raw, np.uint8, name=path)
    data, checked = bytearray(), 64 * _BLOCK  # a small file may inflate to a huge one
    with open_input(path) as stream:
        while block := stream.read(_BLOCK):
            data += block
            if len(data) >= checked:
                check_memory(path, 2 * checked, memory)
                checked *= 2
    return np.frombuffer(data, np.uint8)


def _subwords(model: core.FastTextModel, file: NDArray[np.uint8]) -> Subwords | None:
    rule = model.subwords
    num_rows = model.input_rows - len(model.counts)
    if not rule.has_ngrams or num_rows == 0:
        return None
    begin = model.input_offset + 4 * model.dim * len(model.counts)
    matrix = file[begin : begin + 4 * model.dim * num_rows].view("<f4")
    return Subwords(
        matrix.reshape(num_rows, model.dim),
        minn=max(rule.minn, 1),
        maxn=rule.maxn,
        bucket=rule.bucket,
        kept=rule.kept,
    )


def _provenance(model: core.FastTextModel) -> dict[str, Any]:
    version = f"version {model.version}" if model.version else "before version 11"
    provenance: dict[str, Any] = {
        "config": model.config,
        "format": f"fastText {version}",
        "num_tokens": model.num_tokens,
    }
    if model.num_labels:
        provenance["num_labels_left_out"] = model.num_labels
    return provenance
