"""encode: what a brute-force count gives, whatever the threads, blocks and chunks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embkit.config import VocabularyConfig
from embkit.corpus import EncodedCorpus, encode, encoded
from embkit.errors import CorpusError, FormatError

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
    st.sampled_from([b"a", b"bb", b"\xc3\xa9t\xc3\xa9", b"longer-than-eight", b"eightchr"])
    | st.sampled_from([b" ", b"\n", b"\r\n", b"\t", b"\v", b"\f", b"\n\n", b"\x01\x1f", b"!"]),
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


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("block", [7, 1 << 20])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (b"\xe9", "byte 0xe9"),
        (b"\xc3", "byte 0xc3"),
        (b"\xed\xa0\x80", "byte 0xed"),
        (b"\xf5", "byte 0xf5"),
        (b"\0", "NUL"),
    ],
)
def test_invalid_bytes_are_an_error_with_line_and_byte(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    threads: int,
    block: int,
    fault: bytes,
    reason: str,
) -> None:
    monkeypatch.setattr(encoded, "_BLOCK_BYTES", block)
    before = b"fine words\n\nstill f\xc3\xafne "
    path = tmp_path / "text"
    path.write_bytes(before + b"bad" + fault + b"x here\n" + b"and \xff later\n" * 20)
    with pytest.raises(FormatError, match=reason) as caught:
        encode(path, config=KEEP_ALL, threads=threads)
    assert caught.value.path == str(path)
    assert (caught.value.line, caught.value.offset) == (3, len(before) + 3)
