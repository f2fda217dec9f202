"""word2vec binary: a line "rows dim", then each word, a blank and its float32 numbers.

gensim writes nothing behind a row, word2vec.c a newline; both are read. A word ends at its
first blank, so words with blanks cannot be written.
"""

from __future__ import annotations

from typing import BinaryIO

from embkit._native import core
from embkit.embeddings import Embeddings
from embkit.formats.report import FileReport, ReadOptions
from embkit.formats.words import Source, header, read_words, write_rows


def read(source: Source, options: ReadOptions) -> tuple[Embeddings, FileReport]:
    """Read rows with or without newlines behind them."""
    return read_words(core.read_word2vec_binary, source, options)


def write(embeddings: Embeddings, stream: BinaryIO) -> None:
    """Write the same bytes as gensim."""
    stream.write(header(embeddings))
    write_rows(embeddings, stream, core.pack_binary_rows, newline=False)


def write_with_newlines(embeddings: Embeddings, stream: BinaryIO) -> None:
    """Write the same bytes as word2vec.c: a newline behind each row."""
    stream.write(header(embeddings))
    write_rows(embeddings, stream, core.pack_binary_rows, newline=True)
