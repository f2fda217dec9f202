"""Hostile checkpoints, runs, corpora and texts: target, what is done to a good file, reason.

Their lengths and checksums are right, so that what they hold is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.native.fuzz_seals import sealed

Change = Callable[[bytes], bytes]


def replaced(old: bytes, new: bytes) -> Change:
    """Return what puts ``new`` in the place of ``old``, and makes the file whole again."""

    def change(data: bytes) -> bytes:
        assert old in data
        return sealed(data.replace(old, new, 1))

    return change


def plain(old: str, new: str) -> Change:
    """Return what does the same to a file without checksums, of the same length."""

    def change(data: bytes) -> bytes:
        assert old.encode() in data
        assert len(old) == len(new)
        return data.replace(old.encode(), new.encode(), 1)

    return change


def _run(**changes: object) -> Change:
    return lambda data: json.dumps({**json.loads(data), **changes}).encode()


def _identity(**changes: object) -> Change:
    return lambda data: _run(identity={**json.loads(data)["identity"], **changes})(data)


def _given(data: bytes) -> Change:
    return lambda _: data


OFFSETS, FAR_OFFSETS = ': [12], "data_offsets": [', ':[1e999],"data_offsets":['
DEEP = b"[" * 100_000
ATTACKS: dict[str, tuple[str, Change, str]] = {
    "no checksums": ("checkpoint", replaced(b'"crc32"', b'"crc33"'), "crc32 is not valid"),
    "no counters": ("checkpoint", replaced(b'"counters"', b'"kounters"'), "counters is not"),
    "no identity": ("checkpoint", replaced(b'"identity"', b'"indentity"'), "identity is not"),
    "identity no JSON": ("checkpoint", replaced(b'"{\\"method', b'"\\"method'), "identity is"),
    "unknown dtype": (
        "checkpoint",
        replaced(b'"F32","shape":[2,3]', b'"BF16","shape":[4,3]'),
        "dtype",
    ),
    "rows without words": (
        "initial rows",
        replaced(b'"words"', b'"wordz"'),
        "its tensors must",
    ),
    "rows of integers": ("initial rows", replaced(b'"F32"', b'"I32"'), "its tensors must be"),
    "rows with more facts": ("initial rows", replaced(b"digest", b"dugest"), "another kind"),
    "rows of another kind": (
        "initial rows",
        replaced(b'epochs_before\\": 0', b'epochs_before\\": []'),
        "another kind",
    ),
    "corpus of other facts": ("encoded corpus", plain("num_types", "fum_types"), "damaged"),
    "corpus at infinity": ("encoded corpus", plain(OFFSETS, FAR_OFFSETS), "damaged"),
    "run of no corpus": ("run", _identity(corpus={}), "must be an embkit run"),
    "run of two sources": ("run", _identity(counts={"digest": "0"}), "must be an embkit run"),
    "run without options": ("run", _identity(config=[]), "must be an embkit run"),
    "run of a number": ("run", _identity(method=3), "must be an embkit run"),
    "run that writes nowhere": ("run", _run(output={"path": 3}), "must be an embkit run"),
    "run of deep JSON": ("run", _given(DEEP), "must be an embkit run"),
    "deep association": ("associations", _given(b'{"targ1":' + DEEP), "not the JSON of a test"),
    "deep config": ("config", _given(b"a = " + DEEP), "config must be TOML"),
    "long number": ("config", _given(b"a = " + b"9" * 10_000), "config must be TOML"),
}
