"""What is done to text before the core sees it: normal forms of Unicode, a limit of length."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from embkit.errors import FormatError
from embkit.streams import naming

if TYPE_CHECKING:
    from embkit.config import VocabularyConfig
    from embkit.corpus.sources import Reader

Readinto: TypeAlias = Callable[[memoryview], "int | None"]

_BLOCK = 1 << 20
_LONGEST = 1 << 21  # bytes without a blank that are looked at together; no token is so long
_FORMS: dict[str, Literal["NFC", "NFKC"]] = {"nfc": "NFC", "nfkc": "NFKC"}
_BLANKS = b" \t\n\r\v\f"


def prepare(
    readers: Iterable[tuple[bytes, Reader]], config: VocabularyConfig
) -> Generator[tuple[bytes, Reader], None, None]:
    """Yield the name and reader of each file, its text as the configuration wants it.

    Raises
    ------
    FormatError
        While a file is read which goes beyond ``max_input_bytes``, those before it included.
    """
    left = config.max_input_bytes
    for name, reader in readers:
        if left is not None:
            limited = _Limited(name, _readinto(name, reader), left, config.max_input_bytes)
            reader = limited.readinto
        if config.unicode_form != "none":
            reader = _Normalized(_readinto(name, reader), config.unicode_form).readinto
        yield name, reader
        if left is not None:
            left = limited.left


def normalize_sentences(
    sentences: Iterable[Iterable[str | bytes]], form: str
) -> Iterator[list[str | bytes]]:
    """Yield each sentence with its tokens in a normal form of Unicode."""
    for sentence in sentences:
        if isinstance(sentence, str | bytes):
            yield sentence  # type: ignore[misc]  # the core refuses it by its place
        else:
            yield [_token(token, form) for token in sentence]


def _token(token: str | bytes, form: str) -> str | bytes:
    if isinstance(token, bytes):
        return _normal(token, form)
    return unicodedata.normalize(_FORMS[form], token) if isinstance(token, str) else token


def _normal(data: bytes, form: str) -> bytes:
    """Return text in a normal form; bytes that are not UTF-8 stay for the core to judge."""
    if data.isascii():
        return data
    text = data.decode("utf-8", "surrogateescape")
    return unicodedata.normalize(_FORMS[form], text).encode("utf-8", "surrogateescape")


def _readinto(name: bytes, reader: Reader) -> Readinto:
    return partial(_read_descriptor, name, reader) if isinstance(reader, int) else reader


def _read_descriptor(name: bytes, descriptor: int, buffer: memoryview) -> int:
    with naming(os.fsdecode(name)):
        return os.readv(descriptor, [buffer])


class _Limited:
    """Reads until more bytes have come than may."""

    def __init__(self, name: bytes, read: Readinto, left: int, most: int | None) -> None:
        self._name, self._read, self._most = name, read, most
        self.left = left

    def readinto(self, buffer: memoryview) -> int | None:
        got = self._read(buffer)
        if got is not None:
            self.left -= got
            if self.left < 0:
                reason = f"the text is longer than max_input_bytes, {self._most}"
                raise FormatError(os.fsdecode(self._name), None, None, reason)
        return got


class _Normalized:
    """Reads text in a normal form, some whole tokens at a time.

    No normal form joins what stands behind a blank of ASCII to what stands before it.
    """

    def __init__(self, read: Readinto, form: str) -> None:
        self._read, self._form = read, form
        self._raw = bytearray()  # behind the last blank
        self._ready = memoryview(b"")
        self._block = memoryview(bytearray(_BLOCK))
        self._at_end = False

    def readinto(self, buffer: memoryview) -> int | None:
        while not self._ready and not self._at_end:
            got = self._read(self._block)
            if got is None:
                return None
            self._at_end = got == 0
            self._raw += self._block[:got]
            end = len(self._raw)
            if not self._at_end and end < _LONGEST:
                end = max(self._raw.rfind(blank) for blank in _BLANKS) + 1
            self._ready = memoryview(_normal(bytes(self._raw[:end]), self._form))
            del self._raw[:end]
        taken = self._ready[: len(buffer)]
        buffer[: len(taken)] = taken
        self._ready = self._ready[len(taken) :]
        return len(taken)
