"""NumPy archives of which no byte is believed: attacks, cuts, mutations."""

from __future__ import annotations

import io
import random
import re
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from embkit.errors import FormatError
from embkit.formats.npz import read_embeddings
from tests.attacks.npz_files import (
    ATTACKS,
    BODY,
    GOOD,
    ROWS,
    TEXT,
    archive,
    described,
    npy,
    savez,
    savez_compressed,
)
from tests.refusals import quick_refusal
from tests.test_npz import SAVE, read


def place_of(content: bytes, case: str, reason: str) -> int:
    """Return where in a hostile archive the fault is: at a member, or at the start."""
    if case == "bytes after":
        return len(content) - 22
    about = {"counts": "counts", "output": "output", "provenance": "provenance"}
    about |= {"offsets": "word_offsets", "not finite": "vectors", "too large for": "vectors"}
    about |= {"no columns": "vectors"}
    names = [name for begin, name in about.items() if case.startswith(begin)]
    if "member 'vectors.npy'" in reason and "outside of the file" not in reason:
        names = ["vectors"]
    return content.index(f"{names[0]}.npy".encode()) - 30 if names else 0


@pytest.mark.parametrize("case", ATTACKS)
def test_hostile_archives_are_refused(tmp_path: Path, case: str) -> None:
    content, reason = ATTACKS[case]
    error = quick_refusal(lambda: read(tmp_path, content), memory=20 << 20)
    assert reason in str(error)
    assert error.path.endswith("model.npz")
    assert error.offset == place_of(content, case, error.reason)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_stand_twice_are_refused(tmp_path: Path) -> None:
    stream = io.BytesIO(savez(words=TEXT, vectors=ROWS))
    with zipfile.ZipFile(stream, "a") as out:
        out.writestr("vectors.npy", npy(GOOD, BODY))
    with pytest.raises(FormatError, match=r"member .vectors\.npy. stands twice") as caught:
        read(tmp_path, stream.getvalue())
    second = [at.start() for at in re.finditer(b"vectors.npy", stream.getvalue())][1]
    assert caught.value.offset == second - 30


def test_a_member_that_inflates_beyond_its_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(savez_compressed(words=TEXT, vectors=np.zeros((5, 3), np.float32)))
    member = npy(described("'<f4'", "(5, 9000)"), bytes(4 * 5 * 9000))
    entry = data.rindex(b"vectors.npy") - 46
    data[entry + 24 : entry + 28] = struct.pack("<I", len(member))
    with pytest.raises(FormatError):
        read(tmp_path, bytes(data))


@pytest.mark.parametrize("compressed", [False, True])
def test_truncation_at_every_byte_is_refused(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "short.npz"
    data = SAVE[compressed](words=TEXT, vectors=ROWS)
    path.write_bytes(data)
    for size in reversed(range(len(data))):
        with path.open("r+b") as stream:
            stream.truncate(size)
        with pytest.raises(FormatError):
            read_embeddings(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_mutations_are_read_or_refused(tmp_path: Path, compressed: bool) -> None:
    original = SAVE[compressed](words=TEXT, vectors=ROWS)
    path = tmp_path / "mutated.npz"
    path.write_bytes(original)
    rng = random.Random(7)
    outcomes = set()
    with path.open("r+b", buffering=0) as stream:
        for _ in range(1000):
            data = bytearray(original)
            for _ in range(rng.randint(1, 3)):
                data[rng.randrange(len(data))] = rng.choice(
                    [0, 1, 127, 255, rng.randrange(256)]
                )
            stream.seek(0)
            stream.write(data)
            try:
                assert np.isfinite(read_embeddings(path).vectors).all()
                outcomes.add("read")
            except FormatError:
                outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def test_deflated_member_that_ends_early_is_told_by_its_size(tmp_path: Path) -> None:
    member = npy(GOOD, bytes(59))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("words.npy", npy(described("'|S1'", "(5,)"), b"abcde"))
        out.writestr("vectors.npy", member)
    data = bytearray(stream.getvalue())
    entry = data.rindex(b"vectors.npy") - 46
    struct.pack_into("<I", data, entry + 24, len(member) + 1)
    with pytest.raises(FormatError, match="has not the size it states") as caught:
        read(tmp_path, bytes(data))
    assert caught.value.offset == data.index(b"vectors.npy") - 30


@pytest.mark.parametrize(
    ("width", "allowed"),
    [("'<f2'", True), ("'<f1'", False), ("'<f3'", False), ("'<c8'", False), ("'<f16'", False)],
)
def test_only_known_types_are_read(tmp_path: Path, width: str, allowed: bool) -> None:
    data = archive(
        {
            "words.npy": npy(described("'|S1'", "(2,)"), b"ab"),
            "vectors.npy": npy(described(width, "(2, 1)"), bytes(2 * int(width[3:-1]))),
        }
    )
    if allowed:
        assert len(read(tmp_path, data)) == 2
    else:
        with pytest.raises(FormatError, match="has the unknown type"):
            read(tmp_path, data)


@pytest.mark.parametrize("count", [100, 101])
def test_at_most_100_arrays_are_read(tmp_path: Path, count: int) -> None:
    members = {f"a{i}.npy": npy(described("'|u1'", "(1,)"), b"x") for i in range(count - 2)}
    members["words.npy"] = npy(described("'|S1'", "(5,)"), b"abcde")
    data = archive({**members, "vectors.npy": npy(GOOD, BODY)})
    if count <= 100:
        assert read(tmp_path, data).words == list("abcde")
    else:
        with pytest.raises(FormatError, match="at most 100 arrays are read, got 101"):
            read(tmp_path, data)


@pytest.mark.parametrize("version", [b"\1\0", b"\2\0", b"\3\0"])
@pytest.mark.parametrize("length", [10_000, 10_001])
def test_headers_of_10000_bytes_are_the_longest(
    tmp_path: Path, version: bytes, length: int
) -> None:
    padded = GOOD.rstrip("\n").ljust(length - 1) + "\n"
    words = npy(described("'|S1'", "(5,)"), b"abcde")
    data = archive({"words.npy": words, "vectors.npy": npy(padded, BODY, version)})
    if length == 10_000:
        np.testing.assert_array_equal(read(tmp_path, data).vectors, ROWS)
    else:
        with pytest.raises(FormatError, match="has a header of 10001 bytes"):
            read(tmp_path, data)


def test_an_archive_with_a_comment_is_read_and_junk_behind_it_refused(tmp_path: Path) -> None:
    stream = io.BytesIO(savez(words=TEXT, vectors=ROWS))
    with zipfile.ZipFile(stream, "a") as out:
        out.comment = b"a comment"
    whole = stream.getvalue()
    assert read(tmp_path, whole).words == TEXT.tolist()
    with pytest.raises(FormatError, match="does not end at the last byte") as caught:
        read(tmp_path, whole + b"junk")
    assert caught.value.offset == len(whole) + 4 - 22 - len("a comment")
    with pytest.raises(FormatError, match="does not begin at the first byte"):
        read(tmp_path, b"junk" + whole)
