"""From a corpus to the same corpus with its phrases joined, as a stream."""

from __future__ import annotations

import codecs
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

from embkit.checks import check_threads
from embkit.corpus.sources import find_files
from embkit.device import available_threads
from embkit.errors import FormatError
from embkit.output import OutputFile
from embkit.phrases.table import PhraseTable
from embkit.progress import work_bar
from embkit.streams import open_input

PathLike = str | os.PathLike[str]
_BLOCK_BYTES = 4 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def join_text(
    table: PhraseTable,
    source: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    overwrite: bool = False,
    threads: int | None = None,
    progress: bool = False,
) -> int:
    r"""Write the lines of a corpus with their phrases joined, some at a time.

    Lines stay lines; tokens are parted by one blank. Bytes that are not UTF-8 stay as they
    are. A line is held in memory as a whole.

    Parameters
    ----------
    table : PhraseTable
        The phrases.
    source : path or list of paths
        Files, folders, globs or ``-``, compressed or not; see `embkit.corpus.encode`.
    output : path
        The file, replaced whole or not at all; or ``-`` for standard output.
    overwrite : bool
        Replace an existing file.
    threads : int, optional
        Worker threads; all cores the process may use when left out.
    progress : bool
        Show a bar on standard error.

    Returns
    -------
    int
        Bytes read, decompressed.

    Raises
    ------
    OutputExistsError
        If the output exists and ``overwrite`` is false.
    FormatError
        If a compressed file is damaged, a text is UTF-16, or changes while it is read.
    OSError
        If a file is refused, or the disk is full.

    Examples
    --------
    >>> from embkit.phrases import learn_phrases
    >>> from embkit.config import PhraseConfig
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "text").write_text("new york\nyork\nnew\n" * 10)
    >>> config = PhraseConfig(thresholds=(0.4,), across_lines=False)
    >>> table = learn_phrases(folder / "text", config)
    >>> _ = join_text(table, folder / "text", folder / "joined")
    >>> (folder / "joined").read_text().splitlines()[:3]
    ['new_york', 'york', 'new']
    """
    check_threads(threads)
    workers = threads or available_threads()
    files = find_files(source)
    joiner, done, total = table.joiner, 0, files.total_bytes
    waiting: deque[Future[bytes]] = deque()
    with ExitStack() as stack:
        stream = stack.enter_context(OutputFile(output, overwrite=overwrite))
        report = stack.enter_context(work_bar(progress, "joining", "B"))
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        for file in files.files:
            if file.is_regular:
                file.check_unchanged()
            for block in _whole_lines(file.path):
                waiting.append(pool.submit(joiner.join, block))
                if len(waiting) > 2 * workers:
                    stream.write(waiting.popleft().result())
                done += len(block)
                if report is not None:
                    report(done, total)
            if file.is_regular:
                file.check_unchanged()
        while waiting:
            stream.write(waiting.popleft().result())
    return done


def _whole_lines(path: str) -> Iterator[bytes]:
    """Yield a file in blocks that end where a line does; its byte-order mark is skipped."""
    with open_input(path) as stream:
        first = stream.read(len(_BYTE_ORDER_MARK))
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise FormatError(path, 1, 0, "this looks like UTF-16; text must be UTF-8")
        parts = [] if first == _BYTE_ORDER_MARK else [first]
        while block := stream.read(_BLOCK_BYTES):
            head, newline, rest = block.rpartition(b"\n")
            if newline:
                yield b"".join([*parts, head, newline])
                parts = [rest]
            else:
                parts.append(block)
        if last := b"".join(parts):
            yield last
