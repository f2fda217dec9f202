"""Text brought into normal forms of Unicode, and text longer than it may be."""

from __future__ import annotations

import gzip
import io
import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embkit import train
from embkit.cli import main as run_main
from embkit.config import CooccurrenceConfig, VocabularyConfig
from embkit.corpus import encode
from embkit.corpus.reading import _Normalized, prepare
from embkit.errors import FormatError

# Composed and not, full width, a ligature, Hangul parts, marks in another order, two blanks.
LINES = (
    "caf\u00e9 cafe\u0301 \uff37\uff49\uff44\uff45 \ufb01n",
    "\u1112\u1161\u11ab \ud55c q\u0307\u0323 q\u0323\u0307 a\u00a0b x\u3000y",
)


def words_of(source: object, form: str) -> dict[str, int]:
    config = VocabularyConfig(min_count=1, unicode_form=form)  # type: ignore[arg-type]
    vocabulary = encode(source, config=config).vocabulary  # type: ignore[arg-type]
    assert vocabulary.counts is not None
    return dict(zip(vocabulary, vocabulary.counts.tolist(), strict=True))


def expected(form: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in LINES:
        text = (
            line
            if form == "none"
            else unicodedata.normalize("NFC" if form == "nfc" else "NFKC", line)
        )
        for word in text.encode().split():
            counts[word.decode()] = counts.get(word.decode(), 0) + 1
    return counts


@pytest.mark.parametrize("form", ["none", "nfc", "nfkc"])
def test_words_of_a_file_are_those_of_the_normal_form(form: str, tmp_path: Path) -> None:
    text = "\n".join(LINES).encode() + b"\n"
    plain, packed = tmp_path / "text", tmp_path / "packed"
    plain.write_bytes(text)
    packed.write_bytes(gzip.compress(text))
    assert words_of(plain, form) == words_of(packed, form) == expected(form)
    assert ("cafe\u0301" in expected(form)) == (form == "none")


def test_tokens_of_an_iterable_are_too() -> None:
    found = words_of([["cafe\u0301", "caf\u00e9"], ["cafe\u0301".encode()]], "nfc")
    assert found == {"caf\u00e9": 3}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 16])
def test_any_size_of_reads_gives_the_same_text(size: int) -> None:
    text = ("\n".join(LINES) * 50).encode() + b" \xff bad"
    stream = io.BytesIO(text)
    reader = _Normalized(lambda buffer: stream.readinto(buffer[:size]), "nfkc")
    found, buffer = b"", memoryview(bytearray(size))
    while got := reader.readinto(buffer):
        found += bytes(buffer[:got])
    decoded = text.decode("utf-8", "surrogateescape")
    whole = unicodedata.normalize("NFKC", decoded).encode("utf-8", "surrogateescape")
    assert found == whole


def test_a_long_text_is_read_in_pieces(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    letters = ["e\u0301", "\u00e9", "o\u0308", "x"]
    words = ["".join(rng.choice(letters, 5)) for _ in range(400)]
    text = " ".join(rng.choice(words, 300_000))  # above a megabyte, in one line
    path = tmp_path / "text"
    path.write_text(text, "utf-8")
    assert path.stat().st_size > 2 << 20
    counts: dict[str, int] = {}
    for word in unicodedata.normalize("NFC", text).split(" "):
        counts[word] = counts.get(word, 0) + 1
    assert words_of(path, "nfc") == counts


def test_bad_bytes_are_still_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"cafe\xcc\x81 a\nb \xff c\n")
    with pytest.raises(FormatError, match=r"text:2: .*0xff"):
        words_of(path, "nfc")
    with pytest.raises(FormatError) as caught:
        words_of(path, "nfc")
    assert caught.value.offset is None  # it would be one of the normal form
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"a b\n" * 99)[:-9])
    with pytest.raises(FormatError, match=r"cut short \(byte \d+\)"):
        words_of(tmp_path / "text.gz", "nfc")


def test_another_form_is_another_cached_corpus(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("cafe\u0301 caf\u00e9\n", "utf-8")
    sizes = []
    for form in ("none", "nfc", "none"):
        config = VocabularyConfig(min_count=1, unicode_form=form)
        sizes.append(len(encode(path, config=config, cache=tmp_path / "cache/").vocabulary))
    assert sizes == [2, 1, 2]


def test_the_model_tells_the_form_that_it_was_trained_with() -> None:
    options: dict[str, Any] = {"min_count": 1, "dim": 2, "epochs": 1, "threads": 1}
    model = train("sgns", [["e\u0301", "a"]] * 5, unicode_form="nfc", **options)
    assert "\u00e9" in model
    assert model.provenance["config"]["unicode_form"] == "nfc"


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_text_beyond_the_limit_is_refused(compress: type, tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_bytes(compress(b"word " * 2000))
    encode(paths, config=VocabularyConfig(max_input_bytes=20_000))
    with pytest.raises(FormatError, match=r"b: .*longer than max_input_bytes, 19999"):
        encode(paths, config=VocabularyConfig(max_input_bytes=19_999))


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("cafe\u0301 caf\u00e9 tea\n" * 20, "utf-8")
    command = ["train", "sgns", "text", "--output", "v.txt", "--dim", "2", "--epochs", "1"]
    assert run_main([*command, "--unicode-form", "nfc", "--quiet"]) == 0
    assert Path("v.txt").read_text("utf-8").splitlines()[0] == "2 2"
    assert run_main([*command, "--overwrite", "--max-input-bytes", "10"]) == 3
    assert "text: " in capsys.readouterr().err
    assert run_main([*command, "--overwrite", "--max-input-bytes", "0.1K"]) == 3
    assert "max_input_bytes, 102" in capsys.readouterr().err
    Path("large.toml").write_text('max_input_bytes = "1.5k"\n', "utf-8")
    assert run_main([*command, "--overwrite", "--config", "large.toml"]) == 0
    Path("small.toml").write_text("max_input_bytes = 10\n", "utf-8")
    assert run_main([*command, "--overwrite", "--config", "small.toml"]) == 3
    assert run_main([*command, "--overwrite", "--max-input-bytes", "4X"]) == 2
    assert "max_input_bytes must be a size such as" in capsys.readouterr().err
    assert run_main([*command, "--overwrite", "--unicode-form", "nfx"]) == 2


def test_wrong_values_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="unicode_form must be one of none, nfc, nfkc"):
        VocabularyConfig(unicode_form="nfd")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_input_bytes must be at least 1"):
        VocabularyConfig(max_input_bytes=0)
    with pytest.raises(ValueError, match="max_input_bytes must be None for an iterable, got 9"):
        encode([["a"]], config=VocabularyConfig(min_count=1, max_input_bytes=9))


def test_a_cached_text_is_no_longer_than_may_be(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"a b c\n")
    cache = tmp_path / "cached"
    for most in (None, 6):
        config = VocabularyConfig(min_count=1, max_input_bytes=most)
        assert encode(text, config=config, cache=cache).num_tokens == 3
        assert encode(text, config=config, cache=cache).num_tokens == 3
        with pytest.raises(FormatError, match="longer than max_input_bytes, 5"):
            encode(text, config=VocabularyConfig(min_count=1, max_input_bytes=5), cache=cache)


def test_all_words_are_encoded_as_the_configuration_reads_them() -> None:
    config = CooccurrenceConfig(
        min_count=3, max_vocab=2, unicode_form="nfc", max_input_bytes=9, rare_deletion="after"
    )
    expected = VocabularyConfig(min_count=1, unicode_form="nfc", max_input_bytes=9)
    assert config.encoding() == expected


@pytest.mark.parametrize("options", [{"unicode_form": "nfc"}, {"max_input_bytes": 9}])
def test_a_failed_read_names_the_file(tmp_path: Path, options: dict[str, Any]) -> None:
    descriptor = os.open(tmp_path / "text", os.O_WRONLY | os.O_CREAT)
    try:
        ((_, read),) = prepare([(b"text", descriptor)], VocabularyConfig(**options))
        assert callable(read)
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            read(memoryview(bytearray(9)))
    finally:
        os.close(descriptor)
    assert caught.value.filename == "text"
