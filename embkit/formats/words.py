"""What the readers and writers of text and binary rows share: the way to the native core."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.device import available_threads
from embkit.embeddings import Embeddings
from embkit.errors import ResourceError
from embkit.formats.report import FileReport, ReadOptions
from embkit.memory import memory_limit
from embkit.vocabulary import Vocabulary

Words = tuple[
    NDArray[np.uint8],
    NDArray[np.uint64],
    NDArray[np.float32],
    core.WordIndex,
    dict[str, Any],
]

_ODDITIES = (
    *("skipped_rows", "duplicate_words", "words_not_utf8", "words_with_blanks"),
    *("zero_vectors", "blank_lines", "crlf_lines", "byte_order_mark"),
)


@dataclass(frozen=True)
class Source:
    """An open file whose format is known."""

    raw: io.RawIOBase | None
    """At its first byte, decompressed; None for a directory."""
    path: str
    format: str
    compression: str | None
    size: int | None
    """Its length, where it is a plain file."""


def read_words(
    read: Callable[..., Words], source: Source, options: ReadOptions
) -> tuple[Embeddings, FileReport]:
    """Read a file with one of the native readers.

    Raises
    ------
    FormatError
        If its content is wrong.
    ResourceError
        If its words and vectors are larger than ``options.memory``.
    """
    try:
        data, offsets, vectors, index, found = read(
            source.raw,
            os.fsencode(source.path),
            size=-1 if source.size is None else source.size,
            memory=memory_limit(options.memory),
            lenient=options.lenient,
            limit=-1 if options.limit is None else options.limit,
            threads=available_threads(),
        )
    except ResourceError as error:
        raise ResourceError(f"{source.path}: {error}; limit reads fewer words") from None
    problem = found["problem"].decode("utf-8", "replace")
    report = FileReport(
        source.path,
        source.format,
        source.compression,
        len(vectors),
        vectors.shape[1],
        oddities={name: found[name] for name in _ODDITIES if found[name]},
        problems=(problem,) if problem else (),
        details=_details(found, source.format),
    )
    provenance = {"format": report.format, "oddities": dict(report.oddities)}
    if report.problems:
        provenance["problems"] = list(report.problems)
    vocabulary = Vocabulary(data, offsets, index=index)
    return Embeddings(vocabulary, vectors, provenance=provenance), report


def _details(found: dict[str, Any], name: str) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if found["stated_rows"] >= 0:
        details["rows_stated_by_header"] = found["stated_rows"]
    if name == "word2vec-binary":
        details["newline_after_rows"] = bool(found["newlines_after_rows"])
    return details


def write_rows(
    embeddings: Embeddings, stream: BinaryIO, pack: Callable[..., bytes], **options: bool | int
) -> None:
    """Write all rows, some megabytes at a time, as a native writer gives them."""
    vocabulary = embeddings.vocabulary
    step = max(1, (1 << 21) // max(embeddings.dim, 1))
    for begin in range(0, len(embeddings), step):
        end = min(begin + step, len(embeddings))
        words = (vocabulary.data, vocabulary.offsets, embeddings.vectors)
        stream.write(pack(*words, begin, end, **options))


def header(embeddings: Embeddings) -> bytes:
    """Return the first line of word2vec's formats.

    Raises
    ------
    ValueError
        If there is nothing to write.
    """
    if len(embeddings) == 0 or embeddings.dim == 0:
        raise ValueError("embeddings must have a row and a number to be written, got none")
    return f"{len(embeddings)} {embeddings.dim}\n".encode()
