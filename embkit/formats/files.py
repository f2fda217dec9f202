"""Load, save and look at files with vectors, whatever their format."""

from __future__ import annotations

import io
import logging
import os
from pathlib import Path

from embkit.checks import check_path, plain_value
from embkit.compression import compressed, compression_of
from embkit.embeddings import Embeddings
from embkit.errors import FormatError, NotFiniteError
from embkit.formats import safetensors_writer
from embkit.formats.checks import first_not_finite
from embkit.formats.report import FileReport, ReadOptions
from embkit.formats.sniff import HEAD, sniff
from embkit.formats.table import (
    DIRECTORY,
    FORMATS,
    check_output_name,
    read_source,
)
from embkit.formats.words import Source
from embkit.output import OutputFile
from embkit.sparse import SparseEmbeddings
from embkit.streams import open_raw_input, plain_size, rejoined

_log = logging.getLogger("embkit")


def load(
    path: str | os.PathLike[str],
    *,
    lenient: bool = False,
    verify: bool = False,
    limit: int | None = None,
    memory: int | None = None,
) -> Embeddings:
    r"""Load vectors of any format, told by the file's content and never by its name.

    Read are word2vec text and binary, GloVe text, fastText ``.vec`` and ``.bin``, npz and
    embkit's own directory; plain or compressed (gzip, bzip2, xz, zstd). Tolerated, counted
    and logged as a warning: words with blanks, words that are not UTF-8 (kept as bytes),
    duplicates (the first wins), CRLF, a byte order mark.

    Parameters
    ----------
    path : str or path
        A file, a pipe, ``-`` for standard input, or a directory that ``save`` wrote.
    lenient : bool
        Keep what is provably whole of a broken file: rows before a cut of text and binary
        rows, rows whose numbers are finite of any format. What was wrong is logged and is in
        the result's ``provenance``.
    verify : bool
        Check the checksums of embkit's own form.
    limit : int, optional
        Read only this many words, the first ones.
    memory : int, optional
        Bytes that the words and vectors of a text or binary file may fill; 80% of what is
        available when left out. Mapped files fill none.

    Returns
    -------
    Embeddings
        Vectors of shape (num_words, dim); `SparseEmbeddings` where such were saved.

    Raises
    ------
    FormatError
        If the content is wrong: rows missing or of the wrong width, NaN or infinity, a
        stream cut short, junk behind it, or no format of vectors at all.
    OSError
        If the file cannot be opened.
    ResourceError
        If the vectors would fill the memory.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "v.txt"
    >>> _ = path.write_text("2 3\nthe 1 2 3\ncat 4 5 6\n")
    >>> load(path)["cat"]
    array([4., 5., 6.], dtype=float32)
    """
    check_path("path", path)
    options = ReadOptions(lenient=lenient, verify=verify, limit=limit, memory=memory)
    embeddings, report = _read(path, options)
    if summary := report.summary():
        _log.warning("%s: %s", report.path, summary)
    return embeddings


def check_dense(vectors: object, path: str | os.PathLike[str]) -> None:
    """Raise FormatError if what `load` returned is sparse, for work that needs every number."""
    if isinstance(vectors, SparseEmbeddings):
        reason = "vectors must be dense here, got sparse ones; embkit train svd makes dense"
        raise FormatError(path, None, None, reason)


def inspect(path: str | os.PathLike[str]) -> FileReport:
    r"""Tell what a file with vectors is, and everything odd in it; reads it to the end.

    Raises
    ------
    FormatError
        If it is no file with vectors, or nothing in it is whole.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "v.txt"
    >>> _ = path.write_bytes(b"the 1 2\r\nthe 4 5\r\n")
    >>> report = inspect(path)
    >>> report.format, report.num_words, dict(report.oddities)
    ('glove-text', 1, {'duplicate_words': 1, 'crlf_lines': 2})
    """
    try:
        return _read(path, ReadOptions(lenient=True, verify=True))[1]
    except FormatError:
        if Path(path).is_file():  # the first fault says more than that nothing was left
            _read(path, ReadOptions(verify=True))
        raise


def save(
    embeddings: Embeddings | SparseEmbeddings,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    overwrite: bool = False,
) -> None:
    r"""Save vectors in the format that the name asks for.

    ``.bin`` (word2vec binary), ``.txt`` and ``.vec`` (word2vec text), ``.glove`` (GloVe text)
    and ``.npz``, text and binary also with ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` behind; a
    name without extension becomes a directory, embkit's own form, which alone keeps
    everything. The file is whole or not there at all, and an old one stays until the new
    one is complete.

    Parameters
    ----------
    embeddings : Embeddings or SparseEmbeddings
        What to save; sparse vectors only in embkit's own form, or npz.
    path : str or path
        The output.
    format : str, optional
        A format whatever the name: ``word2vec-binary``, ``word2vec-binary-newlines`` (as
        word2vec.c writes it), ``word2vec-text``, ``glove-text``, ``npz``, ``safetensors`` or
        ``directory``.
    overwrite : bool
        Replace what exists.

    Raises
    ------
    OutputExistsError
        If the output exists and ``overwrite`` is false.
    OSError
        If it cannot be written.
    NotFiniteError
        If a number is NaN or infinite.
    ValueError
        If the extension or format is not known, or the format cannot hold a word, or sparse
        vectors.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "v.txt"
    >>> save(Embeddings.from_words({"yes": [1.0, 0.5]}), path)
    >>> path.read_text()
    '1 2\nyes 1 0.5\n'
    """
    if not isinstance(embeddings, Embeddings | SparseEmbeddings):
        found = type(embeddings).__name__
        raise ValueError(f"embeddings must be Embeddings or SparseEmbeddings, got {found}")
    check_path("path", path)
    plain_value("overwrite", "bool", overwrite)
    is_sparse = isinstance(embeddings, SparseEmbeddings)
    name = check_output_name(path, format=format, sparse=is_sparse)
    if name == DIRECTORY:
        safetensors_writer.save_directory(embeddings, path, overwrite=overwrite)
        return
    if embeddings.subwords is not None and name != "safetensors":
        _log.warning("%s: subwords are not kept in %s, only in a directory", path, name)
    write = FORMATS[name].write
    assert write is not None
    try:
        with OutputFile(path, overwrite=overwrite) as raw, compressed(raw, path) as stream:
            write(embeddings, stream)
    except ValueError as error:
        rows = embeddings.vectors if isinstance(embeddings, Embeddings) else None
        if rows is None or first_not_finite(rows) is None:
            raise
        raise NotFiniteError(str(error)) from error  # the core has no type for it


def _read(path: str | os.PathLike[str], options: ReadOptions) -> tuple[Embeddings, FileReport]:
    shown = os.fspath(path)
    if Path(path).is_dir():
        return read_source(Source(None, shown, "safetensors", None, None), options)
    with open_raw_input(path) as raw:
        compression, size = compression_of(raw), plain_size(raw)
        head = _read_head(raw, lenient=options.lenient)
        name = sniff(head, shown)
        source = Source(rejoined(head, raw), shown, name, compression, size)
        return read_source(source, options)


def _read_head(raw: io.RawIOBase, *, lenient: bool) -> bytes:
    head = b""
    try:
        while len(head) < HEAD and (block := raw.read(HEAD - len(head))):
            head += block
    except FormatError:
        if not lenient or not head:
            raise  # otherwise the reader meets it again, behind what can be read
    return head
