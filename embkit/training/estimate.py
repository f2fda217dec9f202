"""What a model will take in memory, compared with what there is before it is allocated."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from embkit.checks import MOST
from embkit.config import GloveConfig, Word2VecConfig
from embkit.errors import ResourceError
from embkit.memory import memory_limit
from embkit.vocabulary import Vocabulary

Config = TypeVar("Config", Word2VecConfig, GloveConfig)


def refuse_too_large(
    what: str,
    config: Config,
    vocabulary: Vocabulary,
    needed: Callable[[Config, int], int],
    memory: int | None,
) -> None:
    """Raise ResourceError, with the ways to shrink, if a model would take too much.

    Parameters
    ----------
    what : str
        What is large, for the message.
    config : Word2VecConfig or GloveConfig
        The options, of which ``dim`` may be lowered.
    vocabulary : Vocabulary
        The words, of which there may be fewer.
    needed : callable
        Returns the bytes of a model with such options and so many words; falls with both.
    memory : int, optional
        Bytes that it may take; 80% of what is available, also by control groups, when left out.

    Examples
    --------
    >>> words = Vocabulary.from_words(["the", "cat", "sat"], counts=[9, 5, 2])
    >>> def needed(config, num_words):
    ...     return 4 * num_words * config.dim
    >>> refuse_too_large("a matrix", Word2VecConfig(), words, needed, memory=900)
    Traceback (most recent call last):
        ...
    embkit.errors.ResourceError: a matrix needs 1.2 kB, memory allows 0.9 kB: dim must be at \
most 75, or max_vocab at most 2, or min_count at least 3
    """
    limit, num_words = memory_limit(memory), len(vocabulary)
    total = needed(config, num_words)
    if total <= limit:
        return
    dim = _largest(lambda d: needed(dataclasses.replace(config, dim=d), num_words), limit)
    most = _largest(lambda count: needed(config, count), limit, num_words)
    ways = [f"dim must be at most {dim}"] if dim > 0 else []
    if most > 1:
        ways.append(
            f"max_vocab at most {most}" if ways else f"max_vocab must be at most {most}"
        )
        if vocabulary.counts is not None:
            counts = np.sort(vocabulary.counts)[::-1]
            ways.append(f"min_count at least {counts[most] + 1}")
    advice = ", or ".join(ways) or "dim, max_vocab and the rest must be lower"
    told = f"{what} needs {_size(total)}, memory allows {_size(limit)}"
    raise ResourceError(f"{told}: {advice}")


def _largest(needed: Callable[[int], int], limit: int, most: int = MOST["dim"]) -> int:
    """Return the largest number from 1 to ``most`` whose need is within the limit, else 0."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if needed(middle) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def _size(count: int) -> str:
    """Return bytes in the unit that suits them."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count / 1e3:.1f} kB"
