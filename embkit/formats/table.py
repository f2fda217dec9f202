"""Every format in one table: how it is read, and how and under which name it is written."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from embkit.compression import check_encoder, compression_of_name
from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats import (
    fasttext,
    npz,
    safetensors_dir,
    safetensors_writer,
    word2vec_binary,
    word2vec_text,
)
from embkit.formats.report import FileReport, ReadOptions
from embkit.formats.whole_rows import leave_out_bad_rows, word_oddities
from embkit.formats.words import Source
from embkit.output import stream_number
from embkit.sparse import SparseEmbeddings

Reader = Callable[[Source, ReadOptions], tuple[Embeddings, FileReport]]
Writer = Callable[..., None]
"""Takes the embeddings and a BinaryIO."""


class Format(NamedTuple):
    """One format; without a reader it is read as another one is."""

    extensions: tuple[str, ...]
    read: Reader | None
    write: Writer | None
    read_from: tuple[str, ...] = ("plain", "compressed", "pipe")


def _read_npz(source: Source, options: ReadOptions) -> tuple[Embeddings, FileReport]:
    limits = {"limit": options.limit, "memory": options.memory}
    found = npz.read_embeddings(source.path, lenient=options.lenient, **limits)
    return _report(source, found, options)


def _read_fasttext(source: Source, options: ReadOptions) -> tuple[Embeddings, FileReport]:
    limits = {"limit": options.limit, "memory": options.memory}
    found = fasttext.read_embeddings(source.path, lenient=options.lenient, **limits)
    return _report(source, found, options)


def _read_safetensors(source: Source, options: ReadOptions) -> tuple[Embeddings, FileReport]:
    found = safetensors_dir.read_embeddings(
        source.path, verify=options.verify, limit=options.limit, lenient=options.lenient
    )
    return _report(source, found, options, looks_at_words=options.verify)


def _report(
    source: Source, embeddings: Embeddings, options: ReadOptions, *, looks_at_words: bool = True
) -> tuple[Embeddings, FileReport]:
    details = dict(embeddings.provenance)
    skipped = 0
    problems: tuple[str, ...] = ()
    if options.lenient:
        embeddings, skipped, problems = leave_out_bad_rows(embeddings, source.path)
    labels = details.pop("num_labels_left_out", 0)
    if isinstance(embeddings, SparseEmbeddings):
        details["sparse_entries"] = embeddings.num_entries
    details["holds"] = [
        name
        for name in ("counts", "output", "subwords")
        if getattr(embeddings, name) is not None
    ]
    words = word_oddities(embeddings.vocabulary) if looks_at_words else {}
    counted = {"labels_left_out": labels, "skipped_rows": skipped, **words}
    report = FileReport(
        source.path,
        source.format,
        source.compression,
        len(embeddings),
        embeddings.dim,
        oddities={name: count for name, count in counted.items() if count},
        problems=problems,
        details=details,
    )
    return embeddings, report


FORMATS: dict[str, Format] = {
    "word2vec-binary": Format((".bin",), word2vec_binary.read, word2vec_binary.write),
    "word2vec-binary-newlines": Format((), None, word2vec_binary.write_with_newlines),
    "word2vec-text": Format((".txt", ".vec"), word2vec_text.read, word2vec_text.write),
    "glove-text": Format((".glove",), word2vec_text.read, word2vec_text.write_glove),
    "fasttext-binary": Format((), _read_fasttext, None, ("plain", "compressed")),
    "npz": Format((".npz",), _read_npz, npz.write_embeddings, read_from=("plain",)),
    "safetensors": Format(
        (".safetensors",), _read_safetensors, safetensors_writer.write_embeddings, ("plain",)
    ),
}

DIRECTORY = "directory"
"""Name of embkit's own saved form: a directory with ``embeddings.safetensors``."""


def read_source(source: Source, options: ReadOptions) -> tuple[Embeddings, FileReport]:
    """Read an open file with its format's reader.

    Raises
    ------
    FormatError
        If its content is wrong, or it is a pipe or compressed and the format cannot be.
    """
    entry = FORMATS[source.format]
    kind = "plain" if source.size is not None or source.raw is None else "pipe"
    kind = "compressed" if source.compression else kind
    if kind not in entry.read_from:
        what = "be decompressed first" if kind == "compressed" else "be a file, not a pipe"
        raise FormatError(
            source.path, None, None, f"this is {source.format}, which must {what}"
        )
    assert entry.read is not None
    return entry.read(source, options)


def format_of_name(path: str | os.PathLike[str]) -> str:
    """Return the format that a name asks for, the extension of a compression left aside.

    Raises
    ------
    ValueError
        If the extension is none of the table's.

    Examples
    --------
    >>> format_of_name("v.txt.gz"), format_of_name("model")
    ('word2vec-text', 'directory')
    """
    plain = Path(path)
    if plain.is_dir() or os.fspath(path).endswith(os.sep):
        return DIRECTORY
    if compression_of_name(path):
        plain = plain.with_suffix("")
    suffix = plain.suffix.lower()
    for name, entry in FORMATS.items():
        if suffix in entry.extensions:
            return name
    if suffix or compression_of_name(path) or _is_stream(plain):
        known = " ".join(ext for entry in FORMATS.values() for ext in entry.extensions)
        raise ValueError(
            f"the output's extension must be one of {known}, or none for a directory, "
            f"unless the format is given; got {os.fspath(path)!r}"
        )
    return DIRECTORY


def _is_stream(path: Path) -> bool:
    """Tell whether bytes alone can be written there: to a standard stream, pipe or device."""
    is_other = path.exists() and not path.is_dir() and not path.is_file()
    is_named = str(path).startswith(("-", "/dev/")) or stream_number(str(path)) is not None
    return is_other or is_named


def check_output_name(
    path: str | os.PathLike[str], *, format: str | None = None, sparse: bool = False
) -> str:
    """Return the format of an output: call it before the work whose result is to be saved.

    Raises
    ------
    ValueError
        If name or format is not known, or does not go with the compression asked for or
        with ``sparse`` vectors.
    NotADirectoryError
        If a file, a pipe or a device stands where a folder is to be written.

    Examples
    --------
    >>> check_output_name("v.bin")
    'word2vec-binary'
    """
    name = format or format_of_name(path)
    writable = [key for key, entry in FORMATS.items() if entry.write is not None]
    if name not in (*writable, DIRECTORY):
        raise ValueError(
            f"format must be one of {', '.join([*writable, DIRECTORY])}, got {name}"
        )
    if name == DIRECTORY and Path(path).exists() and not Path(path).is_dir():
        raise NotADirectoryError(
            errno.ENOTDIR, "a file stands where a folder is to be written", os.fspath(path)
        )
    if sparse and name not in (DIRECTORY, "safetensors", "npz"):
        raise ValueError(
            "sparse vectors must go to a directory, a .safetensors or a .npz file, "
            f"got {os.fspath(path)!r}"
        )
    compression = compression_of_name(path)
    compressible = name in FORMATS and "compressed" in FORMATS[name].read_from
    if compression and not compressible:
        raise ValueError(f"{name} cannot be compressed, got {os.fspath(path)!r}")
    if compression:
        check_encoder(compression)
    return name
