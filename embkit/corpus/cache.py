"""An encoded corpus kept in a file, and found again while its inputs stay the same.

The file is in the safetensors layout: a length, a JSON header, and the arrays one after the
other, so that the arrays can be mapped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embkit.config import VocabularyConfig
from embkit.corpus.sources import FileSources, PathLike, signature_of
from embkit.errors import FormatError
from embkit.file_arrays import map_array
from embkit.output import OutputFile
from embkit.streams import open_file
from embkit.vocabulary import Vocabulary

Key = dict[str, Any]
Arrays = dict[str, NDArray[Any]]

_MARK = "embkit_corpus"
_VERSION = "1"
_MOST_HEADER = 100 << 20  # bytes
_ALIGNMENT = 64

# In the order of the file: the wide ones first, so that each is aligned.
_DTYPES: dict[str, tuple[str, type[np.generic]]] = {
    "sentence_offsets": ("U64", np.uint64),
    "word_offsets": ("U64", np.uint64),
    "counts": ("I64", np.int64),
    "ids": ("U32", np.uint32),
    "words": ("U8", np.uint8),
}


FACTS: dict[str, type] = {
    **dict.fromkeys(("num_tokens_read", "num_types_read", "num_lines", "num_crlf"), int),
    **{"num_lone_cr": int, "num_invalid": int, "digest": str, "sources": list},
    **{"invalid": str, "given_vocabulary": str},
}
"""What is kept of an encoded corpus beside its arrays, as JSON has it."""


def cache_key(
    files: FileSources,
    config: VocabularyConfig,
    invalid: str,
    vocabulary: Vocabulary | None = None,
) -> Key:
    """Return all that the encoded corpus depends on, as JSON gives it back.

    Raises
    ------
    ValueError
        If an input can be read only once.
    """
    for file in files.files:
        if not file.is_regular:
            raise ValueError(f"cache must be None for an input read only once, got {file.path}")
    key = {
        "version": _VERSION,
        "files": [
            [os.path.abspath(file.path), *signature_of(file.status)]  # noqa: PTH100
            for file in files.files
        ],
        "min_count": config.min_count,
        "max_vocab": config.max_vocab,
        "invalid": invalid,
    }
    if config.unicode_form != "none":
        key["unicode_form"] = config.unicode_form
    if config.max_input_bytes is not None:  # the text of another limit may be longer
        key["max_input_bytes"] = config.max_input_bytes
    if vocabulary is not None:
        key["vocabulary"] = digest_of_words(vocabulary)
    return key


def digest_of_words(vocabulary: Vocabulary) -> str:
    """Return a digest of words and counts: the SHA-256 of those of their arrays."""
    arrays = (vocabulary.data, vocabulary.offsets, vocabulary.counts)
    parts = (b"" if a is None else a.tobytes() for a in arrays)
    return hashlib.sha256(b"".join(hashlib.sha256(p).digest() for p in parts)).hexdigest()


def cache_path(cache: PathLike, key: Key) -> Path:
    """Return the file that a cache, a file or a folder, has for a key."""
    path = Path(cache)
    if path.is_dir() or os.fspath(cache).endswith(os.sep):
        path.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:20]
        return path / f"{name}.corpus"
    return path


def write_cache(path: Path, key: Key, facts: Mapping[str, Any], arrays: Arrays) -> None:
    """Put an encoded corpus in place, whole or not at all."""
    header: dict[str, Any] = {
        "__metadata__": {
            _MARK: _VERSION,
            "key": json.dumps(key),
            "facts": json.dumps(facts),
        }
    }
    end = 0
    for name, (code, _) in _DTYPES.items():
        begin, end = end, end + arrays[name].nbytes
        shape = list(arrays[name].shape)
        header[name] = {"dtype": code, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 8) % _ALIGNMENT)
    with OutputFile(path, overwrite=True) as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name in _DTYPES:
            stream.write(arrays[name].data.cast("B"))


def read_cache(path: Path, key: Key) -> tuple[dict[str, Any], Arrays] | None:
    """Map the encoded corpus of a key; None if it is absent, out of date or damaged.

    Raises
    ------
    FormatError
        If the file is something else, which must not be replaced.
    """
    try:
        size = path.stat().st_size
        header, begin = _read_header(path, size)
    except FileNotFoundError:
        return None
    metadata = header.get("__metadata__")
    if not isinstance(metadata, dict) or _MARK not in metadata:
        raise _not_ours(path)
    try:
        if json.loads(metadata["key"]) != key:
            return None
        arrays = {
            name: _map_array(path, header[name], begin, size, code, dtype)
            for name, (code, dtype) in _DTYPES.items()
        }
        facts = json.loads(metadata["facts"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return (facts, arrays) if _are_facts(facts) and _is_sound(arrays) else None


def _are_facts(facts: object) -> bool:
    return (
        isinstance(facts, dict)
        and set(facts) == set(FACTS)
        and all(type(facts[name]) is kind for name, kind in FACTS.items())
        and all(isinstance(source, str) for source in facts["sources"])
    )


def _not_ours(path: Path) -> FormatError:
    return FormatError(path, None, 0, "cache must be a file that embkit wrote, or a new one")


def _read_header(path: Path, size: int) -> tuple[dict[str, Any], int]:
    with open_file(path) as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _MOST_HEADER):
            raise _not_ours(path)
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise _not_ours(path) from None
    if not isinstance(header, dict):
        raise _not_ours(path)
    return header, 8 + length


def _map_array(
    path: Path,
    entry: dict[str, Any],
    begin: int,
    size: int,
    code: str,
    dtype: type[np.generic],
) -> NDArray[Any]:
    first, last = (int(place) for place in entry["data_offsets"])
    (length,) = (int(length) for length in entry["shape"])
    width = np.dtype(dtype).itemsize
    is_whole = first >= 0 and last - first == length * width and begin + last <= size
    if entry["dtype"] != code or not is_whole or (begin + first) % width:
        raise ValueError(f"{path}: the cache is damaged")
    with open_file(path) as file:
        return map_array(file, dtype, name=path, offset=begin + first, size=length)


def _is_sound(arrays: Arrays) -> bool:
    """Tell whether the native core may trust the arrays."""
    ids, words, counts = arrays["ids"], arrays["words"], arrays["counts"]
    bounds = ((arrays["sentence_offsets"], len(ids)), (arrays["word_offsets"], len(words)))
    return (
        len(arrays["word_offsets"]) == len(counts) + 1
        and all(
            len(a) > 0 and a[0] == 0 and a[-1] == end and bool(np.all(a[1:] >= a[:-1]))
            for a, end in bounds
        )
        and len(ids) > 0
        and int(ids.max()) < len(counts)
    )
