"""The cache of an encoded corpus: used while inputs and options agree, never blindly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit.config import VocabularyConfig
from embkit.corpus import EncodedCorpus, cache, encode, encoded
from embkit.errors import FormatError

KEEP_ALL = VocabularyConfig(min_count=1)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text"
    path.write_bytes(b"the cat sat\r\nthe dog \xff sat\n" * 50)
    return path


class Reading:
    """Counts how often text is read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        encode_files = encoded._Work.encode_files

        def counted(work: Any, files: Any) -> EncodedCorpus:
            self.times += 1
            return encode_files(work, files)

        monkeypatch.setattr(encoded._Work, "encode_files", counted)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Reading:
    return Reading(monkeypatch)


def equal(a: EncodedCorpus, b: EncodedCorpus) -> bool:
    return (
        (a.digest, a.sources, a.provenance()) == (b.digest, b.sources, b.provenance())
        and (a.num_tokens_read, a.num_types_read) == (b.num_tokens_read, b.num_types_read)
        and np.array_equal(a.ids, b.ids)
        and np.array_equal(a.sentence_offsets, b.sentence_offsets)
        and list(a.vocabulary) == list(b.vocabulary)
        and np.array_equal(a.vocabulary.counts, b.vocabulary.counts)  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("name", ["kept.corpus", "", "new/"])
def test_a_second_run_reads_the_cache(text: Path, reading: Reading, name: str) -> None:
    place = os.fspath(text.parent) + "/" + name
    first = encode(text, config=KEEP_ALL, invalid="replace", cache=place)
    second = encode(text, config=KEEP_ALL, invalid="replace", cache=place)
    assert reading.times == 1
    assert equal(first, second)
    assert not second.ids.flags.writeable


@pytest.mark.parametrize(
    ("config", "invalid"),
    [
        (VocabularyConfig(min_count=2), "replace"),
        (VocabularyConfig(min_count=1, max_vocab=2), "replace"),
        (KEEP_ALL, "bytes"),
    ],
)
def test_other_options_read_the_text_again(
    text: Path, reading: Reading, config: VocabularyConfig, invalid: Any
) -> None:
    place = text.with_name("kept")
    encode(text, config=KEEP_ALL, invalid="replace", cache=place)
    again = encode(text, config=config, invalid=invalid, cache=place)
    assert reading.times == 2
    assert equal(again, encode(text, config=config, invalid=invalid))


def test_a_changed_input_is_read_again(text: Path, reading: Reading) -> None:
    place = text.with_name("kept")
    encode(text, config=KEEP_ALL, invalid="bytes", cache=place)
    text.write_bytes(text.read_bytes().replace(b"cat", b"cow"))
    os.utime(text, ns=(0, 12345))
    again = encode(text, config=KEEP_ALL, invalid="bytes", cache=place)
    assert reading.times == 2
    assert "cow" in again.vocabulary


def test_a_folder_keeps_several(text: Path, reading: Reading) -> None:
    for min_count in (1, 2, 1, 2):
        config = VocabularyConfig(min_count=min_count)
        encode(text, config=config, invalid="bytes", cache=text.parent)
    assert reading.times == 2


def test_every_damage_is_noticed(text: Path, reading: Reading) -> None:
    place = text.with_name("kept")
    good = encode(text, config=KEEP_ALL, invalid="bytes", cache=place)
    whole = place.read_bytes()
    start = 8 + int.from_bytes(whole[:8], "little")
    damages = [
        whole[:-1],
        *(whole[:i] + b"\x7f" + whole[i + 1 :] for i in range(start, len(whole), 97)),
    ]
    for times, damaged in enumerate(damages, 2):
        place.write_bytes(damaged)
        assert equal(encode(text, config=KEEP_ALL, invalid="bytes", cache=place), good)
        assert reading.times == times
        assert place.read_bytes() == whole


@pytest.mark.parametrize(
    "content", [b"", b"my notes", b"\x02" + bytes(7) + b"{}", b"\x02" + bytes(7) + b"[]"]
)
def test_another_file_is_never_replaced(text: Path, content: bytes) -> None:
    place = text.with_name("notes")
    place.write_bytes(content)
    with pytest.raises(FormatError, match="cache must be a file that embkit wrote"):
        encode(text, config=KEEP_ALL, invalid="bytes", cache=place)
    assert place.read_bytes() == content


def test_the_input_is_never_replaced(text: Path) -> None:
    content = text.read_bytes()
    with pytest.raises(FormatError, match="cache must be a file that embkit wrote"):
        encode(text, config=KEEP_ALL, invalid="bytes", cache=text)
    assert text.read_bytes() == content


def test_what_is_read_once_has_no_cache(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="cache must be None"):
        encode(tmp_path / "pipe", config=KEEP_ALL, cache=tmp_path / "kept")
    with pytest.raises(ValueError, match="cache must be None"):
        encode([["a"]], config=KEEP_ALL, cache=tmp_path / "kept")


def test_rows_beyond_the_vocabulary_are_not_trusted(text: Path) -> None:
    corpus = encode(text, config=KEEP_ALL, invalid="bytes")
    _, arrays = encoded.to_arrays(corpus)
    assert cache._is_sound(arrays)
    for name, value in (("ids", 99), ("sentence_offsets", 10**9), ("word_offsets", 10**9)):
        wrong = arrays[name].copy()
        wrong[1] = value
        assert not cache._is_sound({**arrays, name: wrong})
        assert not cache._is_sound({**arrays, name: wrong[:0]})
