"""Loading vectors as the commands do it: options, memory check, unknown words."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from embkit.cli.options import LoadOptions, show_dash

if TYPE_CHECKING:
    from embkit.embeddings import Embeddings
    from embkit.vocabulary import Vocabulary


def require_input(path: Path) -> None:
    """Raise FileNotFoundError if there is no such file or folder."""
    if not path.exists() and str(path) != "-":
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def load_vectors(path: Path, options: LoadOptions) -> Embeddings:
    """Load vectors; warnings about what was repaired or left out go to stderr.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If its content is wrong.
    ResourceError
        If its words and vectors are larger than the memory limit.
    """
    path = Path(show_dash(path))
    if str(path) != "-":
        require_input(path)
    from embkit import formats

    return formats.load(
        path,
        lenient=options.lenient,
        verify=options.verify,
        limit=options.limit,
        memory=options.memory,
    )


def given_vocabulary(path: Path | None) -> Vocabulary | None:
    """Load the vocabulary that several runs share, if there is one.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If its content is wrong.
    """
    if path is None:
        return None
    path = Path(show_dash(path))
    require_input(path)
    from embkit import formats

    return formats.load_vocabulary(path)


def require_words(vectors: Embeddings, words: Iterable[str], path: Path) -> None:
    """Raise ValueError, with a suggestion, if any word has no vector."""
    unknown = [word for word in words if word not in vectors and vectors.subwords is None]
    if not unknown:
        return
    listed = ", ".join(repr(word) for word in unknown)
    message = f"{listed} not among the {len(vectors)} words of {path}"
    close = difflib.get_close_matches(unknown[0], vectors.words[:50_000], n=1)
    raise ValueError(message + (f"; did you mean {close[0]!r}?" if close else ""))


def unknown_words(vectors: Embeddings) -> Literal["raise", "subword"]:
    """Return the ``oov`` of queries: subwords give any word a vector, where there are any."""
    return "raise" if vectors.subwords is None else "subword"
