"""Options that several commands share.

All in one module, because inherited annotations are evaluated where the subclass stands.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, ArgumentCollection, Parameter, Token

from embkit.checks import Oov
from embkit.cli.memory import parse_size

_DASH = "\0-"  # no argument can hold a NUL
FLATTEN = Parameter(name="*")  # the fields of a dataclass become options of the command


def hide_dash(tokens: Sequence[str]) -> list[str]:
    """Replace ``-``, a standard stream, which the parser would take for an option."""
    return [_DASH if token == "-" else token for token in tokens]


def show_dash_in(text: str) -> str:
    """Undo `hide_dash` in a message of the parser, which may quote it."""
    return text.replace(_DASH, "-").replace(repr(_DASH)[1:-1], "-")


def show_dashes(_app: App, _commands: object, arguments: ArgumentCollection) -> None:
    """Undo `hide_dash`: a step of the parser, before values are made of what was given."""
    for argument in arguments:
        for place, token in enumerate(argument.tokens):
            if token.value == _DASH:
                argument.tokens[place] = token.evolve(value="-")


class Size(int):
    """Bytes, given as 512M or 4G; help shows an option's type by its name."""


class Duration(float):
    """Seconds, given as 90s, 10m or 1h."""


def _size(_hint: object, tokens: tuple[Token, ...]) -> Size:
    return Size(parse_size(tokens[0].value))


def _duration(_hint: object, tokens: tuple[Token, ...]) -> Duration:
    return Duration(parse_duration(tokens[0].value))


def parse_duration(text: str) -> float:
    """Return the seconds in a text such as 30, 90s, 10m or 1.5h.

    Raises
    ------
    ValueError
        If it is no duration.

    Examples
    --------
    >>> parse_duration("10m")
    600.0
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", text)
    if found is None or float(found[1]) == 0:
        raise ValueError(f"a duration must be like 90s, 10m or 1h, got {text!r}")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


Flag = Annotated[bool, Parameter(negative="")]
Output = Annotated[Path, Parameter(alias="-o")]
MaybeOutput = Annotated[Path | None, Parameter(alias="-o")]
MaybeDuration = Annotated[Duration | None, Parameter(converter=_duration, n_tokens=1)]
MaybeSize = Annotated[Size | None, Parameter(converter=_size, n_tokens=1)]


@dataclass(frozen=True, kw_only=True)
class CommonOptions:
    """Options of every command."""

    json: Flag = False
    """Print the result as JSON."""
    quiet: Annotated[Flag, Parameter(name=("--quiet", "-q"))] = False
    """Print nothing on stderr but errors."""
    config: Path | None = None
    """Read options from a TOML file (names as here, without dashes); those given win."""
    debug: Flag = False
    """Show the traceback of an error."""


@dataclass(frozen=True, kw_only=True)
class MemoryOption:
    """The option of commands that hold vectors."""

    memory: MaybeSize = None
    """Stop before the work if it needs more than this, such as 500M or 4G; when left out,
    80% of what is available. Rows of a saved model that stay in its file do not count."""


@dataclass(frozen=True, kw_only=True)
class LoadOptions(MemoryOption):
    """How vectors are read."""

    limit: int | None = None
    """Read only this many words, the first ones."""
    lenient: Flag = False
    """Keep what is provably whole of a broken file, and say so: rows before a cut of text and
    binary rows, rows whose numbers are finite of any format."""
    verify: Flag = False
    """Check the checksums of a saved model."""


@dataclass(frozen=True, kw_only=True)
class QueryOptions(LoadOptions):
    """How vectors are read and asked."""

    oov: Oov | None = None
    """For words that have no vector: stop (raise), leave them out (skip), give them zeros
    (zero), or make a vector from their parts (subword), which is done where the file has
    such parts and nothing is said; otherwise raise."""


@dataclass(frozen=True, kw_only=True)
class CountingMemory:
    """The option of commands that count, which use the disk where memory is short."""

    memory: MaybeSize = None
    """Hold at most this much, such as 500M or 4G, and use temporary files for the rest; when
    left out, 80% of what is available."""


@dataclass(frozen=True, kw_only=True)
class CountOptions(CountingMemory):
    """Options of a count that do not change its result."""

    output: Output
    """Where the counts go: embkit's own form, or a .bin file (GloVe's records) or a .tsv file
    (lines of word, context word and count)."""
    overwrite: Flag = False
    """Replace the output if it exists."""
    vocabulary: Path | None = None
    """Count the words of this file, lines of a word and its count, however rare."""
    save_vocabulary: Path | None = None
    """Write the words and their counts to this file, one of each a line."""
    invalid: Literal["error", "replace", "bytes"] = "error"
    """For bytes that are not UTF-8: stop, replace them, or keep them as they are."""
    cache: Path | None = None
    """Keep the encoded corpus for further runs: in a file of its own in this folder, or, where
    there is no such folder, in this one file, which holds the last corpus."""


@dataclass(frozen=True, kw_only=True)
class LearnOptions(CountingMemory):
    """Options of learning phrases that do not change the result."""

    output: Output
    """The table, text with tabs."""
    overwrite: Flag = False
    """Replace the output if it exists."""
    invalid: Literal["error", "replace", "bytes"] = "error"
    """For bytes that are not UTF-8: stop, replace them, or keep them as they are."""


@dataclass(frozen=True, kw_only=True)
class JoinOptions:
    """Options of joining phrases."""

    output: Output
    """The text with its phrases joined; - for standard output."""
    overwrite: Flag = False
    """Replace the output if it exists."""
    threads: int | None = None
    """Worker threads; all cores the process may use when left out."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(MemoryOption):
    """Options of a training run that do not change its result."""

    output: Output
    """Where the vectors go: a folder, embkit's own form, or a .bin, .txt, .vec, .npz file; -
    for standard output, with --format."""
    format: str | None = None
    """Format to write, whatever the name of the output."""
    overwrite: Flag = False
    """Replace the output if it exists."""
    vocabulary: Path | None = None
    """Train the words of this file, lines of a word and its count, however rare."""
    log: Path | None = None
    """Add a line of JSON to this file for each report."""
    invalid: Literal["error", "replace", "bytes"] = "error"
    """For bytes that are not UTF-8: stop, replace them, or keep them as they are."""
    cache: Path | None = None
    """Keep the encoded corpus for further runs: in a file of its own in this folder, or, where
    there is no such folder, in this one file, which holds the last corpus."""


@dataclass(frozen=True, kw_only=True)
class ResumableRunOptions(RunOptions):
    """Options of a run that can go on after an interruption, or from other vectors."""

    checkpoint_every: MaybeDuration = None
    """Keep what is needed to go on, at such intervals (90s, 10m, 1h) and when a signal ends
    the run; ``embkit resume`` goes on. In the folder OUTPUT.run, if --run names no other."""
    run: Path | None = None
    """The folder for that; checkpoints every 10m when no interval is given."""
    keep_run: Flag = False
    """Keep that folder after success."""
    init_from: Path | None = None
    """Begin with the vectors of this file, of any format, for the words that it has, and with
    its output vectors where it has them; other words begin as usual. --learning-rate and
    --epochs are those of this run alone; random draws are numbered after the epochs that
    embkit trained the vectors for."""


@dataclass(frozen=True, kw_only=True)
class CountsRunOptions(RunOptions):
    """Options of a run on counts that are not those of the model."""

    cooccurrence: Path | None = None
    """Train from the counts in this file instead of a corpus; with a .bin file of GloVe's
    records, --vocabulary gives their words."""


@dataclass(frozen=True, kw_only=True)
class GloveRunOptions(CountsRunOptions, ResumableRunOptions):
    """Options of a GloVe run that are not those of the model."""
