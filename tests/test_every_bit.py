"""A small file of each format, cut at every byte and with every bit flipped.

Each change is refused with a place in the file, or what is read is a whole result; what embkit
saves with checksums (its own models, maps, counts, checkpoints) is refused at every change.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import embkit
from embkit.errors import FormatError, ResourceError
from tests.attacks import word_files
from tests.fasttext_files import Model
from tests.native.fuzz_python import input_file
from tests.native.fuzz_targets import Target, make_targets

EVERY_BIT = "EMBKIT_EVERY_BIT" in os.environ
"""Flip all bits of the longer files too (`make every-bit`), which takes half a minute."""
WORDS = {"the": [1.0, 2.5], "cat": [3.0, -4.0]}
CHECKSUMMED = {"checkpoint", "initial rows", "map", "co-occurrence"}
PLACELESS = {"config", "run", "corpus"}
"""Where errors are TOML's own, which say line and column in words, or name an option."""
OF_THE_WHOLE = (
    "the file is empty",
    "a dictionary must have a pair",
    "must have documents",
    "categories must be at",
    "no question",
    "it must be an embkit run",
    "the corpus is damaged or another one",
    "must have as many lines as",
    "need the words, a blank line and the outliers",
    "'animals': words must be at least 3",
    "no words in role",
    "not the JSON of a test",
)
"""What is said of a file as a whole."""


def good_files(folder: Path) -> dict[str, tuple[Target, bytes]]:
    targets = make_targets(folder)
    model = embkit.Embeddings.from_words(WORDS)
    embkit.save(model, folder / "v.npz")
    embkit.save(model, folder / "v.safetensors")
    words = targets["words"]
    return {
        "word2vec text": (words, word_files.GOOD_TEXT),
        "glove text": (words, word_files.GOOD_TEXT.partition(b"\n")[2]),
        "word2vec binary": (words, word_files.GOOD_BINARY),
        "fastText": (words, Model().to_bytes()),
        "npz": (words, (folder / "v.npz").read_bytes()),
        "safetensors": (words, (folder / "v.safetensors").read_bytes()),
        **{
            name: (target, next(iter(target.seeds)))
            for name, target in targets.items()
            if name not in {"npz", "npz arrays", "safetensors", "words", "blocks"}
        },
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Target, bytes]]:
    return good_files(tmp_path_factory.mktemp("files"))


NAMES = (
    *("word2vec text", "glove text", "word2vec binary", "fastText", "npz", "safetensors"),
    *("checkpoint", "map", "co-occurrence", "glove records", "triples", "phrases"),
    *("vocabulary", "dictionary", "similarity set", "analogy set", "categories"),
    *("translations", "config", "initial rows", "run", "encoded corpus", "counts"),
    *("compressed", "corpus", "joined text", "word alignments", "aligned text"),
    *("gold links", "documents", "analogy folder", "outliers", "outlier folder"),
    *("associations", "groups", "dictionary by column", "similarity set by column"),
    "categories by column",
)


def flips(content: bytes) -> Iterator[bytes]:
    for place in range(len(content)):
        # Every bit of what is short or is a head; beyond, one of each byte, unless asked.
        is_every = EVERY_BIT or place < 120 or len(content) < 300
        bits = range(8) if is_every else [place % 8]
        for bit in bits:
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            yield bytes(changed)


def check_error(error: FormatError) -> None:
    has_place = error.line is not None or error.offset is not None
    is_of_the_whole = any(told in error.reason for told in OF_THE_WHOLE)
    assert has_place or is_of_the_whole, str(error)
    assert error.reason.isprintable()


def outcome(target: Target, path: Path, name: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # defects that a set is known to have
        try:
            target.read(path)
        except FormatError as error:
            check_error(error)
        except ResourceError:
            pass
        except target.raises:
            if name not in PLACELESS:
                raise
        else:
            return "read"
    return "refused"


def test_every_format_is_tried(files: dict[str, tuple[Target, bytes]], tmp_path: Path) -> None:
    assert set(files) == set(NAMES)
    for name, (target, content) in files.items():
        path = tmp_path / "file"
        path.write_bytes(content)
        assert outcome(target, path, name) == "read", name


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation_is_refused_or_leaves_a_whole_result(
    files: dict[str, tuple[Target, bytes]], name: str, tmp_path: Path
) -> None:
    target, content = files[name]
    with input_file(tmp_path / "file") as file:
        found = []
        for size in range(len(content)):
            file.write(content[:size])
            found.append(outcome(target, file.path, name))
    if name in CHECKSUMMED or name in ("word2vec text", "word2vec binary", "fastText", "npz"):
        assert set(found) == {"refused"}


@pytest.mark.parametrize("name", NAMES)
def test_every_flipped_bit_is_refused_or_leaves_a_whole_result(
    files: dict[str, tuple[Target, bytes]], name: str, tmp_path: Path
) -> None:
    target, content = files[name]
    with input_file(tmp_path / "file") as file:
        found = []
        for changed in flips(content):
            file.write(changed)
            found.append(outcome(target, file.path, name))
    if name in CHECKSUMMED:
        assert set(found) == {"refused"}


def test_vectors_with_checksums_are_refused_at_every_flipped_bit(
    files: dict[str, tuple[Target, bytes]], tmp_path: Path
) -> None:
    with input_file(tmp_path / "file") as file:
        for changed in flips(files["safetensors"][1]):
            file.write(changed)
            with pytest.raises(FormatError):
                embkit.load(file.path, verify=True)
