"""Files of TensorBoard's embedding projector."""

from __future__ import annotations

import contextlib
import errno
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from embkit.errors import OutputError
from embkit.output import OutputFile, exists_error

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings

_NAMES = ("tensors.tsv", "metadata.tsv", "projector_config.pbtxt")
_BLOCK = 4096  # rows formatted at a time
_SPACE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")

_CONFIG = """embeddings {
  tensor_name: "embkit"
  tensor_path: "tensors.tsv"
  metadata_path: "metadata.tsv"
}
"""


def check_folder(folder: Path, *, overwrite: bool = False) -> None:
    """Raise if the projector's files cannot be written, before the work.

    Raises
    ------
    OutputExistsError
        If one of them exists and ``overwrite`` is false.
    OutputError
        If the folder's own folder does not exist.
    NotADirectoryError
        If ``folder`` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "not a folder", str(folder))
    if not folder.parent.is_dir():
        raise OutputError(errno.ENOENT, "the output's folder does not exist", str(folder))
    for name in _NAMES:
        if not overwrite and (folder / name).exists():
            raise exists_error(str(folder / name))


def write_projector(
    vectors: Embeddings, folder: Path, *, overwrite: bool = False
) -> tuple[Path, ...]:
    r"""Write ``tensors.tsv``, ``metadata.tsv`` and ``projector_config.pbtxt``.

    The metadata are the words alone, without a header, or words and counts with one, as the
    projector demands. A tab or a line break in a word becomes a blank.

    Parameters
    ----------
    vectors : Embeddings
    folder : Path
        Made if it does not exist.
    overwrite : bool

    Returns
    -------
    tuple of Path
        The three files, each replaced atomically once all are written.

    Raises
    ------
    OutputExistsError
        If one of them exists and ``overwrite`` is false.
    OSError
        If the folder refuses them.

    Examples
    --------
    >>> import embkit
    >>> v = embkit.Embeddings.from_words(["sun", "sea"], [[1.0, 0.5], [0.25, -1.0]])
    >>> tensors, metadata, _ = write_projector(v, getfixture("tmp_path") / "projector")
    >>> tensors.read_text(), metadata.read_text()
    ('1\t0.5\n0.25\t-1\n', 'sun\nsea\n')
    """
    check_folder(folder, overwrite=overwrite)
    paths = tuple(folder / name for name in _NAMES)
    contents = (_tensor_lines(vectors), _metadata_lines(vectors), iter([_CONFIG]))
    with _made_whole(folder), contextlib.ExitStack() as outputs:
        files = [OutputFile(path, overwrite=overwrite) for path in paths]
        for file in files:
            outputs.callback(file.discard)
        for file, lines in zip(files, contents, strict=True):
            _write(file, lines)
        for file in files:
            file.commit()
    return paths


def _write(file: OutputFile, lines: Iterator[str]) -> None:
    try:
        for line in lines:
            file.stream.write(line.encode("utf-8", "surrogateescape"))
    except OSError as error:
        error.filename = error.filename or file.path  # a failed write does not know its file
        raise


@contextlib.contextmanager
def _made_whole(folder: Path) -> Iterator[None]:
    """Make a folder where there is none; one made here goes again with its files on errors."""
    is_new = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        yield
    except BaseException:
        if is_new:
            for name in _NAMES:
                (folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # holds what others put there meanwhile
                folder.rmdir()
        raise


def _tensor_lines(vectors: Embeddings) -> Iterator[str]:
    """Yield rows with as many digits as a float32 needs to be read back the same."""
    for start in range(0, len(vectors), _BLOCK):
        rows = vectors.vectors[start : start + _BLOCK].tolist()
        yield "".join("\t".join(f"{value:.9g}" for value in row) + "\n" for row in rows)


def _metadata_lines(vectors: Embeddings) -> Iterator[str]:
    words = (_SPACE.sub(" ", word) or " " for word in vectors.vocabulary)
    if vectors.counts is None:
        yield from (f"{word}\n" for word in words)
        return
    yield "word\tcount\n"
    counts = vectors.counts.tolist()
    yield from (f"{word}\t{count}\n" for word, count in zip(words, counts, strict=True))
