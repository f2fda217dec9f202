"""Vectors read some rows at a time, for files larger than memory.

Text and binary rows are cut into pieces at their boundaries, and each piece goes through the
format's own reader; mapped files are sliced. What cannot be cut is read whole.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embkit._native import core
from embkit.embeddings import Embeddings
from embkit.errors import FormatError
from embkit.formats.files import check_dense, load
from embkit.formats.report import ReadOptions
from embkit.formats.sniff import HEAD, sniff
from embkit.formats.words import Source, read_words
from embkit.streams import open_raw_input, rejoined
from embkit.vocabulary import Vocabulary

BLOCK_BYTES = 1 << 23
"""Bytes of a file that are read at a time."""


def read_blocks(
    path: str | os.PathLike[str], *, block_bytes: int = BLOCK_BYTES, limit: int | None = None
) -> Iterator[Embeddings]:
    r"""Read vectors of any format in consecutive blocks of rows.

    A word that stands twice is left out the second time only within one block.

    Parameters
    ----------
    path : str or path
        As for ``load``.
    block_bytes : int
        About how much of the file a block takes.
    limit : int, optional
        Read only this many words, the first ones.

    Yields
    ------
    Embeddings
        The next rows.

    Raises
    ------
    FormatError
        If the content is wrong, or sparse; blocks before the fault have been given.
    OSError
        If the file cannot be opened.

    Examples
    --------
    >>> path = getfixture("tmp_path") / "v.txt"
    >>> _ = path.write_text("3 1\na 1\nb 2\nc 3\n")
    >>> [block.words for block in read_blocks(path, block_bytes=6)]
    [['a', 'b'], ['c']]
    """
    for block in _blocks(path, block_bytes):
        kept = block if limit is None else _rows(block, 0, min(limit, len(block)))
        if len(kept):
            yield kept
        if limit is not None and (limit := limit - len(kept)) <= 0:
            return


def _blocks(path: str | os.PathLike[str], block_bytes: int) -> Iterator[Embeddings]:
    shown = os.fspath(path)
    if not Path(path).is_dir():
        with open_raw_input(path) as raw:
            head = b""
            while len(head) < HEAD and (some := raw.read(HEAD - len(head))):
                head += some
            name = sniff(head, shown)
            if name in _CUTTERS:
                stream = io.BufferedReader(rejoined(head, raw), 1 << 20)  # type: ignore[type-var, unused-ignore]
                pieces = _Pieces(shown, name, stream, block_bytes)
                yield from _CUTTERS[name](pieces)
                return
    whole = load(path)
    check_dense(whole, path)
    step = max(1, block_bytes // (4 * whole.dim))
    for start in range(0, len(whole), step):
        yield _rows(whole, start, min(start + step, len(whole)))


def _rows(embeddings: Embeddings, start: int, stop: int) -> Embeddings:
    vocabulary = embeddings.vocabulary
    counts = vocabulary.counts
    return Embeddings(
        Vocabulary(
            vocabulary.data,
            vocabulary.offsets[start : stop + 1],
            None if counts is None else counts[start:stop],
        ),
        embeddings.vectors[start:stop],
        provenance=embeddings.provenance,
    )


@dataclass
class _Pieces:
    """A file that is being cut, and how far that has come."""

    path: str
    format: str
    stream: io.BufferedReader[Any]
    block_bytes: int
    lines: int = 0
    offset: int = 0
    oddities: Counter[str] = field(default_factory=Counter)

    def header(self) -> tuple[int, int]:
        """Read the line that states rows and dim."""
        line = self.stream.readline(1000)
        self.lines, self.offset = 1, len(line)
        rows, dim = line.removeprefix(b"\xef\xbb\xbf").split()
        return int(rows), int(dim)

    def parse(self, piece: bytes, header: bytes, read: Callable[..., Any]) -> Embeddings:
        """Read a piece behind a header of its own; errors name their place in the file."""
        source = Source(_Bytes(header + piece), self.path, self.format, None, None)
        try:
            block, report = read_words(read, source, ReadOptions())
        except FormatError as error:
            before = self.lines - (1 if header else 0)
            line = None if error.line is None else error.line + before
            place = self.offset - len(header)
            offset = None if error.offset is None else error.offset + place
            raise FormatError(self.path, line, offset, error.reason) from None
        self.oddities.update(report.oddities)
        self.lines += piece.count(b"\n")
        self.offset += len(piece)
        return block


class _Bytes(io.RawIOBase):
    """Bytes as the native readers take them."""

    def __init__(self, data: bytes) -> None:
        self._left = memoryview(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def _cut_text(pieces: _Pieces) -> Iterator[Embeddings]:
    stated, dim = pieces.header() if pieces.format == "word2vec-text" else (None, 0)
    rows = 0
    while piece := pieces.stream.read(pieces.block_bytes):
        piece += pieces.stream.readline()
        count = sum(1 for line in piece.split(b"\n") if line.strip())
        header = f"{count} {dim}\n".encode() if dim else b""
        if count == 0:
            pieces.offset += len(piece)
            pieces.lines += piece.count(b"\n")
            continue
        block = pieces.parse(piece, header, core.read_word2vec_text)
        dim, rows = block.dim, rows + count
        yield block
    _check_rows(pieces, stated, rows)


def _cut_binary(pieces: _Pieces) -> Iterator[Embeddings]:
    stated, dim = pieces.header()
    rows, waiting = 0, b""
    while rows < stated:
        some = pieces.stream.read(pieces.block_bytes)
        waiting += some
        if pieces.stream.peek(1)[:1] == b"\n":  # perhaps the end of a row that is whole
            waiting += pieces.stream.read(1)
        count, end = _whole_rows(waiting, dim, stated - rows)
        if not some:  # the native reader tells what is wrong with the rest
            count, end = stated - rows, len(waiting)
        if count:
            header = f"{count} {dim}\n".encode()
            yield pieces.parse(waiting[:end], header, core.read_word2vec_binary)
            rows, waiting = rows + count, waiting[end:]
    waiting += pieces.stream.read(2)
    if waiting.strip(b"\n"):
        reason = f"junk follows the {stated} rows"
        raise FormatError(pieces.path, None, pieces.offset, reason)


def _whole_rows(data: bytes, dim: int, most: int) -> tuple[int, int]:
    """Return how many whole rows the data begins with, and where they end."""
    count = end = 0
    while count < most:
        blank = data.find(b" ", end)
        row_end = blank + 1 + 4 * dim
        if blank < 0 or row_end > len(data):
            break
        end = row_end + (data[row_end : row_end + 1] == b"\n")
        count += 1
    return count, end


def _check_rows(pieces: _Pieces, stated: int | None, rows: int) -> None:
    if stated is not None and rows != stated:
        reason = f"the header states {stated} rows, got {rows}"
        raise FormatError(pieces.path, pieces.lines, pieces.offset, reason)


_CUTTERS: dict[str, Callable[[_Pieces], Iterator[Embeddings]]] = {
    "word2vec-text": _cut_text,
    "glove-text": _cut_text,
    "word2vec-binary": _cut_binary,
}
