"""Write embkit's own saved form; what is in it is told in ``safetensors_dir``."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from embkit.embeddings import Embeddings
from embkit.formats import safetensors_sparse
from embkit.formats.checks import blocks, check_finite, checksum
from embkit.formats.safetensors_header import (
    CARD_NAME,
    FILE_NAME,
    FORMAT_VERSION,
    build_header,
    to_json,
)
from embkit.output import OutputFile, exists_error, made_folder
from embkit.sparse import SparseEmbeddings

logger = logging.getLogger(__name__)


def save_directory(
    embeddings: Embeddings | SparseEmbeddings,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
) -> None:
    """Save a model to a directory, which is made if it does not exist.

    The one file that counts is replaced atomically: whoever reads sees the old model or the
    new one, also after a crash, and an old model that is mapped stays as it was.

    Raises
    ------
    OutputExistsError
        If the directory holds a model and ``overwrite`` is false.
    OSError
        If the directory cannot be made or written.
    NotFiniteError
        If a value is NaN or infinite.
    ValueError
        If the provenance cannot be expressed as JSON.

    Examples
    --------
    >>> folder = getfixture("tmp_path") / "model"
    >>> save_directory(Embeddings.from_words({"yes": [1.0, 0.0], "no": [0.0, 1.0]}), folder)
    >>> sorted(path.name for path in folder.iterdir())
    ['embeddings.safetensors', 'model.json']
    """
    folder = Path(path)
    with made_folder(folder):
        for name in () if overwrite else (FILE_NAME, CARD_NAME):
            if (folder / name).exists():
                raise exists_error(str(folder / name))
        card = OutputFile(folder / CARD_NAME, overwrite=True)
        try:
            card.stream.write(describe(embeddings).encode())
            card.stream.flush()  # a full disk shows before the old model is replaced
            with OutputFile(folder / FILE_NAME, overwrite=overwrite) as stream:
                write_embeddings(embeddings, stream)
        except BaseException as error:
            if isinstance(error, OSError) and error.filename is None:
                error.filename = card.path  # a failed write does not know its file
            card.discard()
            raise
        _put_card_in_place(card)


def _put_card_in_place(card: OutputFile) -> None:
    """Finish ``model.json``: the model beside it is whole and new already, so no error."""
    try:
        card.commit()
    except OSError as error:
        logger.warning("%s is left out: %s", card.path, error.strerror)
        with contextlib.suppress(OSError):
            Path(card.path).unlink(missing_ok=True)  # it tells of the model that was there


def write_embeddings(embeddings: Embeddings | SparseEmbeddings, stream: BinaryIO) -> None:
    """Write the file, tensor by tensor, without copying a matrix.

    Parameters
    ----------
    embeddings : Embeddings or SparseEmbeddings
        What to write.
    stream : BinaryIO
        Where; it need not be seekable.

    Raises
    ------
    NotFiniteError
        If a value is NaN or infinite.
    ValueError
        If the provenance cannot be expressed as JSON.
    """
    tensors = _tensors_of(embeddings)
    for name in ("input", "output", "subwords"):  # sparse rows were checked when made
        if name in tensors:
            check_finite(name, tensors[name])
    stream.write(build_header(tensors, _metadata_of(embeddings, tensors)))
    for array in tensors.values():
        for block in blocks(array):
            stream.write(block)


def describe(embeddings: Embeddings | SparseEmbeddings) -> str:
    """Return the text of ``model.json``: what the file's metadata says, for people."""
    provenance = dict(embeddings.provenance)
    config = provenance.pop("config", {})
    card = {
        "format": "embkit",
        "format_version": FORMAT_VERSION,
        "num_words": len(embeddings),
        "dim": embeddings.dim,
        "tensors": {
            name: {"dtype": str(array.dtype), "shape": list(array.shape)}
            for name, array in _tensors_of(embeddings).items()
        },
        "config": config,
        "provenance": provenance,
    }
    return to_json(card, indent=2) + "\n"


def _tensors_of(embeddings: Embeddings | SparseEmbeddings) -> dict[str, NDArray[Any]]:
    """Return the tensors in the order of the file: those of the widest items first."""
    if isinstance(embeddings, SparseEmbeddings):
        rows: dict[str, Any] = dict(safetensors_sparse.tensors_of(embeddings))
    else:
        subwords = embeddings.subwords
        rows = {
            "input": embeddings.vectors,
            "output": embeddings.output,
            "subwords": None if subwords is None else subwords.vectors,
            "subword_kept": None if subwords is None else subwords.kept,
        }
    vocabulary = embeddings.vocabulary
    begin = int(vocabulary.offsets[0])
    arrays: dict[str, Any] = {
        "word_offsets": (vocabulary.offsets - np.uint64(begin)).astype("<u8", copy=False),
        "counts": vocabulary.counts,
        **rows,
        "words": vocabulary.data[begin : int(vocabulary.offsets[-1])],
    }
    return {name: _contiguous(array) for name, array in arrays.items() if array is not None}


def _contiguous(array: NDArray[Any]) -> NDArray[Any]:
    """Return ``array`` in C order; rows that are mapped unaligned stay where they are."""
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def _metadata_of(
    embeddings: Embeddings | SparseEmbeddings, tensors: Mapping[str, NDArray[Any]]
) -> dict[str, str]:
    provenance = dict(embeddings.provenance)
    metadata = {"format": "embkit", "format_version": str(FORMAT_VERSION)}
    if isinstance(provenance.get("config"), Mapping):
        metadata["config"] = to_json(provenance.pop("config"))
    metadata["provenance"] = to_json(provenance)
    if isinstance(embeddings, SparseEmbeddings):
        metadata |= {"kind": "sparse", "dim": str(embeddings.dim)}
    if embeddings.subwords is not None:
        rule = embeddings.subwords
        metadata["subwords"] = to_json(
            {"minn": rule.minn, "maxn": rule.maxn, "bucket": rule.bucket}
        )
    metadata["crc32"] = to_json({name: checksum(array) for name, array in tensors.items()})
    return metadata
