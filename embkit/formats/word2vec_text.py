"""Lines of a word and its numbers: word2vec text, fastText .vec, and GloVe text.

word2vec and fastText state rows and dim in the first line, GloVe does not. Numbers are
written in the fewest digits that read back as the same float32.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import BinaryIO

from embkit._native import core
from embkit.device import available_threads
from embkit.embeddings import Embeddings
from embkit.formats.report import FileReport, ReadOptions
from embkit.formats.words import Source, header, read_words, write_rows

_LINES_THAT_TELL_DIM = 1000  # as the reader has it


def read(source: Source, options: ReadOptions) -> tuple[Embeddings, FileReport]:
    """Read text with or without a header."""
    return read_words(core.read_word2vec_text, source, options)


def write(embeddings: Embeddings, stream: BinaryIO) -> None:
    """Write word2vec text, which is also fastText's .vec."""
    stream.write(header(embeddings))
    write_rows(embeddings, stream, core.format_text_rows, threads=available_threads())


def write_glove(embeddings: Embeddings, stream: BinaryIO) -> None:
    """Write GloVe text, which has no header.

    Raises
    ------
    ValueError
        If the file would be read back as something else.
    """
    header(embeddings)  # only for its checks
    _check_glove(embeddings)
    write_rows(embeddings, stream, core.format_text_rows, threads=available_threads())


def _check_glove(embeddings: Embeddings) -> None:
    first = embeddings.vocabulary.bytes_of(0)
    words = islice(embeddings.vocabulary, _LINES_THAT_TELL_DIM)
    widths = Counter(len(word.replace("\t", " ").split(" ")) for word in words)
    if first.startswith(b"\xef\xbb\xbf"):
        problem = "its first word begins with a byte order mark"
    elif embeddings.dim == 1 and first.lstrip(b"+-").isdigit():
        problem = "its first line would be read as a header"
    elif widths[1] < max(widths.values()):
        problem = "most of its words have blanks"
    else:
        return
    raise ValueError(f"GloVe text cannot hold these vectors: {problem}; write word2vec text")
