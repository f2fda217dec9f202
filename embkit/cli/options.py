"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token

from embkit.cli.memory import parse_size

FLATTEN = Parameter(name="*")  # the fields of a dataclass become options of the command


def _size(_hint: object, tokens: tuple[Token, ...]) -> int:
    return parse_size(tokens[0].value)


MemorySize = Annotated[int | None, Parameter(converter=_size, n_tokens=1)]


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """Options of every command."""

    json: bool = False
    """Print the result as JSON."""
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"))] = False
    """Print nothing on stderr but errors."""
    config: Path | None = None
    """Read options from a TOML file (names as here, without dashes); those given win."""
    debug: bool = False
    """Show the traceback of an error."""


@dataclass(frozen=True, kw_only=True)
class MemoryOption:
    """The option of commands that hold vectors."""

    memory: MemorySize = None
    """Stop before the work if it needs more than this, such as 500M or 4G; when left out,
    80% of what is available."""
