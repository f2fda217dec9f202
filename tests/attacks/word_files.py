"""Hostile files of words and vectors: each must be refused, quickly and in little memory.

Kept for ever: a file that once broke a reader is added here.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zipfile

import numpy as np


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def binary(rows: int | str, dim: int | str, *body: bytes) -> bytes:
    return f"{rows} {dim}\n".encode() + b"".join(body)


def zipped(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, b"x")
    return out.getvalue()


ROW = b"the " + floats(1, 2)
GOOD_TEXT = b"2 2\nthe 1 2\ncat 3 4\n"
GOOD_BINARY = binary(2, 2, ROW, b"cat " + floats(3, 4))

HEADERS = {
    "huge_rows": ("9000000000000", "300"),
    "rows_times_dim_wraps": (str(2**62), "4"),
    "rows_beyond_64_bits": ("99999999999999999999999", "2"),
    "huge_dim": ("2", "999999999999"),
    "most_dim": ("1", "1000000"),
    "zero_rows": ("0", "2"),
    "zero_dim": ("2", "0"),
    "negative_rows": ("-2", "2"),
    "negative_dim": ("2", "-2"),
    "more_rows": ("1000000000", "2"),
}

# name: (content, part of the reason)
ATTACKS: dict[str, tuple[bytes, str]] = {
    **{
        f"text_{name}": (f"{rows} {dim}\nthe 1 2\ncat 3 4\n".encode(), r"header|dim must be")
        for name, (rows, dim) in HEADERS.items()
    },
    **{
        f"binary_{name}": (binary(rows, dim, ROW), r"header|dim must|first line|cannot hold")
        for name, (rows, dim) in HEADERS.items()
    },
    **{
        f"gzip_{name}": (
            gzip.compress(binary(rows, dim, ROW)),
            r"header|dim must|first line|ends",
        )
        for name, (rows, dim) in HEADERS.items()
    },
    # Text.
    "text_fewer_rows": (b"3 2\nthe 1 2\ncat 3 4.125\n", "states 3 rows, the file has 2"),
    "text_more_rows": (b"1 2\nthe 1 2\ncat 3 4\n", "states 1 rows, here is row 2"),
    "text_header_only": (b"2 2\n", "cannot hold"),
    "text_too_narrow": (b"2 2\nthe 1 2\ncat 3\n", "a word and 2 numbers, got 1"),
    "text_too_wide": (b"2 2\nthe 1 2\ncat 3 4 5\n", "a word and 2 numbers, got 3"),
    "text_not_numeric": (b"2 2\nthe 1 2\ncat 3 dog\n", "'dog' is not a number"),
    "text_long_junk": (
        b"2 2\nthe 1 2\ncat 3 " + b"\x1b[2J" * 99 + b"\n",
        r"'\\x1b\[2J.*\.\.\.'",
    ),
    "text_decimal_comma": (b"2 2\nthe 1 2\ncat 3 0,5\n", "'0,5' is not a number"),
    "text_hex_float": (b"2 2\nthe 1 2\ncat 3 0x1p3\n", "'0x1p3' is not a number"),
    "text_overflow": (b"2 2\nthe 1 2\ncat 3 1e999\n", "'1e999' is beyond float32"),
    "text_overflow_float32": (b"2 2\nthe 1 2\ncat 3 3.5e38\n", "'3.5e38' is beyond float32"),
    "text_long_overflow": (b"2 2\nthe 1 2\ncat 3 " + b"9" * 400 + b"\n", "beyond float32"),
    "text_nan": (b"2 2\nthe 1 2\ncat 3 nan\n", "vector of 'cat' holds 'nan'"),
    "text_inf": (b"2 2\nthe 1 2\ncat -Infinity 4\n", "vector of 'cat' holds '-Infinity'"),
    "text_no_word": (b"2 2\nthe 1 2\n 3 4\n", "the word is missing"),
    "text_empty_exponent": (b"2 2\nthe 1 2\ncat 3 4e\n", "'4e' is not a number"),
    "text_lone_sign": (b"2 2\nthe 1 2\ncat 3 -\n", "'-' is not a number"),
    "text_lone_dot": (b"2 2\nthe 1 2\ncat 3 .\n", r"'\.' is not a number"),
    "text_no_last_newline": (b"2 2\nthe 1 2\ncat 3 4", "last line has no newline"),
    "text_one_line_cut": (b"the 1 2", "last line has no newline"),
    "text_nul": (b"2 2\nthe 1 2\ncat 3 4\0\n", r"'4\\x00' is not a number"),
    "text_long_word": (b"1 1\n" + b"x" * (1 << 20) + b"x 1\n", "over 1 MiB"),
    "glove_narrower": (b"a 1 2\nb 1 2\nc 1\n", "a word and 2 numbers, got 1"),
    "glove_no_numbers": (b"the\ncat\n", "one field"),
    "glove_prose": (b"the cat sat\non the mat\n", "text without vectors"),
    "glove_blank": (b"\n \n\n", "no row"),
    # Binary.
    "binary_cut_float": (GOOD_BINARY[:-1], "inside row 2 of the 2"),
    "binary_cut_word": (GOOD_BINARY[:-10], "cannot hold|inside row 2 of the 2"),
    "binary_junk": (GOOD_BINARY + b"x", "junk follows the 2 rows"),
    "binary_junk_newlines": (GOOD_BINARY + b"\n\n", "junk follows|newline"),
    "binary_newline_then_none": (
        binary(2, 2, ROW, b"\ncat ", floats(3, 4)),
        r"row 2 \('cat'\) must end in a newline",
    ),
    "binary_none_then_newline": (
        binary(3, 2, ROW, ROW[1:], b"\ncat ", floats(3, 4)),
        "newline inside its word",
    ),
    "binary_empty_word": (
        binary(2, 2, ROW, b" ", floats(3, 4), b"xxxx"),
        "row 2 .* empty word",
    ),
    "binary_nan": (binary(1, 2, b"cat ", floats(1, float("nan"))), r"\('cat'\).* not finite"),
    "binary_inf": (binary(1, 2, b"cat ", floats(float("inf"), 1)), r"\('cat'\).* not finite"),
    "binary_no_blank": (binary(1, 2, b"\0" * 64), "inside row 1"),
    "binary_long_word": (binary(1, 2, b"\0" * ((1 << 20) + 1), b" ", floats(1, 2)), "1 MiB"),
    # Streams.
    "gzip_cut": (gzip.compress(GOOD_TEXT)[:-5], "cut short"),
    "gzip_junk": (gzip.compress(GOOD_TEXT) + b"junk", "junk follows"),
    "gzip_wrong_crc": (gzip.compress(GOOD_TEXT)[:-8] + bytes(8), "damaged"),
    "bzip2_cut": (bz2.compress(GOOD_TEXT)[:-5], "cut short"),
    "xz_cut": (lzma.compress(GOOD_TEXT)[:-5], "cut short"),
    "gzip_in_gzip": (gzip.compress(gzip.compress(GOOD_TEXT)), "gzip"),
    # Wrong kinds.
    "empty": (b"", "is empty"),
    "empty_gzip": (gzip.compress(b""), "is empty"),
    "pickle": (b"\x80\x04\x95\x10cos\nsystem\n", "this is a pickle, .*never opened"),
    "pickle_protocol_0": (b"cos\nsystem\n(S'echo'\ntR.", "this is a pickle"),
    "pytorch": (zipped("archive/data.pkl"), "PyTorch .*pickle"),
    "zip": (zipped("vectors.txt"), "zip archive that is not npz"),
    "html": (b"\n<!DOCTYPE html><html>404</html>\n", "HTML or XML page"),
    "xml": (b'<?xml version="1.0"?>\n', "HTML or XML page"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "tar": (bytes(257) + b"ustar\x0000" + bytes(248), "tar archive"),
    "npy": (b"\x93NUMPY\x01\x00" + bytes(118), "without words"),
    "utf16": ("the 1 2\n".encode("utf-16"), "UTF-16"),
    "glove_doubles": (np.linspace(-0.5, 0.5, 200).tobytes(), "GloVe's vectors.bin"),
    "noise": (bytes(range(256)) * 4, "no format of word vectors"),
}
