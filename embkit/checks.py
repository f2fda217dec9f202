"""Checks of options' values: what is allowed, and one wording for what is refused."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from numbers import Integral, Real
from typing import Literal, TypeAlias

Oov: TypeAlias = Literal["raise", "skip", "zero", "subword"]
"""What a query does with a word that has no row."""

MOST = {
    "dim": 1_000_000,
    "window": 10_000,
    "negatives": 1_000,
    "block_size": 2**40,
    "block_negatives": 4_096,
    "epochs": 1_000_000,
    "threads": 1_024,
    "min_count": 2**63 - 1,
    "max_vocab": 2**32,
    "smoothing": 10,
    "learning_rate": 1_000,
    "resamples": 10_000_000,
    "restarts": 1_000_000,
    "permutations": 1_000_000_000,
}
"""Largest values of options that size buffers or counters, or of which more has no use."""


def check_at_least(name: str, value: float, least: float) -> None:
    """Raise ValueError, in the one wording, unless ``value`` is finite and large enough."""
    _check_finite(name, value)
    if not value >= least:
        raise ValueError(f"{name} must be at least {least}, got {value}")


def check_positive(name: str, value: float) -> None:
    """Raise ValueError, in the one wording, unless ``value`` is finite and above 0."""
    _check_finite(name, value)
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value}")


def check_whole(name: str, value: int, least: int = 1) -> None:
    """Raise ValueError, in the one wording, unless ``value`` is whole and large enough."""
    plain_value(name, "int", value)
    check_at_least(name, value, least)
    check_at_most(name, value, 2**63 - 1)


def _check_finite(name: str, value: float) -> None:
    _check_number(name, value)
    if value == math.inf:
        raise ValueError(f"{name} must be finite, got {value}")


def check_at_most(name: str, value: float, most: float) -> None:
    """Raise ValueError, in the one wording, if ``value`` is too large."""
    if value > most:
        raise ValueError(f"{name} must be at most {most}, got {value}")


def check_range(name: str, value: float, least: float) -> None:
    """Raise ValueError, in the one wording, unless ``value`` is from ``least`` to its limit."""
    check_at_least(name, value, least)
    check_at_most(name, value, MOST[name])


def check_threads(threads: int | None) -> None:
    """Raise ValueError, in the one wording, unless so many threads may be asked for."""
    if threads is not None:
        check_whole("threads", threads)
        check_at_most("threads", threads, MOST["threads"])


def option_hint(
    name: str, method: str, options: Mapping[str, Sequence[str]], arguments: Iterable[str] = ()
) -> str:
    """Return which methods have an option, or else which one of ``method`` was meant.

    Parameters
    ----------
    name : str
        What ``method`` does not have.
    method : str
        The method.
    options : mapping
        The options of each method.
    arguments : iterable of str
        What may be meant as well: the arguments beside the options.

    Examples
    --------
    >>> options = {"sgns": ("dim", "window"), "glove": ("dim", "x_max")}
    >>> option_hint("windw", "sgns", options), option_hint("x_max", "sgns", options)
    ('; did you mean window?', ', an option of glove')
    """
    if having := [other for other, names in options.items() if name in names]:
        return f", an option of {', '.join(having)}"
    close = difflib.get_close_matches(name, [*options[method], *arguments], n=1)
    return f"; did you mean {close[0]}?" if close else ""


def plain_value(name: str, kind: str, value: object) -> object:
    """Return an option's value as Python's own bool, int or float.

    ``kind`` is the annotation of its field. Raises ValueError, in the one wording, where the
    value is of another kind.
    """
    if value is None and kind.endswith("| None"):
        return None
    if kind == "bool":
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be True or False, got {value!r}")
    elif kind.startswith("int"):
        if isinstance(value, bool) or not isinstance(value, Integral):
            raise ValueError(f"{name} must be a whole number, got {value!r}")
        return int(value)
    elif kind.startswith("float"):
        _check_number(name, value)
        try:
            return float(value)  # type: ignore[arg-type]
        except OverflowError:
            raise ValueError(f"{name} must be finite, got {value}") from None
    return value


def _check_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{name} must be a number, got {value!r}")


def check_path(name: str, value: object) -> None:
    """Raise ValueError, in the one wording, unless ``value`` may be a path."""
    if not isinstance(value, str | os.PathLike):
        raise ValueError(f"{name} must be a path, got {value!r}")


def check_function(name: str, value: object) -> None:
    """Raise ValueError, in the one wording, unless ``value`` can be called."""
    if not callable(value):
        raise ValueError(f"{name} must be a function, got {value!r}")


def take_plain_values(options: object) -> None:
    """Give the fields of a frozen dataclass of options their `plain_value`."""
    for option in fields(options):  # type: ignore[arg-type]
        value = plain_value(option.name, str(option.type), getattr(options, option.name))
        object.__setattr__(options, option.name, value)


def check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Raise ValueError, in the one wording, unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def check_seed(seed: int) -> None:
    """Raise ValueError, in the one wording, unless ``seed`` fits 64 bits."""
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be from 0 to 2^64 - 1, got {seed}")
