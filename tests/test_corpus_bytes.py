"""encode: bytes that are not UTF-8, marks of other forms, tokens that are too long."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embkit.corpus import encode, encoded
from embkit.errors import FormatError
from tests.examples import examples
from tests.test_corpus import KEEP_ALL, check, split, words_of


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
