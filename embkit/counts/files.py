"""Counts of any form: read by content, written by name."""

from __future__ import annotations

import os
from pathlib import Path

from embkit.counts.cooccurrence import Cooccurrence
from embkit.counts.glove_records import read_glove, write_glove
from embkit.counts.triples import read_triples, write_triples
from embkit.streams import open_file
from embkit.vocabulary import Vocabulary

_TEXT = (".tsv", ".txt")


def check_counts_name(path: str | os.PathLike[str]) -> None:
    """Raise ValueError if a name asks for a form of counts that embkit does not write.

    Examples
    --------
    >>> check_counts_name("counts"), check_counts_name("counts.tsv")
    (None, None)
    """
    if Path(path).suffix not in ("", ".bin", *_TEXT):
        raise ValueError(
            f"the output's extension must be one of .bin {' '.join(_TEXT)}, or none for "
            f"embkit's own form; got {os.fspath(path)!r}"
        )


def is_own_form(path: str | os.PathLike[str]) -> bool:
    """Tell whether `save_counts` writes embkit's own form under this name.

    Examples
    --------
    >>> is_own_form("counts"), is_own_form("cooccurrence.bin"), is_own_form("counts.tsv")
    (True, False, False)
    """
    return Path(path).suffix not in (".bin", *_TEXT)


def save_counts(
    counts: Cooccurrence, path: str | os.PathLike[str], *, overwrite: bool = False
) -> None:
    """Write GloVe's records to a .bin file, text to a .tsv or .txt file, or the own form.

    Raises
    ------
    OutputExistsError
        If the file exists and ``overwrite`` is false.
    OSError
        If it cannot be written.
    ValueError
        If the form cannot hold a word, or the extension is another.
    """
    check_counts_name(path)
    if is_own_form(path):
        counts.save(path, overwrite=overwrite)
    elif Path(path).suffix == ".bin":
        write_glove(counts, path, overwrite=overwrite)
    else:
        write_triples(counts, path, overwrite=overwrite)


def load_counts(
    path: str | os.PathLike[str], vocabulary: Vocabulary | None = None
) -> Cooccurrence:
    """Read what `save_counts` wrote; embkit's own form is told by its content.

    Parameters
    ----------
    path : str or path
        The file.
    vocabulary : Vocabulary, optional
        The words of a .bin file, which holds none, or the rows of a text file.

    Raises
    ------
    FormatError
        If its content is wrong.
    OSError
        If it cannot be read.
    ValueError
        If a .bin file comes without a vocabulary.
    """
    suffix = Path(path).suffix
    with open_file(path) as stream:
        is_own = stream.read(9)[8:] == b"{"
    if is_own or is_own_form(path):
        return Cooccurrence.open(path)
    if suffix in _TEXT:
        return read_triples(path, vocabulary)
    if vocabulary is None:
        raise ValueError(f"vocabulary must be given with {os.fspath(path)}, which has no words")
    return read_glove(path, vocabulary)
