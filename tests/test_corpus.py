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
from embkit.errors import CorpusError, FormatError
from embkit.vocabulary import Vocabulary
from tests.examples import examples

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


@pytest.mark.parametrize("block", [50, 1 << 20, 3 << 20])
@pytest.mark.parametrize("fault", [b"", b"\xff"])
def test_a_token_over_one_mebibyte_is_an_error_with_line_and_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, fault: bytes
) -> None:
    monkeypatch.setattr(encoded, "_BLOCK_BYTES", block)
    path = tmp_path / "text"
    path.write_bytes(b"one two\nthree " + b"x" * (1 << 20) + b" more")
    assert encode(path, config=KEEP_ALL).num_tokens == 5
    path.write_bytes(b"one two\nthree " + b"x" * (1 << 20) + b"x" + fault + b"y\nmore \xff")
    for invalid in ("error", "replace", "bytes"):
        with pytest.raises(FormatError, match="at most 1 MiB") as caught:
            encode(path, config=KEEP_ALL, invalid=invalid)
        assert (caught.value.line, caught.value.offset) == (2, 14)
    with pytest.raises(FormatError, match="at most 1 MiB") as caught:
        encode([["fine"], ["x" * (1 << 20 | 1)]], config=KEEP_ALL)
    assert (caught.value.path, caught.value.line) == ("<iterable>", 2)


FAULTY = b"a\xffb \xe2\x82 c\0d \xf0\x9f\x98x\n\xed\xa0\x80 \xc3\xa9\n"


@pytest.mark.parametrize("block", [1, 5, 1 << 20])
def test_invalid_bytes_may_be_replaced_as_python_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(encoded, "_BLOCK_BYTES", block)
    path = tmp_path / "text"
    path.write_bytes(FAULTY)
    corpus = encode(path, config=KEEP_ALL, invalid="replace")
    repaired = FAULTY.decode("utf-8", "replace").replace("\0", "\ufffd").encode()
    check(corpus, split(repaired), KEEP_ALL)
    assert corpus.num_invalid == repaired.decode().count("\ufffd") == 7


@given(text=st.binary(max_size=60))
def test_any_bytes_are_kept_exactly_or_replaced(
    tmp_path_factory: pytest.TempPathFactory, text: bytes
) -> None:
    path = tmp_path_factory.mktemp("corpus") / "text"
    path.write_bytes(b"start " + text)  # so that no byte-order mark is met
    kept = encode(path, config=KEEP_ALL, invalid="bytes")
    check(kept, split(b"start " + text), KEEP_ALL)
    replaced = encode(path, config=KEEP_ALL, invalid="replace")
    repaired = text.decode("utf-8", "replace").replace("\0", "\ufffd").encode()
    check(replaced, split(b"start " + repaired), KEEP_ALL)
    assert kept.num_invalid == replaced.num_invalid
    tokens = [split(b"start " + text)[0]]
    again = encode(iter(tokens), config=KEEP_ALL, invalid="replace")
    check(again, split(b"start " + repaired)[:1], KEEP_ALL)


@settings(max_examples=examples(300))
@given(
    text=st.text("aé\u07ff\u0800中\ud7ff\ue000\uffff\U00010000😀\U0010ffff ", max_size=150),
    repeats=st.integers(1, 4),
    place=st.floats(0, 1),
    removed=st.integers(0, 2),
    inserted=st.binary(max_size=2).filter(lambda b: 0 not in b),
)
def test_the_first_fault_is_where_python_finds_it(
    tmp_path_factory: pytest.TempPathFactory,
    text: str,
    repeats: int,
    place: float,
    removed: int,
    inserted: bytes,
) -> None:
    data = b"start " + (text * repeats).encode()
    cut = int(place * len(data))
    data = b"x" + data[:cut] + inserted + data[cut + removed :]
    path = tmp_path_factory.mktemp("corpus") / "text"
    path.write_bytes(data)
    start = first_fault(data)
    if start is None:
        check(encode(path, config=KEEP_ALL), split(data), KEEP_ALL)
        return
    with pytest.raises(FormatError, match="text must be UTF-8") as caught:
        encode(path, config=KEEP_ALL)
    assert caught.value.offset == start


def first_fault(data: bytes) -> int | None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


def test_a_byte_order_mark_is_stripped_at_the_start_of_each_file_only(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    for name, text in (
        ("a", mark + b"the\n" + mark + b"the"),
        ("b", mark + b"the"),
        ("c", mark),
    ):
        (tmp_path / name).write_bytes(text)
    corpus = encode(tmp_path, config=KEEP_ALL)
    assert words_of(corpus) == [b"the", mark + b"the"]
    assert corpus.num_lines == 3
    (tmp_path / "b").write_bytes(mark + b"a\xff")
    with pytest.raises(FormatError) as caught:
        encode(tmp_path / "b", config=KEEP_ALL)
    assert caught.value.offset == 4


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-be", "utf-32-be"])
@pytest.mark.parametrize("invalid", ["error", "replace", "bytes"])
def test_other_unicode_forms_are_told_by_their_mark(
    tmp_path: Path, encoding: str, invalid: Any
) -> None:
    path = tmp_path / "text"
    mark = "\ufeff" if encoding.endswith("be") else ""
    path.write_bytes((mark + "the cat").encode(encoding))
    with pytest.raises(FormatError, match=f"looks like {encoding[:6].upper()}; text must be"):
        encode(path, config=KEEP_ALL, invalid=invalid)


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
