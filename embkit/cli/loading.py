"""Loading vectors as the commands do it: options, memory check, unknown words."""

from __future__ import annotations

import difflib
import errno
import os
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from embkit.checks import Oov
from embkit.cli.options import LoadOptions
from embkit.cli.terminal import note
from embkit.errors import FormatError, NotFiniteError

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


def load_dense_vectors(path: Path, options: LoadOptions) -> Embeddings:
    """Load vectors for work that needs every number.

    Raises FormatError for sparse ones and NaN too, which files that are mapped may hold.
    """
    vectors = load_vectors(path, options)
    from embkit import formats
    from embkit.formats.checks import check_finite

    formats.check_dense(vectors, path)
    with naming_damage(path):
        check_finite("vectors", vectors.vectors)
    return vectors


@contextmanager
def naming_damage(path: Path) -> Iterator[None]:
    """Name the file where work on its vectors meets NaN or infinity.

    embkit's own form is mapped without being read, so only work on the rows can tell.

    Raises
    ------
    FormatError
        In place of a NotFiniteError.
    """
    try:
        yield
    except NotFiniteError as error:
        raise FormatError(path, None, None, str(error)) from None


def given_vocabulary(path: Path | None, *, least_count: int = 0) -> Vocabulary | None:
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
    require_input(path)
    from embkit import formats

    return formats.load_vocabulary(path, least_count=least_count)


def oov_of(
    vectors: Embeddings,
    words: Iterable[str],
    path: Path,
    chosen: Oov | None = None,
    *,
    quiet: bool = False,
) -> Oov:
    """Return the ``oov`` of a query: the one chosen or, where there are subwords, those.

    Words that have no vector are told on stderr where the query goes on without them.

    Raises
    ------
    ValueError
        If it does not; the message has a suggestion.
    """
    oov = chosen or ("raise" if vectors.subwords is None else "subword")
    unknown = [word for word in words if word not in vectors]
    if not unknown or oov == "subword":
        return oov
    listed = ", ".join(repr(word) for word in unknown)
    message = f"{listed} not among the {len(vectors)} words of {path}"
    if oov == "raise":
        raise ValueError(message + _hint(unknown[0], vectors.words[:50_000]))
    note(f"warning: {message}", quiet=quiet)
    return oov


def _hint(word: str, words: list[str]) -> str:
    """Return which word was probably meant: the same in other letters, or one alike."""
    folded = _composed(word).casefold()
    same = (other for other in words if _composed(other).casefold() == folded)
    meant = next(iter([*same, *difflib.get_close_matches(word, words, n=1)]), None)
    if meant is None:
        return ""
    looks_alike = _composed(meant) == _composed(word)
    form = ", in another normal form of Unicode" if looks_alike and meant != word else ""
    return f"; did you mean {meant!r}{form}?"


def _composed(word: str) -> str:
    return unicodedata.normalize("NFC", word)
