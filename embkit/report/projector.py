"""Files of TensorBoard's embedding projector.

The configuration names the two tables, whose names have a digest of what is in them. It is
replaced last, so that whatever ends an export, it names the old tables or the new ones, whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from embkit import output
from embkit.output import OutputFile, exists_error, locked, made_folder

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings

_CONFIG_NAME = "projector_config.pbtxt"
_TABLE = re.compile(r"\.?(tensors|metadata)-[0-9a-f]{8}\.tsv(\.[0-9a-f]{16}\.part)?")
_BLOCK = 4096  # rows formatted at a time
_SPACE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def check_folder(folder: Path, *, overwrite: bool = False) -> None:
    """Raise if the projector's files cannot be written, before the work.

    Raises
    ------
    OutputExistsError
        If there is a configuration and ``overwrite`` is false.
    OutputError
        If the folder's own folder does not exist.
    NotADirectoryError
        If ``folder`` is a file.
    """
    output.check_folder(folder)
    if not overwrite and (folder / _CONFIG_NAME).exists():
        raise exists_error(str(folder / _CONFIG_NAME))


def write_projector(
    vectors: Embeddings, folder: Path, *, overwrite: bool = False
) -> tuple[Path, ...]:
    r"""Write ``tensors-*.tsv``, ``metadata-*.tsv`` and ``projector_config.pbtxt``.

    The metadata are the words alone, without a header, or words and counts with one, as the
    projector demands. A tab or a line break in a word becomes a blank.

    Parameters
    ----------
    vectors : Embeddings
    folder : Path
        Made if it does not exist.
    overwrite : bool
        Replace what is there. The tables that were shown stay until the new ones are.

    Returns
    -------
    tuple of Path
        The three files.

    Raises
    ------
    NotFiniteError
        If a row holds NaN or inf.
    LockedError
        If another process writes there.
    OutputExistsError
        If there is a configuration and ``overwrite`` is false.
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
    _ = vectors.norms  # refuses rows that the projector cannot place
    mark = _digest(vectors)
    tensors, metadata = (folder / f"{name}-{mark}.tsv" for name in ("tensors", "metadata"))
    config = folder / _CONFIG_NAME
    with made_folder(folder), locked(folder / ".projector.lock", f"output {folder}"):
        try:
            _write(tensors, _tensor_lines(vectors), overwrite=True)
            _write(metadata, _metadata_lines(vectors), overwrite=True)
            _write(config, _config_lines(tensors, metadata), overwrite=overwrite)
        finally:
            _remove_unnamed(folder)
    return tensors, metadata, config


def _digest(vectors: Embeddings) -> str:
    found = hashlib.blake2b(digest_size=4)
    for line in _metadata_lines(vectors):
        found.update(line.encode("utf-8", "surrogateescape"))
    for start in range(0, len(vectors), _BLOCK):
        found.update(vectors.vectors[start : start + _BLOCK].tobytes())
    return found.hexdigest()


def _write(path: Path, lines: Iterator[str], *, overwrite: bool) -> None:
    with OutputFile(path, overwrite=overwrite) as stream:
        for line in lines:
            stream.write(line.encode("utf-8", "surrogateescape"))


def _remove_unnamed(folder: Path) -> None:
    """Remove tables that are not shown: replaced ones, and what a failed export left."""
    told = _read(folder / _CONFIG_NAME)
    for path in folder.iterdir():
        if _TABLE.fullmatch(path.name) and path.name.encode() not in told:
            path.unlink(missing_ok=True)


def _read(config: Path) -> bytes:
    try:
        file = config.open("rb")
    except FileNotFoundError:
        return b""
    told = file.read()
    with contextlib.suppress(OSError):  # nothing was written through it
        file.close()
    return told


def _config_lines(tensors: Path, metadata: Path) -> Iterator[str]:
    yield "embeddings {\n"
    yield '  tensor_name: "embkit"\n'
    yield f'  tensor_path: "{tensors.name}"\n'
    yield f'  metadata_path: "{metadata.name}"\n'
    yield "}\n"


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
