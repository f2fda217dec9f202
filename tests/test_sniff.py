"""What a file is, told by its first bytes."""

from __future__ import annotations

import struct
import time

import numpy as np
import pytest

from embkit.errors import FormatError
from embkit.formats.sniff import HEAD, sniff

PICKLE = "this is a pickle, which can run any code, so it is never opened"
DOUBLES = "this is GloVe's vectors.bin by its looks"
UNKNOWN = "this is no format of word vectors that embkit knows"


def doubles(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"", "the file is empty"),
        *((b"\x80" + bytes([version]) + b".", PICKLE) for version in (2, 3, 4, 5)),
        (b"(cos\nsystem\n(", PICKLE),
        (b"isome.module\nname\np", PICKLE),
        (b"(dp1\nS'a'\n", PICKLE),
        (b"(lp0\nF0.5\na", PICKLE),
        (b"(dp1 0.5\n", "glove-text"),
        (b"cos\nsystem\n1", "glove-text"),
        (b"\xef\xbb\xbf \n<HTML>", "this is an HTML or XML page"),
        (b"<html 1\n", "this is an HTML or XML page"),
        (b"the cat sat\non the mat in 1999\nand slept\n", "this is text without vectors"),
        (b"the 1,5 2,5\n", "glove-text"),
        (b"a broken row\nthe 1 2\ncat 3 4\n", "glove-text"),
        (b"the nan nan\n", "glove-text"),
        ((b"wxyz" + b" -0.5" * 20_000)[:HEAD], "glove-text"),  # cut behind a minus
        ((b"wxyz" + b" word" * 20_000)[:HEAD], "this is text without vectors"),
        (b"<p> 1\n", "glove-text"),
        (b" " * 257 + b"ustar", "this is a tar archive"),
        (b"a" * 256 + b"ustar 1\n", "glove-text"),
        (b"a" * 258 + b"ustar 1\n", "glove-text"),
        (b"PK\3\4" + b" " * 252 + b".pkl", "this is a zip archive that is not npz"),
        (b"PK\3\4" + b" " * 248 + b".pkl", "this is a PyTorch file"),
        (b"PK\3\4" + b" " * 248 + b".pkl.npy", "this is a PyTorch file"),
        (b"PK\3\4" + b" " * 300 + b".npy", "npz"),
        (b"PK\5\6" + bytes(18), "npz"),
        (b"PK\3\4" + bytes(18), "this is a zip archive that is not npz"),
        (b"PK\1\2 1\n", "glove-text"),
        ((793712314).to_bytes(4, "little"), "fasttext-binary"),
        (b"\2\1\0\0\0\0\0\0{", "safetensors"),
        (b"\xff\xff\xfe\0\0\0\0\0{", "safetensors"),
        (b"\2\1\0\0\0\0\0\0[", UNKNOWN),
        (b"\2\1\0\1\0\0\0\0{", UNKNOWN),
        (b"\2\1\0\0\0\0\0\1{", UNKNOWN),
        (b"the 1\0\n", UNKNOWN),
        (doubles(0.5, -0.25), DOUBLES),
        (doubles(0.5), UNKNOWN),
        (doubles(0.5, 1e3), UNKNOWN),
        (doubles(0.5, -999.9), DOUBLES),
        (doubles(0.5, 1e-9), UNKNOWN),
        (doubles(0.5, 1.1e-9), DOUBLES),
        (doubles(0.5, float("nan")), UNKNOWN),
        (doubles(*[0.5] * 63, 1e9), UNKNOWN),
        (doubles(*[0.5] * 64, 1e9), DOUBLES),
        (doubles(0.5, 0.5) + b"\0" * 7, DOUBLES),
    ],
)
def test_what_a_file_is_is_told_by_its_first_bytes(head: bytes, found: str) -> None:
    if " " not in found:
        assert sniff(head, "v") == found
        return
    with pytest.raises(FormatError) as caught:
        sniff(head, "v")
    assert caught.value.reason.startswith(found)
    assert (caught.value.path, caught.value.line, caught.value.offset) == ("v", None, 0)


def test_a_long_word_does_not_delay_the_telling() -> None:
    head = (b"x" * 60_000 + b" b c\n" + b"a b\n" * 2000)[:HEAD]
    began = time.process_time()
    with pytest.raises(FormatError, match="text without vectors"):
        sniff(head, "v")
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("head", "is_text"),
    [
        (b"1 2\na 1 2\n", True),
        (b"\xef\xbb\xbf +1\t2 \r\na 1 2\n", True),
        (b"1 2\n\xff\0 1 nan\n", True),  # whatever bytes the word has
        (b"2 2\n\v 1 2\n\0 1 2\n", True),
        (b"1 2\na -.5e-3 +INF\n", True),
        (b"1 2\n", True),
        (b"1 2\n\n", True),
        (b"1 2\na x y\n", True),  # looks like text, and is too short for a row
        (b"1 2\nabc", True),
        (b"1 2\nab\0", False),
        (b"1 2\ncat abcdefgh", False),
        (b"1 2\n abcdefgh", False),  # the reader of binary says that the word is missing
        (b"1 2\ncat abcdefgh\n", False),
        (b"2 2\ncat abcdefgh\ndog abcdefgh\n", False),
        (b"2 2\ncat abcdefghdog abcdefgh", False),
        (b"2 2\ncat abcdefgh\ndog abcdefgh\n\n", True),
        (b"2 2\ncat abcdefgh\ndog abcdefg", True),
        (b"2 2\ncat 12345678dog ab 3456x", False),
        (b"2 2\ncat 12345678dog ab 34567", True),  # its first line ends in a number
        (b"1 1\ncat abcd", True),  # one number may be told wrongly
        (b"1 2\ncat abcdefg\x01", False),
        (b"1 2\ncat abcdefgh\x01", True),
        (b"1 0\na 1\n", True),
        (b"1 -1\na 1\n", True),
        (b"1 123456789\na \0", False),
        (b"1 12345678\na 1\n", True),
        (b"1 2\ncat " + b"abcdefgh" * 8192, True),
    ],
)
def test_text_is_told_from_numbers_that_look_like_it(head: bytes, is_text: bool) -> None:
    assert sniff(head, "v") == ("word2vec-text" if is_text else "word2vec-binary")


@pytest.mark.parametrize("dim", [1, 2, 3, 300, 20_000])
@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_text_and_binary_are_told_apart(dim: int, newline: bytes) -> None:
    rng = np.random.default_rng(dim)
    for _ in range(20):
        vector = rng.standard_normal(dim).astype(np.float32)
        binary = b"9 %d\nthe " % dim + vector.tobytes() + newline + b"cat "
        text = f"9 {dim}\nthe {' '.join(map(str, vector.tolist()))}\ncat ".encode()
        assert sniff(binary[: 1 << 16], "v") == "word2vec-binary"
        assert sniff(text[: 1 << 16], "v") == "word2vec-text"
