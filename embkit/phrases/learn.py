"""Find phrases: count neighbours, score them, join, and again."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit._native import core
from embkit.config import CooccurrenceConfig, PhraseConfig, VocabularyConfig
from embkit.corpus import EncodedCorpus, encode
from embkit.corpus.encoded import CorpusSource, Invalid
from embkit.counts.cooccurrence import cooccur
from embkit.counts.temporary import map_temporary, temporary_file
from embkit.errors import CorpusError
from embkit.phrases.table import CorePairs, PhrasePass, PhraseTable
from embkit.progress import work_bar
from embkit.vocabulary import Vocabulary, encode_word

_AT_ONCE = 1 << 22  # tokens; a sentence is never cut

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class _Pairs:
    """Neighbours that score more than a threshold, the best first."""

    left: NDArray[np.uint32]
    right: NDArray[np.uint32]
    counts: Counts
    scores: NDArray[np.float32]


def learn_phrases(
    corpus: CorpusSource | EncodedCorpus,
    config: PhraseConfig | None = None,
    *,
    invalid: Invalid = "error",
    memory: int | None = None,
    progress: bool = False,
) -> PhraseTable:
    """Find pairs of neighbours that stand together more often than by chance.

    One pass is word2phrase's (Mikolov et al. 2013): words and pairs are counted, each pair is
    scored, and those above the threshold become phrases. The next pass does the same with the
    text in which they are joined, so that longer phrases grow. On text without the delimiter,
    the pairs and the joined text are those of word2phrase.c, which differs in what it gets
    wrong: tokens of more than 59 bytes are cut there, and a last line without its newline
    loses its last word.

    Parameters
    ----------
    corpus : path, list of paths, folder, glob, "-", iterable of token lists, or EncodedCorpus
        The text; see `embkit.corpus.encode`. An encoded corpus must hold all its words.
    config : PhraseConfig, optional
        Score, thresholds, segmentation.
    invalid : {"error", "replace", "bytes"}
        What to do with bytes that are not UTF-8.
    memory : int, optional
        Bytes that counting may take; when left out, 80% of what is available.
    progress : bool
        Show bars on standard error.

    Returns
    -------
    PhraseTable
        Empty where nothing scores enough.

    Raises
    ------
    CorpusError
        If there is no token.
    FormatError
        If the text is malformed.
    OSError
        If a file is refused, or the disk is full.
    ValueError
        If an encoded corpus lacks its rare words.

    Examples
    --------
    >>> text = [["in", "new", "york", "now"], ["new", "ideas"], ["york", "in"]] * 10
    >>> table = learn_phrases(text, PhraseConfig(thresholds=(0.4,), min_count=3))
    >>> table.segment(["new", "york"])
    ['new_york']
    """
    config = config or PhraseConfig()
    if not isinstance(corpus, EncodedCorpus):
        with work_bar(progress, "reading", "B") as report:
            corpus = encode(
                corpus,
                config=VocabularyConfig(min_count=1),
                invalid=invalid,
                threads=config.threads,
                progress=report,
            )
    if corpus.num_tokens < corpus.num_tokens_read:
        raise ValueError("corpus must hold all its words (encode with min_count=1)")
    passes = []
    with ExitStack() as stack:
        for number, threshold in enumerate(config.thresholds):
            pairs = _find_pairs(corpus, config, threshold, memory, progress=progress)
            words = corpus.vocabulary
            passes.append(
                PhrasePass(
                    [words.bytes_of(row) for row in pairs.left.tolist()],
                    [words.bytes_of(row) for row in pairs.right.tolist()],
                    pairs.counts.tolist(),
                    pairs.scores.tolist(),
                )
            )
            if number + 1 < len(config.thresholds):
                corpus = _joined(corpus, pairs, passes[-1], config, stack)
    return PhraseTable(config, tuple(passes))


def _find_pairs(
    corpus: EncodedCorpus,
    config: PhraseConfig,
    threshold: float,
    memory: int | None,
    *,
    progress: bool,
) -> _Pairs:
    """Count a word and the next one as co-occurrences in a window of one, to the right."""
    counts = corpus.vocabulary.counts
    assert counts is not None
    if config.across_lines:
        whole = np.array([0, len(corpus.ids)], np.uint64)
        corpus = replace(corpus, sentence_offsets=whole)
    windows = CooccurrenceConfig(
        window=1,
        sides="right",
        weighting="flat",
        min_count=config.min_count,
        rare_deletion="after",
        threads=config.threads,
    )
    frequent = np.flatnonzero(counts >= config.min_count).astype(np.uint32)
    try:
        found = cooccur(corpus, windows, memory=memory, progress=progress)
    except CorpusError:  # no two frequent words are neighbours
        none = np.empty(0, np.uint32)
        return _Pairs(none, none, np.empty(0, np.int64), np.empty(0, np.float32))
    often = np.flatnonzero(found.values >= config.min_count)
    rows = np.searchsorted(found.row_begins, often, "right") - 1
    left, right = frequent[rows], frequent[found.columns[often]]
    together = found.values[often].astype(np.int64)
    scores = score_pairs(together, counts[left], counts[right], len(corpus.ids), config)
    chosen = np.flatnonzero(scores > np.float32(threshold))
    order = chosen[np.lexsort((right[chosen], left[chosen], -scores[chosen]))]
    return _Pairs(left[order], right[order], together[order], scores[order])


def score_pairs(
    together: Counts, left: Counts, right: Counts, num_tokens: int, config: PhraseConfig
) -> NDArray[np.float32]:
    """Return the score of each pair of neighbours from the counts.

    word2phrase's is computed in single precision, step by step as there, so that pairs at the
    threshold fall to the same side.

    Examples
    --------
    >>> ten = np.array([10])
    >>> score_pairs(ten, ten, ten, 1000, PhraseConfig(scoring="word2phrase")).tolist()
    [50.0]
    >>> score_pairs(ten, ten, ten, 1000, PhraseConfig(scoring="npmi")).tolist()
    [1.0]
    """
    if config.scoring == "word2phrase":
        beyond, first, second = (
            n.astype(np.float32) for n in (together - config.min_count, left, right)
        )
        scores: NDArray[np.float32] = beyond / first / second * np.float32(num_tokens)
        return scores
    joint = together / num_tokens
    with np.errstate(divide="ignore", invalid="ignore"):
        npmi = np.log(joint / (left / num_tokens) / (right / num_tokens)) / -np.log(joint)
    return np.where(joint == 1, 1, npmi).astype(np.float32)


def _joined(
    corpus: EncodedCorpus,
    pairs: _Pairs,
    named: PhrasePass,
    config: PhraseConfig,
    stack: ExitStack,
) -> EncodedCorpus:
    """Return the corpus with its pairs joined, in temporary files."""
    words = [corpus.vocabulary.bytes_of(row) for row in range(len(corpus.vocabulary))]
    row_of = {word: row for row, word in enumerate(words)}
    delimiter = encode_word(config.delimiter)
    joined = [
        row_of.setdefault(left + delimiter + right, len(row_of))
        for left, right in zip(named.left, named.right, strict=True)
    ]
    core_pairs = (pairs.left, pairs.right, np.array(joined, np.uint32), pairs.scores)
    ids, offsets = temporary_file(stack), temporary_file(stack)
    offsets.write(np.zeros(1, np.uint64).data)
    counts, end, num_sentences = np.zeros(len(row_of), np.int64), 0, 0
    for some, bounds in _joined_parts(corpus, core_pairs, config):
        ids.write(some.data)
        offsets.write((bounds[1:] + np.uint64(end)).data)
        counts += np.bincount(some, minlength=len(counts))
        end += len(some)
        num_sentences += len(bounds) - 1
    return replace(
        corpus,
        ids=map_temporary(ids, np.uint32, end),
        sentence_offsets=map_temporary(offsets, np.uint64, num_sentences + 1),
        vocabulary=Vocabulary.from_words(row_of, counts.tolist()),
        num_tokens_read=end,
    )


def _joined_parts(corpus: EncodedCorpus, pairs: CorePairs, config: PhraseConfig) -> Any:  # noqa: ANN401
    offsets = corpus.sentence_offsets
    sentence, last = 0, corpus.num_sentences
    while sentence < last:
        until = int(np.searchsorted(offsets, offsets[sentence] + np.uint64(_AT_ONCE), "right"))
        until = min(max(until - 1, sentence + 1), last)
        begin, end = int(offsets[sentence]), int(offsets[until])
        bounds = offsets[sentence : until + 1] - offsets[sentence]
        optimal = config.segmentation == "optimal"
        yield core.join_ids(corpus.ids[begin:end], bounds, pairs, optimal=optimal)
        sentence = until
