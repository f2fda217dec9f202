"""Tell a file's format from its first bytes, and say what a wrong kind of file is."""

from __future__ import annotations

import math
import re
import struct

from embkit._native import core
from embkit.errors import FormatError

HEAD = 1 << 16
"""Bytes that suffice to tell a format."""

_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?[ \t]*([-+]?\d+)[ \t]+([-+]?\d+)[ \t]*\r?\n")
_NUMBER = re.compile(
    rb"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?(nan|inf|infinity)", re.IGNORECASE
)
_FIELD = re.compile(rb"[^ \t\r\n]+")  # bytes.split parts at other bytes too, as words may have
_TEXT = re.compile(rb"[\t\n\r -~]*")
_PICKLE = (
    "a pickle, which can run any code, so it is never opened; "
    "in gensim: vectors.save_word2vec_format('vectors.bin', binary=True)"
)

# The first bytes of what is not a file with vectors, and what to say of it.
_WRONG_KINDS: dict[bytes, str] = {
    b"\x80\x02": _PICKLE,
    b"\x80\x03": _PICKLE,
    b"\x80\x04": _PICKLE,
    b"\x80\x05": _PICKLE,
    b"version https://git-lfs": "a git-lfs pointer, not the file itself: run git lfs pull",
    b"\x93NUMPY": "a NumPy array without words: save both in an .npz",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"SQLite format 3\0": "an SQLite database (of Magnitude?)",
    b"%PDF-": "a PDF document",
    b"PAR1": "a Parquet file",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive: unpack it first",
    b"Rar!": "a RAR archive: unpack it first",
    b"\xff\xfe": "UTF-16 text by its first bytes: convert it to UTF-8",
    b"\xfe\xff": "UTF-16 text by its first bytes: convert it to UTF-8",
}
_OLD_PICKLE = re.compile(rb"\(?[ci][\w.]+\n\w+\n[(Vpq]|\([dl]p\d+\n")
_PAGE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(!doctype|html|\?xml|head|body|script)", re.IGNORECASE
)


def sniff(head: bytes, path: str) -> str:
    r"""Return the name of a file's format.

    Parameters
    ----------
    head : bytes
        Its first bytes, decompressed; all of them if there are fewer than ``HEAD``.
    path : str
        Its name in messages; it tells nothing.

    Raises
    ------
    FormatError
        If it is none that embkit reads: the reason says what it is instead.

    Examples
    --------
    >>> sniff(b"2 3\nthe 1 2 3\ncat 4 5 6\n", "v"), sniff(b"the 0.1 0.2\n", "v")
    ('word2vec-text', 'glove-text')
    """
    if not head:
        raise FormatError(path, None, 0, "the file is empty")
    for magic, kind in _WRONG_KINDS.items():
        if head.startswith(magic):
            raise _wrong(path, kind)
    if _OLD_PICKLE.match(head):
        raise _wrong(path, _PICKLE)
    if _PAGE.match(head):
        raise _wrong(path, "an HTML or XML page, perhaps the error page of a download")
    if head[257:262] == b"ustar":
        raise _wrong(path, "a tar archive: unpack it first")
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _sniff_zip(head, path)
    if core.is_fasttext(head):
        return "fasttext-binary"
    if head[8:9] == b"{" and head[3:8] == bytes(5):
        return "safetensors"
    if header := _HEADER.match(head):
        rest, width = head[header.end() :], int(header[2]) if len(header[2]) < 9 else HEAD
        is_text = _is_text_row(rest, width) and not (
            len(head) < HEAD and _are_binary_rows(rest, width)
        )
        return "word2vec-text" if is_text else "word2vec-binary"
    if b"\0" not in head:
        if _is_prose(head):
            raise _wrong(path, "text without vectors, of which embkit train makes some")
        return "glove-text"
    if _are_doubles(head):
        raise _wrong(
            path, "GloVe's vectors.bin by its looks (bare numbers, no words): use vectors.txt"
        )
    raise FormatError(path, None, 0, "this is no format of word vectors that embkit knows")


def _wrong(path: str, kind: str) -> FormatError:
    return FormatError(path, None, 0, f"this is {kind}")


def _sniff_zip(head: bytes, path: str) -> str:
    if b".pkl" in head[:256]:
        raise _wrong(path, "a PyTorch file, in which there is " + _PICKLE)
    if b".npy" in head or head[2:4] == b"\x05\x06":
        return "npz"
    raise _wrong(path, "a zip archive that is not npz: unpack it first")


def _is_prose(head: bytes) -> bool:
    """Whether the first line ends in a word, and most others in no number."""
    last = max(map(head.rfind, (b" ", b"\t", b"\n")))
    whole = head if len(head) < HEAD else head[: last + 1]  # its end may cut a number
    rows = map(_FIELD.findall, whole.splitlines())
    ends = [fields[-1] for fields in rows if len(fields) > 1]
    if not ends or _NUMBER.fullmatch(ends[0]) or re.search(rb"[0-9]", ends[0]):
        return False
    return 2 * sum(_NUMBER.fullmatch(end) is not None for end in ends) < len(ends)


def _are_binary_rows(rest: bytes, width: int) -> bool:
    """Whether all of a small file is rows of bare float32, the first without a number.

    A row of float32 may look like text: each of its bytes may be a letter or a blank. One
    float32 alone is too little to tell it from a number with a wrong character.
    """
    fields = _FIELD.findall(rest.partition(b"\n")[0])[-width:]
    at = 0
    while width > 1 and (blank := rest.find(b" ", at)) >= 0:
        at = blank + 1 + 4 * width  # a word may begin with the newline of the row before
    ends = len(rest), len(rest) - rest.endswith(b"\n")
    return at > 0 and at in ends and not any(map(_NUMBER.fullmatch, fields))


def _is_text_row(rest: bytes, width: int) -> bool:
    """Whether lines of numbers follow the header, or rows of bare float32."""
    line, newline, _ = rest.partition(b"\n")
    fields = _FIELD.findall(line)
    if newline and len(fields) > width > 0 and all(map(_NUMBER.fullmatch, fields[-width:])):
        return True  # whatever bytes the word has
    _, blank, vector = rest.partition(b" ")
    if not blank:
        return b"\0" not in rest
    return _TEXT.fullmatch(vector[: max(4 * width, 0)]) is not None


def _are_doubles(head: bytes) -> bool:
    count = min(len(head) // 8, 64)
    values = struct.unpack(f"<{count}d", head[: 8 * count])
    return count > 1 and all(math.isfinite(v) and 1e-9 < abs(v) < 1e3 for v in values)
