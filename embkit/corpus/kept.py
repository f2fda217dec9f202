"""An encoded corpus in a file of its own, for a run that may be interrupted."""

from __future__ import annotations

from pathlib import Path

from embkit.corpus.cache import read_cache, write_cache
from embkit.corpus.encoded import EncodedCorpus, digest_of, from_arrays, to_arrays
from embkit.device import available_threads
from embkit.errors import FormatError


def save_corpus(corpus: EncodedCorpus, path: Path) -> None:
    """Write an encoded corpus; a file of this name is replaced, once the new one is whole.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    write_cache(path, {"digest": corpus.digest}, *to_arrays(corpus))


def load_corpus(path: Path, digest: str) -> EncodedCorpus:
    """Map the encoded corpus of a digest.

    Raises
    ------
    FormatError
        If it is another one, or damaged.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> from embkit.config import VocabularyConfig
    >>> from embkit.corpus import encode
    >>> corpus = encode([["a", "cat"], ["a", "dog"]], config=VocabularyConfig(min_count=1))
    >>> path = getfixture("tmp_path") / "corpus"
    >>> save_corpus(corpus, path)
    >>> load_corpus(path, corpus.digest).ids.tolist()
    [0, 1, 0, 2]
    """
    path.stat()  # a missing file is no damaged one
    kept = read_cache(path, {"digest": digest})
    if kept is not None:
        corpus = from_arrays(*kept)
        if corpus.digest == digest == digest_of(corpus, available_threads()):
            return corpus
    raise FormatError(path, None, None, "the corpus is damaged or another one")
