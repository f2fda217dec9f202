"""encode: what a brute-force count gives, whatever the threads, blocks and chunks."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embkit._native import core
from embkit.config import VocabularyConfig
from embkit.corpus import EncodedCorpus, encode, encoded
from embkit.errors import CorpusError
from embkit.vocabulary import Vocabulary

KEEP_ALL = VocabularyConfig(min_count=1)
Tokens = list[list[bytes]]


def split(text: bytes) -> Tokens:
    """Tokens of each line, by the exact separators."""
    return [re.findall(rb"[^ \t\r\v\f\n]+", line) for line in text.split(b"\n")]


def oracle(
    sentences: Iterable[Sequence[bytes]], config: VocabularyConfig
) -> tuple[Any, Any, Any]:
    """Words, counts and the kept sentences, the slow and obvious way."""
    sentences = list(sentences)
    counts = Counter(token for tokens in sentences for token in tokens)
    rows = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = [(word, n) for word, n in rows if n >= config.min_count][: config.max_vocab]
    row_of = {word: row for row, (word, _) in enumerate(kept)}
    encoded = [[row_of[t] for t in tokens if t in row_of] for tokens in sentences]
    return [w for w, _ in kept], [n for _, n in kept], [ids for ids in encoded if ids]


def sentences_of(corpus: EncodedCorpus) -> list[list[int]]:
    bounds = corpus.sentence_offsets.tolist()
    assert bounds[0] == 0
    assert bounds[-1] == len(corpus.ids)
    ids = corpus.ids.tolist()
    return [ids[a:b] for a, b in pairwise(bounds)]


def words_of(corpus: EncodedCorpus) -> list[bytes]:
    return [corpus.vocabulary.bytes_of(row) for row in range(len(corpus.vocabulary))]


def check(corpus: EncodedCorpus, sentences: Tokens, config: VocabularyConfig) -> None:
    words, counts, kept = oracle(sentences, config)
    assert words_of(corpus) == words
    assert corpus.vocabulary.counts is not None
    assert corpus.vocabulary.counts.tolist() == counts
    assert sentences_of(corpus) == kept
    assert corpus.num_tokens_read == sum(map(len, sentences))
    assert corpus.num_types_read == len({t for tokens in sentences for t in tokens})


TEXTS = st.lists(
    st.text("xyz", min_size=1, max_size=40).map(str.encode)
    | st.sampled_from([b"a", b"bb", b"\xc3\xa9t\xc3\xa9", b"longer-than-eight", b"eightchr"])
    | st.sampled_from(
        [b" ", b"\n", b"\r\n", b"\r", b"\t", b"\v", b"\f", b"\n\n", b"\x01\x1f", b"!"]
    ),
    max_size=120,
).map(b"".join)


@settings(deadline=None)
@given(text=TEXTS, block=st.integers(1, 40), threads=st.integers(1, 4), limit=st.integers(1, 4))
def test_equals_the_oracle_for_any_blocks_and_threads(
    tmp_path_factory: pytest.TempPathFactory, text: bytes, block: int, threads: int, limit: int
) -> None:
    path = tmp_path_factory.mktemp("corpus") / "text"
    path.write_bytes(text)
    config = VocabularyConfig(min_count=limit, max_vocab=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoded, "_BLOCK_BYTES", block)
        if not oracle(split(text), config)[0]:
            with pytest.raises(CorpusError):
                encode(path, config=config, threads=threads)
            return
        corpus = encode(path, config=config, threads=threads)
    check(corpus, split(text), config)
    assert corpus.num_crlf == text.count(b"\r\n")
    assert corpus.num_lone_cr == text.count(b"\r") - text.count(b"\r\n")
    assert corpus.num_lines == text.count(b"\n") + (text != b"" and text[-1:] != b"\n")


def test_iterables_equal_files(tmp_path: Path) -> None:
    lines: Any = [["the", "cat", "été"], [], ["the", "dog"], ["x" * 20, "the"]]
    path = tmp_path / "text"
    path.write_text("\n".join(" ".join(line) for line in lines), encoding="utf-8")
    from_file = encode(path, config=KEEP_ALL)
    forms: Any = (lines, iter(lines), (tuple(line) for line in lines), map(iter, lines))
    for form in forms:
        corpus = encode(form, config=KEEP_ALL)
        assert corpus.digest == from_file.digest
        assert np.array_equal(corpus.ids, from_file.ids)


def test_tokens_of_an_iterable_may_hold_blanks() -> None:
    tokens: list[str | bytes] = ["new york", "a\nb", b"raw bytes"]
    corpus = encode([tokens], config=KEEP_ALL)
    assert words_of(corpus) == [b"a\nb", b"new york", b"raw bytes"]


@pytest.mark.parametrize("source", [["a b c"], iter(["the cat", "sat"]), [b"the cat"]])
def test_strings_for_sentences_are_refused(source: Iterable[str]) -> None:
    with pytest.raises((TypeError, FileNotFoundError), match="looks like you passed strings"):
        encode(source, config=KEEP_ALL)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [
        ([["a"], ["b", 3]], "got int as token 2 of sentence 2"),
        ([["a"], 3], "got int as sentence 2"),
        ([["a"], ["b", ""]], "not be empty, got '' as token 2 of sentence 2"),
    ],
)
def test_bad_sentences_are_named(sentences: list[Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        encode(iter(sentences), config=KEEP_ALL)


def test_a_line_is_one_sentence_however_long(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"one two three " * 200_000)
    corpus = encode(path, config=KEEP_ALL, threads=2)
    assert corpus.sentence_offsets.tolist() == [0, 600_000]
    assert corpus.ids[:6].tolist() == [0, 2, 1, 0, 2, 1]


@pytest.mark.parametrize("text", [b"", b"\n \r\n\t\n", b"\xef\xbb\xbf"])
def test_no_tokens_is_said(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "text"
    path.write_bytes(text)
    lines = text.count(b"\n")
    with pytest.raises(CorpusError, match=f"text: no tokens .read {lines} lines, "):
        encode(path, config=KEEP_ALL)


def test_a_used_up_generator_is_said() -> None:
    sentences = (line.split() for line in ["the cat"])
    encode(sentences, config=KEEP_ALL)
    with pytest.raises(CorpusError, match=r"no tokens .*already used up"):
        encode(sentences, config=KEEP_ALL)


def test_an_emptied_vocabulary_says_what_was_read_and_what_would_survive() -> None:
    sentences = [["the", "cat", "the"], ["cat", "the", "dog"]]
    with pytest.raises(CorpusError) as caught:
        encode(sentences, config=VocabularyConfig(min_count=5))
    message = str(caught.value)
    assert "read 6 tokens, 3 types, but none occurs min_count=5 times" in message
    assert "most frequent: the 3, cat 2, dog 1" in message
    assert "min_count=3 keeps at least 1 word, min_count=2 at least 2" in message


@pytest.mark.parametrize("options", [{"threads": 0}, {"invalid": "ignore"}])
def test_options_are_checked_in_one_wording(options: Any) -> None:
    with pytest.raises(ValueError, match=r"(threads|invalid) must be .*, got "):
        encode([["a"]], config=KEEP_ALL, **options)


def test_counts_and_their_sums_have_64_bits() -> None:
    tables: list[dict[bytes, int]] = [
        {b"often": 2**32 - 10, b"more": 2**40},
        {b"often": 20},
        {b"seldom": 2**32 - 1},
    ]
    data, offsets, counts = core.select_words(tables, min_count=2**32, max_words=9)
    assert (data.tobytes(), offsets.tolist()) == (b"moreoften", [0, 4, 9])
    assert counts.tolist() == [2**40, 2**32 + 10]


def test_equal_counts_are_cut_by_their_bytes() -> None:
    corpus = encode(
        [["b", "é", "a", "b", "~"]], config=VocabularyConfig(min_count=1, max_vocab=3)
    )
    assert list(corpus.vocabulary) == ["b", "a", "~"]


@pytest.mark.parametrize("shift", [0, 8, 32, 56])
@pytest.mark.parametrize("size", [8, 16, 24])
def test_patterned_words_take_no_longer_than_random_ones(shift: int, size: int) -> None:
    def seconds(words: list[bytes]) -> float:
        start = time.process_time()
        encode([words], config=KEEP_ALL, invalid="bytes", threads=1)
        return time.process_time() - start

    count = 20_000
    numbers = np.arange(1, count + 1, dtype=np.uint64)
    patterned = np.zeros((count, size // 8), np.uint64)
    patterned[:, -1] = numbers << np.uint64(shift) | numbers >> np.uint64(64 - shift or 63)
    rng = np.random.default_rng(1)
    random = rng.integers(1, 2**63, (count, size // 8), dtype=np.uint64)
    times = [
        min(seconds([row.tobytes() for row in rows]) for _ in range(3))
        for rows in (patterned, random)
    ]
    assert times[0] < 3 * times[1] + 0.05


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on anonymous memory")
def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"one two three four five six seven " * 1_500_000)  # one line of 51 MB
    script = """
        import re, resource, sys
        from pathlib import Path
        from embkit.config import VocabularyConfig
        from embkit.corpus import encode
        status = Path("/proc/self/status").read_text()
        used = int(re.search(r"VmData:\\s+(\\d+)", status)[1]) << 10
        limit = used + (48 << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        print(encode(sys.argv[1], config=VocabularyConfig(), threads=2).num_tokens)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(path)]
    assert subprocess.check_output(command) == b"10500000\n"


def test_a_given_vocabulary_has_its_own_rows_and_counts(tmp_path: Path) -> None:
    text = tmp_path / "corpus.txt"
    text.write_text("a b c\nx c c\ny\n" * 100)
    given = Vocabulary.from_words(["c", "absent", "a"], counts=[9, 8, 7])
    for threads in (1, 3):
        corpus = encode(text, config=VocabularyConfig(), vocabulary=given, threads=threads)
        assert sentences_of(corpus) == [[2, 0], [0, 0]] * 100
        assert corpus.vocabulary is given
        assert (corpus.num_tokens_read, corpus.num_types_read) == (700, 5)
    counted = encode(
        text, config=VocabularyConfig(), vocabulary=Vocabulary.from_words(["c", "absent", "a"])
    )
    assert counted.vocabulary.counts is not None
    assert counted.vocabulary.counts.tolist() == [300, 0, 100]


def test_a_given_vocabulary_is_part_of_the_cache_key(tmp_path: Path) -> None:
    text = tmp_path / "corpus.txt"
    text.write_text("a b c\n")
    cache = tmp_path / "cache"
    cache.mkdir()
    for words in (["a", "c"], ["c", "a"], ["a", "c"]):
        given = Vocabulary.from_words(words, counts=[1, 1])
        corpus = encode(text, config=KEEP_ALL, vocabulary=given, cache=cache)
        assert words_of(corpus) == [word.encode() for word in words]
    assert sentences_of(encode(text, config=KEEP_ALL, cache=cache)) == [[0, 1, 2]]
    assert len(list(cache.iterdir())) == 3


def test_an_unusable_given_vocabulary_is_refused() -> None:
    with pytest.raises(CorpusError, match="none is among the 1 words of the given vocabulary"):
        encode([["a"]], config=KEEP_ALL, vocabulary=Vocabulary.from_words(["b"]))
    with pytest.raises(ValueError, match="must not repeat a word"):
        encode([["a"]], config=KEEP_ALL, vocabulary=Vocabulary.from_words(["a", "a"]))
