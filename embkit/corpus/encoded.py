"""A corpus as word ids, and the one pass over the text that makes it."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.checks import check_choice, check_threads
from embkit.config import VocabularyConfig
from embkit.corpus.cache import (
    FACTS,
    cache_key,
    cache_path,
    digest_of_words,
    read_cache,
    write_cache,
)
from embkit.corpus.faults import holds_arrays, why_empty
from embkit.corpus.reading import normalize_sentences, prepare
from embkit.corpus.sources import FileSources, PathLike, find_files, listed_paths
from embkit.corpus.temporary import TemporaryFiles, mapped
from embkit.device import available_threads
from embkit.errors import CorpusError, FormatError
from embkit.vocabulary import Vocabulary

Sentences: TypeAlias = "Iterable[Iterable[str | bytes]]"
CorpusSource: TypeAlias = "PathLike | Iterable[PathLike] | Sentences"
Invalid: TypeAlias = 'Literal["error", "replace", "bytes"]'
Progress: TypeAlias = "Callable[[int, int | None], None]"

_log = logging.getLogger("embkit")

_BLOCK_BYTES = 1 << 20
_MOST_THREADS = 64  # more only wait for the reader
_ITERABLE = "<iterable>"


@dataclass(frozen=True, eq=False)
class EncodedCorpus:
    """A corpus as ids: the kept tokens of all sentences, and where each sentence begins.

    Sentence ``i`` is ``ids[sentence_offsets[i]:sentence_offsets[i + 1]]``. Tokens that are
    not in the vocabulary are left out, and so is a sentence of which no token is left.
    """

    ids: NDArray[np.uint32]
    """Row of each token, shape (num_tokens,); a read-only map of a file."""
    sentence_offsets: NDArray[np.uint64]
    """Bounds of the sentences, shape (num_sentences + 1,), from 0 to num_tokens."""
    vocabulary: Vocabulary
    """The kept words with their counts: the largest count first, then by their bytes."""
    num_tokens_read: int
    """Tokens before any word was left out."""
    num_types_read: int
    """Different words before any was left out."""
    num_lines: int
    """Lines read, or sentences where an iterable gave them."""
    num_crlf: int
    """Lines that ended in CR LF, which means the same as LF."""
    num_lone_cr: int
    """CR that no LF follows, which is a blank."""
    num_invalid: int
    """Faults in the UTF-8 (NUL bytes among them) that were replaced or kept."""
    digest: str
    """128 bits of the ids, sentences, words and counts, in hexadecimal.

    It is fast rather than cryptographic, and the same for any number of threads.
    """
    sources: tuple[str, ...]
    """Names of what was read, in order."""
    invalid: Invalid = "error"
    """What was to be done with bytes that are not UTF-8."""
    given_vocabulary: str = ""
    """Digest of the words, and their counts, that were given; empty where none were."""

    @property
    def num_tokens(self) -> int:
        """Number of tokens that were kept."""
        return len(self.ids)

    @property
    def num_sentences(self) -> int:
        """Number of sentences with a kept token."""
        return len(self.sentence_offsets) - 1

    def provenance(self) -> dict[str, Any]:
        """Return what a model records of its corpus, as JSON can hold it."""
        return {
            "sources": [os.path.basename(name) for name in self.sources[:20]],  # noqa: PTH119
            "num_sources": len(self.sources),
            "digest": self.digest,
            "num_tokens": self.num_tokens,
            "num_sentences": self.num_sentences,
            "num_tokens_read": self.num_tokens_read,
            "num_types_read": self.num_types_read,
            "num_lines": self.num_lines,
            "num_crlf": self.num_crlf,
            "num_lone_cr": self.num_lone_cr,
            "invalid": self.invalid,
            "num_invalid": self.num_invalid,
            **({"given_vocabulary": self.given_vocabulary} if self.given_vocabulary else {}),
        }


def encode(
    source: CorpusSource,
    *,
    config: VocabularyConfig,
    vocabulary: Vocabulary | None = None,
    invalid: Invalid = "error",
    threads: int | None = None,
    cache: PathLike | None = None,
    progress: Progress | None = None,
) -> EncodedCorpus:
    """Read a corpus once, choose its vocabulary and number its tokens.

    A line is a sentence, of any length. Space, tab, CR, VT and FF separate tokens, and
    nothing else does. Plain, gzip, bzip2, xz and zstd files are told apart by content; a
    byte-order mark of UTF-8 is skipped. Files are read in parallel, and the result does not
    depend on the number of threads. Temporary files (about as large as the text) go to the
    folder that ``TMPDIR`` names, and are gone when the arrays are.

    Parameters
    ----------
    source : path, iterable of paths, or iterable of token lists
        A file; a folder (all regular files below it, sorted, without hidden ones and those
        of runs); a glob pattern; ``-`` for standard input; several of these in their order, as
        a list, or as any iterable where the first is a `pathlib.Path`; or sentences as
        iterables of ``str`` or ``bytes`` tokens, which may hold blanks. Iterables are read
        once, and sentences on the calling thread.
    config : VocabularyConfig
        Which words to keep.
    vocabulary : Vocabulary, optional
        Keep these words instead, in these rows and with the counts that it gives, so that
        several runs can share them; where it has none, the counts of this corpus.
    invalid : {"error", "replace", "bytes"}
        Treat bytes that are not UTF-8, and NUL, as an error, as U+FFFD, or as they are.
    threads : int, optional
        Worker threads; all cores the process may use when left out.
    cache : path, optional
        File or folder that keeps the result for the next time.
    progress : callable, optional
        Called on this thread about ten times a second, and at the end, with the bytes read
        and, for plain files, their total (otherwise None); an exception it raises ends the
        work.

    Returns
    -------
    EncodedCorpus
        At least one sentence of at least one token.

    Raises
    ------
    CorpusError
        If there is no token, or no word is frequent enough.
    FormatError
        If the text is malformed: it names file, line and, but for a form of Unicode, the byte
        (of the decompressed text).
    OSError
        If a file is missing or refused, or the disk is full.
    TypeError
        If sentences are strings instead of lists of tokens, or stand among files.
    ValueError
        If an option is not allowed.

    Examples
    --------
    >>> corpus = encode([["a", "cat"], ["a", "dog"]], config=VocabularyConfig(min_count=1))
    >>> list(corpus.vocabulary), corpus.ids.tolist(), corpus.sentence_offsets.tolist()
    (['a', 'cat', 'dog'], [0, 1, 0, 2], [0, 2, 4])
    """
    check_choice("invalid", invalid, ("error", "replace", "bytes"))
    check_threads(threads)
    if vocabulary is not None and vocabulary.num_duplicates:
        raise ValueError(
            f"vocabulary must not repeat a word, got {vocabulary.num_duplicates} repetitions"
        )
    threads = min(threads or available_threads(), _MOST_THREADS)
    work = _Work(config, invalid, threads, progress, vocabulary)
    source = listed_paths(source)
    if _names_files(source):
        files = find_files(cast("PathLike | Sequence[PathLike]", source))
        corpus = (
            work.encode_files(files) if cache is None else work.reuse_or_encode(files, cache)
        )
        _tell_oddities(corpus, invalid)
        return corpus
    if cache is not None:
        raise ValueError("cache must be None for an iterable, which is read only once")
    if config.max_input_bytes is not None:
        raise ValueError(
            f"max_input_bytes must be None for an iterable, got {config.max_input_bytes}"
        )
    corpus = work.encode_sentences(cast("Sentences", source))
    _tell_oddities(corpus, invalid)
    return corpus


def _tell_oddities(corpus: EncodedCorpus, invalid: Invalid) -> None:
    """Log what was not as a text should be and was read nevertheless."""
    done = "kept" if invalid == "bytes" else "replaced"
    counted = {
        "crlf lines": corpus.num_crlf,
        "lone CR taken as blanks, not as ends of lines": corpus.num_lone_cr,
        f"invalid bytes or sequences {done}": corpus.num_invalid,
    }
    if told := ", ".join(f"{count} {what}" for what, count in counted.items() if count):
        names = corpus.sources
        _log.warning("%s: %s", names[0] if len(names) == 1 else f"{len(names)} texts", told)


def _names_files(source: object) -> bool:
    if isinstance(source, list | tuple) and source:
        source = source[0]
    return isinstance(source, str | os.PathLike)


@dataclass(frozen=True)
class _Work:
    """One call of ``encode``."""

    config: VocabularyConfig
    invalid: Invalid
    threads: int
    progress: Progress | None
    vocabulary: Vocabulary | None

    def reuse_or_encode(self, files: FileSources, cache: PathLike) -> EncodedCorpus:
        key = cache_key(files, self.config, self.invalid, self.vocabulary)
        path = cache_path(cache, key)
        kept = read_cache(path, key)
        if kept is not None:
            corpus = from_arrays(*kept)
            if corpus.digest == digest_of(corpus, self.threads):
                return corpus
        corpus = self.encode_files(files)
        write_cache(path, key, *to_arrays(corpus))
        return corpus

    def encode_files(self, files: FileSources) -> EncodedCorpus:
        total = files.total_bytes
        threads = self.threads
        if total is not None:
            threads = min(threads, total // _BLOCK_BYTES + 1)
        with ExitStack() as stack:
            files.open_pipes(stack)
            opened = stack.enter_context(closing(files.open_all()))
            readers = stack.enter_context(closing(prepare(opened, self.config)))
            temporary = TemporaryFiles(stack, num_spills=threads)
            with self._telling_faults():
                encoded = core.encode_text(
                    readers,
                    self._options(threads, read_on_caller=False),
                    temporary.descriptors(),
                    block_bytes=_BLOCK_BYTES,
                    progress=self._reporter(total),
                )
            if self.progress is not None:
                self.progress(encoded.num_bytes if total is None else total, total)
            return self._collect(encoded, temporary, tuple(f.path for f in files.files))

    @contextlib.contextmanager
    def _telling_faults(self) -> Iterator[None]:
        """Tell a file that is no text at all; name no byte of the text's normal form."""
        try:
            yield
        except FormatError as error:  # those of the reader name no line
            if holds_arrays(error.path):
                reason = "this is no text but arrays, such as vectors, a map or counts"
                raise FormatError(error.path, None, None, reason) from None
            if self.config.unicode_form == "none" or error.line is None:
                raise
            raise FormatError(error.path, error.line, None, error.reason) from None

    def encode_sentences(self, sentences: Sentences) -> EncodedCorpus:
        try:
            iterator = iter(sentences)
        except TypeError:
            found = type(sentences).__name__
            raise TypeError(
                f"a corpus must be files or an iterable of token lists, got {found}"
            ) from None
        if self.config.unicode_form != "none":
            iterator = normalize_sentences(iterator, self.config.unicode_form)
        with ExitStack() as stack:
            temporary = TemporaryFiles(stack, num_spills=1)
            encoded = core.encode_sentences(
                iterator,
                _ITERABLE,
                self._options(self.threads, read_on_caller=True),
                temporary.descriptors(),
                block_bytes=_BLOCK_BYTES,
                progress=self._reporter(None),
            )
            if self.progress is not None:
                self.progress(encoded.num_bytes, None)
            return self._collect(encoded, temporary, (_ITERABLE,))

    def _options(self, threads: int, *, read_on_caller: bool) -> core.EncodeOptions:
        max_vocab = self.config.max_vocab
        return core.EncodeOptions(
            threads=threads,
            read_on_caller=read_on_caller,
            invalid=self.invalid,
            min_count=self.config.min_count,
            max_words=2**32 if max_vocab is None else max_vocab,
            words=None if self.vocabulary is None else self.vocabulary.word_index,
        )

    def _reporter(self, total: int | None) -> Callable[[int], None] | None:
        progress = self.progress
        return None if progress is None else lambda done: progress(done, total)

    def _collect(
        self, encoded: core.EncodedCorpus, temporary: TemporaryFiles, sources: tuple[str, ...]
    ) -> EncodedCorpus:
        if encoded.num_ids == 0:
            raise CorpusError(why_empty(encoded, self.config, sources, self.vocabulary))
        given = self.vocabulary
        ids = mapped(temporary.ids, np.uint32, encoded.num_ids)
        sentence_offsets = mapped(
            temporary.sentence_offsets, np.uint64, encoded.num_sentences + 1
        )
        corpus = EncodedCorpus(
            ids=ids,
            sentence_offsets=sentence_offsets,
            vocabulary=self._vocabulary_of(encoded),
            num_tokens_read=encoded.num_tokens,
            num_types_read=encoded.num_types,
            num_lines=encoded.num_lines,
            num_crlf=encoded.num_crlf,
            num_lone_cr=encoded.num_lone_cr,
            num_invalid=encoded.num_invalid,
            digest="",
            sources=sources,
            invalid=self.invalid,
            given_vocabulary=digest_of_words(given) if given is not None else "",
        )
        return replace(corpus, digest=digest_of(corpus, self.threads))

    def _vocabulary_of(self, encoded: core.EncodedCorpus) -> Vocabulary:
        data, offsets, counts = encoded.take_words()
        given = self.vocabulary
        if given is None:
            return Vocabulary(data, offsets, counts)
        return given if given.counts is not None else given.with_counts(counts)


def digest_of(corpus: EncodedCorpus, threads: int) -> str:
    """Return the digest of the arrays' digests, in order."""
    arrays = to_arrays(corpus)[1].values()
    digests = "".join(core.digest(array, threads=threads) for array in arrays)
    return core.digest(np.frombuffer(digests.encode(), np.uint8), threads=1)


def to_arrays(corpus: EncodedCorpus) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return a corpus's facts, as JSON can hold them, and its arrays by the cache's names."""
    vocabulary = corpus.vocabulary
    assert vocabulary.counts is not None  # the core always gives them
    arrays: dict[str, NDArray[Any]] = {
        "ids": corpus.ids,
        "sentence_offsets": corpus.sentence_offsets,
        "words": vocabulary.data,
        "word_offsets": vocabulary.offsets,
        "counts": vocabulary.counts,
    }
    return {name: getattr(corpus, name) for name in FACTS}, arrays


def from_arrays(facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> EncodedCorpus:
    """Undo `to_arrays`."""
    return EncodedCorpus(
        ids=arrays["ids"],
        sentence_offsets=arrays["sentence_offsets"],
        vocabulary=Vocabulary(arrays["words"], arrays["word_offsets"], arrays["counts"]),
        **{**facts, "sources": tuple(facts["sources"])},
    )
