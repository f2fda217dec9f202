"""Why a corpus cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

from embkit._native import core
from embkit.config import VocabularyConfig
from embkit.vocabulary import Vocabulary


def why_empty(
    encoded: core.EncodedCorpus,
    config: VocabularyConfig,
    sources: tuple[str, ...],
    vocabulary: Vocabulary | None = None,
) -> str:
    """Say what was read, why nothing is left of it, and what would be."""
    names = ", ".join(sources[:3]) + (", ..." if len(sources) > 3 else "") or "no file"
    if encoded.num_tokens == 0:
        read = f"{encoded.num_lines} lines, {encoded.num_bytes} bytes"
        return f"{names}: no tokens (read {read}); is the input empty, or already used up?"
    if vocabulary is not None:
        return (
            f"{names}: read {encoded.num_tokens} tokens, {encoded.num_types} types, but none "
            f"is among the {len(vocabulary)} words of the given vocabulary"
        )
    top = encoded.top_words
    shown = ", ".join(f"{word.decode('utf-8', 'replace')} {count}" for word, count in top[:5])
    keeps = f"min_count={top[0][1]} keeps at least 1 word"
    if len(top) > 1:
        keeps += f", min_count={top[1][1]} at least 2"
    return (
        f"{names}: read {encoded.num_tokens} tokens, {encoded.num_types} types, but none "
        f"occurs min_count={config.min_count} times; most frequent: {shown}; {keeps}. Usual "
        "causes: little text, a min_count meant for more, text whose tokens are not separated "
        "by blanks, or characters passed as tokens"
    )


def holds_arrays(path: str | os.PathLike[str]) -> bool:
    """Tell whether a file is in the layout of safetensors, as what embkit saves is."""
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        head = file.read(9)
    length = int.from_bytes(head[:8], "little")  # of text it is beyond any file's size
    return head[8:] == b"{" and length < Path(path).stat().st_size
